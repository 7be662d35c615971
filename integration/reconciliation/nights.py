"""The comparison of each night: the whole shop with the ERP, and what differs is sent.

It follows the nightly pass of the channel. That one compares the ERP with what was sent last, in
all fields and for little, and sends what events left out; so what the comparison finds after it is
what happened in the shop. Why both is in docs/decisions/0024.

One at a time, because it keeps a worker busy for minutes. One whose worker died begins anew, up to
TRIES times. No channel may cost the others their night: those that have not begun come first, and
of them those that were quick the last time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from integration import channels, db, sql, sync_runs
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
from integration.stages import INTERRUPTIONS, STOPPING, hold_where_it_says_so

#: A worker that says nothing for so long died: no pause that it waits for is longer.
ALIVE_S = 600
SAYS_SO_EVERY_S = 30.0
#: What ends its worker three times (out of memory, a full disk) would do so all night.
TRIES = 3


class _Stopped(Exception):
    """The process ends; another one begins anew."""


def start_due(session: Session, zone: ZoneInfo, hour: int) -> list[tuple[int, str]]:
    """Begin the comparison of one channel whose nightly pass is over; (channel id, night).

    Nothing by day, and while another one is under way. Two beats begin one.
    """
    now = session.scalars(select(db_now())).one()
    night = sync_runs.night_of(now.astimezone(zone), hour)
    if night is None:
        return []
    _one_beat_at_a_time(session)
    _give_up(session)
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


def _give_up(session: Session) -> None:
    """End those whose workers died again and again, and say so in the morning."""
    session.execute(
        update(NightlyComparison)
        .where(_is_dead(), NightlyComparison.tries >= TRIES)
        .values(
            ended_at=db_now(),
            trouble=f"its worker died {TRIES} times; the worker's log and the kernel's (out of "
            "memory?) say more",
        )
    )


def _is_dead() -> ColumnElement[bool]:
    """Whether nobody is at it any more, although it has not ended."""
    return and_(
        NightlyComparison.ended_at.is_(None), NightlyComparison.alive_at <= db_now(-ALIVE_S)
    )


def _ready(session: Session, night: date) -> Iterator[int]:
    """Running channels whose nightly pass is over and whose comparison has not ended, in turn."""
    running = channels.running(session)
    keys = [sync_runs.NIGHTLY_KEY.format(one, night.isoformat()) for one in running]
    tonight = and_(
        NightlyComparison.channel_id == SyncRun.channel_id,
        NightlyComparison.night == night.isoformat(),
    )
    found = session.execute(
        select(SyncRun, NightlyComparison.tries)
        .outerjoin(NightlyComparison, tonight)
        .where(
            sql.is_one_of_texts(session, SyncRun.unique_key, keys),
            NightlyComparison.ended_at.is_(None),
        )
    ).all()
    took = _times(session)
    turns = sorted(
        (tries or 0, took.get(run.channel_id, 0.0), run.channel_id, run) for run, tries in found
    )
    return (run.channel_id for *_turn, run in turns if sync_runs.is_at_rest(session, run))


def _times(session: Session) -> dict[int, float]:
    """Seconds that the last comparison of a channel took; one that broke off is as slow as any."""
    rows = session.execute(
        select(
            NightlyComparison.channel_id,
            NightlyComparison.began_at,
            NightlyComparison.ended_at,
            NightlyComparison.trouble,
        )
        .where(NightlyComparison.ended_at.is_not(None))
        .order_by(NightlyComparison.night)
    ).all()
    return {
        row.channel_id: math.inf if row.trouble else (row.ended_at - row.began_at).total_seconds()
        for row in rows
    }


def _begin(session: Session, channel_id: int, night: str) -> bool:
    """Whether nobody else did; one that died is taken over."""
    insert = sql.insert(session, NightlyComparison).values(
        channel_id=channel_id, night=night, tries=1
    )
    table = NightlyComparison.__table__.c
    taken = session.scalar(
        insert.on_conflict_do_update(
            index_elements=["channel_id", "night"],
            set_={"alive_at": db_now(), "began_at": db_now(), "tries": table.tries + 1},
            where=and_(table.ended_at.is_(None), table.alive_at < db_now(-ALIVE_S)),
        ).returning(table.channel_id)
    )
    return taken is not None


def compare(runtime: Runtime, channel_id: int, night: str) -> None:
    """Plan, and ask for what the plan says; the brakes stand where it is written to the shop.

    Failure policy: at least once, absolute values. What breaks it off is noted for the report; a
    database that is away lets another worker begin anew. Raises: the error again, so that it is
    seen.
    """
    watch = _Watch(runtime, channel_id, night)
    try:
        planning = Planning(runtime, channel_id, wait=watch.wait)
        for _step in planning.steps():
            watch.at_it(planning.plan_id)
        for _done in Applying(runtime, planning.plan_id, wait=watch.wait).steps():
            watch.at_it(planning.plan_id)
    except _Stopped:
        stopped = {"alive_at": db_now(-2 * ALIVE_S), "tries": NightlyComparison.tries - 1}
        _note(runtime, channel_id, night, **stopped)
        return
    except db.TROUBLE:
        raise
    except IntegrationError as error:
        with runtime.scope() as session:
            hold_where_it_says_so(session, channel_id, error)
        _note(runtime, channel_id, night, ended_at=db_now(), trouble=str(error))
        raise
    except Exception as error:
        _note(runtime, channel_id, night, ended_at=db_now(), trouble=_words(error))
        raise
    _note(runtime, channel_id, night, ended_at=db_now(), trouble=None, plan_id=planning.plan_id)


def _words(error: Exception) -> str:
    """A sentence for what no connector and no ERP says."""
    if isinstance(error, tuple(INTERRUPTIONS)):
        return "it took so long that its worker was told to end it; the next night begins anew"
    return f"a bug or the machine: {type(error).__name__}: {error}"


class _Watch:
    """Says that somebody is at it, and ends it when the process ends."""

    def __init__(self, runtime: Runtime, channel_id: int, night: str) -> None:
        self._runtime, self._channel_id, self._night = runtime, channel_id, night
        self._said_at = float("-inf")
        self._plan: dict[str, int] = {}

    def at_it(self, plan_id: int) -> None:
        self._plan = {"plan_id": plan_id}
        if STOPPING.is_set():
            raise _Stopped
        self._say_so()

    def wait(self, seconds: float) -> None:
        # A page that is read article by article has many waits and takes minutes.
        self._say_so()
        if STOPPING.wait(seconds):
            raise _Stopped

    def _say_so(self) -> None:
        if time.monotonic() - self._said_at >= SAYS_SO_EVERY_S:
            self._said_at = time.monotonic()
            _note(self._runtime, self._channel_id, self._night, alive_at=db_now(), **self._plan)


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


def has_died(session: Session, found: NightlyComparison) -> bool:
    """Whether its worker ended without a word; one that was told to end has said so."""
    dead = exists().where(
        NightlyComparison.channel_id == found.channel_id,
        NightlyComparison.night == found.night,
        NightlyComparison.tries > 0,
        _is_dead(),
    )
    return bool(session.scalar(select(dead)))


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
