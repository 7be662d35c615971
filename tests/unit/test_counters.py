"""Counting costs nothing that anybody waits for, and loses nothing that can be kept."""

import os
import threading

from integration.counters import Counter, Counters, Key

HINTS = Key(Counter.HINTS, channel_id=1, topic="stock")
LOST = Key(Counter.CLAIMS_LOST, "late", channel_id=1, topic="stock")


def test_counts_of_one_series_add_up():
    counters = Counters()

    counters.add(HINTS)
    counters.add(HINTS, 4)
    counters.add(LOST)

    assert counters.taken() == {HINTS: 5, LOST: 1}
    assert counters.taken() == {}


def test_counts_of_many_threads_add_up():
    counters = Counters()

    def count() -> None:
        for _ in range(2_000):
            counters.add(HINTS)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert counters.taken() == {HINTS: 16_000}


def test_what_cannot_be_written_is_kept_for_the_next_time():
    counters = Counters()
    written = []

    def away(_counts):
        raise OSError("the database is away")

    counters.add(HINTS, 2)
    counters.flush(away)
    counters.add(HINTS)
    counters.flush(written.append)

    assert written == [{HINTS: 3}]


def test_without_a_place_to_write_to_counts_stay():
    counters = Counters()

    counters.add(HINTS)
    counters.flush()

    assert counters.taken() == {HINTS: 1}


def test_nothing_is_written_when_nothing_was_counted():
    written = []

    Counters().flush(written.append)

    assert written == []


def test_a_burst_is_one_write_a_moment_later_and_nobody_flushes():
    counters = Counters(flush_s=0.05)
    written, arrived = [], threading.Event()

    def sink(counts):
        written.append(counts)
        arrived.set()

    counters.flush_into(sink)
    for _ in range(1_000):
        counters.add(HINTS)

    assert arrived.wait(10)
    assert written == [{HINTS: 1_000}]


def test_a_write_that_failed_is_repeated_by_itself():
    counters = Counters(flush_s=0.01)
    tries, arrived = [], threading.Event()

    def sink(counts):
        tries.append(counts)
        if len(tries) == 1:
            raise OSError("the database is away")
        arrived.set()

    counters.flush_into(sink)
    counters.add(HINTS)

    assert arrived.wait(10)
    assert tries == [{HINTS: 1}, {HINTS: 1}]


def test_a_forked_child_starts_from_nothing_and_writes_its_own():
    counters = Counters(flush_s=0.01)
    reading, writing = os.pipe()
    os.register_at_fork(after_in_child=counters.forget_parent)
    counters.add(HINTS, 7)  # the parent's, not written yet
    counters.flush_into(lambda counts: os.write(writing, f"{sum(counts.values())}".encode()))

    child = os.fork()
    if child == 0:
        counters.add(HINTS, 2)
        threading.Event().wait(30)
    try:
        assert os.read(reading, 10) == b"2"
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert counters.taken() == {HINTS: 7}
