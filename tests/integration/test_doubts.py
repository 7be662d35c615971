"""Writes whose outcome nobody recorded are never the last ones, on SQLite and on Postgres."""

from __future__ import annotations

from typing import Any

import pytest

from integration import first_writes, work_items, work_outcomes
from integration.clock import db_now
from integration.errors import Busy, ChannelError, Rejected, Throttled, TransientError
from integration.models import WorkItem
from integration.topology import Topic
from tests.integration.support import LEASE_S, Database

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK


def die(database: Database, topic: Topic) -> None:
    """A worker dies in the middle of its write of everything due."""
    database.begin_write(database.hold(topic))
    database.end_leases()
    with database.scope() as session:
        work_outcomes.recover_expired(session)


def doubts_are_over(database: Database) -> None:
    past = db_now(-1)
    database.change(WorkItem.doubt_until.is_not(None), doubt_until=past, due_at=past)


def seconds_until_due(row: Any) -> float:
    return (row.due_at - row.now).total_seconds()


def test_a_row_whose_writer_died_is_written_and_once_more_when_that_write_cannot_come_any_more(
    database,
):
    database.hint(STOCK, "1")
    die(database, STOCK)

    database.push(STOCK, "new")

    row = database.row(STOCK, "1")
    assert (row.state, row.pushed_hash, row.first_unsent_at) == ("QUEUED", None, None)
    assert LEASE_S < seconds_until_due(row) <= 2 * LEASE_S
    doubts_are_over(database)
    database.push(STOCK, "new")
    row = database.row(STOCK, "1")
    assert (row.state, row.pushed_hash, row.doubt_until) == ("COMPLETED", "new", None)


def test_a_redelivered_message_doubts_what_its_earlier_holder_wrote(database):
    database.hint(STOCK, "1")
    first = database.hold(STOCK)
    database.begin_write(first)
    second = database.take_over(first.id)
    database.begin_write(second)

    result = database.settle(second, pushed="new")

    assert result.doubted == (second.items[0].id,)
    assert database.row(STOCK, "1").state == "QUEUED"


def test_a_write_that_was_recorded_leaves_no_doubt(database):
    database.hint(STOCK, "1")
    database.push(STOCK, "a")

    assert database.row(STOCK, "1").doubt_until is None


def test_a_hint_meanwhile_goes_at_once_and_the_second_look_still_comes(database):
    database.hint(STOCK, "1")
    die(database, STOCK)
    database.push(STOCK, "new")

    database.hint(STOCK, "1")

    assert seconds_until_due(database.row(STOCK, "1")) <= 0
    database.push(STOCK, "newer")
    row = database.row(STOCK, "1")
    assert row.state == "QUEUED"
    assert seconds_until_due(row) > LEASE_S


def test_a_skip_does_not_end_the_doubt(database):
    database.hint(STOCK, "1")
    die(database, STOCK)
    held = database.hold(STOCK)

    result = database.settle(held, skip_reason="not listed")

    assert result.doubted == (held.items[0].id,)
    row = database.row(STOCK, "1")
    assert (row.state, row.pushed_at) == ("QUEUED", None)


@pytest.mark.parametrize(
    "error",
    [
        Throttled("slow down", 5.0),
        Busy("locked", 1.0),
        Rejected("too long"),
        ChannelError("wrong currency"),
        TransientError("maintenance"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_refused_write_cannot_come_any_more(database, error):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.begin_write(held)

    with database.scope() as session:
        work_outcomes.record_errors(session, held, {held.items[0].id: error})

    assert database.row(STOCK, "1").doubt_until is None


@pytest.mark.parametrize(
    "error", [TransientError("no answer", outcome_unknown=True), RuntimeError("a bug")]
)
def test_a_write_without_an_answer_may_still_come(database, error):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.begin_write(held)

    with database.scope() as session:
        work_outcomes.record_errors(session, held, {held.items[0].id: error})

    row = database.row(STOCK, "1")
    assert LEASE_S < (row.doubt_until - row.now).total_seconds() <= 2 * LEASE_S


def test_a_refused_write_does_not_end_the_doubt_of_an_earlier_one(database):
    database.hint(STOCK, "1")
    die(database, STOCK)
    doubt_until = database.row(STOCK, "1").doubt_until
    held = database.hold(STOCK)
    database.begin_write(held)

    with database.scope() as session:
        work_outcomes.record_errors(session, held, {held.items[0].id: Throttled("slow down")})

    assert database.row(STOCK, "1").doubt_until == doubt_until


def test_a_doubtful_article_sends_its_price_and_stock_again_when_it_is_sure(database):
    # Its lost write may have been the first one, which carries both.
    for topic in (PRICE, STOCK):
        database.hint(topic, "1")
        database.push(topic, "a")
    database.hint(ARTICLE, "1")
    die(database, ARTICLE)
    database.push(ARTICLE, "a")
    assert database.row(PRICE, "1").pushed_hash == "a"
    doubts_are_over(database)

    database.push(ARTICLE, "a")

    rows = [database.row(topic, "1") for topic in (PRICE, STOCK)]
    assert [(row.state, row.pushed_hash) for row in rows] == [("QUEUED", None)] * 2


def test_a_create_does_not_vouch_for_a_price_with_a_write_that_may_still_come(database):
    database.hint(PRICE, "1")
    die(database, PRICE)

    with database.scope() as session:
        first_writes.remember_pushed(session, database.channel, PRICE, {"1": "of the create"})

    assert database.row(PRICE, "1").pushed_hash is None


def test_releasing_a_doubtful_row_keeps_its_doubt(database):
    database.hint(STOCK, "1")
    die(database, STOCK)
    held = database.hold(STOCK)

    with database.scope() as session:
        work_items.release(session, held, [held.items[0].id])

    assert database.row(STOCK, "1").doubt_until is not None


# Through the stages


def test_a_stale_write_that_arrives_after_its_senders_death_is_undone(relay):
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    relay.drain()
    relay.edit(article, stock=5)
    relay.hint(STOCK, article)
    relay.die(relay.claim())
    relay.edit(article, stock=7)
    relay.hint(STOCK, article)
    relay.drain()
    assert relay.product(article)["stock"] == 7

    relay.product(article)["stock"] = 5  # what the dead one had sent
    relay.doubts_are_over()
    relay.drain()

    assert relay.product(article)["stock"] == 7
    assert relay.row(STOCK, article).state == "COMPLETED"


@pytest.mark.parametrize("values", [{"listed": False}, {"active": False}], ids=str)
def test_a_product_that_a_dead_sender_created_is_withdrawn_when_it_is_not_offered(relay, values):
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    relay.die(relay.claim())
    relay.edit(article, **values)
    relay.hint(ARTICLE, article)
    relay.drain()

    relay.shop.products[f"memory-{article['id']}"] = {"number": article["number"], "active": True}
    relay.doubts_are_over()
    relay.drain()

    assert relay.product(article)["active"] is False


def test_a_withdrawal_that_a_stale_write_undid_is_repeated(relay):
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    relay.drain()
    relay.edit(article, name="Vorher")
    relay.hint(ARTICLE, article)
    relay.die(relay.claim())
    relay.edit(article, listed=False)
    relay.hint(ARTICLE, article)
    relay.drain()
    assert relay.product(article)["active"] is False

    relay.product(article)["active"] = True  # what the dead one had sent
    relay.doubts_are_over()
    relay.drain()

    assert relay.product(article)["active"] is False
