"""Ctrl-C between two steps instead of in the middle of one.

Python raises KeyboardInterrupt wherever the program is. Within a transaction that leaves a
connection with its locks, and what is to be written at the end then waits for them in vain.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class GentleStop:
    """Asked once, it stops at the next `check` or within a `pause`; asked again, at once."""

    def __init__(self) -> None:
        self._is_asked = False
        self._pauses = False
        self._never = threading.Event()

    def ask(self, _signum: int, _frame: FrameType | None) -> None:
        """The handler of the signal."""
        if self._is_asked or self._pauses:
            raise KeyboardInterrupt
        self._is_asked = True

    def check(self) -> None:
        """Raises: KeyboardInterrupt when somebody asked to stop."""
        if self._is_asked:
            raise KeyboardInterrupt

    def pause(self, seconds: float) -> None:
        """Wait. Raises: KeyboardInterrupt when somebody asks to stop, or has asked."""
        self._pauses = True
        try:
            self.check()
            self._never.wait(seconds)
        finally:
            self._pauses = False


@contextmanager
def stopping_gently() -> Iterator[GentleStop]:
    """Within the block Ctrl-C is gentle.

    Nothing changes in another thread than the main one, and in the background job of a script, for
    which the shell has switched Ctrl-C off.
    """
    stop = GentleStop()
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        yield stop
        return
    before = signal.signal(signal.SIGINT, stop.ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
