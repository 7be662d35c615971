"""Pages of a sync run that carry their rows: no second question, and never an old state."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update

from integration import channels, stages, sync, sync_runs, work_items
from integration.clock import db_now
from integration.hints import PageRead
from integration.models import Priority, ReadAhead, SyncRun
from integration.topology import Topic
from tests.integration.relay import Relay

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK


def start(relay: Relay, kind: str = sync_runs.INITIAL) -> int:
    with relay.runtime.scope() as session:
        run_id = sync_runs.start(session, relay.channel_id, kind, sync_runs.ALL_TOPICS)
    assert run_id is not None
    return run_id


def read(relay: Relay) -> int:
    """A run whose pages are read and of whose batches nothing has begun; the requests are
    forgotten."""
    run_id = start(relay)
    assert sync.advance(relay.runtime, run_id, "driver", budget_s=30)
    return run_id


def pages(relay: Relay) -> int:
    with relay.runtime.scope() as session:
        return session.scalar(select(func.count()).select_from(ReadAhead))


def differences(relay: Relay) -> list[str]:
    """Numbers of articles whose product is not as the ERP has it."""
    wrong = []
    for one in relay.for_sale():
        product = relay.product(one)
        same = product is not None and (
            product["name"] == one["name"]
            and Decimal(product["gross"]) == Decimal(str(one["gross"]))
            and int(product["stock"]) == max(0, int(Decimal(str(one["stock"] or 0))))
        )
        if not same:
            wrong.append(one["number"])
    return wrong


def test_a_batch_of_a_run_asks_the_erp_for_nothing_that_its_page_brought(relay):
    run_id = read(relay)
    asked = relay.erp_requests()

    relay.drain()

    assert relay.erp_requests() == asked
    assert differences(relay) == []
    assert sync.advance(relay.runtime, run_id, "driver", budget_s=5) is False
    assert pages(relay) == 0  # nothing is kept of a run that is over


def test_prices_and_stocks_of_what_is_in_the_shop_come_with_the_same_page(relay):
    read(relay)
    relay.drain()
    dearer, fewer = relay.for_sale()[:2]
    relay.edit(dearer, net="50.00", gross="59.50")
    relay.edit(fewer, stock=3)
    relay.shop.writes.clear()

    read(relay)
    asked = relay.erp_requests()
    relay.drain()

    assert relay.erp_requests() == asked
    assert relay.writes(PRICE) == [[dearer["id"]]]
    assert relay.writes(STOCK) == [[fewer["id"]]]
    assert differences(relay) == []


@pytest.mark.pitfall(15)
def test_an_edit_after_the_page_was_read_is_what_reaches_the_shop(relay):
    read(relay)
    article = relay.for_sale()[0]
    relay.edit(article, name="edited meanwhile")
    relay.hint(ARTICLE, article)

    relay.drain()

    assert relay.product(article)["name"] == "edited meanwhile"
    assert differences(relay) == []


def test_an_edit_while_the_batch_is_on_its_way_sends_the_article_again(relay):
    read(relay)
    article = relay.for_sale()[0]
    claim_id = relay.claim()

    def edit() -> None:
        relay.edit(article, name="edited on its way")
        relay.hint(ARTICLE, article)

    relay.run(claim_id, before_push=edit)
    relay.drain()

    assert relay.product(article)["name"] == "edited on its way"


def test_an_article_that_is_listed_while_the_run_reads_comes_by_its_event(relay):
    hidden = relay.for_sale()[0]
    relay.edit(hidden, listed=False)
    read(relay)
    relay.edit(hidden, listed=True)
    relay.hint(ARTICLE, hidden)

    relay.drain()

    assert differences(relay) == []


def test_a_batch_whose_worker_died_asks_the_erp_anew(relay):
    read(relay)
    article = relay.for_sale()[0]
    relay.die(relay.claim())
    relay.edit(article, name="later than the page")

    relay.drain()
    relay.doubts_are_over()
    relay.drain()

    assert relay.product(article)["name"] == "later than the page"
    assert differences(relay) == []


def test_a_message_that_comes_twice_finds_its_rows_again(relay):
    read(relay)
    asked = relay.erp_requests()
    claim_id = relay.claim()

    first, second = (stages.fetch(relay.runtime, claim_id)["rows"] for _ in range(2))

    assert first == second
    assert relay.erp_requests() == asked


def test_a_driver_that_died_between_page_and_record_is_succeeded_and_the_page_is_read_again(relay):
    run_id = start(relay)
    with relay.runtime.scope() as session:
        sync_runs.take_wheel(session, run_id, "killed")
        session.execute(update(SyncRun).values(driver_until=db_now(-1)))

    sync.advance(relay.runtime, run_id, "driver", budget_s=30)
    relay.drain()

    assert differences(relay) == []


def test_a_page_that_is_older_than_a_lease_is_not_used(relay):
    read(relay)
    article = relay.for_sale()[0]
    relay.edit(article, name="nobody was told")
    with relay.runtime.scope() as session:
        session.execute(update(ReadAhead).values(read_at=db_now(-relay.runtime.settings.lease_s)))

    relay.drain()

    assert relay.product(article)["name"] == "nobody was told"


def test_a_page_from_before_the_channel_wanted_more_is_not_used(relay):
    read(relay)
    asked = relay.erp_requests()
    with relay.runtime.scope() as session:
        channels.set_parameter(session, relay.channel_id, "categories", "on", None)

    claim_id = relay.claim()
    row = next(iter(stages.fetch(relay.runtime, claim_id)["rows"].values()))

    assert "categories" in row
    assert relay.erp_requests() > asked


# What a hint makes of a page


@pytest.fixture
def read_at(database) -> datetime:
    """A moment before anything that a test does."""
    return now(database)


def now(database: Any) -> datetime:
    """The database's clock, in a moment of its own: SQLite's has milliseconds."""
    with database.scope() as session:
        began = moment = session.scalar(select(db_now()))
        while moment == began:
            moment = session.scalar(select(db_now()))
        return moment


def hint_page(database: Any, moment: datetime) -> str | None:
    """Hint article 7 with a page that was asked for then; the page that its row names."""
    page = PageRead("page", moment)
    database.hint(ARTICLE, "7", priority=Priority.BACKFILL, read=page)
    return database.row(ARTICLE, "7").read_ahead_id


def test_what_was_never_heard_of_is_as_the_page_says(database):
    assert hint_page(database, now(database)) == "page"


def test_what_was_hinted_and_settled_before_the_page_is_as_the_page_says(database):
    database.hint(ARTICLE, "7")
    database.push(ARTICLE, "hash")

    assert hint_page(database, now(database)) == "page"


def test_what_waits_since_before_the_page_is_as_the_page_says(database):
    database.hint(ARTICLE, "7")

    assert hint_page(database, now(database)) == "page"


def test_an_event_since_the_erp_was_asked_counts_more_than_the_page(database, read_at):
    database.hint(ARTICLE, "7")

    assert hint_page(database, read_at) is None


def test_an_event_behind_the_page_takes_it_away(database):
    hint_page(database, now(database))
    database.hint(ARTICLE, "7")

    assert database.row(ARTICLE, "7").read_ahead_id is None


def test_what_is_worked_on_may_be_read_later_than_the_page(database):
    database.hint(ARTICLE, "7")
    database.hold(ARTICLE)

    assert hint_page(database, now(database)) is None


@pytest.mark.parametrize("outcome", [{"pushed": "hash"}, {"skip_reason": "unchanged"}])
def test_what_was_settled_since_the_erp_was_asked_may_be_newer_than_the_page(database, outcome):
    database.hint(ARTICLE, "7")
    held = database.hold(ARTICLE)
    moment = now(database)
    database.settle(held, **outcome)

    assert hint_page(database, moment) is None


def test_a_row_that_is_given_back_is_fetched(database):
    hint_page(database, now(database))
    held = database.hold(ARTICLE, priority=Priority.BACKFILL)
    with database.scope() as session:
        work_items.release(session, held, [item.id for item in held.items])

    assert held.items[0].read_ahead_id == "page"
    assert database.row(ARTICLE, "7").read_ahead_id is None
