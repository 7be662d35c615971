"""What the shop sells while an article changes between a product of its own, a main article and a
variant, and afterwards; on both platforms that have variants."""

from __future__ import annotations

from typing import Any

import pytest

from integration import toggles
from integration.topology import Topic
from tests.integration.shop_relay import Article, ShopRelay, make_shirt

Shirt = tuple[Article, Article, Article]


@pytest.fixture
def relay(shop_with_variants: ShopRelay) -> ShopRelay:
    return shop_with_variants


@pytest.fixture
def shirt(relay: ShopRelay) -> Shirt:
    """A main article and two variants of it, all in the shop."""
    main, small, medium = relay.for_sale()[:3]
    make_shirt(relay, main, small, medium)
    relay.carry(main, small, medium)
    return main, small, medium


def sold(relay: ShopRelay, article: Article) -> tuple[float, int, bool]:
    """At which price, in what number and whether at all the shop sells an article."""
    product = relay.product(article)
    assert product is not None
    return float(product["gross"]), product["stock"], product["active"]


def tell(relay: ShopRelay, article: Article, **values: Any) -> None:
    """Change an article in the ERP, with the events of price and stock but none of the article."""
    relay.edit(article, **values)
    relay.hint(Topic.PRICE, article)
    relay.hint(Topic.STOCK, article)
    relay.drain()


def confirm(relay: ShopRelay, reason: str) -> None:
    assert relay.release(f"confirm:{reason}") > 0
    relay.drain()
    relay.drain()


def parents(relay: ShopRelay) -> dict[str, str | None]:
    """The number of the product that each product with a number lies below."""
    return {number: one["parent"] for number, one in relay.products().items() if number}


def levels(relay: ShopRelay) -> int:
    """How many products lie below one another, of those with a number."""
    above = parents(relay)

    def depth(number: str | None) -> int:
        return 0 if number is None else 1 + depth(above.get(number))

    return max(map(depth, above))


# --- a product of its own that is to become a main article ----------------------------------------


def test_a_product_keeps_getting_its_stock_while_its_change_to_a_main_article_waits(
    relay: ShopRelay,
) -> None:
    main, small, medium = relay.for_sale()[:3]
    relay.carry(main)
    make_shirt(relay, main, small, medium)
    relay.carry(main)
    assert relay.reason(main) == "confirm:single-to-main"

    tell(relay, main, stock=0)

    assert sold(relay, main) == (main["gross"], 0, True)
    assert relay.row(Topic.PRICE, main).hold_reason == "no-price"


def test_it_keeps_getting_a_price_that_the_erp_has_for_it(relay: ShopRelay) -> None:
    main, small, medium = relay.for_sale()[:3]
    relay.carry(main)
    make_shirt(relay, main, small, medium)
    relay.carry(main)

    tell(relay, main, gross=7, stock=2)

    assert sold(relay, main) == (7, 2, True)


def test_once_it_is_a_main_article_no_price_of_it_waits_any_more(relay: ShopRelay) -> None:
    main, small, medium = relay.for_sale()[:3]
    relay.carry(main)
    make_shirt(relay, main, small, medium)
    relay.carry(main)
    tell(relay, main, stock=0)

    confirm(relay, "single-to-main")

    row = relay.row(Topic.PRICE, main)
    assert (row.state, row.skip_reason) == (
        "COMPLETED",
        "a main article has no price or stock of its own",
    )


# --- a main article that is a product of its own again --------------------------------------------


