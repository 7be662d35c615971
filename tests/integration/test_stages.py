"""Fetch, transform and push of claimed batches, against the sandboxed ERP and the memory shop."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from integration import channels, dispatching, pushing, stages, toggles, work_outcomes
from integration.errors import CredentialsRefused, Throttled, TransientError, UsageError
from integration.models import (
    Listing,
    RateBucket,
    SalesChannel,
    Tenant,
    TenantFact,
    WorkItemState,
)
from integration.topology import Topic
from integration.vault import Vault, new_key
from tests.integration.relay import LIMITS

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK


@pytest.fixture
def article(relay):
    return relay.for_sale()[0]


@pytest.fixture
def in_shop(relay, article):
    """An article whose product is in the shop with price and stock."""
    relay.hint(ARTICLE, article)
    relay.drain()
    return article


@pytest.mark.contract("10.4")
def test_a_new_product_brings_price_and_stock_of_the_same_fetch(relay, article):
    relay.hint(ARTICLE, article)
    relay.drain()

    product = relay.product(article)
    assert product["name"] == article["name"]
    assert product["gross"] == str(article["gross"])
    assert relay.shop.writes == [(ARTICLE.value, [article["id"]])]


def test_what_the_create_brought_is_not_sent_again(relay, in_shop):
    relay.hint(PRICE, in_shop)
    relay.hint(STOCK, in_shop)
    relay.drain()

    assert relay.writes(PRICE) == relay.writes(STOCK) == []
    assert relay.row(PRICE, in_shop).skip_reason == "unchanged"


def test_a_price_of_a_product_that_is_not_there_waits_and_arrives_with_the_create(relay, article):
    relay.hint(PRICE, article)
    relay.drain()

    assert relay.product(article)["gross"] == str(article["gross"])
    assert relay.writes(PRICE) == []
    assert relay.row(PRICE, article).state == WorkItemState.COMPLETED


def test_while_articles_are_switched_off_their_prices_wait_with_the_reason(relay, article):
    with relay.runtime.scope() as session:
        toggles.switch(session, relay.channel_id, ARTICLE, False)
    relay.hint(PRICE, article)
    relay.drain()

    row = relay.row(PRICE, article)
    assert (row.state, row.hold_reason) == (WorkItemState.QUEUED, "article-not-in-shop")
    assert relay.shop.writes == []


def test_an_article_that_is_not_listed_ends_the_waiting_of_its_price(relay):
    unlisted = next(one for one in relay.articles() if not one["listed"])
    relay.hint(PRICE, unlisted)
    relay.drain()

    assert relay.row(ARTICLE, unlisted).skip_reason == "not listed on this channel"
    assert relay.row(PRICE, unlisted).state == WorkItemState.COMPLETED
    assert relay.shop.writes == []


def test_an_unlisted_product_becomes_inactive_once_and_active_again_when_listed(relay, in_shop):
    relay.edit(in_shop, listed=False)
    relay.hint(PRICE, in_shop)
    relay.drain()
    relay.hint(ARTICLE, in_shop)
    relay.drain()

    assert relay.product(in_shop)["active"] is False
    assert len(relay.writes(ARTICLE)) == 2

    relay.edit(in_shop, listed=True)
    relay.hint(ARTICLE, in_shop)
    relay.drain()

    assert relay.product(in_shop)["active"] is True


def test_a_removed_price_is_held_and_0_is_never_sent(relay, in_shop):
    relay.edit(in_shop, gross=None)
    relay.hint(PRICE, in_shop)
    relay.drain()

    assert relay.row(PRICE, in_shop).hold_reason == "no-price"
    assert relay.product(in_shop)["gross"] == str(in_shop["gross"])


def test_a_product_deleted_in_the_shop_is_created_anew_by_a_stock_change(relay, in_shop):
    relay.shop.products.clear()
    relay.edit(in_shop, stock=77)
    relay.hint(STOCK, in_shop)
    relay.drain()

    product = relay.product(in_shop)
    assert (product["stock"], product["name"]) == (77, in_shop["name"])
    assert relay.row(STOCK, in_shop).state == WorkItemState.COMPLETED


def test_a_refused_row_fails_with_the_shops_words_and_the_others_arrive(relay):
    first, second = relay.for_sale()[:2]
    relay.shop.refused_numbers[first["number"]] = "der Name ist zu lang"
    relay.hint(ARTICLE, first, second)
    relay.drain()

    row = relay.row(ARTICLE, first)
    assert (row.state, row.error_class) == (WorkItemState.FAILED, "Rejected")
    assert "der Name ist zu lang" in row.last_error
    assert relay.product(second) is not None


def test_a_shop_that_throttles_rests_and_no_attempt_is_burnt(relay, article):
    relay.shop.failures.append(Throttled("langsamer", 30))
    relay.hint(ARTICLE, article)
    relay.drain()
    relay.hint(STOCK, relay.for_sale()[1])
    relay.drain()

    row = relay.row(ARTICLE, article)
    assert (row.state, row.attempts) == (WorkItemState.QUEUED, 0)
    assert relay.shop.writes == []
    assert relay.row(STOCK, relay.for_sale()[1]).attempts == 0


@pytest.mark.pitfall(15)
def test_an_unknown_outcome_sends_the_row_again_whatever_it_finds(relay, in_shop):
    relay.edit(in_shop, stock=5)
    relay.shop.failures_after.append(TransientError("no answer", outcome_unknown=True))
    relay.hint(STOCK, in_shop)
    relay.drain()

    row = relay.row(STOCK, in_shop)
    assert (row.state, row.attempts, row.pushed_hash) == (WorkItemState.QUEUED, 1, None)
    # 1 noted by the create + 1 hint + 1 for the unknown outcome
    assert row.generation == 3


@pytest.mark.pitfall(30)
def test_refused_credentials_hold_the_channel_and_burn_nothing(relay, article):
    relay.shop.failures.append(CredentialsRefused("the shop refuses client_id"))
    relay.hint(ARTICLE, article)
    relay.drain()

    with relay.runtime.scope() as session:
        channel = session.get_one(SalesChannel, relay.channel_id)
    assert channel.held_reason == "the shop refuses client_id"
    row = relay.row(ARTICLE, article)
    assert (row.state, row.attempts) == (WorkItemState.QUEUED, 0)


@pytest.mark.contract("10.7")
def test_a_revoked_offline_token_holds_the_tenant(relay, article):
    relay.erp("faults", kind="invalid-grant")
    relay.hint(ARTICLE, article)
    relay.drain()

    with relay.runtime.scope() as session:
        tenant = session.get_one(Tenant, relay.tenant_id)
    assert "reconnect the app" in tenant.held_reason
    assert relay.row(ARTICLE, article).attempts == 0


def lines(caplog, name: str) -> list[list[str]]:
    """The words of each log line of this event."""
    return [one.split() for one in caplog.messages if one.startswith(f"event={name} ")]


def test_the_log_of_a_hold_names_the_channel_as_people_do(relay, article, caplog):
    caplog.set_level(logging.INFO)
    relay.shop.failures.append(CredentialsRefused("the shop refuses client_id"))
    relay.hint(ARTICLE, article)
    relay.drain()

    assert lines(caplog, "channel.held")[0][1:3] == ["tenant=acme", "channel=42"]
    assert lines(caplog, "work_item.released")[0][1:3] == ["tenant=acme", "channel=42"]


def test_the_log_of_a_tenants_hold_names_the_tenant_as_people_do(relay, article, caplog):
    caplog.set_level(logging.INFO)
    relay.erp("faults", kind="invalid-grant")
    relay.hint(ARTICLE, article)
    relay.drain()

    assert lines(caplog, "tenant.held")[0][1] == "tenant=acme"
    assert lines(caplog, "work_item.released")[0][1:3] == ["tenant=acme", "channel=42"]


@pytest.mark.pitfall(16)
@pytest.mark.contract("10.4")
@pytest.mark.contract("10.11")
def test_a_hint_during_a_push_queues_exactly_one_follow_up(relay, in_shop):
    relay.edit(in_shop, stock=5)
    relay.hint(STOCK, in_shop)
    claim_id = relay.claim()

    def change_again() -> None:
        relay.edit(in_shop, stock=6)
        relay.hint(STOCK, in_shop)
        relay.hint(STOCK, in_shop)

    relay.run(claim_id, before_push=change_again)
    assert relay.product(in_shop)["stock"] == 5
    relay.drain()

    assert relay.product(in_shop)["stock"] == 6
    assert len(relay.writes(STOCK)) == 2


@pytest.mark.pitfall(16)
def test_a_late_write_of_a_lost_claim_is_never_the_last_one(relay, in_shop):
    """A freezes before its write, B does the work and settles, A's old value arrives after it."""
    relay.edit(in_shop, stock=5)
    relay.hint(STOCK, in_shop)
    claim_of_a = relay.claim()

    def everything_moves_on() -> None:
        relay.expire_leases()
        relay.edit(in_shop, stock=6)
        relay.hint(STOCK, in_shop)
        relay.drain()

    relay.run(claim_of_a, before_push=everything_moves_on)
    relay.drain()

    assert relay.product(in_shop)["stock"] == 6


