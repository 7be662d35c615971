"""Writes the history, in the transactions that move work items.

So it says what the queue says, always: a transition without its entry cannot be committed, and an
entry of what was rolled back cannot be seen. Nothing in an entry can be refused by the database:
texts are cut and cleaned here.

What it leaves out, because it would be rows without news: a backfill that finds the shop's content
unchanged or lets an article go first, and waiting that costs no attempt.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, String, bindparam, case, func, insert, select, update
from sqlalchemy.orm import Session

from integration import sql
from integration.claims import Claim, Settled, by_outcome
from integration.clock import db_now
from integration.errors import IntegrationError, Throttled, TransientError
from integration.history import contents
from integration.history.entries import (
    COMMAND,
    FIRST_WRITE,
    PUSHED,
    SKIPPED,
    UNCHANGED,
    WITH_ARTICLE,
)
from integration.models import HistoryBatch, HistoryContent, HistoryEntry, Priority, WorkItem
from integration.observe import masked
from integration.topology import Topic

_LONGEST_WORDS, _LONGEST_PERSON, _LONGEST_FETCHED = 500, 80, 300

_item = WorkItem.__table__.c

# Tables, not classes: the ORM's part of each batch costs more than the statement.
_INSERT_BATCH: Any = insert(HistoryBatch.__table__).returning(HistoryBatch.__table__.c.id)  # type: ignore[arg-type]
_INSERT_CONTENT: Any = insert(HistoryContent.__table__)  # type: ignore[arg-type]

#: With the UPDATE of a claimed row whose entry is written: what came since the claim is left for
#: the next one.
TOLD: dict[str, Any] = {
    "events": case(
        (WorkItem.claimed_generation.is_(None), 0),
        else_=WorkItem.generation - WorkItem.claimed_generation,
    )
}


def settled(session: Session, held: Claim, settlements: Sequence[Settled]) -> None:
    """The evidence for rows of a claim; called before their UPDATE, which takes `TOLD`."""
    pushed, others_by_reason = by_outcome(settlements)
    firsts = [one for one in pushed if held.item_by_id[one].entity_id in held.notes.firsts]
    others = pushed.keys() - set(firsts)
    for ids, words in ((firsts, FIRST_WRITE), (others, None)):
        if ids:
            batch = _batch(session, held)
            _of_items(session, PUSHED, ids, words=words, batch=batch, hashes=pushed, ends=True)
    for reason, ids in others_by_reason.items():
        _skipped(session, held, reason, ids)


def _skipped(session: Session, held: Claim, reason: str | None, ids: Sequence[int]) -> None:
    if reason != UNCHANGED:
        batch = _batch(session, held)
        _of_items(session, SKIPPED, ids, words=reason, batch=batch, ends=True)
        return
    # Of a pass over the catalogue only what turned live meanwhile is worth a row.
    is_pass = held.priority is not Priority.LIVE
    hashes = {one: held.item_by_id[one].pushed_hash for one in ids}
    batch = None if is_pass else _batch(session, held)
    _of_items(session, UNCHANGED, ids, batch=batch, hashes=hashes, ends=True, only_live=is_pass)


def failed(
    session: Session, held: Claim, error_by_item: Mapping[int, Exception], verbs: Mapping[int, str]
) -> None:
    """What became of rows that met an error; called after their UPDATE.

    Waiting that costs no attempt has an entry only if something was sent before it.
    """
    groups: dict[tuple[str, str, bool], list[int]] = {}
    for item_id, verb in verbs.items():
        error = error_by_item[item_id]
        was_sent = held.notes.has_written and _hash(held, item_id) is not None
        if not was_sent and (verb == "released" or isinstance(error, Throttled)):
            continue
        in_doubt = was_sent and not is_outcome_known(error)
        groups.setdefault((verb, _said(error), in_doubt), []).append(item_id)
    for (verb, words, in_doubt), ids in groups.items():
        hashes = {one: _hash(held, one) for one in ids} if held.notes.has_written else {}
        _of_items(
            session,
            verb,
            ids,
            words=words,
            batch=_batch(session, held),
            hashes=hashes,
            in_doubt=in_doubt,
        )
        _forget_events(session, ids)


def is_outcome_known(error: Exception) -> bool:
    """Whether nothing of the write can reach the shop any more, whenever it was sent."""
    is_planned = isinstance(error, IntegrationError)
    return is_planned and not (isinstance(error, TransientError) and error.outcome_unknown)


def _said(error: Exception) -> str:
    if isinstance(error, IntegrationError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _hash(held: Claim, item_id: int) -> str | None:
    return held.notes.hashes.get(held.item_by_id[item_id].entity_id)


def moved(
    session: Session,
    kind: str,
    item_ids: Collection[int],
    *,
    words: str | None = None,
    person: str | None = None,
    ends: bool = False,
    only_live: bool = False,
) -> None:
    """Rows that no stage holds, or that one gives back, made this transition.

    `ends`: the change is over with it; then called before the UPDATE, which sets `events` to 0.
    `only_live`: not those of a backfill.
    """
    if item_ids:
        _of_items(
            session, kind, item_ids, words=words, person=person, ends=ends, only_live=only_live
        )


def pushed_with_article(
    session: Session, held: Claim, topic: Topic, hash_by_entity: Mapping[str, str]
) -> None:
    """Content that a first write of the article put into the shop for another topic."""
    rows = session.execute(
        select(WorkItem.id, WorkItem.entity_id).where(
            WorkItem.channel_id == held.channel_id,
            WorkItem.topic == topic.value,
            sql.is_one_of_texts(session, WorkItem.entity_id, hash_by_entity),
        )
    ).all()
    hashes = {row.id: hash_by_entity[row.entity_id] for row in rows}
    if hashes:
        batch = _batch(session, held)
        _of_items(
            session, PUSHED, hashes, words=WITH_ARTICLE, batch=batch, hashes=hashes, tells=False
        )


def command(
    session: Session,
    channel_id: int,
    words: str,
    person: str,
    *,
    entity_id: str = "",
    topic: Topic | None = None,
) -> None:
    """A person did something to a channel, or to one entity of it."""
    noted(session, channel_id, COMMAND, words, person=person, entity_id=entity_id, topic=topic)


def noted(
    session: Session,
    channel_id: int,
    kind: str,
    words: str,
    *,
    person: str | None = None,
    entity_id: str = "",
    topic: Topic | None = None,
) -> None:
    """Something happened to a channel as a whole, or by hand to one entity of it."""
    session.execute(
        insert(HistoryEntry).values(
            channel_id=channel_id,
            entity_id=entity_id,
            topic=None if topic is None else topic.value,
            at=db_now(),
            kind=kind,
            words=_clean(words, _LONGEST_WORDS),
            person=None if person is None else _clean(person, _LONGEST_PERSON),
        )
    )


def _batch(session: Session, held: Claim) -> int | None:
    """The row of what the stage run fetched and sent, made once per transaction; None: nothing."""
    if held.notes.fetched is None and not held.notes.bodies:
        return None
    made: dict[int, int] = session.info.setdefault("history_batches", {})
    # One id per notes: they live as long as the claim that the caller holds.
    if (known := made.get(id(held.notes))) is not None:
        return known
    notes = held.notes
    fetched_at = None if notes.fetched_at is None else datetime.fromisoformat(notes.fetched_at)
    batch_id: int = session.scalars(
        _INSERT_BATCH,
        {
            "channel_id": held.channel_id,
            "fetched_at": fetched_at,
            "fetched": None if notes.fetched is None else notes.fetched[:_LONGEST_FETCHED],
        },
    ).one()
    if notes.has_written and notes.bodies:
        session.execute(
            _INSERT_CONTENT,
            {
                "batch_id": batch_id,
                "channel_id": held.channel_id,
                "body": contents.packed(notes.bodies),
            },
        )
    made[id(held.notes)] = batch_id
    return batch_id


def _of_items(
    session: Session,
    kind: str,
    item_ids: Iterable[int],
    *,
    words: str | None = None,
    person: str | None = None,
    batch: int | None = None,
    hashes: Mapping[int, str | None] | None = None,
    in_doubt: bool = False,
    ends: bool = False,
    tells: bool = True,
    only_live: bool = False,
) -> None:
    """One entry for each of these work items, as they are now.

    `tells`: what arrived for them since their entry before.
    """
    on_postgres = sql.is_postgres(session)
    session.execute(
        _statement(on_postgres, ends, tells, only_live),
        {
            "kind": kind,
            "ids": sql.json_numbers(on_postgres, list(item_ids)),
            "hashes": json.dumps(hashes or {}),
            "words": None if words is None else _clean(words, _LONGEST_WORDS),
            "person": None if person is None else _clean(person, _LONGEST_PERSON),
            "batch": batch,
            "doubt": in_doubt,
        },
    )


@lru_cache(maxsize=16)
def _statement(on_postgres: bool, ends: bool, tells: bool, only_live: bool) -> Any:
    """INSERT ... SELECT over the ids of one JSON text.

    Built once: to build it takes longer than to run it.
    """
    since_claim = func.coalesce(_item.generation - _item.claimed_generation, 0)
    is_old = since_claim > 0
    values = {
        "channel_id": _item.channel_id,
        "entity_id": _item.entity_id,
        "topic": _item.topic,
        "at": db_now(),
        "kind": bindparam("kind", type_=String()),
        "content_hash": sql.looked_up_in(
            on_postgres, bindparam("hashes", type_=String()), _item.id
        ),
        "is_in_doubt": bindparam("doubt", type_=HistoryEntry.is_in_doubt.type),
        "words": bindparam("words", type_=String()),
        "person": bindparam("person", type_=String()),
        "batch_id": bindparam("batch", type_=Integer()),
        "events": 0,
    }
    if tells:
        values |= {
            "events": _item.events - since_claim,
            # Of what came since the claim the time is known, of what came before only the first.
            "last_event_at": case((is_old, _item.first_unsent_at), else_=_item.last_event_at),
            "hinted_by": _item.hinted_by,
        }
    if ends:
        values["began_at"] = _item.first_unsent_at
    wanted = sql.is_listed(on_postgres, _item.id, bindparam("ids", type_=String()))
    rows = select(*(_column(one) for one in values.values())).where(wanted)
    if only_live:
        rows = rows.where(_item.priority == int(Priority.LIVE))
    return sql.insert_into(on_postgres, HistoryEntry.__table__).from_select(list(values), rows)


def _column(value: Any) -> Any:
    return sql.constant(value) if isinstance(value, int) else value


def _forget_events(session: Session, item_ids: Sequence[int]) -> None:
    """After an UPDATE that gave the rows back: all that came is told."""
    session.execute(
        update(WorkItem)
        .where(sql.is_one_of(session, WorkItem.id, item_ids), WorkItem.events > 0)
        .values(events=0)
        .execution_options(synchronize_session=False)
    )


def _clean(text: str, longest: int) -> str:
    """Masked, in characters that every database takes, and not too long."""
    plain = masked(text).encode(errors="replace").decode().replace("\x00", "")
    return " ".join(plain.split())[:longest]
