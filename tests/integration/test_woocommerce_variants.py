"""Variants between the sandboxed ERP and the sandboxed WooCommerce: the product first, variations
below it, and no change of what a product is without a person's yes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.topology import Topic
from tests.integration.shop_relay import Article, changes_of_a_variant, make_shirt
from tests.integration.woocommerce import WooCommerceRelay, running

PRODUCTS = "POST /wp-json/wc/v3/products/batch"


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[WooCommerceRelay]:
    with running(sqlite_url) as relay:
        relay.set(variants="on")
        yield relay


@pytest.fixture
def shirt(relay: WooCommerceRelay) -> tuple[Article, Article, Article]:
    """A main article and two variants of it."""
    main, small, medium = relay.for_sale()[:3]
    make_shirt(relay, main, small, medium)
    return main, small, medium


def place(relay: WooCommerceRelay, article: Article) -> tuple[str, str | None, dict[str, str]]:
    product = relay.product(article)
    assert product is not None
    return product["type"], product["parent"], product["options"]


def variations(relay: WooCommerceRelay) -> int:
    """Writes to variations so far."""
    return sum(count for route, count in relay.requests().items() if "variations/batch" in route)


def test_the_product_goes_first_and_its_variations_are_below_it(
    relay: WooCommerceRelay, shirt: tuple[Article, Article, Article]
) -> None:
    main, small, medium = shirt
    relay.carry(small, medium, main)

    product = relay.product(main)
    assert product is not None
    assert (product["type"], product["axes"]) == ("variable", {"Größe": ["S", "M"]})
    assert place(relay, small) == ("variation", main["number"], {"Größe": "S"})
    assert place(relay, medium) == ("variation", main["number"], {"Größe": "M"})
    assert variations(relay) == 1
    assert relay.row(Topic.ARTICLE, small).hold_reason is None


def test_many_variants_are_one_write_and_two_to_their_product(relay: WooCommerceRelay) -> None:
    main, *others = relay.for_sale()[:9]
    relay.edit(main, product_type="VARIANT_MAIN_ARTICLE", gross=None)
    for number, one in enumerate(others):
        relay.edit(one, variant_of=main["number"], variant_values={"Größe": str(number)})
    relay.carry(*others, main)

    assert (relay.requests()[PRODUCTS], variations(relay)) == (2, 1)


def test_price_and_stock_of_a_variant_go_to_its_variation(
    relay: WooCommerceRelay, shirt: tuple[Article, Article, Article]
) -> None:
    _main, small, _medium = shirt
    relay.carry(small)
    before = relay.requests()[PRODUCTS]
    relay.edit(small, gross=9.99, stock=3)
    relay.hint(Topic.PRICE, small)
    relay.hint(Topic.STOCK, small)
    relay.drain()

    product = relay.product(small)
    assert product is not None
    assert (float(product["gross"]), product["stock"]) == (9.99, 3)
    assert relay.requests()[PRODUCTS] == before


def test_a_variant_that_is_not_offered_any_more_is_hidden(
    relay: WooCommerceRelay, shirt: tuple[Article, Article, Article]
) -> None:
    _main, small, medium = shirt
    relay.carry(small, medium)
    relay.change(small, listed=False)

    products = relay.products()
    assert [products[one["number"]]["active"] for one in (small, medium)] == [False, True]


def test_another_value_of_a_variant_replaces_the_old_one(
    relay: WooCommerceRelay, shirt: tuple[Article, Article, Article]
) -> None:
    main, small, _medium = shirt
    relay.carry(small)
    relay.change(small, variant_values={"Größe": "XS", "Farbe": "Rot"})

    assert place(relay, small)[2] == {"Größe": "XS", "Farbe": "Rot"}
    product = relay.product(main)
    assert product is not None
    assert product["axes"] == {"Größe": ["S", "XS"], "Farbe": ["Rot"]}


def test_without_a_listed_main_article_variants_are_products_of_their_own(
    relay: WooCommerceRelay, shirt: tuple[Article, Article, Article]
) -> None:
    main, small, _medium = shirt
    relay.edit(main, listed=False)
    relay.carry(small)

    assert place(relay, small) == ("simple", None, {})
    assert relay.product(main) is None


def test_a_product_becomes_a_variation_only_when_somebody_confirms_it(
    relay: WooCommerceRelay,
) -> None:
    main, small, medium = relay.for_sale()[:3]
    relay.carry(small)
    before = relay.product(small)
    assert before is not None
    make_shirt(relay, main, small, medium)
    relay.carry(small)

    assert relay.reason(small) == "confirm:single-to-variant"
    assert relay.product(small) == before

    relay.release("confirm:single-to-variant")
    relay.drain()
    assert place(relay, small) == ("variation", main["number"], {"Größe": "S"})
    old = next(one for one in relay.products().values() if one["id"] == before["id"])
    assert (old["number"], old["active"]) == ("", False)
    assert relay.notes(small)["parent"] == relay.products()[main["number"]]["id"]


def test_a_variation_becomes_a_product_only_when_somebody_confirms_it(
    relay: WooCommerceRelay, shirt: tuple[Article, Article, Article]
) -> None:
    _main, small, _medium = shirt
    relay.carry(small)
    relay.change(small, variant_of=None)
    assert relay.reason(small) == "confirm:variant-to-single"

    relay.release("confirm:variant-to-single")
    relay.drain()

    assert place(relay, small) == ("simple", None, {})
    product = relay.product(small)
    assert product is not None
    assert (float(product["gross"]), product["active"]) == (small["gross"], True)
    relay.change(small, stock=4)
    relay.carry(small, topic=Topic.STOCK)
    assert relay.products()[small["number"]]["stock"] == 4


def test_a_product_becomes_a_variable_one_and_back_only_when_somebody_confirms_it(
    relay: WooCommerceRelay,
) -> None:
    main, small, medium = relay.for_sale()[:3]
    relay.carry(main)
    before = relay.product(main)
    assert before is not None
    make_shirt(relay, main, small, medium)
    relay.carry(small, main)
    assert relay.reason(main) == "confirm:single-to-main"
    relay.release("confirm:single-to-main")
    relay.drain()

    assert place(relay, small)[0] == "variation"
    assert relay.products()[main["number"]]["type"] == "variable"

    relay.change(main, product_type="WITH_STOCK", gross=7)
    relay.release("confirm:main-to-single")
    relay.drain()
    product = relay.product(main)
    assert product is not None
    assert (product["id"], product["type"], product["gross"]) == (before["id"], "simple", 7)


@changes_of_a_variant
def test_a_product_that_was_deleted_comes_back_with_the_next_change_of_a_variant(
    relay: WooCommerceRelay,
    shirt: tuple[Article, Article, Article],
    topic: Topic,
    change: dict[str, Any],
) -> None:
    main, small, _medium = shirt
    relay.carry(small)
    relay.at_shop("edit", article=main["number"], delete=True)
    relay.edit(small, **change)
    relay.hint(topic, small)
    relay.drain()

    assert relay.wrong(main, small) == []
    assert place(relay, small) == ("variation", main["number"], {"Größe": "S"})


def test_the_comparison_sees_whether_variants_are_right(
    relay: WooCommerceRelay, shirt: tuple[Article, Article, Article]
) -> None:
    main, small, medium = shirt
    assert relay.wrong(main, small) == [
        f"article {main['number']}: is not in the shop",
        f"article {small['number']}: is not in the shop",
    ]
    relay.carry(*shirt)
    assert relay.wrong(*shirt) == []

    relay.at_shop("edit", article=medium["number"], set={"stock": 4711})
    relay.edit(small, variant_values={"Größe": "XS"})

    first, second = relay.wrong(*shirt)
    assert "as {'Größe': 'S'} in the shop, below" in first
    assert "stock is 4711 in the shop" in second
