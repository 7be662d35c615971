"""Rate, remaining time, and what a sync shows of them."""

import json

import pytest

from cli.sync_drive import Meter, Step
from cli.sync_shows import JsonLines, PlainLines, line_of, sentence_of
from integration.sync_pace import paced
from integration.token_bucket import Rate

JSON_NAMES = "run state seen expected pushed unchanged failed cursor rate eta_s skipped held open"


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

    assert " ".join(json.loads(capsys.readouterr().out)) == JSON_NAMES


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
    line = line_of(
        step(seen=200, pushed=50, unchanged=3, skipped=2, failed=1, open=7, rate=4.0, eta_s=200.0)
    )

    assert line == (
        "run 1 RUNNING: 200 of 1000 articles read, 50 sent, 3 unchanged, 2 skipped, 0 held, "
        "1 failed, 7 waiting, 4.0/s, 3 min left"
    )


BUDGET = Rate(30, 6)


@pytest.mark.parametrize(
    ("pace", "words"),
    [
        (
            # 1,000 rows at 0.36 s per 100 are 3.6 s, 80 % of 4.5 s
            paced(BUDGET, 4.5, erp=(12, 0.9), shop=(1_000, 4.05, 0.0036)),
            "limit: 278 rows/s by the shop, 0.36 s per 100 rows with one writer, at least 4 s; "
            "reached 80% of it, it took 4 s. Of this time the shop was at it 90%, the ERP 20%; "
            "what is left of the limit is our own work",
        ),
        (
            # (107.5 - 7.5) / 5 per s are 20 s, half of 40 s; the bucket was full at first
            paced(BUDGET, 40.0, erp=(108, 30.0), shop=(0, 0.0, None)),
            "limit: 5.0 requests/s by our budget at the ERP, 30 per 6 s, at least 20 s; reached "
            "50% of it, it took 40 s. Of this time the shop was at it 0%, the ERP 75%; what is "
            "left of the limit is our own work",
        ),
        (
            paced(BUDGET, 3.0, erp=(3, 0.1), shop=(0, 0.0, None)),
            "it took 3 s; neither the ERP nor the shop had much to do",
        ),
    ],
    ids=["the shop", "the ERP", "neither"],
)
def test_a_run_says_what_limited_it_and_how_near_it_came(pace, words):
    assert sentence_of(pace) == words


def test_the_last_json_line_is_the_last_step_with_its_pace(capsys, clock):
    show = JsonLines(clock)

    show.step(step(state="DONE"))
    show.pace(paced(BUDGET, 4.5, erp=(12, 0.9), shop=(1_000, 4.05, 0.0036)))

    *_, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert last["state"] == "DONE"
    assert last["pace"] == {
        "limit": "shop",
        "limit_s": 3.6,
        "took_s": 4.5,
        "reached": 0.8,
        "erp_share": 0.2,
        "shop_share": 0.9,
    }
