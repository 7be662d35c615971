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

from integration import counter_store, health_view, served, sql, toggles
from integration.clock import db_now
from integration.counter_store import RATE_WINDOW_S
from integration.models import SalesChannel, Tenant, WorkItem, WorkItemState
from integration.observe import masked
from integration.topology import LANE_BY_TOPIC, SHORT_NAME_BY_TOPIC, Topic

EXAMPLES = 3


@dataclass(frozen=True)
class LaneStatus:
    """One topic of one channel. `oldest_unsent_s` None: nothing is on its way; `eta_s` None:
    nothing was settled lately, so nobody can tell. With `is_on` false, what is queued counts as
    held: it waits for the person who switched the topic off."""

    tenant: str
    channel: str
    topic: Topic
    queued: int
    processing: int
    failed: int
    held: int
    oldest_unsent_s: float | None
    eta_s: float | None
    is_on: bool
    #: Why the shop is let alone for a while, in one sentence; None: no trouble known.
    shop: str | None = None
    #: Whether the channel's platform is given the topic; if not, what is held goes with a version
    #: that does.
    is_carried: bool = True


@dataclass(frozen=True)
class FailureGroup:
    """Failures with one cause; `examples` are article ids, each once."""

    fingerprint: str
    count: int
    error_class: str
    message: str
    examples: tuple[str, ...]


def statuses(session: Session) -> list[LaneStatus]:
    """Every topic that travels, of every channel; others and the way back where they have rows."""
    counted = {(row.channel_id, row.topic): row for row in session.execute(_OPEN)}
    settled = _settled_lately(session)
    channels = session.execute(
        select(
            SalesChannel.id,
            SalesChannel.erp_id,
            SalesChannel.platform,
            Tenant.subdomain,
            toggles.is_switched_on(Topic.WRITE_BACK).label("is_written_back"),
        )
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(SalesChannel.deleted_at.is_(None))
        .order_by(Tenant.subdomain, SalesChannel.erp_id)
    ).all()
    shops = health_view.sentences(session)
    result = []
    for channel in channels:
        is_on = toggles.states(session, channel.id)
        is_on[Topic.WRITE_BACK] = channel.is_written_back
        given = served.carried(channel.platform)
        for topic in sorted(Topic, key=LANE_BY_TOPIC.__getitem__):
            row = counted.get((channel.id, topic.value))
            if row is not None or topic in toggles.SERVED_TOPICS:
                lately = settled.get((channel.id, SHORT_NAME_BY_TOPIC[topic]), 0)
                status = _status(channel, topic, row, lately, is_on=is_on[topic])
                is_carried = topic is Topic.WRITE_BACK or given is None or topic in given
                result.append(replace(status, shop=shops.get(channel.id), is_carried=is_carried))
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


def _settled_lately(session: Session) -> dict[tuple[int, str], int]:
    now = session.scalars(select(db_now())).one()
    return counter_store.settled_lately(session, now)


def _status(
    channel: Any, topic: Topic, row: Any, settled_lately: int, *, is_on: bool
) -> LaneStatus:
    if row is None:
        return LaneStatus(channel.subdomain, channel.erp_id, topic, 0, 0, 0, 0, None, 0.0, is_on)
    queued = row.queued if is_on else 0
    unsent = queued + row.processing
    return LaneStatus(
        tenant=channel.subdomain,
        channel=channel.erp_id,
        topic=topic,
        queued=queued,
        processing=row.processing,
        failed=row.failed,
        held=row.held + row.queued - queued,
        oldest_unsent_s=_age(row.oldest, row.now) if unsent else None,
        eta_s=_eta(unsent, settled_lately) if unsent else 0.0,
        is_on=is_on,
    )


def _age(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else max(0.0, (now - since).total_seconds())


def _eta(unsent: int, settled_lately: int) -> float | None:
    return round(unsent * RATE_WINDOW_S / settled_lately, 1) if settled_lately else None


def failures(session: Session, channel_ids: Sequence[int] | None = None) -> list[FailureGroup]:
    """FAILED rows of these channels (None: of all) by cause, the most frequent first."""
    is_failed = [WorkItem.state == WorkItemState.FAILED.value]
    if channel_ids is not None:
        is_failed.append(WorkItem.channel_id.in_(channel_ids))
    groups = session.execute(
        select(
            WorkItem.fingerprint,
            func.count().label("number"),
            func.min(WorkItem.id).label("first"),
        )
        .where(*is_failed)
        .group_by(WorkItem.fingerprint)
        .order_by(func.count().desc(), WorkItem.fingerprint)
    ).all()
    firsts = errors(session, [one.first for one in groups])
    # An article may have failed in several topics and channels: it is one example all the same.
    examples = first_entities(session, [WorkItem.fingerprint], is_failed)
    return [
        _group(one.fingerprint, one.number, firsts[one.first], examples[one.fingerprint,])
        for one in groups
        # What went between two of the statements is not told any more.
        if one.first in firsts and (one.fingerprint,) in examples
    ]


def errors(session: Session, item_ids: Sequence[int]) -> dict[int, Any]:
    """`error_class` and `last_error` of these work items, by id."""
    rows = session.execute(
        select(WorkItem.id, WorkItem.error_class, WorkItem.last_error).where(
            sql.is_one_of(session, WorkItem.id, item_ids)
        )
    )
    return {row.id: row for row in rows}


def first_entities(
    session: Session, cause: Sequence[Any], conditions: Sequence[Any]
) -> dict[tuple[Any, ...], list[str]]:
    """The first EXAMPLES entities of each cause, by the cause's columns.

    One statement for all causes: there may be hundreds, each of thousands of rows.
    """
    entities = (
        select(*cause, WorkItem.entity_id, func.min(WorkItem.id).label("first"))
        .where(*conditions)
        .group_by(*cause, WorkItem.entity_id)
        .subquery()
    )
    columns = [entities.c[one.key] for one in cause]
    place = func.row_number().over(partition_by=columns, order_by=entities.c.first).label("place")
    ranked = select(*columns, entities.c.entity_id, place).subquery()
    rows = session.execute(
        select(ranked).where(ranked.c.place <= EXAMPLES).order_by(ranked.c.place)
    )
    found: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        found.setdefault(tuple(row[: len(cause)]), []).append(row.entity_id)
    return found


def _group(
    fingerprint: str | None, count: int, first: Any, examples: Sequence[str]
) -> FailureGroup:
    lines = (first.last_error or "").splitlines() or [""]
    return FailureGroup(
        fingerprint=fingerprint or "",
        count=count,
        error_class=first.error_class or "",
        message=masked(lines[0]),
        examples=tuple(examples),
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