def test_back_to_the_first_value_after_a_crash_is_sent_and_not_skipped(relay, in_shop):
    """A pushed, B pushed, crash before settle, ERP back to A."""
    first_stock = relay.product(in_shop)["stock"]
    relay.edit(in_shop, stock=first_stock + 10)
    relay.hint(STOCK, in_shop)
    relay.shop.failures_after.append(TransientError("killed before settle", outcome_unknown=True))
    relay.drain()
    assert relay.product(in_shop)["stock"] == first_stock + 10

    relay.edit(in_shop, stock=first_stock)
    relay.retries_are_due()
    relay.drain()

    assert relay.product(in_shop)["stock"] == first_stock


def test_a_number_given_to_another_article_moves_without_taking_its_product(relay, in_shop):
    """The ERP renumbers A and gives A's old number to a new article B; B's event comes first."""
    other = next(one for one in relay.for_sale() if one["id"] != in_shop["id"])
    old_number = in_shop["number"]
    product_of_a = relay.shop.id_of(old_number)
    relay.edit(in_shop, number="RENUMBERED-A")
    relay.edit(other, number=old_number)
    relay.hint(ARTICLE, other)
    relay.drain()
    relay.retries_are_due()
    relay.drain()

    assert relay.shop.id_of("RENUMBERED-A") == product_of_a
    assert relay.shop.id_of(old_number) not in (None, product_of_a)
    with relay.runtime.scope() as session:
        listing = session.get_one(Listing, (relay.channel_id, in_shop["id"]))
        assert listing.external_id == product_of_a


