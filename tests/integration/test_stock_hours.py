"""The stock pass of each hour: what it asks for, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from integration import channels, stock_hours, sync, sync_runs, toggles
from integration.clock import db_now
from integration.models import SalesChannel, SyncRun, WorkItem
from integration.topology import Topic
from tests.integration.relay import Relay, beside_an_erp
from tests.integration.support import Database, together

TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)


def came_before(database: Database | Relay) -> None:
    """The channel is older than an hour."""
    scope = database.scope if isinstance(database, Database) else database.runtime.scope
    with scope() as session:
        session.execute(update(SalesChannel).values(created_at=db_now(-7_200)))


def start(database: Database) -> list[int]:
    with database.scope() as session:
        return stock_hours.start_hourly_stock(session)


def stocked(database_url: str, articles: int) -> Iterator[Relay]:
    with beside_an_erp(database_url, articles=articles) as relay:
        came_before(relay)
        for topic in TOPICS:
            relay.hint(topic, *relay.for_sale())
        relay.drain()
        yield relay


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    """A shop that has everything of an ERP whose stocks come by pages."""
    yield from stocked(sqlite_url, articles=6)


@pytest.fixture
def large(database_url: str) -> Iterator[Relay]:
    """The same with more than two pages, on SQLite and on Postgres."""
    yield from stocked(database_url, articles=220)


def hour(relay: Relay) -> SyncRun:
    """The pass of this hour, to its end; what it asked for waits."""
    with relay.runtime.scope() as session:
        session.execute(update(SyncRun).values(unique_key=None, state="DONE"))
        (run_id,) = stock_hours.start_hourly_stock(session)
    sync.advance(relay.runtime, run_id, sync.new_driver(), budget_s=30)
    with relay.runtime.scope() as session:
        return session.get_one(SyncRun, run_id)


def asked_for(relay: Relay) -> list[str]:
    with relay.runtime.scope() as session:
        waiting = select(WorkItem.topic, WorkItem.entity_id).where(
            WorkItem.state == "QUEUED", WorkItem.topic != Topic.WRITE_BACK.value
        )
        return sorted(f"{row.topic} {row.entity_id}" for row in session.execute(waiting))


def test_only_stocks_that_differ_become_work_and_a_page_costs_a_request(large: Relay) -> None:
    relay = large
    first, second, third, *_ = relay.for_sale()
    relay.edit(first, stock=7_001)
    relay.edit(second, stock=7_002)
    relay.edit(third, name="No stock", gross=7.99)
    written, before = len(relay.shop.writes), relay.erp_requests()

    run = hour(relay)

    assert relay.erp_requests() - before <= len(relay.articles()) // 100 + 1
    assert asked_for(relay) == [
        f"{Topic.STOCK} {one}" for one in sorted((first["id"], second["id"]))
    ]
    relay.drain()
    assert len(relay.shop.writes) == written + 1
    products = [relay.product(first), relay.product(second)]
    assert [one["stock"] for one in products if one] == [7_001, 7_002]
    with relay.runtime.scope() as session:
        assert sync_runs.end_if_drained(session, run.id)
        ended = session.get_one(SyncRun, run.id)
        assert (ended.state, ended.pushed, ended.message) == ("DONE", 2, None)


def test_an_hour_in_which_nothing_changed_ends_at_once(relay: Relay) -> None:
    run = hour(relay)

    assert asked_for(relay) == []
    assert (run.state, run.seen) == ("DONE", len(relay.articles()))


def test_what_is_on_its_way_failed_or_the_shops_is_not_asked_for(relay: Relay) -> None:
    waiting, failed, other = relay.for_sale()[:3]
    for article in (waiting, failed, other):
        relay.edit(article, stock=7_003)
    relay.hint(Topic.STOCK, waiting)
    with relay.runtime.scope() as session:
        of_failed = WorkItem.topic == Topic.STOCK.value, WorkItem.entity_id == failed["id"]
        session.execute(update(WorkItem).where(*of_failed).values(state="FAILED"))

    hour(relay)
    assert asked_for(relay) == [
        f"{Topic.STOCK} {one}" for one in sorted((waiting["id"], other["id"]))
    ]
    assert relay.row(Topic.STOCK, waiting).generation == 2
    relay.drain()

    with relay.runtime.scope() as session:
        channels.set_parameter(session, relay.channel_id, "own.stock", "keep", None)
    relay.edit(other, stock=7_004)
    hour(relay)
    assert asked_for(relay) == []


def test_stocks_that_come_article_by_article_are_left_to_the_night(sqlite_url: str) -> None:
    with beside_an_erp(sqlite_url, articles=6, profile="rest") as relay:
        came_before(relay)
        for topic in TOPICS:
            relay.hint(topic, *relay.for_sale())
        relay.drain()
        relay.edit(relay.for_sale()[0], stock=7_005)
        before = relay.erp_requests()

        run = hour(relay)

        assert (relay.erp_requests() - before, asked_for(relay)) == (1, [])
        assert run.state == "DONE"


def test_each_hour_begins_one_pass_however_many_beats_there_are(database: Database) -> None:
    came_before(database)
    database.add_channel("44", is_paused=True)
    database.add_channel("45")  # its initial sync is as young as it

    found = together([lambda: start(database)] * 4)

    assert sorted(len(one) for one in found) == [0, 0, 0, 1]
    with database.scope() as session:
        session.execute(update(SyncRun).values(state="DONE"))
    assert start(database) == [], "it was this hour's"


def test_no_pass_begins_beside_one_that_compares_stocks_or_with_stock_switched_off(
    database: Database,
) -> None:
    came_before(database)
    with database.scope() as session:
        nightly = sync_runs.start(session, database.channel, sync_runs.NIGHTLY, ["stock"])
    assert start(database) == []

    with database.scope() as session:
        session.get_one(SyncRun, nightly).state = "DONE"
        toggles.switch(session, database.channel, Topic.STOCK, is_on=False)
    assert start(database) == []

    with database.scope() as session:
        toggles.switch(session, database.channel, Topic.STOCK, is_on=True)
    assert len(start(database)) == 1


def test_a_row_that_waits_for_its_next_attempt_stops_no_pass(database: Database) -> None:
    came_before(database)
    with database.scope() as session:
        nightly = sync_runs.start(session, database.channel, sync_runs.NIGHTLY, ["stock"])
        session.get_one(SyncRun, nightly).state = "DRAINING"
        session.add(
            WorkItem(
                channel_id=database.channel,
                topic=Topic.STOCK.value,
                entity_id="1",
                sync_run_id=nightly,
                due_at=db_now(-1),
            )
        )
    assert start(database) == [], "it is being sent"

    with database.scope() as session:
        session.execute(update(WorkItem).values(attempts=3, due_at=db_now(7_200)))
    assert len(start(database)) == 1
