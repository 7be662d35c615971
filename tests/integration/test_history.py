"""The history of entities, as the stages write it beside a sandboxed ERP and the shop in memory."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import article_holds, channels, hints, work_items
from integration.db import build_intake_engine
from integration.errors import TransientError
from integration.history import belief, reading
from integration.history.entries import FIRST_WRITE, WITH_ARTICLE, Logged
from integration.models import HistoryContent, HistoryEntry, Priority, SalesChannel
from integration.topology import Topic
from tests.integration.relay import Relay

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK
ALL = tuple(Topic)


def logged(relay: Relay, article: dict[str, object], *topics: Topic) -> list[Logged]:
    with relay.runtime.scope() as session:
        entity = str(article["id"])
        return reading.entries(session, relay.channel_id, entity, topics=topics or ALL)


def kinds(relay: Relay, article: dict[str, object], *topics: Topic) -> list[str]:
    return [one.kind for one in logged(relay, article, *topics)]


def believed(relay: Relay, article: dict[str, object], topic: Topic, moment=None):
    with relay.runtime.scope() as session:
        if moment is None:
            moment = session.scalars(select(hints.db_now())).one()
        return belief.at(session, relay.channel_id, str(article["id"]), moment, [topic])[0]


def webhook(relay: Relay, topic: Topic, article: dict[str, object], by: str) -> None:
    """As the web process records an event."""
    intake = build_intake_engine(relay.runtime.engine)
    assert hints.hint_channels(intake, "acme", "42", topic, str(article["id"]), by=by) == 1
    intake.dispose()


@pytest.fixture
def article(relay):
    return relay.for_sale()[0]


def test_what_came_was_fetched_sent_and_answered_stands_in_one_entry(relay, article):
    webhook(relay, ARTICLE, article, "webhook article.create")
    webhook(relay, ARTICLE, article, "webhook article.update")
    relay.drain()

    (created,) = logged(relay, article, ARTICLE)

    assert (created.kind, created.words) == ("pushed", FIRST_WRITE)
    assert (created.events, created.hinted_by) == (2, "webhook article.update")
    assert created.last_event_at <= created.fetched_at.astimezone() <= created.at
    assert "VQL article.shopListing x1" in created.fetched
    assert created.sent["name"] == article["name"]
    assert created.content_hash == relay.row(ARTICLE, article).pushed_hash
    for topic in (PRICE, STOCK):
        (with_it,) = logged(relay, article, topic)
        assert (with_it.kind, with_it.words, with_it.events) == ("pushed", WITH_ARTICLE, 0)
        assert with_it.content_hash == relay.row(topic, article).pushed_hash
        assert with_it.sent

    relay.hint(PRICE, article)
    relay.drain()
    assert kinds(relay, article, PRICE) == ["pushed", "unchanged"]
    assert relay.row(PRICE, article).events == 0


def test_a_refusal_has_the_words_of_the_shop_and_what_it_refused(relay, article):
    relay.shop.refused_numbers[article["number"]] = "the name is too long"
    relay.hint(ARTICLE, article)
    relay.drain()

    (refused,) = logged(relay, article, ARTICLE)

    assert refused.kind == "buried"
    assert "the name is too long" in refused.words
    assert refused.sent["name"] == article["name"]
    assert not refused.is_in_doubt
    assert believed(relay, article, ARTICLE).content_hash is None


def test_an_answer_that_got_lost_leaves_the_belief_in_doubt_until_the_next_one(relay, article):
    relay.hint(ARTICLE, article)
    relay.drain()
    first = believed(relay, article, STOCK)
    relay.edit(article, stock=7)
    relay.shop.failures_after.append(TransientError("no answer", outcome_unknown=True))
    relay.hint(STOCK, article)
    relay.drain()

    between = believed(relay, article, STOCK)
    assert (between.content_hash, between.sent) == (first.content_hash, first.sent)
    assert between.doubted == {**first.sent, "stock": 7}

    relay.doubts_are_over()
    relay.retries_are_due()
    relay.drain()
    after = believed(relay, article, STOCK)
    assert after.sent == between.doubted
    assert after.content_hash == relay.row(STOCK, article).pushed_hash
    # What was believed then stays what was believed then.
    assert believed(relay, article, STOCK, first.since).sent == first.sent


def test_a_product_that_vanished_is_believed_to_be_nothing(relay, article):
    relay.hint(ARTICLE, article)
    relay.drain()
    relay.shop.products.clear()
    relay.edit(article, stock=3)
    relay.hint(STOCK, article)
    relay.drain()

    assert kinds(relay, article, STOCK)[:2] == ["pushed", "vanished"]
    vanished = next(one for one in logged(relay, article, STOCK) if one.kind == "vanished")
    gone = believed(relay, article, STOCK, vanished.at)
    assert (gone.content_hash, gone.is_known) == (None, True)
    assert believed(relay, article, STOCK).sent["stock"] == 3


def test_holds_releases_and_what_a_person_did_are_entries(relay, article):
    with relay.runtime.scope() as session:
        article_holds.add(
            session, relay.channel_id, article["id"], [ARTICLE], reason="recall", by="anna"
        )
    relay.hint(ARTICLE, article)
    with relay.runtime.scope() as session:
        article_holds.release(session, relay.channel_id, article_id=article["id"], by="bert")
    relay.drain()

    entries = logged(relay, article, ARTICLE)

    assert [(one.kind, one.person, one.words) for one in entries] == [
        ("command", "anna", "queue hold add: recall"),
        ("unheld", "bert", "by-hand"),
        ("pushed", None, FIRST_WRITE),
    ]


def test_a_held_channel_is_told_once_with_its_reason(relay, article):
    with relay.runtime.scope() as session:
        for reason in ("no access", "no access", "no right"):
            channels.hold(session, relay.channel_id, reason)

    with relay.runtime.scope() as session:
        found = reading.entries(session, relay.channel_id, article["id"], with_channel=True)

    assert [(one.kind, one.words, one.topic) for one in found] == [
        ("held", "no access", None),
        ("held", "no right", None),
    ]


def test_a_pass_over_the_catalogue_that_finds_nothing_new_writes_no_entry(relay, article):
    relay.hint(ARTICLE, article)
    relay.drain()
    before = kinds(relay, article)
    with relay.runtime.scope() as session:
        hints.hint(session, relay.channel_id, ARTICLE, [article["id"]], priority=Priority.BACKFILL)
    relay.drain()

    assert kinds(relay, article) == before
    assert relay.row(ARTICLE, article).skip_reason == "unchanged"
    assert relay.row(ARTICLE, article).events == 0


def test_waiting_that_costs_no_attempt_writes_no_entry(relay, article):
    relay.erp("options", rate_limit=1)
    relay.hint(ARTICLE, article)
    relay.drain()
    relay.retries_are_due()
    relay.drain()

    assert relay.row(ARTICLE, article).events == 1
    assert kinds(relay, article) == []


def test_an_entry_and_what_it_tells_of_are_one_transaction(database):
    """No row is settled that the history does not know of, and the other way round."""
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    with Session(database.engine) as session:
        evidence = [work_items.Settled(held.items[0].id, skip_reason="not listed")]
        work_items.settle(session, held, evidence)
        assert session.scalars(select(HistoryEntry.kind)).all() == ["skipped"]
        session.rollback()

    with database.scope() as session:
        assert session.scalars(select(HistoryEntry.kind)).all() == []
    assert database.states(STOCK) == {"1": "PROCESSING"}


def test_no_secret_gets_into_what_was_sent_or_answered(relay, article):
    secret = "hunter2-very-secret"
    relay.edit(article, name=f"Lamp, password={secret}")
    relay.hint(ARTICLE, article)
    relay.drain()
    relay.shop.refused_numbers[article["number"]] = f"access_token={secret} is over\x00"
    relay.edit(article, name=f"Lamp 2, password={secret}")
    relay.hint(ARTICLE, article)
    relay.drain()

    entries = logged(relay, article, ARTICLE)

    assert [one.kind for one in entries] == ["pushed", "buried"]
    assert [one.sent["name"] for one in entries] == ["Lamp, password=***", "Lamp 2, password=***"]
    assert "access_token=***" in entries[1].words
    assert secret not in repr(entries)
    with relay.runtime.scope() as session:
        assert len(session.scalars(select(HistoryContent.body)).all()) == 2
        channel = session.get_one(SalesChannel, relay.channel_id)
        channels.remove(session, channel.id)
    with relay.runtime.scope() as session:
        for model in (HistoryEntry, HistoryContent):
            assert session.scalars(select(model)).all() == []
