"""Catch-ups as people read them: which are under way, what the last one did, and why."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import sync_runs
from integration.models import SalesChannel, SyncRun, SyncRunState, Tenant


class CatchUp(NamedTuple):
    """A catch-up of a channel (``tenant/id``)."""

    channel: str
    run: SyncRun


def under_way(session: Session) -> list[CatchUp]:
    """Those that wait, read, or are not through with what they read."""
    rows = session.execute(
        select(SyncRun, Tenant.subdomain, SalesChannel.erp_id)
        .join(SalesChannel, SalesChannel.id == SyncRun.channel_id)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(SyncRun.kind == sync_runs.CATCH_UP, SyncRun.state.in_(sync_runs.OPEN_STATES))
        .order_by(Tenant.subdomain, SalesChannel.erp_id, SyncRun.id)
    ).all()
    return [CatchUp(f"{row.subdomain}/{row.erp_id}", row.SyncRun) for row in rows]


def last(session: Session, channel_id: int) -> SyncRun | None:
    """The channel's newest catch-up; None: it never needed one."""
    return session.scalar(
        select(SyncRun)
        .where(SyncRun.channel_id == channel_id, SyncRun.kind == sync_runs.CATCH_UP)
        .order_by(SyncRun.id.desc())
        .limit(1)
    )


def sentence(session: Session, run: SyncRun) -> str:
    """What the run reads, how far it is or what it did, and why it was begun."""
    what = "everything" if run.changed_since is None else "what changed in the ERP"
    if run.is_forced:
        what += ", whatever was sent before"
    if run.ended_at is None:
        is_reading = run.state == SyncRunState.RUNNING.value
        open_items = sync_runs.counts(session, run.id).open
        how = f"{run.seen} articles read so far" if is_reading else "all read"
        done = f"is under way ({how}, {open_items} changes wait)"
    else:
        done = (
            f"ended at {run.ended_at:%Y-%m-%d %H:%M} UTC: {run.seen} articles read, "
            f"{run.pushed} changes sent, {run.unchanged} unchanged, {run.failed} failed"
        )
    why = f"; begun because {run.reason}" if run.reason else ""
    return f"a catch-up of {what} {done}{why}"
