"""Looks at the queue all the time: how long after a fault does work go on?"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import requests
from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from integration import db
from integration.clock import db_now
from integration.models import RateBucket, ShopHealth, WorkItem, WorkItemState

EVERY_S = 0.2

#: Begin and end (monotonic).
Interval = tuple[float, float]


@dataclass(frozen=True)
class Sample:
    """At one moment (monotonic): is work due or under way, and how far did it come?

    `progress` grows when a row is pushed, and when the shop answers a write, as it was told to
    refuse some. `is_told_to_wait`: the shop failed so often that it is let alone for a while, or
    shop or ERP asked for time (429, 503).
    """

    at: float
    is_due: bool
    progress: tuple[float, int]
    is_told_to_wait: bool = False


class Watch:
    """Takes samples in a thread of its own; a database that is away gives none."""

    def __init__(self, database_url: str, shop_url: str, writes: str) -> None:
        """`writes`: how the routes begin that change something in the shop."""
        self._engine, self._writes = db.build_engine(database_url), writes
        self._counts_url = f"{shop_url}/_sandbox/requests"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.samples: list[Sample] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            try:
                self.samples.append(self._sample())
            except (SQLAlchemyError, requests.RequestException):
                continue

    def _sample(self) -> Sample:
        is_due = (
            (WorkItem.state == WorkItemState.QUEUED.value)
            & WorkItem.hold_reason.is_(None)
            & (WorkItem.due_at <= db_now())
        )
        is_open = is_due | (WorkItem.state == WorkItemState.PROCESSING.value)
        statement = select(func.sum(case((is_open, 1), else_=0)), func.max(WorkItem.pushed_at))
        waits = or_(
            exists().where(ShopHealth.retry_at > db_now()),
            exists().where(RateBucket.paused_until > db_now()),
        )
        with db.session_scope(self._engine) as session:
            count, pushed_at = session.execute(statement).one()
            is_told_to_wait = bool(session.scalar(select(waits)))
        by_route = requests.get(self._counts_url, timeout=30).json()["by_route"]
        written = sum(n for route, n in by_route.items() if route.startswith(self._writes))
        progress = (pushed_at.timestamp() if pushed_at else 0.0, written)
        return Sample(time.monotonic(), bool(count), progress, is_told_to_wait)


def waits(samples: Sequence[Sample]) -> list[Interval]:
    """When nothing could be sent because shop or ERP is given the time it needs."""
    return [(one.at, after.at) for one, after in pairwise(samples) if one.is_told_to_wait]


READY = re.compile(r"^(\S+ \S+) INFO celery.apps.worker .* ready\.$", re.MULTILINE)


def ready_times(log: str) -> list[float]:
    """When a worker was ready for work, by its log in local time; seconds since the epoch."""
    return [
        datetime.strptime(one, "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
        for one in READY.findall(log)
    ]


def resumption_s(
    samples: Sequence[Sample], ended_at: float, blocked: Sequence[Interval] = ()
) -> float | None:
    """Seconds from the end of a fault, or from when work was due, to the next step on.

    Time in which nothing can be pushed, `blocked` by other faults, is left out.
    None: nothing was due any more, or the run ended before.
    """
    after = [one for one in samples if one.at >= ended_at]
    due = next((one for one in after if one.is_due), None)
    if due is None:
        return None
    following = (one.at for one in after if one.at > due.at and one.progress > due.progress)
    settled_at = next(following, None)
    if settled_at is None:
        if not after[-1].is_due:
            return None
        settled_at = after[-1].at
    began = max(ended_at, due.at)
    return settled_at - began - covered_s(began, settled_at, blocked)


def covered_s(since: float, until: float, intervals: Sequence[Interval]) -> float:
    """How much of a time is covered by these intervals, which may overlap."""
    covered, reached = 0.0, since
    for begin, end in sorted(intervals):
        begin, end = max(begin, reached), min(end, until)
        if end > begin:
            covered, reached = covered + end - begin, end
    return covered


def both(one: Sequence[Interval], other: Sequence[Interval]) -> list[Interval]:
    """The times that are in an interval of both."""
    pairs = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return [(begin, end) for begin, end in pairs if begin < end]
