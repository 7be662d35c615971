"""Rate, remaining time, and what a sync shows of them."""

import json

import pytest

from cli.sync_drive import Meter, Step
from cli.sync_shows import JsonLines, PlainLines, line_of

JSON_NAMES = [
    "run",
    "state",
    "seen",
    "expected",
    "pushed",
    "unchanged",
    "failed",
    "cursor",
    "rate",
    "eta_s",
]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def step(**values) -> Step:
    standard = {
        "run": 1,
        "state": "RUNNING",
        "seen": 0,
        "expected": 1000,
        "pushed": 0,
        "unchanged": 0,
        "failed": 0,
        "cursor": "",
    }
    return Step(**{**standard, **values})


def test_while_paging_the_rate_is_of_articles_read(clock):
    meter = Meter(clock)

    meter.measured(step(seen=100))
    clock.now += 10
    measured = meter.measured(step(seen=300))

    assert measured.rate == 20.0  # 200 articles in 10 s
    assert measured.eta_s == 35.0  # 700 are left


def test_while_draining_the_rate_is_of_changes_settled(clock):
    meter = Meter(clock)
    meter.measured(step(seen=1000))

    meter.measured(step(state="DRAINING", ended=10, open=990))
    clock.now += 5
    measured = meter.measured(step(state="DRAINING", ended=60, open=940))

    assert measured.rate == 10.0
    assert measured.eta_s == 94.0


def test_the_rate_forgets_what_is_long_ago(clock):
    meter = Meter(clock)
    meter.measured(step(seen=0))
    clock.now += 100
    meter.measured(step(seen=900))
    clock.now += 10

    assert meter.measured(step(seen=900)).rate == 0.0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"seen": 10, "expected": None}, None),  # nobody knows how many there are
        ({"seen": 1000}, 0.0),
        ({"seen": 10}, None),  # nothing has moved yet
    ],
)
def test_the_remaining_time_is_told_only_when_it_is_known(clock, values, expected):
    assert Meter(clock).measured(step(**values)).eta_s == expected


def test_a_json_line_has_the_documented_names(capsys, clock):
    JsonLines(clock).step(step(held=1, open=2, ended=3))

    assert list(json.loads(capsys.readouterr().out)) == JSON_NAMES


def test_json_lines_come_with_each_change_and_seldom_without(capsys, clock):
    show = JsonLines(clock)

    for seen in (1, 1, 2):
        show.step(step(seen=seen))
    clock.now += 6
    show.step(step(seen=2))

    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["seen"] for line in lines] == [1, 2, 2]


def test_plain_lines_come_every_five_seconds_and_with_each_state(capsys, clock):
    show = PlainLines(clock)

    for at, state in ((0, "RUNNING"), (2, "RUNNING"), (3, "DRAINING"), (9, "DRAINING")):
        clock.now = 100.0 + at
        show.step(step(state=state))

    states = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert states == ["run 1 RUNNING", "run 1 DRAINING", "run 1 DRAINING"]


def test_a_line_for_people():
    line = line_of(step(seen=200, pushed=50, unchanged=3, failed=1, open=7, rate=4.0, eta_s=200.0))

    assert line == (
        "run 1 RUNNING: 200 of 1000 articles read, 50 sent, 3 unchanged, 1 failed, 7 waiting, "
        "4.0/s, 3 min left"
    )
