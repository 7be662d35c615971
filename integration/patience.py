"""Asking ERP and shop from the foreground: who asks for a pause is waited for.

For passes that read everything and hold no claim; a stage never waits, it gives its rows back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from integration.errors import Throttled, TransientError

#: Failures in a row of the ERP or the shop after which a pass gives up.
MAX_FAILURES = 6
LONGEST_PAUSE_S = 60.0
#: When the ERP does not say how long.
_PAUSE_S = 2.0

Row = Mapping[str, Any]
Result = TypeVar("Result")


def wait(seconds: float) -> None:
    """Let time pass."""
    threading.Event().wait(seconds)


class Patience:
    """`wait` may raise, so that somebody at a terminal can stop the pass."""

    def __init__(self, wait: Callable[[float], None] = wait) -> None:
        self._wait = wait

    def ask(self, ask: Callable[[], Result]) -> Result:
        """The answer, after waiting for whoever asked for a pause.

        Raises: IntegrationError of the ERP or the shop, when waiting does not help.
        """
        failures = 0
        while True:
            try:
                return ask()
            except Throttled as error:
                self.rest(error, 0)
            except TransientError as error:
                failures += 1
                self.rest(error, failures)

    def rest(self, error: TransientError, failures: int) -> None:
        """Wait after the last of so many failures in a row. Raises: the error, when they are too
        many."""
        if failures >= MAX_FAILURES:
            raise error
        pause_s = error.retry_after_s if isinstance(error, Throttled) else 2.0**failures
        self._wait(min(pause_s, LONGEST_PAUSE_S))

    def rows(
        self, fetch: Callable[[Sequence[str]], Mapping[str, Row]], ids: Sequence[str]
    ) -> dict[str, Row]:
        """What `fetch` gives for these ids, asked again for what it postponed.

        Raises: TransientError when nothing of it could be read for too long.
        """
        rows: dict[str, Row] = {}
        pending, failures = list(ids), 0
        while pending:
            found = self.ask(partial(fetch, pending))
            postponed = [one for one in pending if "postponed" in found.get(one, {})]
            rows.update({one: row for one, row in found.items() if one not in postponed})
            failures = failures + 1 if len(postponed) == len(pending) else 0
            if failures >= MAX_FAILURES:
                raise TransientError(found[postponed[0]]["postponed"]["message"])
            if postponed:
                pause_s = found[postponed[0]]["postponed"]["retry_after_s"] or _PAUSE_S
                self._wait(min(pause_s, LONGEST_PAUSE_S))
            pending = postponed
        return rows
