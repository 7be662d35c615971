"""When a failed work item is due again: a pure function of attempt and error."""

from __future__ import annotations

import random
from collections.abc import Callable

from integration.errors import Throttled, TransientError

#: Seconds between the eight attempts: 8.7 h in all, so that a morning shift can still fix a shop.
RETRY_SCHEDULE_S = (5, 30, 120, 600, 1_800, 7_200, 21_600)
MAX_ATTEMPTS = len(RETRY_SCHEDULE_S) + 1
JITTER = 0.2  # shops come back together after an outage; we must not


#: A shop with a wrong clock may ask for a day; nobody's stock waits that long for it.
LONGEST_REST_S = 300.0


def rest_s(error: Throttled) -> float:
    """Seconds that the other side is let alone, as it asked, within reason."""
    return min(error.retry_after_s, LONGEST_REST_S)


def delay_s(
    attempt: int, error: TransientError, uniform: Callable[[float, float], float] = random.uniform
) -> float | None:
    """Seconds until the next attempt, or None when the schedule is used up.

    `attempt` counts the attempts before this one from 0. Throttled never ends the schedule: the
    other side lives and said when to return.
    """
    if isinstance(error, Throttled):
        return rest_s(error) * uniform(1.0, 1.0 + JITTER)  # never earlier than asked
    if attempt >= len(RETRY_SCHEDULE_S):
        return None
    return RETRY_SCHEDULE_S[attempt] * uniform(1.0 - JITTER, 1.0 + JITTER)
