"""A shop that is let alone is spoken of wherever an operator looks."""

import json

import pytest
from sqlalchemy import select

from integration import pacing, shop_health
from integration.models import SalesChannel

AWAY = "shop.example did not answer (ReadTimeout)"


@pytest.fixture
def channel_id(run, runtime, channel):
    with runtime.scope() as session:
        found = session.scalars(select(SalesChannel)).one()
        found.is_paused = False
        return found.id


@pytest.fixture
def resting(runtime, channel_id):
    for _ in range(3):
        with runtime.scope() as session:
            shop_health.record_failure(session, channel_id, AWAY, 45.0)
    return channel_id


def test_queue_status_says_it_below_the_table(run, resting):
    last = run("queue", "status").stdout.splitlines()[-1]

    assert last.startswith("acme/7: the shop failed 3 times in a row, it is tried at ")
    assert last.endswith(f"UTC: {AWAY}")


def test_channel_show_and_list_say_it(run, resting):
    assert "shop       the shop failed 3 times in a row" in run("channel", "show", "7").stdout
    assert "the shop failed 3 times in a row" in run("channel", "list").stdout
    shown = json.loads(run("channel", "show", "7", "--json").stdout)
    assert (shown["state"], shown["shop"][:30]) == ("running", "the shop failed 3 times in a r")


def test_a_healthy_shop_is_no_news(run, channel_id):
    assert "no trouble known" in run("channel", "show", "7").stdout
    assert json.loads(run("channel", "show", "7", "--json").stdout)["shop"] is None
    assert "shop" not in run("queue", "status").stdout


def health_finding(run):
    found = json.loads(run("doctor", "7", "--json").stdout)
    return next((one for one in found if one["check"] == "channel acme/7 health"), None)


def test_doctor_finds_an_open_breaker_and_says_what_to_do(run, resting):
    finding = health_finding(run)

    assert not finding["ok"]
    assert finding["detail"].endswith(AWAY)
    assert "vario-relay channel resume acme/7" in finding["do"]


def test_a_pause_that_the_shop_asked_for_is_no_fault(run, runtime, channel_id):
    with runtime.scope() as session:
        pacing.pause_shop(session, channel_id, 60)

    finding = health_finding(run)

    assert finding["ok"]
    assert finding["detail"].startswith("the shop asked for a pause until ")


def test_resume_tries_the_shop_at_once(run, runtime, resting):
    run("channel", "resume", "7")  # its webhooks cannot be registered here, the rest is done

    with runtime.scope() as session:
        assert shop_health.by_channel(session) == {}
