"""Pausing, resuming and cancelling an initial sync, and what a run says of its pace."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from integration import sync, sync_control, sync_pace, sync_runs
from integration.models import SyncRun, WorkItem
from integration.token_bucket import Rate
from integration.topology import Topic
from tests.integration.relay import Relay

pytestmark = pytest.mark.either_database

ARTICLE = Topic.ARTICLE
BUDGET = Rate(30, 6)


@pytest.fixture
def run_id(relay: Relay) -> int:
    """A run that has read its pages; nothing of it is sent yet."""
    with relay.runtime.scope() as session:
        run_id = sync_runs.start(session, relay.channel_id, sync_runs.INITIAL, sync_runs.ALL_TOPICS)
    drive(relay, run_id)
    return run_id


def drive(relay: Relay, run_id: int) -> bool:
    return sync.advance(relay.runtime, run_id, "driver", budget_s=30)


def change(relay: Relay, action, run_id: int) -> SyncRun:
    with relay.runtime.scope() as session:
        action(session, run_id)
        return session.get_one(SyncRun, run_id)


def run_of(relay: Relay, run_id: int) -> SyncRun:
    with relay.runtime.scope() as session:
        return session.get_one(SyncRun, run_id)


def holds(relay: Relay) -> set[str | None]:
    with relay.runtime.scope() as session:
        return set(session.scalars(select(WorkItem.hold_reason).distinct()).all())


def test_a_paused_run_sends_nothing_and_is_not_over(relay, run_id):
    change(relay, sync_control.pause, run_id)

    relay.drain()

    assert relay.shop.writes == []
    assert holds(relay) == {"sync-paused"}
    assert drive(relay, run_id) is True
    assert run_of(relay, run_id).state == "DRAINING"


def test_nobody_drives_a_paused_run(relay, run_id):
    change(relay, sync_control.pause, run_id)

    with relay.runtime.scope() as session:
        assert sync_runs.due_runs(session) == []
        sync_control.resume(session, run_id)
        assert sync_runs.due_runs(session) == [run_id]


def test_a_live_change_of_what_a_paused_run_holds_goes_at_once(relay, run_id):
    change(relay, sync_control.pause, run_id)
    article = relay.for_sale()[0]
    relay.edit(article, name="sold meanwhile")

    relay.hint(ARTICLE, article)
    relay.drain()

    assert relay.writes(ARTICLE) == [[article["id"]]]
    assert relay.product(article)["name"] == "sold meanwhile"


def test_a_resumed_run_ends_with_everything_in_the_shop(relay, run_id):
    change(relay, sync_control.pause, run_id)
    change(relay, sync_control.resume, run_id)

    relay.drain()

    assert holds(relay) == {None}
    assert drive(relay, run_id) is False
    assert run_of(relay, run_id).state == "DONE"
    assert all(relay.product(one) for one in relay.for_sale())


def test_pages_that_a_pause_overtakes_are_read_again_after_it(relay):
    with relay.runtime.scope() as session:
        run_id = sync_runs.start(session, relay.channel_id, sync_runs.INITIAL, sync_runs.ALL_TOPICS)
        sync_control.pause(session, run_id)

    sync._turn_page(relay.runtime, run_id)  # its driver had looked before the pause

    assert (run_of(relay, run_id).seen, holds(relay)) == (0, set())
    change(relay, sync_control.resume, run_id)
    drive(relay, run_id)
    relay.drain()
    assert all(relay.product(one) for one in relay.for_sale())


def test_a_cancelled_run_is_over_and_what_it_had_queued_still_goes(relay, run_id):
    change(relay, sync_control.pause, run_id)

    run = change(relay, sync_control.cancel, run_id)
    relay.drain()

    assert (run.state, run.ended_at is not None) == ("CANCELLED", True)
    assert run.message.startswith("cancelled after ")
    assert all(relay.product(one) for one in relay.for_sale())
    assert drive(relay, run_id) is False
    with relay.runtime.scope() as session:
        assert sync_control.under_way(session, relay.channel_id) == []


def test_only_initial_syncs_of_the_topic_are_meant(relay):
    with relay.runtime.scope() as session:
        stocks = sync_runs.start(session, relay.channel_id, sync_runs.INITIAL, ["stock"])
        everything = sync_runs.start(
            session, relay.channel_id, sync_runs.INITIAL, sync_runs.ALL_TOPICS
        )
        sync_runs.start(session, relay.channel_id, sync_runs.NIGHTLY, sync_runs.ALL_TOPICS)

        assert sync_control.under_way(session, relay.channel_id) == [stocks, everything]
        assert sync_control.under_way(session, relay.channel_id, ARTICLE) == [everything]


def test_a_run_counts_what_it_asked_and_what_the_shop_took(relay, run_id):
    asked = relay.erp_requests()

    relay.drain()
    drive(relay, run_id)

    run = run_of(relay, run_id)
    assert (run.erp_requests, run.shop_rows) == (asked, len(relay.for_sale()))
    with relay.runtime.scope() as session:
        pace = sync_pace.of(session, run_id, BUDGET)
    # 30 articles are fewer requests than the bucket holds at once, so the shop is the limit.
    assert pace.limit == sync_pace.SHOP
    assert pace.limit_s == pytest.approx(run.shop_rows * run.shop_row_s)
    assert 0 < pace.reached < 1


def test_the_time_of_a_pause_is_none_of_its_pace(relay, run_id):
    change(relay, sync_control.pause, run_id)
    with relay.runtime.scope() as session:
        run = session.get_one(SyncRun, run_id)
        run.started_at = run.started_at.replace(year=run.started_at.year - 1)
        run.paused_at = run.started_at

    change(relay, sync_control.resume, run_id)

    with relay.runtime.scope() as session:
        assert sync_pace.of(session, run_id, BUDGET).took_s < 60
