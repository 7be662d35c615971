"""From the sandboxed ERP into a sandboxed WooCommerce, in one thread, judged by the comparison."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
import requests
from sqlalchemy import update

from integration import channels
from integration.channel_view import DETAILS_ON, PRICE_DETAILS
from integration.models import SalesChannel
from integration.topology import Topic
from sandbox import comparison, serving
from sandbox.erp import Options
from sandbox.erp import create_app as create_erp
from sandbox.shops.woocommerce import create_app as create_shop
from tests.integration.relay import Relay

BATCH = "POST /wp-json/wc/v3/products/batch"
TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)


class WooRelay(Relay):
    """The relay with channel 42 on WooCommerce instead of the memory shop."""

    def __init__(self, database_url: str, erp_url: str, shop_url: str) -> None:
        super().__init__(database_url, erp_url)
        self.shop_url = shop_url
        parameters = create_shop(url=shop_url).config["CREDENTIALS"]
        with self.runtime.scope() as session:
            session.execute(update(SalesChannel).values(platform="woocommerce"))
            for name, value in parameters.items():
                vault = self.runtime.vault if name in ("consumer_secret", "wp_password") else None
                channels.set_parameter(session, self.channel_id, name, value, vault)

    def at_shop(self, path: str, **body: Any) -> None:
        answer = requests.post(f"{self.shop_url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text

    def carry(self) -> None:
        """Bring all articles up to date, retries included."""
        for topic in TOPICS:
            self.hint(topic, *self.articles())
        self.drain()
        self.doubts_are_over()
        self.retries_are_due()
        self.drain()

    def verdict(self) -> comparison.Verdict:
        return comparison.compare(self.erp_url, self.shop_url)

    def writes_of(self, number: str) -> list[dict[str, Any]]:
        url = f"{self.shop_url}/_sandbox/history"
        found = requests.get(url, params={"number": number}, timeout=30).json()
        return found["writes"]


@contextmanager
def running(database_url: str, articles: int = 40) -> Iterator[WooRelay]:
    with (
        serving.running(lambda url: create_erp(Options(articles=articles), url)) as erp_url,
        serving.running(lambda url: create_shop(url=url)) as shop_url,
    ):
        relay = WooRelay(database_url, erp_url, shop_url)
        yield relay
        relay.close()


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[WooRelay]:
    with running(sqlite_url) as relay:
        yield relay


def test_a_catalogue_and_its_changes_end_identical_whatever_the_shop_does(relay: WooRelay) -> None:
    relay.at_shop("faults", kind="half", route=BATCH)
    relay.carry()
    first = relay.verdict()
    for place, article in enumerate(relay.for_sale()[:12]):
        values = ({"name": "Säge & Söhne <3"}, {"gross": 5.55 + place}, {"stock": place})[place % 3]
        relay.edit(article, **values)
    for kind in ("cut-body", "php-notice", "html-after"):
        relay.at_shop("faults", kind=kind, route=BATCH)
    relay.carry()
    last = relay.verdict()

    assert (first.differences, last.differences) == ([], [])
    assert (first.articles, last.identical) == (40, 40)


def test_a_manufacturer_that_the_erp_empties_is_a_difference_until_the_shop_has_lost_it(
    relay: WooRelay,
) -> None:
    relay.carry()
    article = next(one for one in relay.for_sale() if one["manufacturer"])
    relay.edit(article, manufacturer="")
    (told,) = relay.verdict().differences
    relay.carry()

    assert told == (
        f"article {article['number']}: manufacturer is {article['manufacturer']!r} in the shop, "
        "'' in the ERP"
    )
    assert relay.verdict().differences == []


def test_an_employees_change_is_a_difference(relay: WooRelay) -> None:
    relay.carry()
    article = relay.for_sale()[0]
    relay.at_shop("edit", article=article["number"], set={"gross": 0.01})

    assert [one.split(" is ")[0] for one in relay.verdict().differences] == [
        f"article {article['number']}: gross"
    ]


def test_an_offer_of_the_erp_is_the_shops_sale_price_and_ends_with_its_last_day(
    relay: WooRelay,
) -> None:
    with relay.runtime.scope() as session:
        channels.set_parameter(session, relay.channel_id, PRICE_DETAILS, DETAILS_ON, None)
    article = relay.for_sale()[0]
    days = {"since": "2020-01-01", "until": "2099-12-31"}
    relay.edit(article, gross=20, prices=[{"gross": 5.95, "net": 5, "offer": True, **days}])

    relay.hint(Topic.ARTICLE, article)
    relay.drain()

    shown = {one["number"]: one for one in comparison.all_rows(relay.shop_url, "products")}
    product = shown[article["number"]]
    assert (product["gross"], product["sale"]) == (20, "5.95")
    assert product["sale_to"] == "2099-12-31T23:00:00+00:00"


def test_what_did_not_change_is_not_sent(relay: WooRelay) -> None:
    relay.carry()
    article = relay.for_sale()[0]
    before = relay.writes_of(article["number"])

    relay.carry()

    assert len(before) == 1
    assert relay.writes_of(article["number"]) == before


def test_a_product_that_was_deleted_or_trashed_in_the_shop_comes_back(relay: WooRelay) -> None:
    relay.carry()
    deleted, trashed = relay.for_sale()[:2]
    relay.at_shop("edit", article=deleted["number"], delete=True)
    relay.at_shop("edit", article=trashed["number"], trash=True)
    for article in (deleted, trashed):
        relay.edit(article, stock=77)

    relay.carry()

    assert relay.verdict().differences == []
    products = {one["number"]: one for one in comparison.all_rows(relay.shop_url, "products")}
    assert {products[one["number"]]["stock"] for one in (deleted, trashed)} == {Decimal(77)}
