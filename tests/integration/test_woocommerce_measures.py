"""Measures from the sandboxed ERP into the sandboxed WooCommerce, whose unit is the centimetre."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from integration.mapping_kinds import Kind
from tests.integration.woocommerce import WooCommerceRelay, running


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[WooCommerceRelay]:
    with running(sqlite_url) as relay:
        yield relay


def test_measures_arrive_and_are_emptied_again_and_others_stay(relay: WooCommerceRelay) -> None:
    article = relay.for_sale()[0]
    relay.change(article, size={"x": 125, "y": 3.5, "z": None, "unit": "mm"})
    assert relay.product(article)["size_mm"] == [125, 3.5, None]

    # the height is an employee's: the ERP has never stated one
    relay.at_shop("edit", article=article["number"], set={"height_mm": 40})
    relay.change(article, size={"x": 0.2, "y": None, "z": None, "unit": "m"})
    assert relay.product(article)["size_mm"] == [200, None, 40]

    relay.change(article, size=None)
    assert relay.product(article)["size_mm"] == [None, None, 40]


def test_an_article_without_measures_is_not_sent_again_for_them(relay: WooCommerceRelay) -> None:
    article = relay.for_sale()[0]
    relay.carry(article)
    relay.at_shop("edit", article=article["number"], set={"height_mm": 40})

    relay.change(article, name="Leuchte")

    assert relay.product(article)["size_mm"] == [None, None, 40]
    assert "measured" not in relay.notes(article)


def test_a_unit_that_nobody_knows_waits_for_its_mapping(relay: WooCommerceRelay) -> None:
    article = relay.for_sale()[0]
    relay.change(article, size={"x": 2, "y": None, "z": None, "unit": "in"})
    assert relay.reason(article) == "mapping:unit:in"

    relay.map(Kind.UNIT, "in", "25.4")
    relay.drain()

    assert relay.product(article)["size_mm"] == [Decimal("50.8"), None, None]


def test_a_variation_has_measures_of_its_own(relay: WooCommerceRelay) -> None:
    relay.set(variants="on")
    main, small = relay.for_sale()[:2]
    relay.edit(main, product_type="VARIANT_MAIN_ARTICLE", gross=None)
    relay.edit(small, variant_of=main["number"], variant_values={"Größe": "S"})

    relay.edit(small, size={"x": 30, "y": 20, "z": 1, "unit": "cm"})
    relay.carry(small, main)

    assert relay.product(small)["type"] == "variation"
    assert relay.product(small)["size_mm"] == [300, 200, 10]
    assert relay.product(main)["size_mm"] == [None] * 3
