"""Variants of an ERP that offers no columns for products: which article is the main one of a
product, only that article's own row tells."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from integration import stages
from integration.clock import db_now
from integration.models import TenantFact
from integration.topology import Topic
from tests.integration.shop_relay import Article, ShopRelay, make_shirt

Shirt = tuple[Article, Article, Article]


@pytest.fixture
def relay(shop_without_columns: ShopRelay) -> ShopRelay:
    return shop_without_columns


@pytest.fixture
def shirt(relay: ShopRelay) -> Shirt:
    """A main article and two variants of it; none is in the shop."""
    main, small, medium = relay.for_sale()[:3]
    make_shirt(relay, main, small, medium)
    return main, small, medium


def places(relay: ShopRelay, *articles: Article) -> list[tuple[str | None, dict[str, str]]]:
    products = relay.products()
    found = [products[one["number"]] for one in articles]
    return [(one["parent"], one["options"]) for one in found]


def product_of(article: Article) -> str:
    """The ERP's id of the product that an article belongs to (sandbox.erp.model)."""
    return str(30_000_000_000 + int(article["id"]))


def test_a_main_article_and_its_variants_go_together(relay: ShopRelay, shirt: Shirt) -> None:
    main, small, medium = shirt
    relay.carry(small, medium, main)

    assert places(relay, small, medium) == [
        (main["number"], {"Größe": "S"}),
        (main["number"], {"Größe": "M"}),
    ]
    assert relay.wrong(*shirt) == []


def test_a_variant_whose_main_article_was_never_seen_waits_for_it(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, _medium = shirt
    relay.carry(small)
    assert relay.product(small) is None
    assert relay.reason(small) == f"main-unknown:{product_of(main)}"

    relay.carry(main)
    assert places(relay, small) == [(main["number"], {"Größe": "S"})]
    assert relay.wrong(main, small) == []


def test_workers_of_an_earlier_version_are_told_what_the_row_lacks(
    relay: ShopRelay, shirt: Shirt
) -> None:
    _main, small, _medium = shirt
    relay.hint(Topic.ARTICLE, small)
    batch = stages.fetch(relay.runtime, str(relay.claim()))

    assert batch["rows"][small["id"]]["variant"]["lacks"] == "product.id"


def test_a_variant_is_carried_long_after_its_main_article_was_seen(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, medium = shirt
    relay.carry(main, small)
    with relay.runtime.scope() as session:
        session.execute(update(TenantFact).values(learnt_at=db_now(-1_000_000)))

    relay.carry(medium)
    relay.change(small, variant_values={"Größe": "XS"})

    assert places(relay, small, medium) == [
        (main["number"], {"Größe": "XS"}),
        (main["number"], {"Größe": "M"}),
    ]


def test_what_it_costs_is_two_requests_more_per_main_article(
    relay: ShopRelay, shirt: Shirt
) -> None:
    _main, small, medium = shirt
    relay.carry(*shirt)
    single = relay.for_sale()[5]
    relay.carry(single)

    costs = []
    for articles in ([single], [small], [small, medium]):
        before = relay.erp_requests()
        relay.carry(*articles)
        costs.append(relay.erp_requests() - before)

    # The query; article, listing, price, stock and product of each; article and listing of the
    # main one.
    assert costs == [1 + 5, 1 + 5 + 2, 1 + 5 + 5 + 2]


@pytest.mark.parametrize("why", [{"listed": False}, {"active": False}])
def test_without_a_listed_main_article_variants_are_products_of_their_own(
    relay: ShopRelay, shirt: Shirt, why: dict[str, bool]
) -> None:
    main, small, medium = shirt
    relay.edit(main, **why)
    relay.carry(small, main)
    relay.carry(medium)

    assert places(relay, small, medium) == [(None, {}), (None, {})]
    assert relay.product(main) is None


def test_a_variant_becomes_a_product_of_its_own_only_when_somebody_confirms_it(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, _medium = shirt
    relay.carry(*shirt)
    relay.edit(main, product_type="WITH_STOCK", gross=7)
    relay.carry(small)
    assert relay.reason(small) == "confirm:variant-to-single"

    relay.release("confirm:variant-to-single")
    relay.drain()
    assert places(relay, small) == [(None, {})]


def test_price_and_stock_of_a_variant_are_its_own(relay: ShopRelay, shirt: Shirt) -> None:
    _main, small, _medium = shirt
    relay.carry(*shirt)
    relay.edit(small, gross=9.99, stock=3)
    relay.carry(small, topic=Topic.PRICE)
    relay.carry(small, topic=Topic.STOCK)

    assert relay.wrong(*shirt) == []
