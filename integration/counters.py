"""Counts of this process, for /metrics: added up in memory, given to the database in bulk.

Several processes on several machines count and one scrape must show them all, so the totals are
rows (`counter_store`). To count costs a lock and an addition; what is counted is written at most
every FLUSH_S seconds, by a thread that lives only where somebody counts.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import NamedTuple

from integration import observe

log = logging.getLogger("integration.counters")

#: How old the counts of another process are at most when a scrape reads them.
FLUSH_S = 2.0


class Counter(StrEnum):
    """What is counted; the metrics are called ``relay_<name>_total``."""

    HINTS = "hints"
    #: By outcome: what became of a work item that a chain had.
    PUSHES = "pushes"
    #: By target and status: ``erp:200``, ``shop:none`` where no answer came.
    REQUESTS = "requests"
    #: By cause.
    CLAIMS_LOST = "claims_lost"


class Key(NamedTuple):
    """One series. Ids are 0 and texts empty where they do not apply; `topic` is the short name."""

    counter: Counter
    label: str = ""
    tenant_id: int = 0
    channel_id: int = 0
    topic: str = ""


Counts = Mapping[Key, int]
Sink = Callable[[Counts], None]


class Counters:
    """Adds up. `flush_into` says where the sums go; before that they stay in memory."""

    def __init__(self, flush_s: float = FLUSH_S) -> None:
        self._flush_s = flush_s
        self._sink: Sink | None = None
        self._counts: dict[Key, int] = {}
        self._begin()

    def _begin(self) -> None:
        self._lock, self._has_counted = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, key: Key, number: int = 1) -> None:
        """Count; never waits for the database."""
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + number
            if self._thread is None and self._sink is not None:
                # A daemon: the end of the process flushes by itself.
                self._thread = threading.Thread(target=self._run, name="counters", daemon=True)
                self._thread.start()
        if not self._has_counted.is_set():
            self._has_counted.set()

    def flush_into(self, sink: Sink) -> None:
        """From now on write what is counted every FLUSH_S seconds, and at the process's end."""
        self._sink = sink
        atexit.register(self.flush)

    @contextmanager
    def flushing_into(self, sink: Sink) -> Iterator[None]:
        """The same for the time of a block, with what is left at its end."""
        self._sink = sink
        try:
            yield
        finally:
            self.flush()
            self._sink = None

    def flush(self, sink: Sink | None = None) -> None:
        """Write what is counted now, into `sink` or the process's own.

        Failure policy: at least once. What could not be written is kept for the next time; a
        database that went away during its commit may count twice.
        """
        sink = sink or self._sink
        counts = self.taken()
        if sink is None or not counts:
            self._give_back(counts)
            return
        try:
            sink(counts)
        except Exception as error:  # noqa: BLE001 - a count is worth no failure of what it counts
            self._give_back(counts)
            name = type(error).__name__
            log.debug(observe.event("counters.kept", series=len(counts), error=name))

    def taken(self) -> Counts:
        """What was counted since the last time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return counts

    def _give_back(self, counts: Counts) -> None:
        with self._lock:
            for key, number in counts.items():
                self._counts[key] = self._counts.get(key, 0) + number

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._has_counted.wait()
            pause.wait(self._flush_s)
            self._has_counted.clear()
            self.flush()
            if self._counts and self._sink is not None:
                self._has_counted.set()

    def forget_parent(self) -> None:
        """In a forked child: neither the parent's counts nor its thread are the child's."""
        self._counts = {}
        self._begin()


#: Those of this process.
PROCESS = Counters()

os.register_at_fork(after_in_child=PROCESS.forget_parent)
