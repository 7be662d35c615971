"""What waits, what failed and why, and how long it will take; only reads.

"Unsent" means on its way: queued or being worked on. What is held waits for a person and what
failed for a replay; both are counted, neither makes the queue look slow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, and_, case, cast, func, select
from sqlalchemy.orm import Session

from integration import health_view
from integration.clock import db_now
from integration.models import SalesChannel, Tenant, WorkItem, WorkItemState
from integration.observe import masked
from integration.toggles import SERVED_TOPICS
from integration.topology import LANE_BY_TOPIC, Topic

#: What was sent in this time tells how fast the queue drains.
RATE_WINDOW_S = 300
EXAMPLES = 3


@dataclass(frozen=True)
class LaneStatus:
    """One topic of one channel. `oldest_unsent_s` None: nothing is on its way; `eta_s` None:
    nothing was sent lately, so nobody can tell."""

    tenant: str
    channel: str
    topic: Topic
    queued: int
    processing: int
    failed: int
    held: int
    oldest_unsent_s: float | None
    eta_s: float | None
    #: Why the shop is let alone for a while, in one sentence; None: no trouble known.
    shop: str | None = None


@dataclass(frozen=True)
class FailureGroup:
    """Failures with one cause; `examples` are article ids."""

    fingerprint: str
    count: int
    error_class: str
    message: str
    examples: tuple[str, ...]


def statuses(session: Session) -> list[LaneStatus]:
    """Every topic that travels, of every channel; others where they have rows."""
    counted = {(row.channel_id, row.topic): row for row in session.execute(_OPEN)}
    channels = session.execute(
        select(SalesChannel.id, SalesChannel.erp_id, Tenant.subdomain)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .order_by(Tenant.subdomain, SalesChannel.erp_id)
    ).all()
    shops = health_view.sentences(session)
    result = []
    for channel in channels:
        for topic in sorted(Topic, key=LANE_BY_TOPIC.__getitem__):
            row = counted.get((channel.id, topic.value))
            if row is not None or topic in SERVED_TOPICS:
                status = _status(session, channel, topic, row)
                result.append(replace(status, shop=shops.get(channel.id)))
    return result


def _number(condition: Any) -> Any:
    return func.coalesce(func.sum(cast(case((condition, 1), else_=0), Integer)), 0)


_IS_QUEUED = WorkItem.state == WorkItemState.QUEUED.value
_IS_PROCESSING = WorkItem.state == WorkItemState.PROCESSING.value
_IS_WAITING = and_(_IS_QUEUED, WorkItem.hold_reason.is_(None))
#: Reads the partial index of what is not completed, however many rows are.
_OPEN = (
    select(
        WorkItem.channel_id,
        WorkItem.topic,
        _number(_IS_WAITING).label("queued"),
        _number(_IS_PROCESSING).label("processing"),
        _number(WorkItem.state == WorkItemState.FAILED.value).label("failed"),
        _number(and_(_IS_QUEUED, WorkItem.hold_reason.is_not(None))).label("held"),
        func.min(case((_IS_WAITING | _IS_PROCESSING, WorkItem.first_unsent_at))).label("oldest"),
        db_now().label("now"),
    )
    .where(WorkItem.state != WorkItemState.COMPLETED.value)
    .group_by(WorkItem.channel_id, WorkItem.topic)
)


def _status(session: Session, channel: Any, topic: Topic, row: Any) -> LaneStatus:
    if row is None:
        return LaneStatus(channel.subdomain, channel.erp_id, topic, 0, 0, 0, 0, None, 0.0)
    unsent = row.queued + row.processing
    return LaneStatus(
        tenant=channel.subdomain,
        channel=channel.erp_id,
        topic=topic,
        queued=row.queued,
        processing=row.processing,
        failed=row.failed,
        held=row.held,
        oldest_unsent_s=_age(row.oldest, row.now),
        eta_s=_eta(session, channel.id, topic, unsent) if unsent else 0.0,
    )


def _age(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())


def _eta(session: Session, channel_id: int, topic: Topic, unsent: int) -> float | None:
    sent = session.scalar(
        select(func.count())
        .select_from(WorkItem)
        .where(
            WorkItem.channel_id == channel_id,
            WorkItem.topic == topic.value,
            WorkItem.pushed_at > db_now(-RATE_WINDOW_S),
        )
    )
    return round(unsent * RATE_WINDOW_S / sent, 1) if sent else None


def failures(session: Session, channel_ids: Sequence[int] | None = None) -> list[FailureGroup]:
    """FAILED rows of these channels (None: of all) by cause, the most frequent first."""
    is_failed = [WorkItem.state == WorkItemState.FAILED.value]
    if channel_ids is not None:
        is_failed.append(WorkItem.channel_id.in_(channel_ids))
    groups = session.execute(
        select(WorkItem.fingerprint, func.count().label("number"))
        .where(*is_failed)
        .group_by(WorkItem.fingerprint)
        .order_by(func.count().desc(), WorkItem.fingerprint)
    ).all()
    return [_group(session, is_failed, one.fingerprint, one.number) for one in groups]


def _group(
    session: Session, is_failed: Sequence[Any], fingerprint: str | None, count: int
) -> FailureGroup:
    rows = session.execute(
        select(WorkItem.entity_id, WorkItem.error_class, WorkItem.last_error)
        .where(*is_failed, WorkItem.fingerprint == fingerprint)
        .order_by(WorkItem.id)
        .limit(EXAMPLES)
    ).all()
    lines = (rows[0].last_error or "").splitlines() or [""]
    return FailureGroup(
        fingerprint=fingerprint or "",
        count=count,
        error_class=rows[0].error_class or "",
        message=masked(lines[0]),
        examples=tuple(row.entity_id for row in rows),
    )


def count_failed(
    session: Session, channel_id: int, topic: Topic | None, fingerprint: str | None
) -> int:
    """How many rows a replay with the same choice would queue again."""
    query = (
        select(func.count())
        .select_from(WorkItem)
        .where(WorkItem.channel_id == channel_id, WorkItem.state == WorkItemState.FAILED.value)
    )
    if topic is not None:
        query = query.where(WorkItem.topic == topic.value)
    if fingerprint is not None:
        query = query.where(WorkItem.fingerprint == fingerprint)
    return session.scalar(query) or 0
