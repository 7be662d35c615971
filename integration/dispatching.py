"""Which work goes next: claims due rows lane by lane, fair between channels.

A lane is one (channel, topic). Live work moves in rounds: a round takes what was due when it
began, and rounds of one lane begin at least RELAY_COALESCE_S apart, so that a storm of events on
one article is one write. Backfill has no rounds and its own queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, exists, func, select, union_all, update
from sqlalchemy.orm import Session

from integration import channels, pacing, sql, work_items
from integration.clock import db_now
from integration.models import (
    Lane,
    Priority,
    SalesChannel,
    Tenant,
    TransferToggle,
    WorkItem,
    WorkItemState,
)
from integration.topology import LANE_BY_TOPIC, SHORT_NAME_BY_TOPIC, Queue, Topic


@dataclass(frozen=True)
class DueLane:
    """A (channel, topic) with something due. `served_at` None: never served yet."""

    channel_id: int
    topic: Topic
    priority: Priority
    platform: str
    served_at: datetime | None

    @property
    def queue(self) -> Queue:
        return Queue.LIVE if self.priority is Priority.LIVE else Queue.BACKFILL


@dataclass(frozen=True)
class Limits:
    """`chains_per_lane` under way at most; `coalesce_s` between rounds; `lease_s` of a claim.

    `chains_per_channel`: a lane starts a second chain only while the shop has fewer than these.
    Four overlapping writers locked a real Shopware out of itself in 6 of 16 requests.
    """

    chains_per_lane: int
    coalesce_s: float
    lease_s: float
    chains_per_channel: int = 4


def due_lanes(session: Session, topics: tuple[Topic, ...]) -> list[DueLane]:
    """Lanes with due work that may move now: urgent topics first, longest waiting channel first.

    Paused and held channels, switched-off topics and resting shops are left out.
    """
    rows = session.execute(_due_lanes(topics)).all()
    paused = pacing.paused_names(session)
    lanes = [
        DueLane(row.id, Topic(row.topic), Priority(row.priority), row.platform, row.served_at)
        for row in rows
        if pacing.erp_bucket_name(row.tenant_id) not in paused
        and pacing.shop_bucket_name(row.id) not in paused
    ]
    return sorted(lanes, key=_urgency)


def _urgency(lane: DueLane) -> tuple[Any, ...]:
    served = lane.served_at.timestamp() if lane.served_at else 0.0
    return (lane.priority, LANE_BY_TOPIC[lane.topic], served, lane.channel_id)


def _due_lanes(topics: tuple[Topic, ...]) -> Any:
    """One index probe per lane, however long the queue is."""
    parts = []
    for topic in topics:
        for priority in Priority:
            is_due = exists().where(
                WorkItem.channel_id == SalesChannel.id,
                WorkItem.topic == topic.value,
                WorkItem.priority == int(priority),
                WorkItem.state == WorkItemState.QUEUED.value,
                WorkItem.hold_reason.is_(None),
                WorkItem.due_at <= db_now(),
            )
            is_off = exists().where(
                TransferToggle.channel_id == SalesChannel.id,
                TransferToggle.topic == topic.value,
                TransferToggle.is_on.is_(False),
            )
            parts.append(
                select(
                    SalesChannel.id,
                    SalesChannel.tenant_id,
                    SalesChannel.platform,
                    sql.constant(topic.value).label("topic"),
                    sql.constant(int(priority)).label("priority"),
                    Lane.served_at,
                )
                .join(Tenant, Tenant.id == SalesChannel.tenant_id)
                .outerjoin(
                    Lane, and_(Lane.channel_id == SalesChannel.id, Lane.topic == topic.value)
                )
                .where(channels.is_running(), is_due, ~is_off)
            )
    return union_all(*parts)


def claim_next(
    session: Session, lane: DueLane, batch_size: Mapping[Topic, int], limits: Limits
) -> str | None:
    """Claim the next batch of a lane; its claim id, None when the lane may not go on now.

    The lane's row is locked, so that two dispatchers together never exceed the limits.
    """
    if lane.topic not in batch_size:
        return None  # this platform does not serve the topic; its items wait
    notes = _lock_lane(session, lane)
    own = _chains_under_way(session, lane)
    if own >= limits.chains_per_lane:
        return None
    if own and _chains_of_channel(session, lane) >= limits.chains_per_channel:
        return None
    due_before = None
    if lane.priority is Priority.LIVE:
        due_before = _round_start(session, notes, lane, limits.coalesce_s)
    claim_id = work_items.claim(
        session,
        lane.channel_id,
        lane.topic,
        priority=lane.priority,
        limit=batch_size[lane.topic],
        lease_s=limits.lease_s,
        due_before=due_before,
    )
    if claim_id is not None:
        session.execute(_note(lane, served_at=db_now()))
    return claim_id


@dataclass(frozen=True)
class Chain:
    """What a claimed batch is, for logs and for Flower: `topic` is the short name."""

    claim_id: str
    tenant: str
    channel: str
    topic: str
    items: int

    def __str__(self) -> str:
        return f"{self.tenant}/{self.channel} {self.topic} x{self.items} claim={self.claim_id}"


def chain_of(session: Session, claim_id: str) -> Chain:
    """What was just claimed."""
    row = session.execute(
        select(Tenant.subdomain, SalesChannel.erp_id, WorkItem.topic, func.count().label("items"))
        .join(SalesChannel, SalesChannel.id == WorkItem.channel_id)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(WorkItem.claim_id == claim_id, WorkItem.state == WorkItemState.PROCESSING.value)
        .group_by(Tenant.subdomain, SalesChannel.erp_id, WorkItem.topic)
    ).one()
    topic = SHORT_NAME_BY_TOPIC[Topic(row.topic)]
    return Chain(claim_id, row.subdomain, row.erp_id, topic, row.items)


def _lock_lane(session: Session, lane: DueLane) -> Any:
    session.execute(
        sql.insert(session, Lane)
        .values(channel_id=lane.channel_id, topic=lane.topic.value)
        .on_conflict_do_nothing()
    )
    return session.execute(
        select(Lane.round_started_at, db_now().label("now"))
        .where(Lane.channel_id == lane.channel_id, Lane.topic == lane.topic.value)
        .with_for_update()
    ).one()


def _chains_under_way(session: Session, lane: DueLane) -> int:
    """Claims of the lane; rows of a backfill that turned live meanwhile do not make it live."""
    claims = (
        select(WorkItem.claim_id)
        .where(
            WorkItem.channel_id == lane.channel_id,
            WorkItem.topic == lane.topic.value,
            WorkItem.state == WorkItemState.PROCESSING.value,
        )
        .group_by(WorkItem.claim_id)
        .having(func.max(WorkItem.priority) == int(lane.priority))
        .subquery()
    )
    return session.scalar(select(func.count()).select_from(claims)) or 0


def _chains_of_channel(session: Session, lane: DueLane) -> int:
    return (
        session.scalar(
            select(func.count(WorkItem.claim_id.distinct())).where(
                WorkItem.channel_id == lane.channel_id,
                WorkItem.state == WorkItemState.PROCESSING.value,
            )
        )
        or 0
    )


def _round_start(session: Session, notes: Any, lane: DueLane, coalesce_s: float) -> datetime:
    """Start of the round under way, or of a new one when the last began long enough ago."""
    started: datetime | None = notes.round_started_at
    now: datetime = notes.now
    if started is not None and now - started < timedelta(seconds=coalesce_s):
        return started
    session.execute(_note(lane, round_started_at=now))
    return now


def _note(lane: DueLane, **values: Any) -> Any:
    return (
        update(Lane)
        .where(Lane.channel_id == lane.channel_id, Lane.topic == lane.topic.value)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
