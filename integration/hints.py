"""The hint: "something changed about X". The way into the work queue, see work_items.

One statement that is built once per database and executed for every webhook: building it anew
cost five times the whole request (measured with tests/integration/test_webhooks_*).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import Integer, String, and_, bindparam, case, func, literal, or_, select, true
from sqlalchemy.orm import Session

from integration import counters, db, sql
from integration.clock import db_now
from integration.counters import Counter, Key
from integration.models import Priority, WorkItem, WorkItemState
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

QUEUED, PROCESSING = WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value


def hint(
    session: Session,
    channel_id: int,
    topic: Topic,
    entity_ids: Iterable[str],
    *,
    priority: Priority = Priority.LIVE,
    sync_run_id: int | None = None,
    forgets_hash: bool = False,
) -> None:
    """Record that these entities are newer in the ERP than in the shop.

    `forgets_hash`: what the shop holds is in doubt, so the next run sends whatever it finds.
    Failure policy: part of the caller's transaction; once committed, the change cannot be lost.
    """
    ids = sorted(set(entity_ids))
    if not ids:
        return
    statement = _statement(sql.is_postgres(session), sync_run_id is not None, forgets_hash)
    session.execute(
        statement,
        {
            "channel": channel_id,
            "topic_name": topic.value,
            "ids": json.dumps(ids),
            "urgency": int(priority),
            "run": sync_run_id,
        },
    )
    key = Key(Counter.HINTS, channel_id=channel_id, topic=SHORT_NAME_BY_TOPIC[topic])
    db.after_commit(session, partial(counters.PROCESS.add, key, len(ids)))


@lru_cache(maxsize=8)
def _statement(on_postgres: bool, has_run: bool, forgets_hash: bool) -> Any:
    """INSERT ... SELECT over the ids of one JSON text; a row that exists is bumped."""
    values: dict[str, Any] = {
        "channel_id": bindparam("channel", type_=Integer()),
        "topic": bindparam("topic_name", type_=String()),
        "entity_id": sql.json_texts(on_postgres, bindparam("ids", type_=String())),
        "state": literal(QUEUED),
        "priority": bindparam("urgency", type_=Integer()),
        "generation": literal(1),
        "attempts": literal(0),
        "due_at": db_now(),
        "first_unsent_at": db_now(),
        "last_event_at": db_now(),
        "sync_run_id": bindparam("run", type_=Integer()),
    }
    # SQLite reads ON CONFLICT behind a SELECT only with a WHERE before it.
    rows = select(*values.values()).where(true())
    insert = sql.insert_into(on_postgres, WorkItem.__table__).from_select(list(values), rows)
    return insert.on_conflict_do_update(
        index_elements=["channel_id", "topic", "entity_id"],
        set_=_bumped(on_postgres, insert.excluded, has_run, forgets_hash),
    )


def _bumped(on_postgres: bool, new: Any, has_run: bool, forgets_hash: bool) -> dict[str, Any]:
    """What a hint changes in a row: generation + 1, QUEUED again unless it is worked on."""
    old = WorkItem.__table__.c
    is_processing = old.state == PROCESSING
    # Held and FAILED rows are due at once: the new event may be what they were waiting for.
    is_waiting = and_(old.state == QUEUED, old.hold_reason.is_(None))
    changes: dict[str, Any] = {
        "generation": old.generation + 1,
        "last_event_at": db_now(),
        "state": case((is_processing, PROCESSING), else_=QUEUED),
        # A new event starts the retry schedule again: it also makes the row due at once, and
        # events must not use the schedule up within minutes of an outage.
        "attempts": case((is_processing, old.attempts), else_=0),
        "hold_reason": case((is_processing, old.hold_reason), else_=None),
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
    }
    if has_run:
        changes["sync_run_id"] = new.sync_run_id
    if forgets_hash:
        changes["pushed_hash"] = None
    return changes
