"""Which work goes next: claims due rows lane by lane, fair between channels.

A lane is one (channel, topic). Live work moves in rounds: a round takes what was due when it
began, and rounds of one lane begin at least RELAY_COALESCE_S apart, so that a storm of events on
one article is one write. Backfill has no rounds and its own queue. The way back into the ERP asks
nothing of a shop: its turns are in write_back.lanes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Float,
    Integer,
    String,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from integration import channels, claim_rows, pacing, shop_health, sql, toggles
from integration.claim_rows import Turn
from integration.clock import db_now
from integration.models import (
    Lane,
    Priority,
    SalesChannel,
    Tenant,
    WorkItem,
    WorkItemState,
)
from integration.rota import DueLane, Rota, Served
from integration.shop_health import Health
from integration.topology import SHORT_NAME_BY_TOPIC, Queue, Topic

#: Rows of the batch that tries a shop after it failed: enough to find one that goes through among
#: some that make the shop stumble, and little to lose.
PROBE_ROWS = 10


#: A chain that no worker has taken after so long is lost, or the workers are few; others go on.
LOST_AFTER_S = 10.0


@dataclass(frozen=True)
class Limits:
    """`chains_per_lane` under way at most; `coalesce_s` between rounds; `lease_s` of a claim.

    `chains_per_channel`, live and backfill counted apart: what one shop may hold of the worker
    processes, and no more writers than can do without locking each other out (four overlapping
    ones locked a real Shopware out of itself in 6 of 16 requests).
    `slow_chains`: of all shops together that are slow or whose last call failed; each has one.
    `waiting_chains`: sent and not taken by a worker yet, per queue. So the queue in the broker
    stays short, and who comes last waits for a few batches and not for everybody's.
    """

    chains_per_lane: int
    coalesce_s: float
    lease_s: float
    chains_per_channel: int = 2
    slow_chains: int = 2
    waiting_chains: int = 12


@dataclass(frozen=True)
class UnderWay:
    """A claimed batch. Rows of a backfill that turn live do not make it live."""

    channel_id: int
    topic: Topic
    priority: Priority
    #: Sent not long ago, and no worker has taken it.
    waits: bool


def chains(session: Session, limits: Limits, channel_id: int | None = None) -> list[UnderWay]:
    """The chains to the shops that are under way, of one channel or of all."""
    values: dict[str, Any] = {"waits_s": limits.lease_s - LOST_AFTER_S}
    if channel_id is not None:
        values["channel"] = channel_id
    return [
        UnderWay(row.channel_id, Topic(row.topic), Priority(row.priority), bool(row.waits))
        for row in session.execute(_chains(channel_id is not None), values)
    ]


@lru_cache(maxsize=2)
def _chains(of_one_channel: bool) -> Any:
    item = WorkItem.__table__.c
    waits = and_(
        item.holder.is_(None), item.lease_until > db_now(bindparam("waits_s", type_=Float()))
    )
    claims = (
        select(
            item.channel_id,
            item.topic,
            func.max(item.priority).label("priority"),
            func.max(case((waits, 1), else_=0)).label("waits"),
        )
        .where(item.state == WorkItemState.PROCESSING.value, item.topic != Topic.WRITE_BACK.value)
        .group_by(item.claim_id, item.channel_id, item.topic)
    )
    return claims.where(item.channel_id == bindparam("channel")) if of_one_channel else claims


def rota(
    session: Session,
    topics: tuple[Topic, ...],
    limits: Limits | None = None,
    chains: Sequence[UnderWay] = (),
) -> Rota:
    """Lanes with due work that may move now, as their turns come.

    Paused and held channels, switched-off topics and resting shops are left out; with `limits`
    also lanes and channels that have all the chains they may have, `chains` being those under way.
    """
    coalesce_s = limits.coalesce_s if limits is not None else 0.0
    rows = session.execute(due_lanes(topics, coalesce_s)).all()
    paused = pacing.paused_until(session)
    shops = shop_health.by_channel(session)
    lanes = [
        DueLane(
            row.id,
            Topic(row.topic),
            Priority(row.priority),
            row.platform,
            row.served_at,
            row.tenant_id,
            (row.passed_live if row.priority == Priority.LIVE else row.passed_backfill) or 0,
            row.subdomain,
            row.erp_id,
        )
        for row in rows
        if pacing.erp_bucket_name(row.tenant_id) not in paused
        and pacing.shop_bucket_name(row.id) not in paused
        and not shops.get(row.id, Health()).rests
    ]
    if limits is not None:
        lanes = [
            lane
            for lane in lanes
            if _fits(_of_channel(chains, lane), lane, shops.get(lane.channel_id, Health()), limits)
        ]
    return Rota(lanes, _served(session))


def _served(session: Session) -> list[Served]:
    rows = session.execute(
        select(SalesChannel.tenant_id, SalesChannel.id, func.max(Lane.served_at).label("at"))
        .join(Lane, Lane.channel_id == SalesChannel.id)
        .where(Lane.topic != Topic.WRITE_BACK.value)
        .group_by(SalesChannel.tenant_id, SalesChannel.id)
    ).all()
    return [Served(row.tenant_id, row.id, row.at) for row in rows]


def room(chains: Sequence[UnderWay], limits: Limits) -> dict[Queue, int]:
    """How many more chains may be sent to each queue, with these under way."""
    waiting = Counter(one.priority for one in chains if one.waits)
    return {
        Queue.LIVE: limits.waiting_chains - waiting[Priority.LIVE],
        Queue.BACKFILL: limits.waiting_chains - waiting[Priority.BACKFILL],
    }


@lru_cache(maxsize=8)
def due_lanes(topics: tuple[Topic, ...], coalesce_s: float) -> Any:
    """One index probe per lane, however long the queue is. Built once: every nudge asks.

    The lanes are rows of the statement and no parts of it: Postgres plans it with each nudge, and
    a part for each lane took it longer than all that the dispatcher does besides.
    """
    kinds = _kinds(topics)
    due_before = case(
        # What came after a round began waits for the next one.
        (
            and_(
                kinds.c.priority == int(Priority.LIVE), Lane.round_started_at > db_now(-coalesce_s)
            ),
            Lane.round_started_at,
        ),
        else_=db_now(),
    )
    # A scalar, not EXISTS, which might become a join; and in the index's order, because otherwise
    # any row is expected to be a hit: both would read all that waits.
    due = (
        select(WorkItem.id)
        .where(
            WorkItem.channel_id == SalesChannel.id,
            WorkItem.topic == kinds.c.topic,
            WorkItem.priority == kinds.c.priority,
            WorkItem.state == WorkItemState.QUEUED.value,
            WorkItem.hold_reason.is_(None),
            WorkItem.due_at <= due_before,
        )
        .order_by(WorkItem.due_at)
        .limit(1)
        .scalar_subquery()
    )
    switched_on = toggles.is_switched_on(kinds.c.topic)
    if Topic.WRITE_BACK in topics:
        is_outbound = kinds.c.topic != Topic.WRITE_BACK.value
        switched_on = and_(switched_on, or_(is_outbound, toggles.is_switched_on(Topic.WRITE_BACK)))
    return (
        select(
            SalesChannel.id,
            SalesChannel.tenant_id,
            SalesChannel.platform,
            SalesChannel.erp_id,
            Tenant.subdomain,
            kinds.c.topic,
            kinds.c.priority,
            Lane.served_at,
            Lane.passed_live,
            Lane.passed_backfill,
        )
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .join(kinds, true())
        .outerjoin(Lane, and_(Lane.channel_id == SalesChannel.id, Lane.topic == kinds.c.topic))
        .where(
            channels.is_running(),
            switched_on,
            due.is_not(None),
        )
    )


def _kinds(topics: tuple[Topic, ...]) -> Any:
    """The (topic, priority) that each channel has a lane of.

    No VALUES: SQLAlchemy compiles a statement with one anew each time; no `sql.constant`: each
    execution writes it into the statement. And kept as a list of its own, or Postgres plans the
    rest once for each row.
    """
    rows = [
        select(
            literal_column(f"'{topic.value}'", String).label("topic"),
            literal_column(f"{int(one)}", Integer).label("priority"),
        )
        for topic in topics
        for one in _priorities(topic)
    ]
    return union_all(*rows).cte("kind").prefix_with("MATERIALIZED", dialect="postgresql")


def _priorities(topic: Topic) -> tuple[Priority, ...]:
    if topic is Topic.WRITE_BACK:
        return (Priority.WRITE_BACK,)
    return (Priority.LIVE, Priority.BACKFILL)


def claim_next(
    session: Session,
    lane: DueLane,
    batch_size: Mapping[Topic, int],
    limits: Limits,
    rivals: Sequence[DueLane] = (),
) -> Chain | None:
    """Claim the next batch of a lane; None when the lane may not go on now.

    The shop's row is locked, so that two dispatchers together never exceed the limits of a lane
    and a channel, and begin one round; each of them may exceed `slow_chains` by one at the same
    moment.
    `rivals`: due lanes of the same channel, which are passed over by it.
    """
    if lane.topic not in batch_size:
        return None  # this platform does not serve the topic; its items wait
    shop = shop_health.locked(session, lane.channel_id)
    if shop.rests or not _has_room(session, lane, shop, limits):
        return None
    turn = Turn(shop.read_at, limits.coalesce_s)
    claim_id, items = claim_rows.claim(
        session,
        lane.channel_id,
        lane.topic,
        priority=lane.priority,
        limit=_rows_of(batch_size[lane.topic], shop),
        lease_s=limits.lease_s,
        turn=turn if lane.priority is Priority.LIVE else None,
    )
    if not items:
        return None
    _note_turn(session, lane, turn)
    _pass_over(session, rivals)
    return chain_of(lane, claim_id, items)


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


def chain_of(lane: DueLane, claim_id: str, items: int) -> Chain:
    """What was just claimed of a lane."""
    return Chain(claim_id, lane.tenant, lane.channel, SHORT_NAME_BY_TOPIC[lane.topic], items)


def _has_room(session: Session, lane: DueLane, shop: Health, limits: Limits) -> bool:
    if not _fits(chains(session, limits, lane.channel_id), lane, shop, limits):
        return False
    return not shop.is_slow or shop_health.chains_of_slow_shops(session) < limits.slow_chains


def _of_channel(chains: Sequence[UnderWay], lane: DueLane) -> list[UnderWay]:
    return [one for one in chains if one.channel_id == lane.channel_id]


def _fits(under_way: Sequence[UnderWay], lane: DueLane, shop: Health, limits: Limits) -> bool:
    """May the channel have one more chain, of this lane?"""
    if shop.is_slow:
        return not under_way
    like_this = [one.topic for one in under_way if one.priority is lane.priority]
    most = max(limits.chains_per_channel, limits.chains_per_lane)
    # Deliveries of one order share its tracking numbers in the shop, which are replaced as a whole.
    of_lane = 1 if lane.topic is Topic.ORDER_STATUS else limits.chains_per_lane
    return len(like_this) < most and like_this.count(lane.topic) < of_lane


def _pass_over(session: Session, rivals: Sequence[DueLane]) -> None:
    for one in rivals:
        name = _passed_column(one)
        passed = func.coalesce(getattr(Lane, name), 0) + 1
        _note(session, one, first={name: 1}, then={name: passed})


def _passed_column(lane: DueLane) -> str:
    return "passed_live" if lane.priority is Priority.LIVE else "passed_backfill"


def _rows_of(batch: int, shop: Health) -> int:
    return min(batch, PROBE_ROWS) if shop.breaker.is_open else batch


def _note_turn(session: Session, lane: DueLane, turn: Turn) -> None:
    """The lane was served: others are passed over from now on, and live work begins a round unless
    the last one began less than a window ago."""
    values: dict[str, Any] = {"served_at": db_now(), _passed_column(lane): 0}
    first, then = dict(values), dict(values)
    if lane.priority is Priority.LIVE:
        first["round_started_at"] = turn.at
        is_open = Lane.round_started_at > turn.open_since
        then["round_started_at"] = case((is_open, Lane.round_started_at), else_=turn.at)
    _note(session, lane, first=first, then=then)


def _note(
    session: Session, lane: DueLane, *, first: Mapping[str, Any], then: Mapping[str, Any]
) -> None:
    """`first`: values of a lane that has no row yet; `then`: changes of one that has."""
    insert = sql.insert(session, Lane).values(
        channel_id=lane.channel_id, topic=lane.topic.value, **first
    )
    session.execute(insert.on_conflict_do_update(index_elements=["channel_id", "topic"], set_=then))
