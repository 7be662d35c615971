"""Offers, prices by quantity and customer groups: from a sandboxed ERP into a sandboxed shop."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from integration import channel_life, mapping_changes, price_days, sync, sync_runs
from integration.clock import db_now
from integration.mapping_kinds import LEFT_OUT, Kind
from integration.mappings import Entry
from integration.models import SalesChannel, SyncRun, SyncRunState, WorkItemState
from integration.topology import Topic
from sandbox.shops.shopware6.seed import CUSTOMERS
from tests.integration.shopware import ShopwareRelay, running

pytestmark = pytest.mark.either_database

ARTICLE, PRICE = Topic.ARTICLE, Topic.PRICE
TODAY = datetime.now(ZoneInfo("Europe/Berlin")).date()


def midnight(relay: ShopwareRelay) -> None:
    """A day later: the pass that beat begins, driven to its end."""
    with relay.runtime.scope() as session:
        session.execute(update(SalesChannel).values(created_at=db_now(-3 * 86_400)))
        (run_id,) = price_days.start_daily_prices(session, relay.runtime.settings.zone)
    sync.advance(relay.runtime, run_id, sync.new_driver(), budget_s=30)
    relay.drain()
    assert relay.errors == []


@pytest.fixture
def relay(database_url):
    with running(database_url) as relay:
        yield relay


@pytest.fixture
def article(relay):
    return relay.for_sale()[0]


def offer(article: dict, since: date | None = None, until: date | None = None) -> dict:
    gross = round(float(article["gross"]) / 2 + 0.01, 2)
    days = {"since": since and since.isoformat(), "until": until and until.isoformat()}
    return {"gross": gross, "net": round(gross / 1.19, 2), "offer": True, **days}


def cents(value: object) -> Decimal:
    return Decimal(str(value))


@pytest.mark.contract("10.14")
def test_an_offer_begins_and_ends_with_its_days_and_no_event_says_so(relay, article):
    relay.set(price_details="on")
    relay.carry(article)
    tomorrow = offer(article, TODAY + timedelta(1))
    relay.edit(article, prices=[tomorrow], lowest={"proposed_gross": 5, "proposed_net": 4.2})
    relay.carry(article, topic=PRICE)
    assert relay.product(article)["gross"] == cents(article["gross"])
    assert relay.product(article)["list_gross"] is None

    relay.edit(article, prices=[{**tomorrow, "since": TODAY.isoformat()}])
    midnight(relay)

    begun = relay.product(article)
    assert begun["gross"] == cents(tomorrow["gross"])
    assert begun["list_gross"] == cents(article["gross"])
    assert begun["regulation_gross"] == 5

    with relay.runtime.scope() as session:
        session.execute(update(sync_runs.SyncRun).values(unique_key=None))
    relay.edit(article, prices=[offer(article, until=TODAY - timedelta(1))])
    midnight(relay)

    ended = relay.product(article)
    assert ended["gross"] == cents(article["gross"])
    assert (ended["list_gross"], ended["regulation_gross"]) == (None, None)


def reductions(product: dict) -> list[tuple]:
    """(customer groups, from, list price, lowest of 30 days) of each row that the shop shows."""
    return [
        (one["customer_groups"], one["from"], one["list_gross"], one["regulation_gross"])
        for one in product["tiers"]
    ]


@pytest.mark.contract("10.14")
def test_each_row_of_an_offer_tells_the_lowest_price_of_thirty_days_until_it_ends(relay, article):
    """With prices by quantity or group the shop shows their rows, not the product's own price."""
    with relay.runtime.scope() as session:
        mapping_changes.put(session, relay.channel_id, [Entry(Kind.CUSTOMER_GROUP, "2", CUSTOMERS)])
    relay.set(price_details="on")
    gross = article["gross"]
    many = {"net": 0.8, "gross": 0.95, "from": 10}
    dealers = {"gross": gross, "net": article["net"], "group": "2"}
    lowest = {"proposed_gross": 5, "proposed_net": 4.2}
    relay.edit(article, prices=[offer(article), many, dealers], lowest=lowest)

    relay.carry(article)

    assert sorted(reductions(relay.product(article)), key=str) == [
        (["Standard customer group"], 1, cents(gross), 5),
        ([], 1, cents(gross), 5),
        ([], 10, None, None),
    ]

    relay.edit(article, prices=[offer(article, until=TODAY - timedelta(1)), many, dealers])
    midnight(relay)

    assert {one[2:] for one in reductions(relay.product(article))} == {(None, None)}


