"""Drives a sync run turn by turn, and measures how it goes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.orm import Session

from cli.channel import require_running
from cli.gentle_stop import GentleStop
from cli.shared import note
from integration import channels, sync, sync_runs
from integration.errors import IntegrationError, Throttled, TransientError
from integration.models import SyncCursor, SyncRun, SyncRunState
from integration.runtime import Runtime
from integration.sync_pace import Pace
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

#: The state that is shown of a run that a person has wait.
PAUSED = "PAUSED"
ALL_TOPICS = ("article", "price", "stock")
TURN_S = 1.0
#: A turn and the look at what came of it take at least so long, and counting the work items of a
#: large run, which takes a while, gets no more than this share of the time.
IDLE_S, COUNTING_SHARE = 0.5, 0.05
#: Failures of the ERP in a row after which a person should look.
MAX_FAILURES = 6
LONGEST_PAUSE_S = 30.0
#: So long nothing moves although something waits: probably nobody works on it.
STALLED_S = 30.0


@dataclass(frozen=True)
class Step:
    """How far a run is. `rate` per second: articles read, then changes settled."""

    run: int
    state: str
    seen: int
    expected: int | None
    pushed: int
    unchanged: int
    failed: int
    cursor: str
    skipped: int = 0
    held: int = 0
    open: int = 0
    ended: int = 0
    rate: float = 0.0
    eta_s: float | None = None

    @property
    def is_paging(self) -> bool:
        return self.state == SyncRunState.RUNNING.value


class Show(Protocol):
    """Where progress goes."""

    def step(self, step: Step) -> None: ...

    def pace(self, pace: Pace) -> None: ...

    def note(self, sentence: str) -> None: ...

    def close(self) -> None: ...


def require_moving(runtime: Runtime, name: str) -> None:
    """Raises: IntegrationError for a channel that does not move."""
    with runtime.scope() as session:
        require_running(session, channels.find(session, name), name)


def begin(runtime: Runtime, name: str, topic: Topic | None, *, is_forced: bool) -> tuple[int, bool]:
    """(run id, whether it is an unfinished one that is continued).

    Raises: IntegrationError for a channel that does not move, and for a run that is paused.
    """
    topics = ALL_TOPICS if topic is None else (SHORT_NAME_BY_TOPIC[topic],)
    with runtime.scope() as session:
        channel = channels.find(session, name)
        require_running(session, channel, name)
        unfinished = sync_runs.open_run(session, channel.id, sync_runs.INITIAL)
        # Another choice is another run; the unfinished one is driven on by the workers.
        if (
            unfinished is not None
            and unfinished.topics == ",".join(topics)
            and unfinished.is_forced == is_forced
        ):
            if unfinished.paused_at is not None:
                raise IntegrationError(
                    f"run {unfinished.id} is paused; `vario-relay sync {name} --resume` goes on "
                    f"with it, `vario-relay sync {name} --cancel` ends it"
                )
            return unfinished.id, True
        run_id = sync_runs.start(
            session, channel.id, sync_runs.INITIAL, topics, is_forced=is_forced
        )
        assert run_id is not None, "only a run with a unique key may not start"
        forced = " --force" if is_forced else ""
        note(session, channel.id, f"sync {', '.join(topics)}{forced}")
        return run_id, False


def read_step(session: Session, run_id: int) -> Step:
    """How far a run is, without rate; the database shows it too from now on."""
    run = session.get_one(SyncRun, run_id, populate_existing=True)
    cursor = session.get_one(SyncCursor, run_id, populate_existing=True)
    is_over = run.state not in sync_runs.OPEN_STATES
    counts = sync_runs.counts(session, run_id) if is_over else sync_runs.note_counts(session, run)
    return Step(
        run=run_id,
        state=run.state if run.paused_at is None else PAUSED,
        seen=run.seen,
        expected=run.expected,
        # A later event may have taken over an item of a run that is over: its own counts stay.
        pushed=run.pushed if is_over else counts.pushed,
        unchanged=run.unchanged if is_over else counts.unchanged,
        failed=run.failed if is_over else counts.failed,
        cursor=cursor.position,
        skipped=counts.skipped,
        held=counts.held,
        open=counts.open,
        ended=counts.ended,
    )


class Meter:
    """Rate and remaining time of a run, over the last half minute."""

    WINDOW_S = 30.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._state = ""
        self._samples: deque[tuple[float, int]] = deque()

    def measured(self, step: Step) -> Step:
        """The step with rate and eta."""
        if step.state != self._state:
            self._state = step.state
            self._samples.clear()
        done, left = self._progress(step)
        now = self._clock()
        self._samples.append((now, done))
        while now - self._samples[0][0] > self.WINDOW_S:
            self._samples.popleft()
        since, first = self._samples[0]
        rate = (done - first) / (now - since) if now > since else 0.0
        eta = 0.0 if left == 0 else None
        if left and rate > 0:
            eta = round(left / rate, 1)
        values = {**step.__dict__, "rate": round(max(rate, 0.0), 2), "eta_s": eta}
        return Step(**values)

    def _progress(self, step: Step) -> tuple[int, int | None]:
        if step.is_paging:
            left = None if step.expected is None else max(0, step.expected - step.seen)
            return step.seen, left
        return step.ended, step.open


@dataclass
class Drive:
    """One foreground driver of one run."""

    runtime: Runtime
    run_id: int
    name: str
    show: Show
    waits: bool
    meter: Meter = field(default_factory=Meter)
    stop: GentleStop = field(default_factory=GentleStop)

    def until_end(self) -> Step:
        """The last step: paging is done, or with `waits` the run is over.

        Raises: IntegrationError when the channel stops moving or the ERP keeps failing;
        KeyboardInterrupt between two turns when somebody asked to stop.
        """
        driver = sync.new_driver()
        watch = _StallWatch(self.show)
        previous: Step | None = None
        try:
            while True:
                began = time.monotonic()
                self._turn(driver)
                turned = time.monotonic()
                with self.runtime.scope() as session:
                    found = read_step(session, self.run_id)
                counting_s = time.monotonic() - turned
                step = self.meter.measured(found)
                self.show.step(step)
                if self._is_end(step):
                    return step
                self._check_channel()
                self.stop.check()
                rest_s = max(IDLE_S - (turned - began), counting_s / COUNTING_SHARE)
                if rest_s > 0:
                    self.stop.pause(rest_s)
                watch.saw(found, has_moved=found != previous)
                previous = found
        finally:
            with self.runtime.scope() as session:
                sync_runs.leave_wheel(session, self.run_id, driver)

    def _is_end(self, step: Step) -> bool:
        if step.state in sync_runs.OPEN_STATES:
            return not self.waits and not step.is_paging
        return True

    def _turn(self, driver: str) -> None:
        """One turn; failures of the ERP that may pass are waited out."""
        failures = 0
        while True:
            try:
                sync.advance(self.runtime, self.run_id, driver, budget_s=TURN_S)
                break
            except Throttled as error:
                pause_s = error.retry_after_s
            except TransientError as error:
                failures += 1
                if failures >= MAX_FAILURES:
                    raise
                self.show.note(f"{error}; trying again")
                pause_s = 2.0**failures
            self.stop.pause(min(pause_s, LONGEST_PAUSE_S))
        self._wake_workers()

    def _wake_workers(self) -> None:
        # An in-memory broker does not reach the process of `up`; its sweep looks by itself.
        if self.runtime.settings.broker_url.startswith("amqp"):
            from tasks.wake import wake

            wake()

    def _check_channel(self) -> None:
        with self.runtime.scope() as session:
            require_running(session, channels.find(session, self.name), self.name)


class _StallWatch:
    """Says once that nobody seems to be working."""

    def __init__(self, show: Show) -> None:
        self._show = show
        self._moved_at = time.monotonic()
        self._has_spoken = False

    def saw(self, step: Step, *, has_moved: bool) -> None:
        if has_moved:
            self._moved_at = time.monotonic()
        elif step.open and not self._has_spoken and time.monotonic() - self._moved_at > STALLED_S:
            self._has_spoken = True
            self._show.note(
                f"{step.open} changes wait and nothing moves; is `vario-relay up`, or a worker "
                "and beat, running?"
            )
