"""The comparison of each night: the whole shop with the ERP, and what differs is sent.

It follows the nightly pass of the channel. That one compares the ERP with what was sent last, in
all fields and for little, and sends what events left out; so what the comparison finds after it is
what happened in the shop. Why both is in docs/decisions/0024.

One at a time, because it keeps a worker busy for minutes. One whose worker died begins anew.
"""

from __future__ import annotations

import time
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from integration import channels, sql, sync_runs
from integration.clock import db_now
from integration.errors import IntegrationError
from integration.models import (
    Drift,
    DriftPlan,
    DriftState,
    NightlyComparison,
    PlanState,
    SalesChannel,
    SyncRun,
)
from integration.reconciliation import outcomes
from integration.reconciliation.applying import Applying
from integration.reconciliation.planning import Planning
from integration.reconciliation.plans import PLANS_KEPT
from integration.runtime import Runtime
from integration.stages import STOPPING, hold_where_it_says_so

#: A worker that says nothing for so long died: no pause that it waits for is longer.
ALIVE_S = 600
SAYS_SO_EVERY_S = 30.0


class _Stopped(Exception):
    """The process ends; another one begins anew."""


def start_due(session: Session, zone: ZoneInfo, hour: int) -> list[tuple[int, str]]:
    """Begin the comparison of one channel whose nightly pass has ended; (channel id, night).

    Nothing by day, and while another one is under way. Two beats begin one.
    """
    now = session.scalars(select(db_now())).one()
    night = sync_runs.night_of(now.astimezone(zone), hour)
    if night is None:
        return []
    _one_beat_at_a_time(session)
    if _is_one_under_way(session):
        return []
    for channel_id in _ready(session, night):
        if _begin(session, channel_id, night.isoformat()):
            return [(channel_id, night.isoformat())]
    return []


def _one_beat_at_a_time(session: Session) -> None:
    """Until the end of the transaction; the first channel stands for all. Hints do not wait."""
    first = select(SalesChannel.id).order_by(SalesChannel.id).limit(1)
    session.execute(first.with_for_update(key_share=True))


def _is_one_under_way(session: Session) -> bool:
    alive = select(func.count()).where(
        NightlyComparison.ended_at.is_(None), NightlyComparison.alive_at > db_now(-ALIVE_S)
    )
    return bool(session.scalar(alive))


def _ready(session: Session, night: date) -> list[int]:
    """Running channels whose nightly pass has ended and whose comparison has not."""
    running = channels.running(session)
    keys = [sync_runs.NIGHTLY_KEY.format(one, night.isoformat()) for one in running]
    ended = select(NightlyComparison.channel_id).where(
        NightlyComparison.night == night.isoformat(), NightlyComparison.ended_at.is_not(None)
    )
    return list(
        session.scalars(
            select(SyncRun.channel_id)
            .where(
                sql.is_one_of_texts(session, SyncRun.unique_key, keys),
                SyncRun.ended_at.is_not(None),
                SyncRun.channel_id.not_in(ended),
            )
            .order_by(SyncRun.channel_id)
        ).all()
    )


def _begin(session: Session, channel_id: int, night: str) -> bool:
    """Whether nobody else did; one that died is taken over."""
    insert = sql.insert(session, NightlyComparison).values(channel_id=channel_id, night=night)
    table = NightlyComparison.__table__.c
    taken = session.scalar(
        insert.on_conflict_do_update(
            index_elements=["channel_id", "night"],
            set_={"alive_at": db_now(), "began_at": db_now()},
            where=and_(table.ended_at.is_(None), table.alive_at < db_now(-ALIVE_S)),
        ).returning(table.channel_id)
    )
    return taken is not None


def compare(runtime: Runtime, channel_id: int, night: str) -> None:
    """Plan, and ask for what the plan says; the brakes stand where it is written to the shop.

    Failure policy: at least once, absolute values. What breaks it off is noted for the report.
    Raises: the error again, so that it is seen.
    """
    watch = _Watch(runtime, channel_id, night)
    try:
        planning = Planning(runtime, channel_id, wait=watch.wait)
        for _step in planning.steps():
            watch.at_it(planning.plan_id)
        for _done in Applying(runtime, planning.plan_id, wait=watch.wait).steps():
            watch.at_it(planning.plan_id)
    except _Stopped:
        _note(runtime, channel_id, night, alive_at=db_now(-2 * ALIVE_S))
        return
    except IntegrationError as error:
        with runtime.scope() as session:
            hold_where_it_says_so(session, channel_id, error)
        _note(runtime, channel_id, night, ended_at=db_now(), trouble=str(error))
        raise
    _note(runtime, channel_id, night, ended_at=db_now(), trouble=None, plan_id=planning.plan_id)


class _Watch:
    """Says that somebody is at it, and ends it when the process ends."""

    def __init__(self, runtime: Runtime, channel_id: int, night: str) -> None:
        self._runtime, self._channel_id, self._night = runtime, channel_id, night
        self._said_at = float("-inf")

    def at_it(self, plan_id: int) -> None:
        if STOPPING.is_set():
            raise _Stopped
        if time.monotonic() - self._said_at >= SAYS_SO_EVERY_S:
            self._said_at = time.monotonic()
            _note(self._runtime, self._channel_id, self._night, alive_at=db_now(), plan_id=plan_id)

    def wait(self, seconds: float) -> None:
        if STOPPING.wait(seconds):
            raise _Stopped


def _note(runtime: Runtime, channel_id: int, night: str, **values: object) -> None:
    with runtime.scope() as session:
        session.execute(
            update(NightlyComparison)
            .where(NightlyComparison.channel_id == channel_id, NightlyComparison.night == night)
            .values(**values)
        )


def settle_open(session: Session) -> None:
    """Note what became of the lines of nightly plans whose work items are on their way.

    A plan whose application broke off has lines that nobody asks for; it is looked at no more.
    """
    asked, planned = (
        exists().where(Drift.plan_id == DriftPlan.id, Drift.state == state.value)
        for state in (DriftState.ASKED, DriftState.PLANNED)
    )
    open_ones = session.scalars(
        select(DriftPlan.id)
        .join(NightlyComparison, NightlyComparison.plan_id == DriftPlan.id)
        .where(
            NightlyComparison.ended_at.is_not(None),
            DriftPlan.state == PlanState.APPLYING.value,
            or_(asked, ~planned),
        )
    ).all()
    for plan_id in open_ones:
        outcomes.settle(session, plan_id)


def newest(session: Session, channel_id: int) -> NightlyComparison | None:
    """The comparison of the last night that has one."""
    return session.scalar(
        select(NightlyComparison)
        .where(NightlyComparison.channel_id == channel_id)
        .order_by(NightlyComparison.night.desc())
        .limit(1)
    )


def forget_old(session: Session) -> None:
    """Remove what is known of nights of long ago, as their plans."""
    session.execute(
        delete(NightlyComparison).where(
            or_(
                NightlyComparison.ended_at < db_now(-PLANS_KEPT.total_seconds()),
                NightlyComparison.began_at < db_now(-2 * PLANS_KEPT.total_seconds()),
            )
        )
    )