@pytest.mark.contract("10.14")
def test_a_channel_without_details_has_the_offers_price_and_loses_it_in_time(relay, article):
    relay.carry(article)
    relay.edit(article, prices=[offer(article)])
    midnight(relay)
    assert relay.product(article)["gross"] == cents(offer(article)["gross"])

    with relay.runtime.scope() as session:
        session.execute(update(sync_runs.SyncRun).values(unique_key=None))
    relay.edit(article, prices=[offer(article, until=TODAY - timedelta(1))])
    midnight(relay)

    assert relay.product(article)["gross"] == cents(article["gross"])


def test_the_pass_asks_the_erp_as_little_and_writes_only_what_differs(relay):
    articles = relay.for_sale()
    relay.carry(*articles)
    asked, written = relay.erp_requests(), relay.syncs()
    relay.edit(articles[0], prices=[offer(articles[0])])

    midnight(relay)

    assert relay.erp_requests() == asked + 1
    assert relay.syncs() == written + 1
    assert relay.row(PRICE, articles[1]).skip_reason == "unchanged"


def test_details_cost_one_request_per_article_and_nothing_else(relay):
    articles = relay.for_sale()[:10]
    relay.carry(*articles)
    relay.set(price_details="on")
    asked, written = relay.erp_requests(), relay.syncs()

    relay.carry(*articles, topic=PRICE)

    assert relay.erp_requests() == asked + 1 + len(articles)
    assert relay.syncs() == written + 1


def test_quantities_come_go_and_are_taken_away(relay, article):
    relay.set(price_details="on")
    relay.edit(article, prices=[{"net": 1, "gross": 1.19, "from": 10}])
    relay.carry(article)
    rows = relay.product(article)["tiers"]
    assert [(one["from"], one["to"], one["gross"]) for one in rows] == [
        (1, 9, cents(article["gross"])),
        (10, None, cents(1.19)),
    ]

    relay.edit(article, prices=[{"net": 2, "gross": 2.38, "from": 5}])
    relay.carry(article, topic=PRICE)
    rows = relay.product(article)["tiers"]
    assert [(one["from"], one["to"]) for one in rows] == [(1, 4), (5, None)]

    relay.set(price_details="remove")
    relay.carry(article, topic=PRICE)
    assert relay.product(article)["tiers"] == []


def test_a_missing_customer_group_holds_exactly_the_rows_that_need_it(relay):
    article, other = relay.for_sale()[:2]
    relay.set(price_details="on")
    relay.carry(article, other)
    relay.edit(article, prices=[{"net": 2, "gross": 2.38, "group": "2"}], name="New name")
    relay.edit(other, gross=7.14)

    relay.carry(article)
    relay.carry(article, other, topic=PRICE)

    assert relay.row(PRICE, article).hold_reason == "mapping:customer-group:2"
    assert "Händler" in relay.row(PRICE, article).last_error
    assert relay.product(article)["name"] == "New name"
    assert relay.product(other)["gross"] == cents(7.14)

    with relay.runtime.scope() as session:
        entry = Entry(Kind.CUSTOMER_GROUP, "2", CUSTOMERS)
        assert mapping_changes.put(session, relay.channel_id, [entry]).released == 1
    relay.drain()

    assert relay.row(PRICE, article).state == WorkItemState.COMPLETED
    rows = relay.product(article)["tiers"]
    assert [(one["customer_groups"], one["gross"]) for one in rows] == [
        (["Standard customer group"], cents(2.38))
    ]


def test_a_price_group_becomes_a_customer_group_of_the_shop_or_is_left_out(relay):
    article, other = relay.for_sale()[:2]
    relay.set(price_details="on")
    relay.edit(article, prices=[{"net": 2, "gross": 2.38, "price_group": "7"}])
    relay.edit(other, prices=[{"net": 3, "gross": 3.57, "price_group": "2"}])

    relay.carry(article, other)

    assert relay.row(ARTICLE, article).hold_reason == "mapping:price-group:7"
    assert "the price group Fachhandel of the ERP" in relay.row(ARTICLE, article).last_error
    assert relay.row(ARTICLE, other).hold_reason == "mapping:price-group:2"

    with relay.runtime.scope() as session:
        entries = [Entry(Kind.PRICE_GROUP, "7", CUSTOMERS), Entry(Kind.PRICE_GROUP, "2", LEFT_OUT)]
        assert mapping_changes.put(session, relay.channel_id, entries).released == 2
    relay.drain()

    assert [(one["customer_groups"], one["gross"]) for one in relay.product(article)["tiers"]] == [
        (["Standard customer group"], cents(2.38))
    ]
    assert relay.product(other)["tiers"] == []

    with relay.runtime.scope() as session:
        left_out = [Entry(Kind.PRICE_GROUP, "7", LEFT_OUT)]
        assert mapping_changes.put(session, relay.channel_id, left_out).asks_for_all
    relay.carry(article, topic=PRICE)

    assert relay.product(article)["tiers"] == []


