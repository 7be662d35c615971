"""`vario-relay sync`: what it refuses, and which run it drives."""

import pytest
from sqlalchemy import select

from cli.sync_drive import begin
from integration import sync_runs
from integration.models import SalesChannel, SyncRun, Tenant
from integration.topology import Topic


@pytest.fixture
def running(run, channel):
    assert run("channel", "resume", channel).exit_code == 0
    return channel


def test_a_paused_channel_is_a_failure_that_names_the_way_out(run, runtime, channel):
    result = run("sync", channel)

    assert result.exit_code == 1
    assert "sales channel 7 is paused; `vario-relay channel resume 7` lets it move" in result.stderr
    with runtime.scope() as session:
        assert session.scalars(select(SyncRun)).all() == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (SalesChannel, "is held: wrong currency; fix it, then `vario-relay channel resume 7`"),
        (Tenant, "or, when the cause is gone, `vario-relay channel resume 7`"),
    ],
)
def test_a_held_channel_is_a_failure_that_says_why(run, runtime, running, model, words):
    with runtime.scope() as session:
        session.scalars(select(model)).one().held_reason = "wrong currency"

    result = run("sync", running)

    assert result.exit_code == 1
    assert words in result.stderr


@pytest.mark.parametrize("topic", ["order-status"])
def test_a_topic_that_is_not_carried_is_wrong_usage(run, running, topic):
    result = run("sync", running, "--topic", topic)

    assert result.exit_code == 2
    told = "is not carried by this version; it carries article, media, price, stock"
    assert told in result.stderr


def test_an_unfinished_run_is_continued(runtime, running):
    first, was_continued = begin(runtime, running, None, is_forced=False)
    again, is_continued = begin(runtime, running, None, is_forced=False)

    assert (again, was_continued, is_continued) == (first, False, True)


@pytest.mark.parametrize(("topic", "is_forced"), [(Topic.PRICE, False), (None, True)])
def test_another_choice_is_another_run(runtime, running, topic, is_forced):
    first, _ = begin(runtime, running, None, is_forced=False)
    other, is_continued = begin(runtime, running, topic, is_forced=is_forced)

    assert other != first
    assert not is_continued
    with runtime.scope() as session:
        run = session.get_one(SyncRun, other)
        assert (run.kind, run.is_forced) == (sync_runs.INITIAL, is_forced)
        assert run.topics == ("price" if topic else "article,price,stock")


def test_an_erp_that_refuses_us_ends_the_sync_and_leaves_the_wheel(run, runtime, environ, running):
    with runtime.scope() as session:
        session.scalars(select(Tenant)).one().offline_token = None

    result = run("sync", running)

    assert result.exit_code == 1
    assert "has no offline token" in result.stderr
    with runtime.scope() as session:
        assert session.scalars(select(SyncRun)).one().driver is None
