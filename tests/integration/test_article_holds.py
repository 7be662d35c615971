"""Articles that a person keeps back whatever hints come; released, they send what changed."""

import pytest
from sqlalchemy import func, select

from integration import article_holds, hints, work_outcomes
from integration.db import build_intake_engine
from integration.dry_run import DryRun
from integration.errors import MappingMissing, TransientError
from integration.models import BY_HAND, ArticleHold, Priority, WorkItem
from integration.topology import Topic
from tests.engines import executed

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK


def hold(database, article_id="1", topics=article_holds.HOLDABLE):
    with database.scope() as session:
        return article_holds.add(
            session, database.channel, article_id, topics, reason="price under review", by="anna"
        )


def release(database, article_id="1", **options):
    with database.scope() as session:
        return article_holds.release(session, database.channel, article_id=article_id, **options)


def discard(database, article_id="1", **options):
    with database.scope() as session:
        return article_holds.discard(session, database.channel, article_id=article_id, **options)


def sweep(database):
    with database.scope() as session:
        return article_holds.let_go(session)


def state(row):
    return row.state, row.hold_reason


def test_a_held_article_waits_and_others_go(database):
    database.hint(STOCK, "1", "2")

    assert hold(database) == 1

    assert [item.entity_id for item in database.hold(STOCK).items] == ["2"]
    assert state(database.row(STOCK, "1")) == ("QUEUED", BY_HAND)


def test_new_hints_are_counted_and_change_nothing_about_the_hold(database):
    database.hint(STOCK, "1")
    hold(database)
    database.hint(STOCK, "1")
    database.hint(STOCK, "1", priority=Priority.BACKFILL)

    row = database.row(STOCK, "1")

    assert state(row) == ("QUEUED", BY_HAND)
    assert (row.generation, row.priority) == (3, Priority.LIVE)
    assert database.claim(STOCK) is None


def test_a_change_that_comes_later_is_held_as_well(waiting, database):
    database.push(STOCK, "content")
    hold(database, "3")

    database.hint(STOCK, "3", "4")
    database.hint(PRICE, "3")

    assert state(database.row(STOCK, "3")) == ("QUEUED", BY_HAND)
    assert state(database.row(STOCK, "4")) == ("QUEUED", None)
    assert state(database.row(PRICE, "3")) == ("QUEUED", BY_HAND)


@pytest.fixture
def waiting(database):
    """The stock of article 0 is on its way."""
    database.hint(STOCK, "0")
    return database


def test_a_webhook_of_a_held_article_is_one_statement_and_held(database):
    hold(database)
    intake = build_intake_engine(database.engine)
    hints.hint_channels(intake, "acme", "42", STOCK, "1")  # prepares it

    with executed(intake) as sent:
        assert hints.hint_channels(intake, "acme", "42", STOCK, "1") == 1
        assert hints.hint_channels(intake, "acme", None, STOCK, "2") == 1

    intake.dispose()
    assert len([one for one in sent if not one.statement.startswith("PREPARE")]) == 2
    assert state(database.row(STOCK, "1")) == ("QUEUED", BY_HAND)
    assert state(database.row(STOCK, "2")) == ("QUEUED", None)


def test_a_hold_of_one_topic_lets_the_others_go(database):
    hold(database, topics=[PRICE])
    database.hint(STOCK, "1")
    database.hint(PRICE, "1")

    assert state(database.row(STOCK, "1")) == ("QUEUED", None)
    assert state(database.row(PRICE, "1")) == ("QUEUED", BY_HAND)


def test_documents_of_orders_are_no_articles(database):
    hold(database)
    database.hint(Topic.ORDER_STATUS, "1")

    assert database.row(Topic.ORDER_STATUS, "1").hold_reason != BY_HAND


def test_release_sends_what_changed_and_later_changes_go_by_themselves(database):
    hold(database)
    database.hint(STOCK, "1")

    assert release(database) == 1

    database.push(STOCK, "content")
    database.hint(STOCK, "1")
    assert state(database.row(STOCK, "1")) == ("QUEUED", None)


