"""Token buckets in the database: one per ERP tenant and per shop, shared by all processes.

A taker that finds the bucket empty waits for its token, at most two seconds; a longer wait is
handed back as Busy, and the work gets a due time instead (design.md 5.5). The arithmetic is in
`token_bucket`, what a shop teaches us about its rate in `shop_rate`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, case, select, update
from sqlalchemy.orm import Session

from integration import patience, sql
from integration.clock import UtcDateTime, db_now
from integration.db import SessionScope
from integration.errors import Busy
from integration.models import RateBucket
from integration.token_bucket import LONGEST_WAIT_S, Admission, Level, Rate, Share, admit

_SHOP = "shop:"

#: A pass over everything that nobody asked for never takes more of a tenant's request budget.
PASS_PART = 0.25


# Built once: every request asks.
_table: Any = RateBucket.__table__
_row = _table.c
_is_bucket = _row.name == bindparam("bucket", type_=String())
_LOCKING = (
    select(
        _row.tokens,
        _row.filled_at,
        _row.backfill_tokens,
        _row.write_back_tokens,
        _row.paused_until,
        _row.per_second,
        db_now().label("now"),
    )
    .where(_is_bucket)
    .with_for_update()
)
_TAKE = (
    update(_table)
    .where(_is_bucket)
    .values(
        tokens=bindparam("left"),
        filled_at=bindparam("at", type_=UtcDateTime()),
        backfill_tokens=bindparam("left_to_backfill"),
        write_back_tokens=bindparam("left_to_write_back"),
        paused_until=None,
    )
)


class Bucket:
    """The bucket `name` for the requests of one `share`.

    `rate`: fixed, or a function of what the bucket has learnt per second (None: nothing yet).
    `gives_up_after_s`: from then on nothing is taken, so that a stage of many small requests
    ends within its limit.
    """

    def __init__(
        self,
        scope: SessionScope,
        name: str,
        rate: Rate | Callable[[float | None], Rate],
        *,
        share: Share = Share.LIVE,
        gives_up_after_s: float = math.inf,
        wait: Callable[[float], None] = patience.wait,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._scope, self._name, self._share, self._wait = scope, name, share, wait
        self._rate_of = rate if callable(rate) else lambda _learnt: rate
        self._clock, self._ends_at = clock, clock() + gives_up_after_s

    def take(self) -> float:
        """Return when one request may be sent: the seconds that were waited for it.

        Raises: Busy with the seconds to wait when that is longer than LONGEST_WAIT_S, and
        when the taker's own time is over: what it has is kept, the rest comes again at once.
        """
        if self._clock() >= self._ends_at:
            raise Busy("the time of this stage is used up", 0.0)
        waited_s = 0.0
        while True:
            patience_s = LONGEST_WAIT_S - waited_s
            with self._scope() as session:
                found = self._ask(session, patience_s)
            # Live work reserves ahead: what is refused to it now is refused in two seconds too.
            is_hopeless = self._share is Share.LIVE or found.wait_s > patience_s
            if found.level is None and is_hopeless:
                raise Busy(f"the request budget of {self._name} is used up", found.wait_s)
            if found.wait_s > 0:
                self._wait(found.wait_s)
                waited_s += found.wait_s
            if found.level is not None:
                return waited_s

    def pause(self, seconds: float) -> None:
        """Nobody takes anything for `seconds`: the other side said so (429)."""
        with self._scope() as session:
            _pause(session, self._name, seconds)

    def _ask(self, session: Session, patience_s: float) -> Admission:
        """What the bucket says now; a token that is granted is taken."""
        row = self._locked(session)
        if row.paused_until is not None and row.paused_until > row.now:
            return Admission(None, (row.paused_until - row.now).total_seconds())
        rate = self._rate_of(row.per_second)
        level = Level(
            row.tokens, row.filled_at, row.backfill_tokens or 0.0, row.write_back_tokens or 0.0
        )
        found = admit(level.filled(row.now, rate), rate, self._share, patience_s)
        if found.level is not None:
            session.execute(
                _TAKE,
                {
                    "bucket": self._name,
                    "left": found.level.tokens,
                    "at": found.level.filled_at,
                    "left_to_backfill": found.level.backfill,
                    "left_to_write_back": found.level.write_back,
                },
            )
        return found

    def _locked(self, session: Session) -> Any:
        def full() -> Any:
            tokens = self._rate_of(None).capacity
            values = {"name": self._name, "tokens": tokens, "filled_at": db_now()}
            return sql.insert(session, RateBucket).values(**values)

        return sql.locked_or_new(session, _LOCKING, full, {"bucket": self._name})


class Part:
    """A part of a bucket: what takes here never takes more than this part of the whole.

    The part is a bucket of its own, so that everybody who takes of it shares it.
    """

    def __init__(self, whole: Bucket, part: Bucket) -> None:
        self._whole, self._part = whole, part

    def take(self) -> float:
        """Return when one request may be sent. Raises: Busy, as both buckets do."""
        return self._part.take() + self._whole.take()

    def pause(self, seconds: float) -> None:
        """Nobody takes anything of the whole."""
        self._whole.pause(seconds)


def erp_bucket_name(tenant_id: int) -> str:
    return f"erp:{tenant_id}"


def erp_part_name(tenant_id: int) -> str:
    """Of what passes over everything may use of a tenant's budget."""
    return f"erp:{tenant_id}:pass"


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
    empty = {"tokens": 0.0, "backfill_tokens": 0.0, "write_back_tokens": 0.0}
    statement = sql.insert(session, RateBucket).values(
        name=name, filled_at=until, paused_until=until, **empty
    )
    longest = case((RateBucket.paused_until > until, RateBucket.paused_until), else_=until)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={"filled_at": longest, "paused_until": longest, **empty},
        )
    )
