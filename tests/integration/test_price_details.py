"""Offers, prices by quantity and customer groups: from a sandboxed ERP into a sandboxed shop."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import requests
from sqlalchemy import update

from integration import channels, mapping_changes, price_days, sync, sync_runs
from integration.channel_view import PRICE_DETAILS
from integration.clock import db_now
from integration.mapping_kinds import Kind
from integration.mappings import Entry
from integration.models import SalesChannel, WorkItemState
from integration.topology import Topic
from sandbox import serving
from sandbox.erp import Options, create_app
from sandbox.shops import shopware6
from sandbox.shops.shopware6.seed import CUSTOMERS
from tests.integration.relay import Relay

ARTICLE, PRICE = Topic.ARTICLE, Topic.PRICE
SYNC = "POST /api/_action/sync"
TODAY = datetime.now(ZoneInfo("Europe/Berlin")).date()


class Shopware(Relay):
    """The same relay with a Shopware behind its channel."""

    def __init__(self, database_url: str, erp_url: str, shop_url: str, credentials: dict) -> None:
        super().__init__(database_url, erp_url)
        self.shop_url = shop_url
        with self.runtime.scope() as session:
            session.execute(update(SalesChannel).values(platform="shopware6"))
            for key, value in {**credentials, "shop_url": shop_url}.items():
                is_secret = key == "client_secret"
                vault = self.runtime.vault if is_secret else None
                channels.set_parameter(session, self.channel_id, key, value, vault)

    def details(self, value: str) -> None:
        with self.runtime.scope() as session:
            channels.set_parameter(session, self.channel_id, PRICE_DETAILS, value, None)

    def in_shop(self, article: dict) -> dict:
        url = f"{self.shop_url}/_sandbox/state?limit=1000"
        rows = requests.get(url, timeout=30).json(parse_float=Decimal)["products"]
        return next(one for one in rows if one["number"] == article["number"])

    def shop_writes(self) -> int:
        counted = requests.get(f"{self.shop_url}/_sandbox/requests", timeout=30).json()
        return counted["by_route"].get(SYNC, 0)

    def carry(self, topic: Topic, *articles: dict) -> None:
        self.hint(topic, *articles)
        self.drain()
        assert self.errors == []

    def midnight(self) -> None:
        """A day later: the pass that beat begins, driven to its end."""
        with self.runtime.scope() as session:
            session.execute(update(SalesChannel).values(created_at=db_now(-3 * 86_400)))
            (run_id,) = price_days.start_daily_prices(session, self.runtime.settings.zone)
        sync.advance(self.runtime, run_id, sync.new_driver(), budget_s=30)
        self.drain()
        assert self.errors == []


@pytest.fixture
def relay(database_url):
    credentials: dict = {}

    def shop(url):
        app = shopware6.create_app(shopware6.Options(), url)
        credentials.update(app.config["CREDENTIALS"])
        return app

    erp = serving.running(lambda url: create_app(Options(articles=40, rate_limit=100_000), url))
    with erp as erp_url, serving.running(shop) as shop_url:
        relay = Shopware(database_url, erp_url, shop_url, credentials)
        yield relay
        relay.close()


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
    relay.details("on")
    relay.carry(ARTICLE, article)
    tomorrow = offer(article, TODAY + timedelta(1))
    relay.edit(article, prices=[tomorrow], lowest={"proposed_gross": 5, "proposed_net": 4.2})
    relay.carry(PRICE, article)
    assert relay.in_shop(article)["gross"] == cents(article["gross"])
    assert relay.in_shop(article)["list_gross"] is None

    relay.edit(article, prices=[{**tomorrow, "since": TODAY.isoformat()}])
    relay.midnight()

    begun = relay.in_shop(article)
    assert begun["gross"] == cents(tomorrow["gross"])
    assert begun["list_gross"] == cents(article["gross"])
    assert begun["regulation_gross"] == 5

    with relay.runtime.scope() as session:
        session.execute(update(sync_runs.SyncRun).values(unique_key=None))
    relay.edit(article, prices=[offer(article, until=TODAY - timedelta(1))])
    relay.midnight()

    ended = relay.in_shop(article)
    assert ended["gross"] == cents(article["gross"])
    assert (ended["list_gross"], ended["regulation_gross"]) == (None, None)


@pytest.mark.contract("10.14")
def test_a_channel_without_details_has_the_offers_price_and_loses_it_in_time(relay, article):
    relay.carry(ARTICLE, article)
    relay.edit(article, prices=[offer(article)])
    relay.midnight()
    assert relay.in_shop(article)["gross"] == cents(offer(article)["gross"])

    with relay.runtime.scope() as session:
        session.execute(update(sync_runs.SyncRun).values(unique_key=None))
    relay.edit(article, prices=[offer(article, until=TODAY - timedelta(1))])
    relay.midnight()

    assert relay.in_shop(article)["gross"] == cents(article["gross"])


def test_the_pass_asks_the_erp_as_little_and_writes_only_what_differs(relay):
    articles = relay.for_sale()
    relay.carry(ARTICLE, *articles)
    asked, written = relay.erp_requests(), relay.shop_writes()
    relay.edit(articles[0], prices=[offer(articles[0])])

    relay.midnight()

    assert relay.erp_requests() == asked + 1
    assert relay.shop_writes() == written + 1
    assert relay.row(PRICE, articles[1]).skip_reason == "unchanged"


def test_details_cost_one_request_per_article_and_nothing_else(relay):
    articles = relay.for_sale()[:10]
    relay.carry(ARTICLE, *articles)
    relay.details("on")
    asked, written = relay.erp_requests(), relay.shop_writes()

    relay.carry(PRICE, *articles)

    assert relay.erp_requests() == asked + 1 + len(articles)
    assert relay.shop_writes() == written + 1


def test_quantities_come_go_and_are_taken_away(relay, article):
    relay.details("on")
    relay.edit(article, prices=[{"net": 1, "gross": 1.19, "from": 10}])
    relay.carry(ARTICLE, article)
    rows = relay.in_shop(article)["tiers"]
    assert [(one["from"], one["to"], one["gross"]) for one in rows] == [
        (1, 9, cents(article["gross"])),
        (10, None, cents(1.19)),
    ]

    relay.edit(article, prices=[{"net": 2, "gross": 2.38, "from": 5}])
    relay.carry(PRICE, article)
    rows = relay.in_shop(article)["tiers"]
    assert [(one["from"], one["to"]) for one in rows] == [(1, 4), (5, None)]

    relay.details("remove")
    relay.carry(PRICE, article)
    assert relay.in_shop(article)["tiers"] == []


def test_a_missing_customer_group_holds_exactly_the_rows_that_need_it(relay):
    article, other = relay.for_sale()[:2]
    relay.details("on")
    relay.carry(ARTICLE, article, other)
    relay.edit(article, prices=[{"net": 2, "gross": 2.38, "group": "2"}], name="New name")
    relay.edit(other, gross=7.14)

    relay.carry(ARTICLE, article)
    relay.carry(PRICE, article, other)

    assert relay.row(PRICE, article).hold_reason == "mapping:customer-group:2"
    assert "Händler" in relay.row(PRICE, article).last_error
    assert relay.in_shop(article)["name"] == "New name"
    assert relay.in_shop(other)["gross"] == cents(7.14)

    with relay.runtime.scope() as session:
        entry = Entry(Kind.CUSTOMER_GROUP, "2", CUSTOMERS)
        assert mapping_changes.put(session, relay.channel_id, [entry]).released == 1
    relay.drain()

    assert relay.row(PRICE, article).state == WorkItemState.COMPLETED
    rows = relay.in_shop(article)["tiers"]
    assert [(one["customer_groups"], one["gross"]) for one in rows] == [
        (["Standard customer group"], cents(2.38))
    ]


def test_prices_of_another_currency_are_not_the_shops(relay, article):
    relay.details("on")
    relay.edit(article, prices=[{"net": 1, "gross": 1.19, "from": 10, "currency": "CHF"}])

    relay.carry(ARTICLE, article)

    assert relay.in_shop(article)["tiers"] == []


def test_without_columns_the_same_arrives(database_url, relay, article):
    relay.erp("options", profile="rest")
    relay.details("on")
    relay.edit(article, prices=[offer(article)], lowest={"custom_gross": 6, "custom_net": 5})

    relay.carry(ARTICLE, article)

    found = relay.in_shop(article)
    assert (found["gross"], found["list_gross"], found["regulation_gross"]) == (
        cents(offer(article)["gross"]),
        cents(article["gross"]),
        6,
    )
