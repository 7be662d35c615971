"""Falling behind and catching up: what was missed is in the shop, for few requests, by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select, update

from integration import availability, catch_ups, gap_watch, heartbeats, marks, sync_runs
from integration.clock import db_now
from integration.erp import webhooks
from integration.erp.webhooks import Registration
from integration.models import Heartbeat, SalesChannel, WorkItem
from integration.topology import Topic
from tests.integration.catching_up import HOUR, FallingBehind
from tests.integration.relay import beside_an_erp
from tests.integration.support import together

pytestmark = pytest.mark.either_database

PROFILES = ("columns", "rest")
ARTICLES = 4


@contextmanager
def followed(database_url: str, profile: str = "columns") -> Iterator[FallingBehind]:
    """A channel with everything in its shop, that was followed for three hours."""
    with beside_an_erp(
        database_url, FallingBehind, articles=ARTICLES, profile=profile, vql_grammar="attested"
    ) as relay:
        relay.fill_shop()
        relay.follow_for(3 * HOUR)
        relay.beat()
        yield relay


@pytest.fixture(params=PROFILES)
def everywhere(request, database_url) -> Iterator[FallingBehind]:
    with followed(database_url, request.param) as relay:
        yield relay


@pytest.fixture(params=PROFILES)
def either(request, sqlite_url) -> Iterator[FallingBehind]:
    """For what each database does alike once it was asked for."""
    with followed(sqlite_url, request.param) as relay:
        yield relay


@pytest.fixture
def relay(database_url) -> Iterator[FallingBehind]:
    with followed(database_url) as relay:
        yield relay


def change_three(relay: FallingBehind) -> list[dict]:
    """Another price, stock and name; nobody is told."""
    first, second, third, *_ = relay.for_sale()
    relay.edit(first, gross="77.77")
    relay.edit(second, stock=4711)
    relay.edit(third, name="Another name")
    return [first, second, third]


def assert_caught_up(relay: FallingBehind, changed: list[dict]) -> None:
    first, second, third = (relay.product(one) for one in changed)
    assert str(first["gross"]) == "77.77"
    assert second["stock"] == 4711
    assert third["name"] == "Another name"


def test_what_was_changed_while_the_service_was_down_is_caught_up_with(everywhere):
    changed = change_three(everywhere)
    everywhere.time_passes(HOUR)

    everywhere.beat()
    run = everywhere.catch_up()

    assert_caught_up(everywhere, changed)
    assert "the service took no webhooks from" in run.reason
    assert (run.state, run.failed) == ("DONE", 0)


def test_a_catch_up_costs_few_requests_where_the_erp_says_what_changed(relay):
    change_three(relay)
    relay.time_passes(HOUR)
    relay.beat()
    before = relay.erp_requests()

    run = relay.catch_up()

    assert run.seen == 3
    assert relay.erp_requests() - before == 6
    # columns of documents and a page of them, a page of changes, a query of each of three topics


def a_quarter_passes(relay: FallingBehind) -> None:
    """As much as lies between two marks, and the next one is made."""
    relay.time_passes(marks.EVERY_S + 1, is_up=True)
    relay.watch()


def test_webhooks_that_get_lost_on_their_way_are_noticed_within_half_an_hour(relay):
    a_quarter_passes(relay)
    changed = change_three(relay)
    a_quarter_passes(relay)
    assert relay.runs() == [], "the ERP may still be sending"

    a_quarter_passes(relay)
    run = relay.catch_up()

    assert_caught_up(relay, changed)
    assert "3 articles changed in the ERP after" in run.reason
    assert "webhooks may be lost on their way" in run.reason
    assert (run.state, run.seen) == ("DONE", 3)
    for _quarter in range(3):
        a_quarter_passes(relay)
    assert len(relay.runs()) == 1


def test_a_change_that_was_told_is_no_lost_webhook(relay):
    a_quarter_passes(relay)
    told, *_ = change_three(relay)
    for topic in (Topic.PRICE, Topic.STOCK, Topic.ARTICLE):
        relay.hint(topic, *relay.for_sale())
    relay.drain()

    for _quarter in range(3):
        a_quarter_passes(relay)

    assert str(relay.product(told)["gross"]) == "77.77"
    assert relay.runs() == []


def test_a_product_id_that_we_wrote_back_is_no_lost_webhook(relay):
    a_quarter_passes(relay)
    first = relay.for_sale()[0]
    relay.edit(first, name="As if the listing were touched")
    with relay.runtime.scope() as session:
        of_first = WorkItem.topic == Topic.WRITE_BACK.value, WorkItem.entity_id == first["id"]
        session.execute(update(WorkItem).where(*of_first).values(due_at=db_now()))

    for _quarter in range(3):
        a_quarter_passes(relay)

    assert relay.runs() == []


def test_an_event_that_names_another_channel_of_the_tenant_is_one(relay):
    a_quarter_passes(relay)
    first = relay.for_sale()[0]
    relay.edit(first, name="Edited in the listing of the other channel")
    with relay.runtime.scope() as session:
        sibling = SalesChannel(
            tenant_id=relay.tenant_id, erp_id="77", platform="memory", is_paused=True
        )
        session.add(sibling)
        session.flush()
        session.add(
            WorkItem(channel_id=sibling.id, topic=Topic.ARTICLE.value, entity_id=first["id"])
        )

    for _quarter in range(3):
        a_quarter_passes(relay)

    assert relay.runs() == []


def test_a_restart_catches_up_with_nothing(relay):
    relay.time_passes(60.0)
    relay.beat()

    assert relay.runs() == []


def test_two_processes_that_start_find_one_gap(relay):
    relay.time_passes(HOUR)

    together([relay.beat, relay.beat])

    assert len(relay.runs()) == 1


def test_an_erp_that_was_offline_is_read_from_when_it_said_so(either):
    with either.runtime.scope() as session:
        availability.went_offline(session, either.tenant_id)
    changed = change_three(either)
    with either.runtime.scope() as session:
        availability.came_online(session, either.tenant_id)

    run = either.catch_up()

    assert_caught_up(either, changed)
    assert "the ERP was offline since" in run.reason


def test_a_channel_that_was_held_catches_up_when_it_is_let_go(either):
    changed = change_three(either)
    with either.runtime.scope() as session:
        session.get_one(SalesChannel, either.channel_id).held_reason = "the shop refuses us"
    either.time_passes(2 * HOUR)
    either.beat()
    either.watch()
    assert len(either.runs()) == 1  # the service was down as well
    with either.runtime.scope() as session:
        session.get_one(SalesChannel, either.channel_id).held_reason = None

    either.watch()
    run = either.catch_up()

    assert_caught_up(either, changed)
    assert "the channel was not followed from" in run.reason


def test_a_channel_that_is_followed_has_no_gap_and_one_mark_a_quarter_of_an_hour(relay):
    before = relay.erp_requests()
    relay.watch()
    assert relay.erp_requests() == before

    relay.time_passes(901.0, is_up=True)
    together([relay.watch, relay.watch])

    # The ERP's newest change, and our bookmark read and written.
    assert relay.erp_requests() - before == 3
    assert relay.runs() == []


def test_no_mark_is_made_while_nobody_takes_webhooks(relay):
    relay.time_passes(3 * HOUR)

    relay.watch()

    with relay.runtime.scope() as session:
        assert not heartbeats.is_beating(session)
    assert relay.runs() == []
    relay.beat()
    relay.watch()
    assert len(relay.runs()) == 1


# Deliveries


def shipped(relay: FallingBehind, reference: str) -> dict:
    """An order of the shop and its delivery, which nobody is told of."""
    article, *_ = relay.for_sale()
    lines = [{"article": article["id"], "quantity": 1}]
    order = relay.erp("order", channel=42, reference=reference, lines=lines)
    return relay.erp("ship", order=order["document"])


def documents(relay: FallingBehind) -> dict[str, int]:
    """Generation by document that a work item was asked for."""
    with relay.runtime.scope() as session:
        rows = session.execute(
            select(WorkItem.entity_id, WorkItem.generation).where(
                WorkItem.topic == Topic.ORDER_STATUS.value
            )
        )
        return {row.entity_id: row.generation for row in rows}


def test_a_delivery_whose_event_was_lost_is_told_to_the_shop(either):
    delivery = shipped(either, "10000")
    either.time_passes(HOUR)

    either.beat()
    either.catch_up()

    assert str(delivery["document"]) in documents(either)
    assert either.writes(Topic.ORDER_STATUS)


def test_a_delivery_that_was_told_is_asked_for_again_only_when_it_was_cancelled(relay):
    kept, cancelled = shipped(relay, "10000"), shipped(relay, "10001")
    ids = [str(one["document"]) for one in (kept, cancelled)]
    relay.hint(Topic.ORDER_STATUS, *({"id": one} for one in ids))
    relay.drain()
    assert documents(relay) == dict.fromkeys(ids, 1)
    relay.erp("cancel", document=cancelled["document"])
    relay.time_passes(HOUR)

    relay.beat()
    relay.catch_up()

    assert documents(relay) == {ids[0]: 1, ids[1]: 2}


def test_articles_are_caught_up_with_without_the_right_to_documents(relay):
    changed = change_three(relay)
    relay.erp("options", missing_columns=["documentDate"])
    relay.time_passes(HOUR)

    relay.beat()
    relay.catch_up()

    assert_caught_up(relay, changed)


# Webhooks that somebody took away


def deregister(relay: FallingBehind, queue: str) -> None:
    """What an employee does in the ERP by hand."""
    client = relay.runtime.erp(relay.tenant_id)
    (one,) = [
        each
        for each in webhooks.registered(client, client.access.app_identifier)
        if each.queue == queue
    ]
    webhooks._call(client, "deregister", Registration(*one), client.access.app_identifier)


@pytest.mark.parametrize(
    "queue", ["article(sales-channel-id=42).update", "sales_channel.stockChange"]
)
def test_a_webhook_that_was_taken_away_is_there_again_and_its_gap_is_filled(either, queue):
    either.register()
    deregister(either, queue)
    changed = change_three(either)

    either.verify_webhooks()
    run = either.catch_up()

    assert queue in either.registered()
    assert_caught_up(either, changed)
    assert f"({queue})" in run.reason


def test_only_the_channel_whose_webhook_was_missing_catches_up(relay):
    with relay.runtime.scope() as session:
        session.add(
            SalesChannel(tenant_id=relay.tenant_id, erp_id="43", platform="memory", is_paused=False)
        )
    relay.register()
    deregister(relay, "article(sales-channel-id=42).update")

    relay.verify_webhooks()

    assert [one.channel_id for one in relay.runs()] == [relay.channel_id]


def test_webhooks_that_are_all_there_cost_no_catch_up(relay):
    relay.register()

    relay.verify_webhooks()

    assert relay.runs() == []


# A database that was put back


def test_a_restored_database_heals_by_itself(everywhere):
    backup = everywhere.backup()
    article, *_ = everywhere.for_sale()
    was = {"gross": str(article["gross"]), "stock": article["stock"]}
    everywhere.edit(article, gross="77.77", stock=3)
    everywhere.hint(Topic.ARTICLE, article)
    everywhere.hint(Topic.PRICE, article)
    everywhere.hint(Topic.STOCK, article)
    everywhere.drain()
    everywhere.time_passes(901.0, is_up=True)
    everywhere.watch()
    # The ERP is back where the old database believes that the shop is.
    everywhere.edit(article, **was)
    everywhere.restore(backup)
    everywhere.hint(Topic.PRICE, article)
    everywhere.hint(Topic.STOCK, article)
    everywhere.drain()
    assert str(everywhere.product(article)["gross"]) == "77.77"

    everywhere.time_passes(901.0, is_up=True)
    everywhere.watch()
    run = everywhere.catch_up()

    assert "put back to an older state" in run.reason
    assert str(everywhere.product(article)["gross"]) == was["gross"]
    assert everywhere.product(article)["stock"] == int(was["stock"])
    assert len(everywhere.shop.products) == len(everywhere.for_sale())
    everywhere.time_passes(901.0, is_up=True)
    everywhere.watch()
    assert len(everywhere.runs()) == 1  # once


def test_a_backup_younger_than_any_bookmark_heals_where_the_erp_says_what_changed(relay):
    article, *_ = relay.for_sale()
    backup = relay.backup()
    relay.edit(article, gross="77.77")
    relay.hint(Topic.PRICE, article)
    relay.drain()
    relay.edit(article, gross=str(article["gross"]))
    relay.restore(backup)
    relay.time_passes(HOUR)

    relay.beat()
    run = relay.catch_up()

    assert "put back" not in run.reason
    assert relay.product(article)["gross"] == str(article["gross"])


def test_a_bookmark_that_the_erp_lost_means_nothing(relay):
    client = relay.runtime.erp(relay.tenant_id)
    client._call("DELETE", f"/cmn/apps/{client.access.app_identifier}/settings")

    relay.time_passes(901.0, is_up=True)
    relay.watch()

    assert relay.runs() == []


def test_settings_of_others_survive_our_bookmark(relay):
    client = relay.runtime.erp(relay.tenant_id)
    path = f"/cmn/apps/{client.access.app_identifier}/settings"
    kept = client.get(path)["custom"]
    client.post(path, {"custom": {**kept, "theirs": {"a": 1}}})

    relay.time_passes(901.0, is_up=True)
    relay.watch()

    after = client.get(path)["custom"]
    assert after["theirs"] == {"a": 1}
    assert set(after) == {*kept, "theirs"}


# One at a time


def test_catch_ups_that_wait_become_one_that_does_for_all(relay):
    now = relay.now()
    with relay.runtime.scope() as session:
        for reason, since in (("a pause", now), ("another pause", now - gap_watch.GAP)):
            catch_ups.compare(
                session, relay.channel_id, reason, changed_since=since, is_forced=False
            )
    (run,) = relay.runs()
    assert (run.reason, run.changed_since) == ("a pause; another pause", now - gap_watch.GAP)

    with relay.runtime.scope() as session:
        catch_ups.compare(session, relay.channel_id, "a restore", is_forced=True)
    (run,) = relay.runs()
    reasons = "a pause; another pause; a restore"
    assert (run.reason, run.changed_since, run.is_forced) == (reasons, None, True)


def test_what_is_doubted_of_a_few_articles_is_not_doubted_of_all(relay):
    now = relay.now()
    with relay.runtime.scope() as session:
        catch_ups.compare(session, relay.channel_id, "an outage", changed_since=now, is_forced=True)
        catch_ups.compare(session, relay.channel_id, "another mapping")
    (run,) = relay.runs()
    assert (run.changed_since, run.is_forced) == (None, False)


def test_one_catch_up_of_a_channel_is_driven_at_a_time(relay):
    with relay.runtime.scope() as session:
        catch_ups.compare(session, relay.channel_id, "one gap")
        (first,) = sync_runs.due_runs(session)
        sync_runs.take_wheel(session, first, "a driver", lease_s=-1.0)
        catch_ups.compare(session, relay.channel_id, "another gap")
        session.execute(update(sync_runs.SyncRun).values(due_at=db_now(-1)))

        assert sync_runs.due_runs(session) == [first]
    assert len(relay.runs()) == 2


def test_a_gap_older_than_any_mark_is_compared_in_full(relay):
    with relay.runtime.scope() as session:
        session.execute(update(Heartbeat).values(beaten_at=db_now(-9 * HOUR)))

    relay.beat()

    assert relay.runs()[0].changed_since is None
