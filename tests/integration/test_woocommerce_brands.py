"""Manufacturers of the sandboxed ERP as brands of the sandboxed WooCommerce, by their mapping."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.mapping_kinds import LEFT_OUT, Kind
from tests.integration.woocommerce import WooCommerceRelay, running


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[WooCommerceRelay]:
    with running(sqlite_url) as relay:
        yield relay


@pytest.fixture
def article(relay: WooCommerceRelay) -> dict[str, Any]:
    found: dict[str, Any] = relay.for_sale()[0]
    relay.edit(found, manufacturer="Müller GmbH")
    return found


def brands(relay: WooCommerceRelay, article: dict[str, Any]) -> list[str]:
    product = relay.product(article)
    assert product is not None
    found: list[str] = product["brands"]
    return found


def make_brand(relay: WooCommerceRelay, name: str) -> str:
    return str(relay.at_shop("terms", taxonomy="brands", names=[name])["ids"][0])


def choose_brand(relay: WooCommerceRelay, article: dict[str, Any], *ids: str) -> None:
    """An employee gives the product these brands instead of what it has."""
    chosen = [{"id": int(one)} for one in ids]
    relay.at_shop("edit", article=article["number"], set={"brands": chosen})


def test_a_manufacturer_is_the_brand_of_its_name_until_it_is_mapped(
    relay: WooCommerceRelay, article: dict[str, Any]
) -> None:
    brand = make_brand(relay, "Mueller")
    relay.carry(article)
    by_name = brands(relay, article)

    relay.map(Kind.MANUFACTURER, "Müller GmbH", brand)
    relay.carry(article)

    assert (by_name, brands(relay, article)) == (["Müller GmbH"], ["Mueller"])


def test_a_mapped_brand_is_taken_away_with_the_manufacturer_of_the_erp(
    relay: WooCommerceRelay, article: dict[str, Any]
) -> None:
    brand = make_brand(relay, "Mueller")
    relay.map(Kind.MANUFACTURER, "Müller GmbH", brand)
    relay.carry(article)
    mapped = brands(relay, article)

    relay.change(article, manufacturer="")

    assert (mapped, brands(relay, article)) == (["Mueller"], [])
    assert relay.notes(article)["brand"] == 0


def test_one_that_is_left_out_is_no_brand_and_leaves_the_one_of_an_employee(
    relay: WooCommerceRelay, article: dict[str, Any]
) -> None:
    relay.map(Kind.MANUFACTURER, "Müller GmbH", LEFT_OUT)
    relay.carry(article)
    left_out = brands(relay, article)

    choose_brand(relay, article, make_brand(relay, "Knipex"))
    relay.change(article, name="Zange")
    relay.change(article, name="Kneifzange", manufacturer="")

    assert (left_out, brands(relay, article)) == ([], ["Knipex"])


def test_one_that_is_left_out_later_takes_ours_away_and_leaves_the_one_of_an_employee(
    relay: WooCommerceRelay, article: dict[str, Any]
) -> None:
    ours, theirs = make_brand(relay, "Mueller"), make_brand(relay, "Knipex")
    relay.map(Kind.MANUFACTURER, "Müller GmbH", ours)
    relay.carry(article)
    choose_brand(relay, article, ours, theirs)

    relay.map(Kind.MANUFACTURER, "Müller GmbH", LEFT_OUT)
    relay.carry(article)
    relay.change(article, name="Zange")

    assert brands(relay, article) == ["Knipex"]


def test_an_article_waits_for_a_brand_that_is_gone_and_goes_when_it_is_mapped_anew(
    relay: WooCommerceRelay, article: dict[str, Any]
) -> None:
    relay.map(Kind.MANUFACTURER, "Müller GmbH", "4711")
    relay.carry(article)
    assert relay.reason(article) == "mapping:manufacturer:Müller GmbH"

    relay.map(Kind.MANUFACTURER, "Müller GmbH", make_brand(relay, "Mueller"))
    relay.drain()

    assert brands(relay, article) == ["Mueller"]
