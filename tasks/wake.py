"""The nudge: tells the dispatcher that there is something to do. Best effort by design.

The database owns the work; a nudge that is lost costs one sweep interval and nothing else. So
`wake()` only leaves a note for a thread of this process, which publishes at once, at most five
times a second, and once more when the next round of a coalescing window may open.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from amqp.exceptions import AMQPError
from kombu.connection import Connection
from kombu.exceptions import KombuError

from integration import settings
from integration.errors import UsageError
from integration.topology import TASK_DISPATCH, Queue

log = logging.getLogger("tasks.wake")

#: Far below the five seconds in which a change should be in the shop, far above the cost of one.
MIN_GAP_S = 0.2
#: Behind the end of a coalescing window, so that the round has really opened.
TRAILING_MARGIN_S = 0.1
CONNECT_TIMEOUT_S = 1.0
#: A broker that accepts and then says nothing holds the thread no longer than this.
ANSWER_TIMEOUT_S = 5.0

BROKER_ERRORS = (KombuError, AMQPError, OSError)


class Debounce:
    """When to publish, given when somebody woke us. Pure: every time is an argument."""

    def __init__(self, trailing_s: float, min_gap_s: float = MIN_GAP_S) -> None:
        self._trailing_s, self._min_gap_s = trailing_s, min_gap_s
        self._is_asked = False
        self._not_before = float("-inf")
        self._trailing_at: float | None = None

    def woken(self, now: float) -> bool:
        """Somebody woke us; whether the next publish is sooner than it was before."""
        is_sooner = not self._is_asked
        self._is_asked = True
        self._trailing_at = now + self._trailing_s
        return is_sooner

    def due_at(self) -> float | None:
        """The time of the next publish; None: nobody asked."""
        return self._not_before if self._is_asked else self._trailing_at

    def published(self, now: float) -> None:
        self._is_asked = False
        self._not_before = now + self._min_gap_s
        if self._trailing_at is not None and self._trailing_at <= now:
            self._trailing_at = None


class Waker:
    """Turns the wake-up calls of a process into few publishes, in a thread of its own."""

    def __init__(
        self,
        publish: Callable[[], None],
        debounce: Debounce,
        *,
        clock: Callable[[], float] = time.monotonic,
        condition: threading.Condition | None = None,
    ) -> None:
        self._publish, self._debounce, self._clock = publish, debounce, clock
        self._condition = condition or threading.Condition()
        self._thread: threading.Thread | None = None

    def wake(self) -> None:
        with self._condition:
            is_sooner = self._debounce.woken(self._clock())
            self._start_thread()
            if is_sooner:
                # Only then: in a burst the thread would wake for every webhook, to wait again.
                self._condition.notify()

    def run_once(self) -> None:
        """Wait until a publish is due, and publish."""
        with self._condition:
            while (wait_s := self._wait_s()) is None or wait_s > 0:
                self._condition.wait(wait_s)
            self._debounce.published(self._clock())
        # Outside the lock: a slow broker must not hold up who wakes us.
        self._publish()

    def _wait_s(self) -> float | None:
        due_at = self._debounce.due_at()
        return None if due_at is None else due_at - self._clock()

    def _start_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        # A daemon: the end of the process does not wait for a nudge.
        self._thread = threading.Thread(target=self._run, name="wake", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self.run_once()


class DispatchPublisher:
    """Publishes the dispatch task over a connection of its own; says once that it cannot."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._is_away = False

    def __call__(self) -> None:
        had_connection = self._connection is not None
        error = self._try_to_publish()
        if error is not None and had_connection:
            # The broker was restarted since the last nudge: the new one is there already.
            error = self._try_to_publish()
        self._report(error)

    def _try_to_publish(self) -> Exception | None:
        try:
            self._publish()
        except BROKER_ERRORS as error:
            self._forget_connection()
            return error
        return None

    def _publish(self) -> None:
        # Here and not above: the web process reads Celery's configuration only when it nudges.
        from tasks.app import app

        if self._connection is None:
            self._connection = _connected(
                app.connection_for_write(
                    connect_timeout=CONNECT_TIMEOUT_S,
                    transport_options=_transport_options(app.conf.broker_write_url),
                )
            )
        app.send_task(
            TASK_DISPATCH,
            queue=str(Queue.CONTROL),
            connection=self._connection,
            retry=False,
            ignore_result=True,
            # Old nudges are worth nothing: the sweep has been there since.
            expires=2 * settings.current().sweep_s,
        )

    def _forget_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.release()
        except BROKER_ERRORS:
            log.debug("event=broker.connection_dropped")

    def _report(self, error: Exception | None) -> None:
        if error is not None and not self._is_away:
            log.warning("event=broker.away reason=%r; the sweep takes over", _reason(error))
        if error is None and self._is_away:
            log.warning("event=broker.back")
        self._is_away = error is not None


def wake() -> None:
    """Ask for a dispatch soon. Returns at once and never raises.

    Failure policy: at most once; what a lost nudge leaves behind is found by the sweep.
    """
    try:
        _waker_of_this_process().wake()
    except (RuntimeError, UsageError) as error:
        # No thread can be started any more (the interpreter is on its way out), or no settings.
        log.warning("event=wake.failed reason=%r", str(error))


def broker_state(url: str | None = None) -> str:
    """``ok``, or ``away: <reason>`` after at most about a second. Shows no password."""
    url = url or settings.current().broker_url
    connection = Connection(
        url, connect_timeout=CONNECT_TIMEOUT_S, transport_options=_transport_options(url)
    )
    try:
        _connected(connection).release()
    except BROKER_ERRORS as error:
        password = unquote(urlsplit(url).password or "")
        reason = _reason(error)
        return f"away: {reason.replace(password, '***') if password else reason}"
    return "ok"


def _connected(connection: Connection) -> Connection:
    # kombu's own connect() waits two seconds between its two attempts.
    connection.ensure_connection(
        max_retries=1, interval_start=0, interval_step=0, timeout=CONNECT_TIMEOUT_S
    )
    return connection


def _transport_options(url: str) -> dict[str, float]:
    """Time-outs for an answer, which only the AMQP transport knows."""
    if not url.startswith("amqp"):
        return {}
    return {
        "read_timeout": ANSWER_TIMEOUT_S,
        "write_timeout": ANSWER_TIMEOUT_S,
        # For the reconnection hidden in kombu, which otherwise tries forever.
        "max_retries": 1,
        "interval_start": 0,
    }


def _reason(error: Exception) -> str:
    return str(error).strip() or type(error).__name__


_waker: Waker | None = None
_waker_lock = threading.Lock()


def _waker_of_this_process() -> Waker:
    global _waker
    with _waker_lock:
        if _waker is None:
            trailing_s = settings.current().coalesce_s + TRAILING_MARGIN_S
            _waker = Waker(DispatchPublisher(), Debounce(trailing_s))
        return _waker


def _forget_waker() -> None:
    """A forked child has neither the thread nor the right to its parent's socket and lock."""
    global _waker, _waker_lock
    _waker, _waker_lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forget_waker)
