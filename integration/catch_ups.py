"""Catch-ups: what of a channel is read again because changes may have been missed, and why.

Where the gap began is known by our clock; `marks` says where that is in the ERP's. Whoever notices
a gap asks here, in the words that an operator reads.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import channels, marks, observe, sync_runs
from integration.models import SalesChannel, SyncRun, Tenant

log = logging.getLogger(__name__)


def request(
    session: Session,
    channel_id: int,
    reason: str,
    missed_from: datetime | None = None,
    *,
    doubts_sent: bool = False,
) -> None:
    """Ask for what changed in the ERP since `missed_from` (our clock), and for everything where
    that cannot be told.

    None: since the last moment when all was known to be well. `doubts_sent`: of what changed
    since, what was sent before is not believed either; of everything it would be too much.
    Failure policy: part of the caller's transaction; one catch-up waits per channel at most, and
    one that waits already begins early enough for both.
    """
    if missed_from is None:
        last = marks.last(session, channel_id)
        missed_from = None if last is None else last.at
    since = missed_from and marks.changed_since(session, channel_id, missed_from)
    compare(
        session,
        channel_id,
        reason,
        changed_since=since,
        is_forced=doubts_sent and since is not None,
    )
    tenant, erp_id = channels.names(session, channel_id)
    fields = {"tenant": tenant, "channel": erp_id, "reason": reason}
    log.warning(observe.event("catch_up.asked_for", **fields, since=since or "the beginning"))


def request_tenant(
    session: Session, tenant_id: int, reason: str, missed_from: datetime | None = None
) -> None:
    """The same for each channel of a tenant."""
    for channel_id in _channel_ids(session, tenant_id):
        request(session, channel_id, reason, missed_from)


def request_all(session: Session, reason: str, missed_from: datetime) -> None:
    """The same for every tenant that is installed, after an outage of the service.

    What was sent is doubted, because the database may have been put back meanwhile
    (docs/decisions/0022).
    """
    tenant_ids = session.scalars(
        select(Tenant.id).where(Tenant.uninstalled_at.is_(None)).order_by(Tenant.id)
    ).all()
    for tenant_id in tenant_ids:
        for channel_id in _channel_ids(session, tenant_id):
            request(session, channel_id, reason, missed_from, doubts_sent=True)


def compare(
    session: Session,
    channel_id: int,
    reason: str,
    *,
    changed_since: datetime | None = None,
    topics: Sequence[str] = sync_runs.ALL_TOPICS,
    is_forced: bool = False,
) -> None:
    """Ask for what is listed to be compared, because changes may have been missed.

    `changed_since`: in the ERP's clock, what did not change from then on is left out.
    `is_forced`: what was sent before is not believed.
    At most once a minute; of a paused or held channel it waits until the channel runs again. One
    that waits already is widened, so that it does for both what it has to.
    """
    waiting = session.scalar(
        select(SyncRun)
        .where(SyncRun.unique_key == sync_runs.waiting_key(sync_runs.CATCH_UP, channel_id))
        .with_for_update()
    )
    if waiting is None:
        values = {"reason": reason, "changed_since": changed_since, "is_forced": is_forced}
        if sync_runs.request(session, channel_id, sync_runs.CATCH_UP, topics, **values) is None:
            # Somebody else asked at this moment; now there is one to be widened.
            compare(
                session,
                channel_id,
                reason,
                changed_since=changed_since,
                topics=topics,
                is_forced=is_forced,
            )
        return
    _widen(waiting, changed_since, is_forced=is_forced)
    waiting.topics = ",".join(dict.fromkeys([*waiting.topics.split(","), *topics]))
    if reason not in (waiting.reason or ""):
        waiting.reason = f"{waiting.reason}; {reason}" if waiting.reason else reason


def _widen(waiting: SyncRun, changed_since: datetime | None, *, is_forced: bool) -> None:
    """Let a run do for both. One that reads everything doubts what was sent only if one that reads
    everything did."""
    if waiting.changed_since is None or changed_since is None:
        waiting.is_forced = (waiting.is_forced and waiting.changed_since is None) or (
            is_forced and changed_since is None
        )
        waiting.changed_since = None
        return
    waiting.is_forced = waiting.is_forced or is_forced
    waiting.changed_since = min(waiting.changed_since, changed_since)


def _channel_ids(session: Session, tenant_id: int) -> list[int]:
    return list(
        session.scalars(
            select(SalesChannel.id)
            .where(SalesChannel.tenant_id == tenant_id, SalesChannel.deleted_at.is_(None))
            .order_by(SalesChannel.id)
        ).all()
    )
