"""The profile beside a row that the cores limit."""

import os
import re
import subprocess
import sys
import time
from collections import Counter

from bench import spending

BUSY = "import sys, time\nwhile time.process_time() < 0.1: pass\nprint('done', flush=True)\ninput()"


def test_the_processes_below_are_counted_by_their_part():
    before = spending.cpu_s()
    with subprocess.Popen(
        [sys.executable, "-c", BUSY, "celery", "-n", "live@here"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout.readline() == b"done\n"
        spent = spending.cpu_s() - before
        worker.communicate(b"\n")

    assert 0.09 <= spent["worker"] < 1.0
    assert set(spent) <= {"worker"}


def test_the_biggest_part_comes_first():
    spent = Counter({"Postgres": 0.88, "worker": 1.2})

    assert spending.sentence(spent, 2_000) == "CPU per 100 entities: worker 60 ms, Postgres 44 ms"


def test_a_watch_tells_of_the_sandboxes_in_this_process_and_of_a_sender_that_has_ended():
    watch = spending.Watch()
    subprocess.run([sys.executable, "-c", BUSY], stdin=subprocess.DEVNULL, capture_output=True)
    busy_until = time.process_time() + 0.1
    while time.process_time() < busy_until:
        pass

    told = watch.sentence()

    assert re.fullmatch(rf"{os.cpu_count()} cores in \d\.\d s: \w+ \d+ %, \w+ \d+ %", told)
    assert "sender" in told
    assert "sandboxes" in told
