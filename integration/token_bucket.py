"""The arithmetic of a token bucket with shares; pure, every time is an argument.

Live work takes what there is and may reserve ahead. Backfill and write-back take what live work
leaves: tokens above a reserve. So they use everything while no live work waits, and give way with
the next token when it comes. Under saturation each has an allowance that nobody takes away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Share(StrEnum):
    """Whose request it is; the order is that of precedence."""

    LIVE = "live"
    BACKFILL = "backfill"
    WRITE_BACK = "write-back"


#: What backfill and write-back get of a saturated bucket; the rest, 70 %, is live work's.
ALLOWANCE = {Share.BACKFILL: 0.2, Share.WRITE_BACK: 0.1}
#: Part of the bucket that they leave to who comes before them, beyond the token they take.
RESERVE = {Share.BACKFILL: 0.3, Share.WRITE_BACK: 0.6}
#: Unused allowance is kept for so many requests.
ALLOWANCE_KEPT = 2.0
#: A worker never sleeps longer than this.
LONGEST_WAIT_S = 2.0
#: How far live work reserves ahead; the rest of the time is room for the allowances of the others.
LIVE_AHEAD_S = 1.6


@dataclass(frozen=True)
class Rate:
    """`requests` per `seconds`, and a quarter of them at once.

    Bucket plus refill never exceed 5/4 of the rate in any window: 37.5 for 30 per 6 s. The ERP
    allows 40, so that requests may bunch up by half a second on their way.
    """

    requests: float
    seconds: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def capacity(self) -> float:
        return max(1.0, self.requests / 4)


@dataclass(frozen=True)
class Level:
    """A bucket at `filled_at`. Tokens fall below 0 when takers wait for their own."""

    tokens: float
    filled_at: datetime
    backfill: float = 0.0
    write_back: float = 0.0

    def filled(self, now: datetime, rate: Rate) -> Level:
        """What has flowed in until `now`. A `now` before the last filling changes nothing: its
        taker read the clock before it got the lock."""
        elapsed = (now - self.filled_at).total_seconds()
        if elapsed <= 0:
            return self
        gained = elapsed * rate.per_second
        return Level(
            min(rate.capacity, self.tokens + gained),
            now,
            min(ALLOWANCE_KEPT, self.backfill + gained * ALLOWANCE[Share.BACKFILL]),
            min(ALLOWANCE_KEPT, self.write_back + gained * ALLOWANCE[Share.WRITE_BACK]),
        )

    def allowance(self, share: Share) -> float:
        return self.backfill if share is Share.BACKFILL else self.write_back


@dataclass(frozen=True)
class Admission:
    """`level` after the taking, None: nothing was taken, ask again in `wait_s`. Otherwise the
    request may go in `wait_s`."""

    level: Level | None
    wait_s: float


def admit(level: Level, rate: Rate, share: Share, patience_s: float = LONGEST_WAIT_S) -> Admission:
    """One request at the bucket's `filled_at`, by somebody who waits for `patience_s` at most."""
    own_turn_s = max(0.0, (1.0 - level.tokens) / rate.per_second)
    taken = replace(level, tokens=level.tokens - 1.0)
    if share is Share.LIVE:
        in_time = own_turn_s <= min(LIVE_AHEAD_S, patience_s)
        return Admission(taken if in_time else None, own_turn_s)
    spare = 1.0 + RESERVE[share] * (rate.capacity - 1.0)
    if level.tokens >= spare:
        return Admission(taken, 0.0)
    allowance = level.allowance(share)
    if allowance >= 1.0 and own_turn_s <= patience_s:
        return Admission(_used(taken, share), own_turn_s)
    until_spare_s = (spare - level.tokens) / rate.per_second
    until_allowed_s = max(
        (1.0 - allowance) / (ALLOWANCE[share] * rate.per_second), own_turn_s - patience_s
    )
    return Admission(None, min(until_spare_s, until_allowed_s))


def _used(level: Level, share: Share) -> Level:
    if share is Share.BACKFILL:
        return replace(level, backfill=level.backfill - 1.0)
    return replace(level, write_back=level.write_back - 1.0)
