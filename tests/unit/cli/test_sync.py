"""`vario-relay sync`: what it refuses, and which run it drives."""

import json

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


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_orders_are_nothing_that_a_pass_over_the_articles_asks_for(run, running, more):
    result = run("sync", running, "--topic", "order-status", *more)

    assert result.exit_code == 2
    assert "topic order-status is about orders, not about articles" in result.stderr


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


@pytest.mark.parametrize("action", ["--pause", "--resume", "--cancel"])
def test_what_is_not_under_way_cannot_be_paused_resumed_or_cancelled(run, running, action):
    result = run("sync", running, action)

    assert result.exit_code == 1
    assert "no sync of sales channel 7 is" in result.stderr


def test_a_paused_run_waits_until_it_is_resumed_or_cancelled(run, runtime, running):
    run_id, _ = begin(runtime, running, None, is_forced=False)

    paused = run("sync", running, "--pause")
    again = run("sync", running, "--pause", "--json")
    refused = run("sync", running)
    cancelled = run("sync", running, "--cancel")

    assert paused.stdout == (
        f"run {run_id} is paused at 0 of ? articles; `vario-relay sync 7 --resume` goes on with "
        "it\n"
    )
    assert json.loads(again.stdout)["state"] == "PAUSED"
    assert refused.exit_code == 1
    assert f"run {run_id} is paused; `vario-relay sync 7 --resume` goes on with it" in (
        refused.stderr
    )
    assert f"run {run_id} is cancelled after 0 articles" in cancelled.stdout
    with runtime.scope() as session:
        assert session.scalars(select(SyncRun)).one().state == "CANCELLED"


@pytest.mark.parametrize(
    "more", [("--pause", "--force"), ("--cancel", "--wait"), ("--resume", "--dry-run")]
)
def test_an_action_does_not_go_with_what_begins_a_sync(run, running, more):
    result = run("sync", running, *more)

    assert result.exit_code == 2
    assert "does not go with" in result.stderr