def take_prices(relay: ShopwareRelay, source: str | None) -> list[int]:
    """An employee lets the channel take its prices from another one; the price passes that the
    event, which speaks of the channel alone, leads to."""
    body = {"priceFromSalesChannel": None if source is None else {"id": source}}
    relay.runtime.erp(relay.tenant_id)._call("PUT", "/erp/sales-channels/42", body=body)
    channel_life.follow(relay.runtime, relay.tenant_id)
    with relay.runtime.scope() as session:
        runs = list(
            session.scalars(select(SyncRun.id).where(SyncRun.state == SyncRunState.RUNNING))
        )
        session.execute(update(SyncRun).values(due_at=db_now(-100)))
    for run_id in runs:
        sync.advance(relay.runtime, run_id, sync.new_driver(), budget_s=30)
    relay.drain()
    assert relay.errors == []
    return runs


def test_a_channel_that_takes_its_prices_from_another_has_that_ones(relay, article):
    relay.set(price_details="on")
    theirs = {"channel": 43, "net": 1}
    records = [
        {**theirs, "gross": 1.19, "from": 10},
        {**theirs, "gross": 2.38, "from": 5},
        {"net": 3, "gross": 3.57, "from": 5},
        {"net": 1, "gross": 1, "from": 20, "channel": 1},
        {**offer(article), "channel": 43},
    ]
    relay.edit(article, prices=records)
    regular = float(article["gross"]) + 100
    relay.erp("edit", article=article["id"], channel="43", set={"gross": regular}, silent=True)
    relay.carry(article)
    before = relay.product(article)
    assert (before["gross"], before["list_gross"]) == (cents(article["gross"]), None)
    assert [(one["from"], one["gross"]) for one in before["tiers"][1:]] == [(5, cents(3.57))]

    assert len(take_prices(relay, "43")) == 1

    found = relay.product(article)
    assert (found["gross"], found["list_gross"]) == (
        cents(offer(article)["gross"]),
        cents(regular),
    )
    assert [(one["from"], one["gross"]) for one in found["tiers"][1:]] == [
        (5, cents(2.38)),
        (10, cents(1.19)),
    ]
    assert take_prices(relay, "43") == []

    assert len(take_prices(relay, None)) == 1
    assert relay.product(article)["gross"] == cents(article["gross"])


def test_a_channel_without_details_takes_the_others_price_too(relay, article):
    relay.carry(article)
    relay.erp("edit", article=article["id"], channel="43", set={"gross": 77}, silent=True)

    take_prices(relay, "43")

    assert relay.product(article)["gross"] == 77


def test_net_and_gross_are_what_the_erp_says_and_not_reckoned(relay, article):
    relay.edit(article, net=10, gross=11.11)

    relay.carry(article)
    created = relay.product(article)
    relay.edit(article, net=20, gross=22.22)
    relay.carry(article, topic=PRICE)

    changed = relay.product(article)
    assert (created["net"], created["gross"]) == (10, cents(11.11))
    assert (changed["net"], changed["gross"]) == (20, cents(22.22))


def test_a_price_in_a_currency_that_is_not_the_channels_is_never_sent(relay, article):
    relay.carry(article)
    relay.edit(article, gross=5)
    relay.set(currency="CHF")

    relay.hint(PRICE, article)
    relay.drain()

    with relay.runtime.scope() as session:
        why = session.get_one(SalesChannel, relay.channel_id).held_reason
    assert "the shop's default currency is EUR, but the channel sells in CHF" in why
    assert relay.row(PRICE, article).state == WorkItemState.QUEUED
    assert relay.product(article)["gross"] == cents(article["gross"])


def test_prices_of_another_currency_are_not_the_shops(relay, article):
    relay.set(price_details="on")
    relay.edit(article, prices=[{"net": 1, "gross": 1.19, "from": 10, "currency": "CHF"}])

    relay.carry(article)

    assert relay.product(article)["tiers"] == []


def test_without_columns_the_same_arrives(database_url, relay, article):
    relay.erp("options", profile="rest")
    relay.set(price_details="on")
    relay.edit(article, prices=[offer(article)], lowest={"custom_gross": 6, "custom_net": 5})

    relay.carry(article)

    found = relay.product(article)
    assert (found["gross"], found["list_gross"], found["regulation_gross"]) == (
        cents(offer(article)["gross"]),
        cents(article["gross"]),
        6,
    )
