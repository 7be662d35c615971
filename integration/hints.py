"""The hint: "something changed about X". The way into the work queue, see work_items.

Each of the two statements is built once per database and executed again and again: building one
anew cost five times the whole request (measured with tests/integration/test_webhooks_*).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    Engine,
    Integer,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from integration import counters, db, prepared, sql
from integration.clock import UtcDateTime, db_now
from integration.counters import Counter, Key
from integration.models import (
    BY_HAND,
    ArticleHold,
    Priority,
    SalesChannel,
    Tenant,
    WorkItem,
    WorkItemState,
)
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

QUEUED, PROCESSING = WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value

# Tables, not classes: this runs for every webhook, and the ORM's part costs more than the query.
_channel, _tenant = SalesChannel.__table__.c, Tenant.__table__.c
_hold = ArticleHold.__table__.c

#: By which way a hint came that no event and no pass over a channel gave.
ITSELF = "service"


@dataclass(frozen=True)
class PageRead:
    """A page of integration.read_ahead, and when the ERP had not been asked for it yet."""

    id: str
    read_at: datetime


def hint(
    session: Session,
    channel_id: int,
    topic: Topic,
    entity_ids: Iterable[str],
    *,
    priority: Priority = Priority.LIVE,
    sync_run_id: int | None = None,
    forgets_hash: bool = False,
    read: PageRead | None = None,
    by: str = ITSELF,
) -> None:
    """Record that these entities are newer in the ERP than in the shop; nothing of a channel that
    is gone.

    `forgets_hash`: what the shop holds is in doubt, so the next run sends whatever it finds.
    `read`: the page that has their state; not believed where something happened since.
    `by`: which way it came, for the history.
    Failure policy: part of the caller's transaction; once committed, the change cannot be lost.
    """
    ids = sorted(set(entity_ids))
    if not ids:
        return
    statement = _statement(
        sql.is_postgres(session), sync_run_id is not None, forgets_hash, read is not None
    )
    values: dict[str, Any] = {
        "channel": channel_id,
        "topic_name": topic.value,
        "ids": json.dumps(ids),
        "urgency": int(priority),
        "run": sync_run_id,
        "way": by,
    }
    if read is not None:
        values |= {"page": read.id, "read_at": read.read_at}
    session.execute(statement, values)
    db.after_commit(session, partial(counters.PROCESS.add, _key(channel_id, topic), len(ids)))


def hint_channels(
    engine: Engine,
    tenant: str,
    erp_channel_id: str | None,
    topic: Topic,
    entity_id: str,
    *,
    unless_channel: bool = False,
    by: str = ITSELF,
) -> int:
    """Record that this entity is newer, for the named channel of a tenant or for all it has.

    `engine`: one of `db.build_intake_engine`.
    `unless_channel`: not if the entity's id is that of one of the tenant's channels.
    `by`: which way it came, for the history.
    The number of channels it was recorded for; 0 says only that somebody must look why.
    Failure policy: one statement, committed when this returns. What a webhook costs is mostly
    its round trips to the database, so one that needs no look-up makes a single one.
    """
    texts = {"tenant": tenant, "topic_name": topic.value, "entity": entity_id, "way": by}
    if erp_channel_id is not None:
        texts["erp_channel"] = erp_channel_id
    statement = _channels_statement(
        engine.dialect.name == "postgresql", erp_channel_id is not None, unless_channel
    )
    name = f"hint_{len(texts)}_{unless_channel:d}"
    try:
        rows = _executed(engine, name, statement, texts)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        # The server was restarted since the last webhook. A hint that came twice does no harm.
        rows = _executed(engine, name, statement, texts)
    for row in rows:
        counters.PROCESS.add(_key(row.channel_id, topic), 1)
    return len(rows)


def _executed(engine: Engine, name: str, statement: Any, texts: dict[str, str]) -> Sequence[Any]:
    with engine.connect() as connection:
        return prepared.execute(connection, name, statement, texts)


def _key(channel_id: int, topic: Topic) -> Key:
    return Key(Counter.HINTS, channel_id=channel_id, topic=SHORT_NAME_BY_TOPIC[topic])


@lru_cache(maxsize=16)
def _statement(on_postgres: bool, has_run: bool, forgets_hash: bool, is_read: bool) -> Any:
    """INSERT ... SELECT over the ids of one JSON text; a row that exists is bumped."""
    entities = sql.json_texts(on_postgres, bindparam("ids", type_=String()))
    channel_id = bindparam("channel", type_=Integer())
    values = _new_row(
        channel_id,
        entities,
        priority=bindparam("urgency", type_=Integer()),
        sync_run_id=bindparam("run", type_=Integer()),
        **({"read_ahead_id": bindparam("page", type_=String())} if is_read else {}),
    )
    # A stage that is under way while the ERP deletes its channel must leave nothing behind: nobody
    # ever works on a deleted channel.
    is_there = exists().where(_channel.id == channel_id, _channel.deleted_at.is_(None))
    rows = select(*values.values()).where(is_there)
    insert = sql.insert_into(on_postgres, WorkItem.__table__).from_select(list(values), rows)
    also: dict[str, Any] = {}
    if has_run:
        also["sync_run_id"] = insert.excluded.sync_run_id
    if forgets_hash:
        also["pushed_hash"] = None
    if is_read:
        also["read_ahead_id"] = case(
            (
                _is_untouched_since(bindparam("read_at", type_=UtcDateTime())),
                insert.excluded.read_ahead_id,
            ),
            else_=None,
        )
    return _upsert(on_postgres, insert, also)


@lru_cache(maxsize=8)
def _channels_statement(on_postgres: bool, for_one: bool, unless_channel: bool) -> Any:
    """INSERT ... SELECT over channels of a tenant, one entity; the ids of the channels."""
    values = _new_row(
        _channel.id,
        bindparam("entity", type_=String()),
        priority=literal(int(Priority.LIVE)),
    )
    rows = (
        select(*values.values())
        .join_from(SalesChannel.__table__, Tenant.__table__, _channel.tenant_id == _tenant.id)
        .where(_tenant.subdomain == bindparam("tenant"), _channel.deleted_at.is_(None))
        # Ascending channels: two events that meet lock their rows in the same order.
        .order_by(_channel.id)
    )
    if for_one:
        rows = rows.where(_channel.erp_id == bindparam("erp_channel"))
    if unless_channel:
        namesake = SalesChannel.__table__.alias().c
        rows = rows.where(
            ~exists().where(
                namesake.tenant_id == _tenant.id, namesake.erp_id == bindparam("entity")
            )
        )
    insert = sql.insert_into(on_postgres, WorkItem.__table__).from_select(list(values), rows)
    upsert = _upsert(on_postgres, insert, {})
    return upsert.returning(WorkItem.__table__.c.channel_id)


def _new_row(channel_id: Any, entity_id: Any, **more: Any) -> dict[str, Any]:
    """A row for something that was never heard of before; held if a person holds its article."""
    topic = bindparam("topic_name", type_=String())
    by_hand = (
        select(literal(BY_HAND))
        .where(
            _hold.channel_id == channel_id,
            _hold.topic == topic,
            _hold.article_id == entity_id,
        )
        .scalar_subquery()
    )
    return {
        "channel_id": channel_id,
        "topic": topic,
        "entity_id": entity_id,
        "state": literal(QUEUED),
        "hold_reason": by_hand,
        "generation": literal(1),
        "attempts": literal(0),
        "due_at": db_now(),
        "first_unsent_at": db_now(),
        "last_event_at": db_now(),
        "events": literal(1),
        "hinted_by": bindparam("way", type_=String()),
        **more,
    }


def _is_untouched_since(read_at: Any) -> Any:
    """Whether nothing was heard of a row and nothing done about it since: what was read then is its
    latest state as far as anybody knows.

    A row that a stage works on may be read at this moment, and then later than the page.
    """
    old = WorkItem.__table__.c
    return and_(
        old.state != PROCESSING,
        old.last_event_at < read_at,
        old.due_at < read_at,
        func.coalesce(old.pushed_at, old.due_at) < read_at,
    )


def _upsert(on_postgres: bool, insert: Any, also: Mapping[str, Any]) -> Any:
    """`also`: what this hint changes in a row beyond what every hint does."""
    return insert.on_conflict_do_update(
        index_elements=["channel_id", "topic", "entity_id"],
        set_={**_bumped(on_postgres, insert.excluded), **also},
    )


def _bumped(on_postgres: bool, new: Any) -> dict[str, Any]:
    """What a hint changes in a row: generation + 1, QUEUED again unless it is worked on."""
    old = WorkItem.__table__.c
    is_processing = old.state == PROCESSING
    # Held and FAILED rows are due at once: the new event may be what they were waiting for. Not
    # what a person holds: whether that goes on is asked of `article_hold` with each hint.
    is_waiting = and_(
        old.state == QUEUED, or_(old.hold_reason.is_(None), old.hold_reason == BY_HAND)
    )
    return {
        "generation": old.generation + 1,
        "events": old.events + 1,
        "hinted_by": new.hinted_by,
        "last_event_at": db_now(),
        "state": case((is_processing, PROCESSING), else_=QUEUED),
        # A new event starts the retry schedule again: it also makes the row due at once, and
        # events must not use the schedule up within minutes of an outage.
        "attempts": case((is_processing, old.attempts), else_=0),
        "hold_reason": case((is_processing, old.hold_reason), else_=new.hold_reason),
        "priority": case(
            (or_(is_processing, is_waiting), sql.least(on_postgres, old.priority, new.priority)),
            else_=new.priority,
        ),
        "due_at": case(
            (is_processing, old.due_at),
            (is_waiting, sql.least(on_postgres, old.due_at, new.due_at)),
            else_=new.due_at,
        ),
        "first_unsent_at": func.coalesce(old.first_unsent_at, new.first_unsent_at),
        "next_unsent_at": case(
            (is_processing, func.coalesce(old.next_unsent_at, new.first_unsent_at)), else_=None
        ),
        # What was read before this event is not the latest state any more.
        "read_ahead_id": None,
    }
