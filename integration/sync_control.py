"""People have initial syncs wait, go on, or end; live changes go their way all the while."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import read_ahead, sync_runs, telling, work_items
from integration.clock import db_now
from integration.models import Priority, SyncRun, SyncRunState, WorkItem, WorkItemState
from integration.sync_runs import RUN_PAUSED
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

#: What a log line says of a row.
_TOLD = (WorkItem.id, WorkItem.channel_id, WorkItem.topic, WorkItem.entity_id)


def under_way(session: Session, channel_id: int, topic: Topic | None = None) -> list[int]:
    """Initial syncs of a channel that are not over, paused or not; of `topic`, if it is named."""
    runs = session.execute(
        select(SyncRun.id, SyncRun.topics)
        .where(
            SyncRun.channel_id == channel_id,
            SyncRun.kind == sync_runs.INITIAL,
            SyncRun.state.in_(sync_runs.OPEN_STATES),
        )
        .order_by(SyncRun.id)
    ).all()
    return [
        run.id
        for run in runs
        if topic is None or SHORT_NAME_BY_TOPIC[topic] in run.topics.split(",")
    ]


def pause(session: Session, run_id: int) -> None:
    """Have a run wait: nothing more is read, and what it queued is held.

    What is on its way already arrives. An event on what is held sends it at once, as live work.
    """
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    if run.state not in sync_runs.OPEN_STATES or run.paused_at is not None:
        return
    run.paused_at = session.scalars(select(db_now())).one()
    waiting = select(*_TOLD).where(
        WorkItem.sync_run_id == run_id,
        WorkItem.priority == int(Priority.BACKFILL),
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason.is_(None),
    )
    rows = session.execute(work_items.locking(session, waiting)).all()
    work_items.update_items(session, [row.id for row in rows], hold_reason=RUN_PAUSED)
    telling.moved(session, "held", rows, reason=RUN_PAUSED)


def resume(session: Session, run_id: int) -> None:
    """Let a run go on where it stands."""
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    if run.paused_at is None:
        return
    now = session.scalars(select(db_now())).one()
    run.paused_s += (now - run.paused_at).total_seconds()
    run.paused_at = None
    _let_go(session, run_id)


def cancel(session: Session, run_id: int) -> None:
    """End a run. What it found to be done already is sent all the same: it is the shop's due."""
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    if run.state not in sync_runs.OPEN_STATES:
        return
    resume(session, run_id)
    found = sync_runs.note_counts(session, run)
    run.state = SyncRunState.CANCELLED.value
    run.message = f"cancelled after {run.seen} articles; {found.open} changes were still to be sent"
    run.ended_at = session.scalars(select(db_now())).one()
    session.flush()
    read_ahead.forget(session, run_id)


def _let_go(session: Session, run_id: int) -> None:
    held = select(*_TOLD).where(
        WorkItem.sync_run_id == run_id,
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason == RUN_PAUSED,
    )
    rows = session.execute(work_items.locking(session, held)).all()
    work_items.update_items(session, [row.id for row in rows], hold_reason=None)
    telling.moved(session, "unheld", rows, reason=RUN_PAUSED)
