"""How beat ends: at once, wherever it is, because nothing of it has to survive.

Celery closes beat's connection in the signal handler. In the middle of a message what is half read
belongs to the answer of that one, and the close waits for its own for ever: a deployment would wait
until its process manager kills.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from celery import beat


class Scheduler(beat.Scheduler):
    """Celery's, which knows whether it may be in the middle of a message."""

    is_idle = True

    def tick(self, *args: Any, **kwargs: Any) -> float:
        self.is_idle = False
        try:
            return float(super().tick(*args, **kwargs))
        finally:
            self.is_idle = True


def end_when_told(service: beat.Service) -> None:
    """Take the place of Celery's handlers; not where beat is a thread, as in `up`."""
    if threading.current_thread() is not threading.main_thread():
        return

    def end(_signum: int, _frame: FrameType | None) -> None:
        if not service.scheduler.is_idle:
            os._exit(0)  # what it was sending is due again at the next start
        service.scheduler.is_idle = False  # the close is a message, too
        raise SystemExit

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, end)