@pytest.mark.pitfall(22)
def test_a_hundred_articles_are_one_query(relay):
    relay.hint(ARTICLE, *relay.for_sale())  # columns and tax rates are asked once
    relay.drain()
    before = relay.erp_requests()

    relay.hint(ARTICLE, *relay.for_sale())
    relay.drain()

    assert relay.erp_requests() - before == 1


@pytest.mark.contract("10.17")
def test_a_switched_off_topic_gives_its_claim_back_before_the_fetch(relay, in_shop):
    relay.hint(STOCK, in_shop)
    claim_id = relay.claim()
    before = relay.erp_requests()
    with relay.runtime.scope() as session:
        toggles.switch(session, relay.channel_id, STOCK, False)

    relay.run(claim_id)

    assert relay.erp_requests() == before
    row = relay.row(STOCK, in_shop)
    assert (row.state, row.attempts, row.claim_id) == (WorkItemState.QUEUED, 0, None)


def test_a_database_that_stumbles_in_a_stage_fails_no_row(relay, in_shop):
    relay.edit(in_shop, stock=5)
    relay.hint(STOCK, in_shop)
    away = OperationalError("SELECT 1", {}, Exception("server closed the connection"))
    relay.shop.failures.append(away)
    claim_id = relay.claim()

    with pytest.raises(OperationalError):
        relay.run(claim_id)
    row = relay.row(STOCK, in_shop)
    assert (row.state, row.claim_id) == (WorkItemState.PROCESSING, claim_id)

    relay.run(claim_id)  # as Celery does a second later
    assert relay.product(in_shop)["stock"] == 5


def test_a_shop_secret_that_no_key_opens_holds_the_channel_and_burns_nothing(relay, article):
    with relay.runtime.scope() as session:
        channels.set_parameter(session, relay.channel_id, "client_secret", "x", Vault((new_key(),)))
    relay.hint(ARTICLE, article)
    relay.drain()

    with relay.runtime.scope() as session:
        channel = session.get_one(SalesChannel, relay.channel_id)
    assert "cannot be opened with RELAY_SECRET_KEY" in channel.held_reason
    row = relay.row(ARTICLE, article)
    assert (row.state, row.attempts) == (WorkItemState.QUEUED, 0)
    with pytest.raises(UsageError, match="cannot be opened"):
        relay.runtime.require_ready()


def test_an_offline_token_that_no_key_opens_holds_the_tenant(relay, article):
    with relay.runtime.scope() as session:
        tenant = session.get_one(Tenant, relay.tenant_id)
        tenant.offline_token = Vault((new_key(),)).seal("token")
    relay.hint(ARTICLE, article)
    relay.drain()

    with relay.runtime.scope() as session:
        tenant = session.get_one(Tenant, relay.tenant_id)
    assert "cannot be opened with RELAY_SECRET_KEY" in tenant.held_reason
    assert relay.row(ARTICLE, article).attempts == 0


