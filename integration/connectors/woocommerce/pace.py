"""How many rows one request takes, so that none takes too long.

Each row runs the shop's hooks and caches: 5 s per 100 were measured at a bare shop, and plugins
multiply it. A host's front gives up after 30 or 60 s, while PHP goes on and nobody learns what
became of the rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from integration.connectors.base import Context

#: What a request is planned to take, so that one twice as slow ends within 20 s.
AIM_S = 10.0
#: No larger share of a push than this: where stages are shorter, so are requests.
AIM_SHARE = 0.25
#: Rows that this push has no time for are taken up by the next one.
NEXT_PUSH_S = 1.0
#: Rows of the first request to a shop whose speed is not known.
PROBE_ROWS = 10

#: Fewer rows say more about the request than about a row.
_TELLING_ROWS = 5
#: A change of the measured speed below this part is not worth a write.
_NOTABLE = 0.2


class Pace:
    """The size of requests with one kind of rows, e.g. of a topic; lives for one push, learns for
    all."""

    def __init__(
        self, context: Context, kind: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._name, self._clock = context.facts, f"row-seconds:{kind}", clock
        self._push_s = context.push_s
        self._aim_s = min(AIM_S, AIM_SHARE * context.push_s)
        known = self._store.get(self._name)
        self._row_s: float | None = float(known) if known else None
        self._began = clock()
        self._most: int | None = None

    def size(self, waiting: int) -> int:
        """Rows of the next request, of so many that wait; 0: this push has lasted long enough."""
        rows = PROBE_ROWS if self._row_s is None else max(1, int(self._aim_s / self._row_s))
        rows = min(waiting, rows, self._most or rows)
        elapsed = self._clock() - self._began
        expected = elapsed + (self._row_s or 0) * rows
        is_spent = elapsed > self._aim_s and expected > self._push_s
        return 0 if is_spent else rows

    def limit(self, rows: int) -> None:
        """The shop takes no more rows than these in one request."""
        self._most = rows

    def learn(self, rows: int, seconds: float) -> None:
        """Note what a request took. At once when it is slower, by halves when it is faster.

        Few rows can only show that a row takes less than was believed: otherwise a shop that was
        slow once, and has got single rows since, would get them for good.
        """
        measured = seconds / rows
        is_faster = self._row_s is not None and measured < self._row_s
        if rows < _TELLING_ROWS and seconds < self._aim_s and not is_faster:
            return
        if self._row_s is not None:
            measured = max(measured, self._row_s / 2)
            if abs(measured - self._row_s) <= _NOTABLE * self._row_s:
                return
        self._row_s = measured
        self._store.put(self._name, round(measured, 4))
