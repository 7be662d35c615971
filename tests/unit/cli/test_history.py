"""`vario-relay history` on our own records."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from cli.times import past_moment
from integration.connectors import memory
from integration.errors import UsageError
from integration.topology import Topic
from tests.unit.cli.test_explain import Seed

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.fixture
def seed(runtime, channel):
    yield Seed(runtime)
    memory.forget_shops()


def test_an_article_is_shown_with_all_that_happened_to_it(run, seed):
    seed.send("1001")
    run("toggle", "off", "7", "stock")
    seed.hint(Topic.STOCK, "1001")

    shown = run("history", "7", "A-1001")
    found = json.loads(run("history", "7", "1001", "--topic", "stock", "--json").stdout)

    assert shown.exit_code == 0
    assert "sent and accepted" in shown.stdout
    assert "toggle off stock" in shown.stdout
    assert found["entity"] == "1001"
    assert [(one["event"], one["topic"]) for one in found["entries"]] == [
        ("arrived", "stock"),
        ("pushed", "stock"),
        ("command", "stock"),
        ("arrived", "stock"),
        ("awaiting", "stock"),
    ]
    assert found["entries"][1]["hash"] == "hash"


def test_what_the_shop_held_at_a_time_is_told_topic_by_topic(run, seed):
    seed.send("1001")

    shown = run("history", "7", "1001", "--at", "0min")
    (stock,) = json.loads(
        run("history", "7", "1001", "--at", "0min", "--topic", "stock", "--json").stdout
    )["held"]

    assert "by receipts:" in shown.stdout
    assert (stock["topic"], stock["hash"], stock["is_known"]) == ("stock", "hash", True)


def test_all_changes_of_a_time_are_summed_up(run, seed):
    seed.send("1001", "1002")
    seed.hint(Topic.PRICE, "1001")

    shown = run("history", "7", "--from", "1h")
    found = json.loads(run("history", "7", "--from", "1h", "--json").stdout)

    stock = next(one for one in found["topics"] if one["topic"] == "stock")
    assert stock == {
        "topic": "stock",
        "arrived": 2,
        "accepted": 2,
        "unchanged": 0,
        "skipped": 0,
        "refused": 0,
        "waiting": 0,
    }
    assert shown.stdout.splitlines()[-1].split() == ["total", "7", "6", "0", "0", "0", "1"]


def test_nothing_recorded_is_said_in_a_sentence(run, seed):
    seed.send("1001")

    shown = run("history", "7", "1001", "--topic", "media")
    sums = run("history", "7", "--from", "2h", "--until", "1h")

    assert shown.stdout.startswith("nothing is recorded of article A-1001 of sales channel 7")
    assert (shown.exit_code, sums.exit_code) == (0, 0)
    assert sums.stdout == "nothing arrived in that time\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["7"], "name an ARTICLE, or --from TIME"),
        (["7", "--at", "9:00"], "name an ARTICLE"),
        (["7", "1001", "--from", "1h"], "leave ARTICLE out"),
        (["7", "1001", "--since", "1h", "--at", "1h"], "two questions"),
        (["7", "1001", "--at", "yesterday"], "'yesterday' is not a time"),
        (["7", "--from", "1h", "--until", "2h"], "--until 2h is not after --from 1h"),
        (["8", "1001"], "there is no sales channel 8"),
        (["7", "A-1", "--topic", "order-status"], "not the id of a document"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_one_sentence(run, seed, arguments, sentence):
    seed.send("1001")

    refused = run("history", *arguments)

    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("30 min", NOW - timedelta(minutes=30)),
        ("3d", NOW - timedelta(days=3)),
        ("09:00", NOW.replace(hour=9)),
        ("18:00", NOW.replace(day=25, hour=18)),  # today it is still to come
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T09:30+01:00", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_as_people_write_it(text, moment):
    assert past_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "later", "2x", "25:00", "999999d", "2026-13-01"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="is not a time"):
        past_moment(text, NOW)
