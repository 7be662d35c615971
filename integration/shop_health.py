"""How the shops are doing: their circuit breakers and their latency, in the database.

Written by the push stage after each batch, read by dispatch. The rules are in `breaker`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    and_,
    bindparam,
    delete,
    false,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from integration import sql
from integration.breaker import Breaker
from integration.clock import db_now
from integration.models import ShopHealth, WorkItem, WorkItemState
from integration.observe import masked
from integration.topology import Topic

#: A shop that holds a worker for so long gets one batch at a time. Shopware's own advice is 5 to
#: 10 s per request; below it two batches overlap usefully.
SLOW_S = 5.0
#: A batch that is not answered after so long may be at a shop that hangs: no second one goes there.
HANGS_AFTER_S = 2.0
#: Beyond the soft limit of a stage nobody waits any more; who began the call has died in it.
FORGOTTEN_AFTER_S = 60.0
#: Weight of the last batch: one that took half a minute is felt at once and forgotten after three.
WEIGHT = 0.5


#: A shop after an answer.
_WELL: dict[str, Any] = {
    "failures": 0,
    "trips": 0,
    "retry_at": None,
    "opened_at": None,
    "reason": None,
    "call_began_at": None,
}
_SECONDS = bindparam("seconds", type_=Float())
_table: Any = ShopHealth.__table__
_row = _table.c
#: An answer of a shop whose breaker is closed: what nearly every batch ends with.
_SUCCESS = (
    update(_table)
    .where(_row.channel_id == bindparam("channel"), _row.retry_at.is_(None))
    .values(
        **_WELL,
        latency_s=func.coalesce(WEIGHT * _SECONDS + (1.0 - WEIGHT) * _row.latency_s, _SECONDS),
    )
    .returning(_row.channel_id)
)


_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Health:
    """One shop at the moment it was read; without arguments, one that nothing is known of."""

    breaker: Breaker = field(default_factory=Breaker)
    latency_s: float | None = None
    reason: str | None = None
    rests: bool = False
    hangs: bool = False
    #: By the database's clock.
    read_at: datetime = _NEVER

    @property
    def is_slow(self) -> bool:
        """It gets one batch at a time: it is slow, hangs, or its last call failed."""
        return self.hangs or self.breaker.failures > 0 or (self.latency_s or 0.0) >= SLOW_S


def by_channel(session: Session) -> dict[int, Health]:
    """Every shop that something is known of."""
    rows = session.execute(_select()).all()
    return {row.channel_id: _health(row) for row in rows}


def locked(session: Session, channel_id: int) -> Health:
    """One shop, its row locked: everybody who claims for the channel takes turns here."""

    def new() -> Any:
        values = {"channel_id": channel_id, "failures": 0, "trips": 0}
        return sql.insert(session, ShopHealth).values(**values)

    return _health(sql.locked_or_new(session, _locking(), new, {"channel": channel_id}))


def note_call(session: Session, channel_id: int) -> None:
    """A batch is being sent, until its success or failure is recorded."""
    session.execute(_call_began(sql.is_postgres(session)), {"of_channel": channel_id})


@lru_cache(maxsize=2)
def _call_began(on_postgres: bool) -> Any:
    noted = sql.insert_into(on_postgres, _table).values(
        channel_id=bindparam("of_channel"), failures=0, trips=0, call_began_at=db_now()
    )
    return noted.on_conflict_do_update(
        index_elements=["channel_id"], set_={"call_began_at": db_now()}
    )


def end_call(session: Session, channel_id: int) -> None:
    """The batch ended, and says nothing about the shop."""
    _update(session, channel_id, call_began_at=None)


def record_success(session: Session, channel_id: int, took_s: float) -> bool:
    """The shop answered within `took_s`; whether that closed its breaker."""
    answered = {"channel": channel_id, "seconds": took_s}
    if session.scalars(_SUCCESS, answered).one_or_none() is not None:
        return False
    was_open = locked(session, channel_id)
    _update(
        session,
        channel_id,
        **_WELL,
        latency_s=_smoothed(was_open.latency_s, took_s),
    )
    return was_open.breaker.is_open


def record_failure(
    session: Session,
    channel_id: int,
    reason: str,
    took_s: float,
    uniform: Callable[[float, float], float] = random.uniform,
) -> tuple[Breaker, float]:
    """The shop failed after `took_s`; its breaker now, and the seconds it rests."""
    before = locked(session, channel_id)
    now = session.scalars(select(db_now())).one()
    after = before.breaker.failed(now, uniform)
    values: dict[str, Any] = {"retry_at": after.retry_at}
    if after.is_open and not before.breaker.is_open:
        values["opened_at"] = now
    _update(
        session,
        channel_id,
        failures=after.failures,
        trips=after.trips,
        reason=masked(reason)[:2_000],
        latency_s=_smoothed(before.latency_s, took_s),
        call_began_at=None,
        **values,
    )
    rest_s = (after.retry_at - now).total_seconds() if after.retry_at else 0.0
    return after, max(0.0, rest_s)


def note_pause(session: Session, channel_id: int, reason: str) -> None:
    """Remember why the shop asked to be let alone; that is no failure."""
    locked(session, channel_id)
    _update(session, channel_id, reason=masked(reason)[:2_000])


def forget(session: Session, channel_id: int) -> None:
    """Begin anew: a person says that the shop is well, or it is another one now."""
    session.execute(delete(ShopHealth).where(ShopHealth.channel_id == channel_id))


def chains_of_slow_shops(session: Session) -> int:
    """Chains under way of all shops that are slow, hang, or whose last call failed."""
    slow = select(ShopHealth.channel_id).where(
        or_(ShopHealth.failures > 0, ShopHealth.latency_s >= SLOW_S, _hangs())
    )
    query = select(func.count(WorkItem.claim_id.distinct())).where(
        WorkItem.state == WorkItemState.PROCESSING.value,
        WorkItem.channel_id.in_(slow),
        WorkItem.topic != Topic.WRITE_BACK.value,  # asks nothing of the shop
    )
    return session.scalar(query) or 0


@lru_cache(maxsize=1)
def _locking() -> Any:
    return _select().where(_row.channel_id == bindparam("channel")).with_for_update()


def _select() -> Any:
    return select(
        _row.channel_id,
        _row.failures,
        _row.trips,
        _row.retry_at,
        _row.latency_s,
        _row.reason,
        func.coalesce(_hangs(), false()).label("hangs"),
        db_now().label("now"),
    )


def _hangs() -> ColumnElement[bool]:
    return and_(
        _row.call_began_at <= db_now(-HANGS_AFTER_S),
        _row.call_began_at > db_now(-FORGOTTEN_AFTER_S),
    )


def _health(row: Any) -> Health:
    breaker = Breaker(row.failures, row.trips, row.retry_at)
    rests = breaker.rests_at(row.now)
    return Health(breaker, row.latency_s, row.reason, rests, bool(row.hangs), row.now)


def _smoothed(before: float | None, took_s: float) -> float:
    return took_s if before is None else WEIGHT * took_s + (1.0 - WEIGHT) * before


def _update(session: Session, channel_id: int, **values: Any) -> None:
    session.execute(
        update(ShopHealth)
        .where(ShopHealth.channel_id == channel_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
