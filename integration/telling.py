"""Tells what became of work items: one log line and one count per transition, after its commit.

The verbs are those of the queue: claimed, settled, postponed, requeued, released, held, unheld,
buried, replayed, taken_back. A line
names the one item, or counts them; the claim's id ties the stages together.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from integration import channels, counters, db, observe
from integration.claims import UNCHANGED, Claim, ClaimedItem, Settled
from integration.counters import Counter, Key
from integration.errors import HeldFor, IntegrationError
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

log = logging.getLogger("integration.work_items")

#: Outcomes of a row as the metric counts them; "settled" is told apart by its evidence.
OUTCOMES = (
    "pushed",
    "unchanged",
    "skipped",
    "postponed",
    "requeued",
    "released",
    "held",
    "buried",
)
#: Why a claim was lost: its lease ended, its stage found another holder, its write came too late.
CAUSES = ("expired", "fenced", "late")

_LEVEL_BY_VERB = {"held": logging.WARNING, "buried": logging.WARNING}


def became(
    session: Session,
    held: Claim,
    verb: str,
    items: Sequence[ClaimedItem],
    *,
    outcome: str | None = None,
    level: int | None = None,
    **more: object,
) -> None:
    """These rows of a claim made this transition; `outcome` where the metric says more."""
    if not items:
        return
    key = _key(Counter.PUSHES, outcome or verb, held.channel_id, held.topic)
    db.after_commit(session, partial(counters.PROCESS.add, key, len(items)))
    which = {"entity": items[0].entity_id} if len(items) == 1 else {"items": len(items)}
    attempt = max(item.attempts for item in items) + 1
    fields = {**_whose(held), **which, "attempt": attempt, "claim": held.id, **more}
    if outcome is not None:
        fields["outcome"] = outcome
    level = level or _LEVEL_BY_VERB.get(verb, logging.INFO)
    _log_after_commit(session, level, f"work_item.{verb}", fields)


def settled(
    session: Session,
    held: Claim,
    done: Sequence[Settled],
    *,
    doubted: Sequence[Settled],
    again: Sequence[int],
) -> None:
    """What the evidence of a settle made of its rows; `doubted` ones are written once more."""
    for outcome, items in _by_outcome(held, done).items():
        became(session, held, "settled", items, outcome=outcome)
    for outcome, items in _by_outcome(held, doubted).items():
        reason = "an earlier write may still come"
        became(session, held, "settled", items, outcome=outcome, reason=reason)
    changed = [held.item_by_id[one] for one in again]
    became(session, held, "requeued", changed, reason="it changed meanwhile")


def _by_outcome(held: Claim, settlements: Sequence[Settled]) -> dict[str, list[ClaimedItem]]:
    groups: dict[str, list[ClaimedItem]] = {}
    for one in settlements:
        outcome = {None: "pushed", UNCHANGED: UNCHANGED}.get(one.skip_reason, "skipped")
        groups.setdefault(outcome, []).append(held.item_by_id[one.item_id])
    return groups


def failed(
    session: Session, held: Claim, error_by_item: Mapping[int, Exception], verbs: Mapping[int, str]
) -> None:
    """What became of rows with an error: one line for all that met the same one."""
    groups: dict[tuple[str, type[Exception], str], list[ClaimedItem]] = {}
    for item in held.items:
        if item.id in verbs:
            error = error_by_item[item.id]
            groups.setdefault((verbs[item.id], type(error), str(error)), []).append(item)
    for (verb, kind, reason), items in groups.items():
        # A planned error is the queue's daily bread; anything else is a bug that somebody must see.
        level = None if issubclass(kind, IntegrationError) else logging.ERROR
        if issubclass(kind, HeldFor):
            level = logging.INFO  # goes by itself
        became(session, held, verb, items, level=level, error=kind.__name__, reason=reason)


def tripped(
    session: Session,
    channel_id: int,
    topic: Topic,
    *,
    rows: int,
    limit: int,
    examples: Sequence[str],
) -> None:
    """A brake stops these changes until a person decides. Once, whatever comes after."""
    tenant, channel = channels.names(session, channel_id)
    fields = {
        "tenant": tenant,
        "channel": channel,
        "topic": SHORT_NAME_BY_TOPIC[topic],
        "items": rows,
        "limit": limit,
        "examples": "; ".join(examples),
    }
    _log_after_commit(session, logging.ERROR, "brake.tripped", fields)


def lost(session: Session, held: Claim, cause: str, items: int) -> None:
    """The holder lost its claim on rows: ``fenced`` before a write, ``late`` after one."""
    key = _key(Counter.CLAIMS_LOST, cause, held.channel_id, held.topic)
    # Before a write nothing has happened; redelivery is normal.
    level = logging.WARNING if cause == "late" else logging.DEBUG
    db.after_commit(session, partial(counters.PROCESS.add, key))
    fields = {**_whose(held), "items": items, "claim": held.id, "cause": cause}
    _log_after_commit(session, level, "claim.lost", fields)


def taken_back(session: Session, rows: Sequence[Any]) -> None:
    """Rows of expired leases; each with its `claim_id`, and what `moved` wants."""
    for (channel_id, topic), group in _by_lane(rows).items():
        number = len({row.claim_id for row in group})
        key = _key(Counter.CLAIMS_LOST, "expired", channel_id, Topic(topic))
        db.after_commit(session, partial(counters.PROCESS.add, key, number))
    moved(session, "taken_back", rows, level=logging.WARNING)


def moved(
    session: Session, verb: str, rows: Sequence[Any], *, level: int = logging.INFO, **more: object
) -> None:
    """Rows that no stage holds: `channel_id`, `topic` and `entity_id` of each."""
    for (channel_id, topic), group in _by_lane(rows).items():
        tenant, channel = channels.names(session, channel_id)
        short = SHORT_NAME_BY_TOPIC[Topic(topic)]
        whose = {"tenant": tenant, "channel": channel, "topic": short}
        which = {"entity": group[0].entity_id} if len(group) == 1 else {"items": len(group)}
        _log_after_commit(session, level, f"work_item.{verb}", {**whose, **which, **more})


def _by_lane(rows: Iterable[Any]) -> dict[tuple[int, str], list[Any]]:
    lanes: dict[tuple[int, str], list[Any]] = {}
    for row in rows:
        lanes.setdefault((row.channel_id, row.topic), []).append(row)
    return lanes


def _key(counter: Counter, label: str, channel_id: int, topic: Topic) -> Key:
    return Key(counter, label, channel_id=channel_id, topic=SHORT_NAME_BY_TOPIC[topic])


def _whose(held: Claim) -> dict[str, object]:
    return {
        "tenant": held.tenant,
        "channel": held.channel,
        "topic": SHORT_NAME_BY_TOPIC[held.topic],
    }


def _log_after_commit(
    session: Session, level: int, name: str, fields: Mapping[str, object]
) -> None:
    db.after_commit(session, lambda: log.log(level, observe.event(name, **fields)))
