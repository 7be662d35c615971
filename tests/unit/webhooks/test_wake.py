"""The nudge: when it is published, that it never blocks, and what it says of a broker."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tasks.wake import Debounce, DispatchPublisher, Waker, broker_state


class Clock:
    """Time that moves only when somebody waits: the wait of a condition, without the waiting."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float | None] = []

    def __call__(self) -> float:
        return self.now


class Condition(threading.Condition):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "would wait forever"
        self._clock.waits.append(round(timeout, 3))
        self._clock.now += timeout
        return False


def times_of_publishes(wakes: list[float], trailing_s: float = 4.1) -> list[float]:
    """When a debounce publishes for wake-up calls at these times."""
    debounce, published, pending, now = Debounce(trailing_s), [], list(wakes), 0.0
    while pending or debounce.due_at() is not None:
        due_at = debounce.due_at()
        if pending and (due_at is None or pending[0] <= max(due_at, now)):
            now = pending.pop(0)
            debounce.woken(now)
        else:
            now = max(due_at, now)
            debounce.published(now)
            published.append(round(now, 3))
    return published


def test_the_first_call_is_published_at_once_and_once_more_behind_the_window():
    assert times_of_publishes([10.0]) == [10.0, 14.1]


def test_calls_in_a_row_are_published_at_most_every_fifth_of_a_second():
    burst = [10.0 + step * 0.01 for step in range(50)]  # half a second, 100 calls a second

    assert times_of_publishes(burst) == [10.0, 10.2, 10.4, 10.6, 14.59]


def test_the_trailing_publish_belongs_to_the_last_call():
    assert times_of_publishes([10.0, 12.0]) == [10.0, 12.0, 16.1]


def test_only_a_call_that_makes_the_next_publish_sooner_says_so():
    debounce = Debounce(4.1)

    assert [debounce.woken(10.0), debounce.woken(10.01)] == [True, False]
    debounce.published(10.02)
    assert debounce.woken(10.03) is True  # sooner than the trailing one


def test_a_quiet_debounce_has_nothing_to_do():
    assert Debounce(4.1).due_at() is None


def test_the_thread_waits_for_exactly_what_is_due_and_never_polls():
    clock = Clock()
    published: list[float] = []
    debounce = Debounce(4.1)
    waker = Waker(
        lambda: published.append(round(clock.now, 3)),
        debounce,
        clock=clock,
        condition=Condition(clock),
    )

    debounce.woken(clock.now)
    waker.run_once()
    waker.run_once()

    assert published == [100.0, 104.1]
    assert clock.waits == [4.1]
    assert debounce.due_at() is None


def test_a_call_returns_while_a_publish_hangs():
    publishing, release = threading.Event(), threading.Event()

    def hanging_publish() -> None:
        publishing.set()
        release.wait(10)

    waker = Waker(hanging_publish, Debounce(4.1))
    waker.wake()
    assert publishing.wait(10)

    began = time.perf_counter()
    for _ in range(1000):
        waker.wake()
    took_s = time.perf_counter() - began
    release.set()

    assert took_s < 0.5


def test_a_thread_that_died_is_started_again(monkeypatch):
    published = threading.Semaphore(0)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    def failing_publish() -> None:
        published.release()
        raise LookupError("a bug")

    waker = Waker(failing_publish, Debounce(60.0, min_gap_s=0.0))
    waker.wake()
    assert published.acquire(timeout=10)
    waker._thread.join(10)
    waker.wake()

    assert published.acquire(timeout=10)


ROOT = Path(__file__).resolve().parents[3]

#: Prints which process's thread works for the parent and for a forked child.
FORK = """
import os, threading
from tasks import wake
wake.wake()
of_parent = wake._waker
pid = os.fork()
if pid == 0:
    wake.wake()
    is_new = wake._waker is not of_parent and wake._waker._thread.is_alive()
    os._exit(0 if is_new else 1)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), wake._waker is of_parent)
"""

#: Prints the tasks that two nudges of one process left in its own memory broker.
EMBEDDED = """
import threading
from tasks import wake
from tasks.app import app
both = threading.Semaphore(0)
publisher = wake.DispatchPublisher()
waker = wake.Waker(lambda: (publisher(), both.release()), wake.Debounce(0.3))
with app.connection_for_read() as connection:
    queue = app.amqp.queues["control"](connection.default_channel)
    queue.declare()
    waker.wake()
    both.acquire(timeout=10), both.acquire(timeout=10)
    messages = [queue.get(no_ack=True), queue.get(no_ack=True), queue.get(no_ack=True)]
    print([message and message.headers["task"] for message in messages])
"""


def output_of(script: str, environ: dict[str, str], tmp_path: Path) -> str:
    """What a process of its own prints: the settings and the Celery app are read once each."""
    environ = {**environ, "RELAY_BROKER_URL": "memory://", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_forked_child_starts_a_thread_of_its_own(clean_environ, tmp_path):
    assert output_of(FORK, clean_environ, tmp_path) == "0 True"


def test_in_one_process_the_nudges_reach_the_worker_without_a_server(clean_environ, tmp_path):
    assert output_of(EMBEDDED, clean_environ, tmp_path) == "['dispatch', 'dispatch', None]"


def test_a_broker_in_this_process_is_there():
    assert broker_state("memory://") == "ok"


def test_a_broker_that_is_away_is_told_within_a_second_and_without_its_password():
    began = time.perf_counter()

    state = broker_state(f"amqp://relay:hunter2@127.0.0.1:{closed_port()}//")

    assert state == "away: [Errno 111] Connection refused"
    assert time.perf_counter() - began < 1.0


def test_a_broker_that_accepts_and_says_nothing_is_away():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        began = time.perf_counter()

        state = broker_state(f"amqp://127.0.0.1:{mute.getsockname()[1]}//")

        assert state.startswith("away: ")
        assert time.perf_counter() - began < 2.5


def test_a_broker_that_is_there_is_ok(broker_url):
    assert broker_state(broker_url) == "ok"


def test_a_broker_that_refuses_the_password_is_away_and_the_password_stays_here(broker_url):
    host = broker_url.rsplit("@", 1)[1]

    state = broker_state(f"amqp://nobody:hunter2@{host}")

    assert state.startswith("away: ")
    assert "hunter2" not in state


def test_an_absent_broker_is_reported_once_and_its_return_once(caplog):
    class Publisher(DispatchPublisher):
        def _publish(self) -> None:
            if is_away:
                raise ConnectionRefusedError("nobody there")

    publish, is_away = Publisher(), True
    publish()
    publish()
    is_away = False
    publish()
    publish()

    assert [record.getMessage() for record in caplog.records] == [
        "event=broker.away reason='nobody there'; the sweep takes over",
        "event=broker.back",
    ]


def test_a_nudge_survives_the_restart_of_the_broker(caplog):
    """The old connection fails, a new one works: nothing is lost and nothing is said."""
    published = []

    class Publisher(DispatchPublisher):
        def _publish(self) -> None:
            if self._connection == "old":
                raise ConnectionResetError("gone")
            published.append("new")

        def _forget_connection(self) -> None:
            self._connection = None

    publish = Publisher()
    publish._connection = "old"
    publish()

    assert published == ["new"]
    assert caplog.records == []