def test_a_topic_that_the_platform_does_not_serve_stops_no_other_lane(relay, article):
    relay.hint(STOCK, article)
    with relay.runtime.scope() as session:
        lane = next(iter(dispatching.rota(session, (STOCK,))))
        assert dispatching.claim_next(session, lane, {ARTICLE: 100}, LIMITS) is None


def test_a_shop_has_two_live_chains_at_a_time_whatever_their_topics(relay):
    for topic in (STOCK, PRICE, ARTICLE):
        relay.hint(topic, *relay.for_sale())
    with relay.runtime.scope() as session:
        lanes = list(dispatching.rota(session, (STOCK, PRICE, ARTICLE)))
        one_each = dict.fromkeys((STOCK, PRICE, ARTICLE), 1)
        claims = [dispatching.claim_next(session, lane, one_each, LIMITS) for lane in lanes]

    assert [claim is not None for claim in claims] == [True, True, False]


def test_an_article_without_a_row_is_withdrawn_only_when_the_erp_says_so_three_times(
    relay, in_shop
):
    relay.edit(in_shop, deleted=True)
    relay.hint(ARTICLE, in_shop)
    for _answer in range(2):
        relay.drain()
        assert relay.product(in_shop)["active"] is True
        relay.retries_are_due()

    relay.drain()

    assert relay.product(in_shop)["active"] is False


def test_a_row_that_trips_over_a_bug_takes_no_neighbour_with_it(relay):
    first, second = relay.for_sale()[:2]
    relay.hint(ARTICLE, first, second)
    batch = stages.fetch(relay.runtime, relay.claim())
    batch["rows"][first["id"]] = {"unexpected": True}

    pushing.push(relay.runtime, stages.transform(relay.runtime, batch))

    assert relay.row(ARTICLE, first).error_class in ("Invalid", "bug")
    assert relay.row(ARTICLE, second).state == WorkItemState.COMPLETED


def test_a_refused_query_fails_no_article(relay, article):
    relay.hint(ARTICLE, article)
    with relay.runtime.scope() as session:
        columns = {"tenant_id": relay.tenant_id, "name": "columns:article.shopListing"}
        session.add(TenantFact(**columns, value=["id"], learnt_at=datetime.now(UTC)))
    relay.erp("faults", kind="html", count=2)
    relay.drain()

    assert relay.row(ARTICLE, article).state == WorkItemState.QUEUED


@pytest.mark.pitfall(29)
def test_a_shop_that_asks_for_a_day_of_rest_gets_five_minutes(relay, article):
    relay.shop.failures.append(Throttled("langsamer", 86_400))
    relay.hint(ARTICLE, article)
    relay.drain()

    with relay.runtime.scope() as session:
        bucket = session.get_one(RateBucket, f"shop:{relay.channel_id}")
        assert bucket.paused_until - datetime.now(UTC) < timedelta(seconds=301)


def test_numbers_that_differ_only_in_case_are_one_number(relay, in_shop):
    other = next(one for one in relay.for_sale() if one["id"] != in_shop["id"])
    relay.edit(in_shop, number="AB-1")
    relay.hint(ARTICLE, in_shop)
    relay.drain()
    product_of_first = relay.shop.id_of("AB-1")
    relay.edit(other, number="ab-1")
    relay.hint(ARTICLE, other)
    relay.drain()

    assert "still belongs to article" in relay.row(ARTICLE, other).last_error
    assert relay.shop.products[product_of_first]["name"] == in_shop["name"]


def test_a_price_whose_product_vanishes_between_fetch_and_transform_waits_for_its_article(
    relay, in_shop
):
    relay.edit(in_shop, gross="55.00")
    relay.hint(PRICE, in_shop)
    batch = stages.fetch(relay.runtime, relay.claim())
    relay.shop.products.clear()
    with relay.runtime.scope() as session:
        work_outcomes.forget_vanished(session, relay.channel_id, [in_shop["id"]])

    pushing.push(relay.runtime, stages.transform(relay.runtime, batch))
    assert relay.row(PRICE, in_shop).hold_reason == "article-not-in-shop"

    relay.drain()
    assert relay.product(in_shop)["gross"] == "55"
    assert relay.row(PRICE, in_shop).state == WorkItemState.COMPLETED