def test_a_main_article_gets_no_price_and_stock_before_it_is_a_product_of_its_own(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, _small, _medium = shirt
    before = relay.product(main)
    relay.change(main, product_type="WITH_STOCK")
    assert relay.reason(main) == "confirm:main-to-single"

    tell(relay, main, gross=9.99, stock=3)

    assert relay.product(main) == before
    assert relay.row(Topic.STOCK, main).state == "COMPLETED"


def test_what_was_a_main_article_is_sold_at_its_own_price_and_stock(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, medium = shirt
    relay.change(main, product_type="WITH_STOCK")
    tell(relay, main, gross=9.99, stock=3)

    confirm(relay, "main-to-single")

    assert sold(relay, main) == (9.99, 3, True)
    assert [relay.reason(one) for one in (small, medium)] == ["confirm:variant-to-single"] * 2
    tell(relay, main, stock=2)
    assert sold(relay, main) == (9.99, 2, True)


def test_it_is_sold_so_from_its_first_moment_on_whatever_the_toggles(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, _small, _medium = shirt
    relay.change(main, product_type="WITH_STOCK")
    relay.edit(main, gross=9.99, stock=3)
    with relay.runtime.scope() as session:
        for topic in (Topic.PRICE, Topic.STOCK):
            toggles.switch(session, relay.channel_id, topic, is_on=False)

    confirm(relay, "main-to-single")

    assert sold(relay, main) == (9.99, 3, True)


def test_without_a_price_it_does_not_become_a_product_of_its_own(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, _small, _medium = shirt
    before = relay.product(main)
    relay.change(main, product_type="WITH_STOCK")
    confirm(relay, "main-to-single")

    assert relay.reason(main) == "no-price"
    assert relay.product(main) == before

    relay.change(main, gross=9.99, stock=3)
    assert sold(relay, main) == (9.99, 3, True)


# --- a main article that becomes a variant --------------------------------------------------------


def test_a_main_article_becomes_a_variant_once_its_own_variants_have_gone(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, medium = shirt
    other = relay.for_sale()[4]
    make_shirt(relay, other, main)
    relay.edit(main, product_type="WITH_STOCK", gross=9.99, stock=3)
    relay.carry(main)
    assert relay.reason(main) == "confirm:main-to-variant"

    confirm(relay, "main-to-variant")
    assert levels(relay) == 2
    assert [relay.reason(one) for one in (small, medium)] == ["confirm:variant-to-single"] * 2

    confirm(relay, "variant-to-single")
    above = parents(relay)
    assert [above[one["number"]] for one in (main, small, medium)] == [other["number"], None, None]
    assert levels(relay) == 2
    assert sold(relay, main) == (9.99, 3, True)
    assert relay.row(Topic.ARTICLE, main).state == "COMPLETED"


def test_variants_that_move_to_the_same_main_article_go_before_it(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, medium = shirt
    other = relay.for_sale()[4]
    make_shirt(relay, other, small, medium, main)
    relay.edit(main, product_type="WITH_STOCK", gross=9.99, stock=3)
    relay.carry(main)

    confirm(relay, "main-to-variant")

    above = parents(relay)
    assert [above[one["number"]] for one in (main, small, medium)] == [other["number"]] * 3
    assert levels(relay) == 2


# --- a variant that becomes a main article --------------------------------------------------------


def test_a_variant_becomes_a_main_article_only_when_somebody_confirms_it(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, medium = shirt
    other = relay.for_sale()[4]
    make_shirt(relay, small, other)
    relay.edit(small, variant_of=None)
    relay.carry(small, other)
    assert relay.reason(small) == "confirm:variant-to-main"
    assert relay.reason(other) == f"main-not-in-shop:{small['id']}"
    tell(relay, small, stock=1)
    assert sold(relay, small)[1] == 1

    confirm(relay, "variant-to-main")

    above = parents(relay)
    assert above[small["number"]] is None
    assert (above[other["number"]], above[medium["number"]]) == (small["number"], main["number"])
    assert levels(relay) == 2


def test_a_main_article_and_its_variant_change_places(relay: ShopRelay, shirt: Shirt) -> None:
    main, small, medium = shirt
    make_shirt(relay, small, main, medium)
    relay.edit(small, variant_of=None)
    relay.edit(main, product_type="WITH_STOCK", gross=9.99, stock=3)
    relay.carry(main, small, medium)

    confirm(relay, "variant-to-main")
    confirm(relay, "main-to-variant")

    above = parents(relay)
    assert [above[one["number"]] for one in (small, main, medium)] == [
        None,
        small["number"],
        small["number"],
    ]
    assert levels(relay) == 2
    assert sold(relay, main) == (9.99, 3, True)