def test_a_row_that_is_being_sent_is_finished_and_its_next_change_is_held(waiting, database):
    held = database.hold(STOCK)
    hold(database, "0")
    database.hint(STOCK, "0")

    database.begin_write(held)
    database.settle(held, pushed="content")

    # Settle queues it again without the mark: its next fetch gives it back.
    assert state(database.row(STOCK, "0")) == ("QUEUED", None)
    again = database.hold(STOCK)
    with database.scope() as session:
        assert article_holds.keep_back(session, again) == {"0"}
    row = database.row(STOCK, "0")
    assert state(row) == ("QUEUED", BY_HAND)
    assert (row.claim_id, row.attempts) == (None, 0)


def test_a_failed_row_that_is_hinted_is_held(waiting, database):
    hold(database, "0")
    database.change(WorkItem.entity_id == "0", state="FAILED", hold_reason=None)

    database.hint(STOCK, "0")

    assert state(database.row(STOCK, "0")) == ("QUEUED", BY_HAND)


def test_another_reason_stays_until_it_is_solved(waiting, database):
    held = database.hold(STOCK)
    error = MappingMissing("mapping:tax:2", "tax 2")
    with database.scope() as session:
        work_outcomes.record_errors(session, held, {held.items[0].id: error})

    hold(database, "0")

    assert state(database.row(STOCK, "0")) == ("QUEUED", "mapping:tax:2")
    assert release(database, "0") == 1
    assert state(database.row(STOCK, "0")) == ("QUEUED", None)


def test_release_by_reason_lets_all_its_articles_go(waiting, database):
    hold(database, "0")
    hold(database, "1")
    database.hint(PRICE, "1")
    database.change(WorkItem.topic == PRICE.value, hold_reason="mapping:tax:2")

    assert release(database, None, reason=BY_HAND) == 1

    assert state(database.row(STOCK, "0")) == ("QUEUED", None)
    assert state(database.row(PRICE, "1")) == ("QUEUED", "mapping:tax:2")
    with database.scope() as session:
        assert session.scalar(select(func.count()).select_from(ArticleHold)) == 0


def test_release_by_reason_is_about_all_topics_and_of_an_article_about_its_own(database):
    database.hint(STOCK, "1")
    database.hint(Topic.ORDER_STATUS, "1", "2")
    database.change(hold_reason="confirm:cancel")

    assert release(database) == 1  # the document 1 is no article
    assert state(database.row(STOCK, "1")) == ("QUEUED", None)

    assert release(database, None, reason="confirm:cancel") == 2
    for document in ("1", "2"):
        assert state(database.row(Topic.ORDER_STATUS, document)) == ("QUEUED", None)


def test_release_of_one_topic_leaves_the_others_held(database):
    hold(database)
    database.hint(STOCK, "1")
    database.hint(PRICE, "1")

    assert release(database, topics=[PRICE]) == 1

    assert state(database.row(STOCK, "1")) == ("QUEUED", BY_HAND)
    assert state(database.row(PRICE, "1")) == ("QUEUED", None)


def test_discard_settles_as_not_sent_and_the_hold_goes_on(waiting, database):
    database.push(STOCK, "content")
    database.hint(STOCK, "0")
    hold(database, "0")

    assert discard(database, "0") == 1

    row = database.row(STOCK, "0")
    assert state(row) == ("COMPLETED", None)
    assert row.skip_reason == "discarded, was held: by-hand"
    assert row.first_unsent_at is None
    assert row.pushed_hash == "content"  # still what the shop holds
    database.hint(STOCK, "0")
    assert state(database.row(STOCK, "0")) == ("QUEUED", BY_HAND)


def test_discard_leaves_alone_what_is_not_held(waiting, database):
    assert discard(database, "0") == 0
    assert state(database.row(STOCK, "0")) == ("QUEUED", None)


