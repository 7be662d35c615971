"""When a shop that fails is let alone, and when it is tried again: a pure state machine.

    closed --third failure in a row--> resting --its time is over--> probing
       ^                                  ^                             |  |
       +--------- success ----------------+--------- failure -----------+  |
       +-------------------------------- success --------------------------+

A failure is a call that got no answer, an answer that came too late, or a 5xx. What the shop says
about rows, credentials or its rate limit proves that it works and is no failure.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

#: One failure is the daily bread of the internet, three in a row are an outage.
OPENS_AFTER = 3
#: Seconds of the first rest, the second, ...; the last one repeats. No rest is much longer than the
#: outage so far, so that work goes on soon after a short one; two minutes cost nobody a night.
RESTS_S = (5.0, 10.0, 20.0, 40.0, 80.0, 120.0)
JITTER = 0.2  # shops of one host come back together; we must not


@dataclass(frozen=True)
class Breaker:
    """`failures` in a row; `trips`: rests in a row; `retry_at`: end of the rest, None: closed."""

    failures: int = 0
    trips: int = 0
    retry_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Open until a call succeeds; resting and probing are both open."""
        return self.retry_at is not None

    def rests_at(self, now: datetime) -> bool:
        """Nothing may go to the shop yet."""
        return self.retry_at is not None and now < self.retry_at

    def failed(
        self, now: datetime, uniform: Callable[[float, float], float] = random.uniform
    ) -> Breaker:
        """After a failure seen at `now`."""
        failures = self.failures + 1
        # A call that began before the rest and failed in it says nothing new.
        if self.rests_at(now) or (not self.is_open and failures < OPENS_AFTER):
            return replace(self, failures=failures)
        rest_s = RESTS_S[min(self.trips, len(RESTS_S) - 1)]
        rest = timedelta(seconds=rest_s * uniform(1.0 - JITTER, 1.0 + JITTER))
        return Breaker(failures, self.trips + 1, now + rest)

    def succeeded(self) -> Breaker:
        """After a call that the shop answered, whenever it began."""
        return Breaker()
