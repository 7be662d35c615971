"""Does the service still settle what is due? The question behind container health and alerts.

It is about us, not about shops: what waits for a person (held, paused, switched off), for the next
attempt or for a shop that asked for rest is not overdue, however old it is. What is due and stays
so has nobody who works on it, whatever processes there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from integration import channels, pacing
from integration.clock import db_now
from integration.models import (
    RateBucket,
    SalesChannel,
    Tenant,
    TransferToggle,
    WorkItem,
    WorkItemState,
)
from integration.topology import Topic


@dataclass(frozen=True)
class Overdue:
    """A topic of a channel with its oldest change that is due, and for how long it has been."""

    tenant: str
    channel: str
    topic: Topic
    age_s: float


def overdue(session: Session, topics: Sequence[Topic], max_age_s: float) -> list[Overdue]:
    """Lanes with something due for longer than `max_age_s`, the oldest first."""
    rest_ends = _rest_ends(session)
    found = []
    for row in session.execute(_oldest(topics)):
        began = _may_move_since(row, rest_ends)
        age_s = (row.now - began).total_seconds()
        if age_s > max_age_s:
            found.append(Overdue(row.subdomain, row.erp_id, Topic(row.topic), age_s))
    return sorted(found, key=lambda one: -one.age_s)


def _rest_ends(session: Session) -> dict[str, datetime]:
    """When the last rest of each shop and ERP ended or will end, by bucket."""
    rows = session.execute(
        select(RateBucket.name, RateBucket.paused_until).where(RateBucket.paused_until.is_not(None))
    )
    return {row.name: row.paused_until for row in rows}


def _may_move_since(row: Any, rest_ends: dict[str, datetime]) -> datetime:
    """Since when the oldest row of a lane could have been settled; in the future while it rests."""
    names = (pacing.shop_bucket_name(row.id), pacing.erp_bucket_name(row.tenant_id))
    ends = [rest_ends[name] for name in names if name in rest_ends]
    if row.is_paused:  # the end has come, or the lane would not be here
        ends.append(row.paused_until)
    began: datetime = max([row.oldest, *ends])
    return began


#: Rows that lost their workers are due anew each time; nobody ever answered for them.
_WAITS_SINCE = case(
    (
        and_(WorkItem.attempts > 0, WorkItem.error_class.is_(None)),
        func.coalesce(WorkItem.first_unsent_at, WorkItem.due_at),
    ),
    else_=WorkItem.due_at,
)


def _oldest(topics: Sequence[Topic]) -> Any:
    """The oldest due row of each lane that may move; reads the index of what is not completed."""
    is_due = or_(
        WorkItem.state == WorkItemState.PROCESSING.value,
        and_(
            WorkItem.state == WorkItemState.QUEUED.value,
            WorkItem.hold_reason.is_(None),
            WorkItem.due_at <= db_now(),
        ),
    )
    is_off = exists().where(
        TransferToggle.channel_id == WorkItem.channel_id,
        TransferToggle.topic == WorkItem.topic,
        TransferToggle.is_on.is_(False),
    )
    lane = (
        SalesChannel.id,
        SalesChannel.tenant_id,
        SalesChannel.erp_id,
        SalesChannel.is_paused,
        SalesChannel.paused_until,
        Tenant.subdomain,
        WorkItem.topic,
    )
    return (
        select(*lane, func.min(_WAITS_SINCE).label("oldest"), db_now().label("now"))
        .join(SalesChannel, SalesChannel.id == WorkItem.channel_id)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(
            WorkItem.state != WorkItemState.COMPLETED.value,
            WorkItem.topic.in_([topic.value for topic in topics]),
            is_due,
            ~is_off,
            channels.is_running(),
        )
        .group_by(*lane)
    )