def test_what_is_marked_and_held_by_nobody_is_let_go_by_the_sweep(waiting, database):
    hold(database, "1")
    database.hint(STOCK, "1")
    # A hint that overtook a release.
    database.change(WorkItem.entity_id == "0", hold_reason=BY_HAND)

    assert sweep(database) == 1

    assert state(database.row(STOCK, "0")) == ("QUEUED", None)
    assert state(database.row(STOCK, "1")) == ("QUEUED", BY_HAND)
    assert sweep(database) == 0


def test_a_postponed_row_keeps_its_turn_until_its_fetch(waiting, database):
    held = database.hold(STOCK)
    hold(database, "0")
    with database.scope() as session:
        error = TransientError("connection refused")
        work_outcomes.record_errors(session, held, {held.items[0].id: error})

    database.retries_are_due()
    again = database.hold(STOCK)
    with database.scope() as session:
        article_holds.keep_back(session, again)

    row = database.row(STOCK, "0")
    assert state(row) == ("QUEUED", BY_HAND)
    assert row.attempts == 1


def test_the_second_hold_of_an_article_replaces_the_first_ones_reason(database):
    hold(database, "1", [STOCK])
    with database.scope() as session:
        article_holds.add(session, database.channel, "1", [STOCK], reason="recall", by="ben")

    with database.scope() as session:
        found = session.scalars(select(ArticleHold)).one()
    assert (found.reason, found.held_by) == ("recall", "ben")


# Through the stages


def hold_in(relay, article, *topics):
    with relay.runtime.scope() as session:
        article_holds.add(
            session,
            relay.channel_id,
            article["id"],
            topics or article_holds.HOLDABLE,
            reason="recall",
            by="anna",
        )


def release_in(relay, article):
    with relay.runtime.scope() as session:
        article_holds.release(session, relay.channel_id, article_id=article["id"])


def test_what_was_claimed_when_the_hold_came_is_not_sent_and_its_batch_is(relay):
    kept, other = relay.for_sale()[:2]
    relay.hint(ARTICLE, kept, other)
    claim = relay.claim()
    hold_in(relay, kept)

    relay.run(claim)
    relay.drain()

    assert (relay.product(kept), relay.errors) == (None, [])
    assert relay.product(other)
    release_in(relay, kept)
    relay.drain()
    assert relay.product(kept)


def test_a_stock_of_a_held_article_that_is_not_in_the_shop_waits_for_both(relay):
    (article,) = relay.for_sale()[:1]
    hold_in(relay, article, ARTICLE)
    relay.hint(STOCK, article)

    relay.drain()

    assert relay.product(article) is None
    assert relay.row(STOCK, article).hold_reason == "article-not-in-shop"
    assert relay.row(ARTICLE, article).hold_reason == BY_HAND
    release_in(relay, article)
    relay.drain()
    assert relay.product(article)["stock"] == int(article["stock"])


def test_a_dry_run_names_what_is_held_by_hand(relay):
    known, new, free = relay.for_sale()[:3]
    relay.hint(ARTICLE, known, free)
    relay.drain()
    for one in (known, free):
        relay.edit(one, name="Another name", gross=one["gross"] + 1)
    hold_in(relay, known, ARTICLE)
    hold_in(relay, new)

    shown = outcomes(relay)

    # Of what is in the shop, topics that nobody holds go on.
    assert shown[known["id"]] == ("update", (PRICE,))
    assert shown[new["id"]] == (BY_HAND, ())
    assert shown[free["id"]] == ("update", (PRICE, ARTICLE))
    hold_in(relay, known)
    assert outcomes(relay)[known["id"]] == (BY_HAND, ())


def outcomes(relay):
    view = relay.runtime.channel(relay.channel_id)
    pages = DryRun(relay.runtime, view, [STOCK, PRICE, ARTICLE]).pages()
    return {one.article: (one.outcome, one.topics) for page in pages for one in page.outcomes}
