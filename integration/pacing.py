"""Token buckets in the database: one per ERP tenant and per shop, shared by all processes.

A taker that finds the bucket empty reserves the next token and waits for it, at most two seconds;
a longer wait is handed back as Throttled, and the work gets a due time instead (design.md 5.5).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from integration import sql
from integration.clock import db_now
from integration.db import SessionScope
from integration.errors import Throttled
from integration.models import RateBucket

#: A worker never sleeps longer than this.
LONGEST_WAIT_S = 2.0
#: Share of the tokens that backfill leaves to live work.
LIVE_RESERVE = 0.3

_SHOP = "shop:"


@dataclass(frozen=True)
class Rate:
    """`requests` per `seconds`. The bucket holds a third of them: bucket plus refill then never
    exceed 4/3 of the rate in any window, which for 30 per 6 s is the ERP's own 40 per 6 s."""

    requests: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def capacity(self) -> float:
        return max(1.0, self.requests / 3)


def _wait(seconds: float) -> None:
    threading.Event().wait(seconds)


class Bucket:
    """The bucket `name`; backfill leaves a reserve to live work.

    `gives_up_after_s`: from then on nothing is taken, so that a stage of many small requests
    ends within its limit.
    """

    def __init__(
        self,
        scope: SessionScope,
        name: str,
        rate: Rate,
        *,
        is_backfill: bool = False,
        gives_up_after_s: float = math.inf,
        wait: Callable[[float], None] = _wait,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scope, self._name, self._rate, self._wait = scope, name, rate, wait
        self._clock, self._ends_at = clock, clock() + gives_up_after_s
        self._reserve = rate.capacity * LIVE_RESERVE if is_backfill else 0.0

    def take(self) -> None:
        """Return when one request may be sent.

        Raises: Throttled with the seconds to wait when that is longer than LONGEST_WAIT_S, and
        when the taker's own time is over: what it has is kept, the rest comes again at once.
        """
        if self._clock() >= self._ends_at:
            raise Throttled("the time of this stage is used up", 0.0)
        with self._scope() as session:
            wait_s, is_taken = self._reserve_one(session)
        if not is_taken:
            raise Throttled(f"the request budget of {self._name} is used up", wait_s)
        if wait_s > 0:
            self._wait(wait_s)

    def pause(self, seconds: float) -> None:
        """Nobody takes anything for `seconds`: the other side said so (429)."""
        with self._scope() as session:
            _pause(session, self._name, seconds)

    def _reserve_one(self, session: Session) -> tuple[float, bool]:
        """(seconds until the token is there, taken?)"""
        self._ensure(session)
        row = session.execute(
            select(
                RateBucket.tokens,
                RateBucket.filled_at,
                RateBucket.paused_until,
                db_now().label("now"),
            )
            .where(RateBucket.name == self._name)
            .with_for_update()
        ).one()
        if row.paused_until is not None and row.paused_until > row.now:
            return (row.paused_until - row.now).total_seconds(), False
        elapsed = max(0.0, (row.now - row.filled_at).total_seconds())
        tokens = min(self._rate.capacity, row.tokens + elapsed * self._rate.per_second)
        wait_s = max(0.0, (1.0 + self._reserve - tokens) / self._rate.per_second)
        if wait_s > LONGEST_WAIT_S:
            return wait_s, False
        session.execute(
            update(RateBucket)
            .where(RateBucket.name == self._name)
            .values(tokens=tokens - 1.0, filled_at=row.now, paused_until=None)
        )
        return wait_s, True

    def _ensure(self, session: Session) -> None:
        session.execute(
            sql.insert(session, RateBucket)
            .values(name=self._name, tokens=self._rate.capacity, filled_at=db_now())
            .on_conflict_do_nothing()
        )


def erp_bucket_name(tenant_id: int) -> str:
    return f"erp:{tenant_id}"


def shop_bucket_name(channel_id: int) -> str:
    return f"{_SHOP}{channel_id}"


def end_pause(session: Session, name: str) -> None:
    """Let a bucket be taken from again."""
    session.execute(update(RateBucket).where(RateBucket.name == name).values(paused_until=None))


def paused_until(session: Session) -> dict[str, datetime]:
    """End of the pause by name, of the buckets that are paused now; dispatch claims nothing for
    them."""
    rows = session.execute(
        select(RateBucket.name, RateBucket.paused_until).where(RateBucket.paused_until > db_now())
    ).all()
    return {row.name: row.paused_until for row in rows}


def shops_of(names: Iterable[str]) -> list[int]:
    """Channel ids of those names that are shops' buckets."""
    return [int(one.removeprefix(_SHOP)) for one in names if one.startswith(_SHOP)]


def pause_shop(session: Session, channel_id: int, seconds: float) -> None:
    """Let a shop alone for `seconds`, because it asked for it (429) or is in maintenance."""
    _pause(session, shop_bucket_name(channel_id), seconds)


def _pause(session: Session, name: str, seconds: float) -> None:
    """The longest pause of several counts; after it the bucket fills from nothing."""
    until = db_now(seconds)
    statement = sql.insert(session, RateBucket).values(
        name=name, tokens=0.0, filled_at=until, paused_until=until
    )
    longest = case((RateBucket.paused_until > until, RateBucket.paused_until), else_=until)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"tokens": 0.0, "filled_at": longest, "paused_until": longest},
        )
    )
