"""Variations of WooCommerce products: adoption, refusals, and a shop that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from integration.connectors.base import Receipt
from integration.connectors.woocommerce import WooCommerceConnector
from integration.documents import ArticleDocument, OptionDocument, VariantDocument
from integration.errors import Held, Rejected, TransientError
from integration.topology import Topic
from tests.contract.connectors.shops import FIRST_TOPICS
from tests.contract.connectors.woocommerce import BATCH, Shop, stocked, unique
from tests.unit.connectors.kit import new, price


@pytest.fixture
def shop(woocommerce: Shop) -> Shop:
    woocommerce.push(Topic.ARTICLE, [unique("main", is_main=True, price=None)], [new("main")])
    return woocommerce


def variant(shop: Shop, article_id: str, size: str = "S", **changes: Any) -> ArticleDocument:
    option = OptionDocument("7", "Size", size, size)
    below = VariantDocument("main", (option,), parent_id=shop.ids["main"])
    return replace(unique(article_id, **changes), variant=below)


def create(shop: Shop, *documents: ArticleDocument) -> list[Receipt]:
    return shop.push(Topic.ARTICLE, documents, [new(one.article_id) for one in documents])


def variation_routes(shop: Shop) -> int:
    return sum(count for route, count in shop.routes.items() if "variations/batch" in route)


def test_a_variation_is_complete_after_its_first_write(shop: Shop) -> None:
    (receipt,) = create(shop, variant(shop, "1", custom_fields={"material": "Wolle"}))

    parent = shop.ids["main"]
    assert receipt == Receipt(
        "1", external_id=shop.ids["1"], recorded=FIRST_TOPICS, notes={"parent": parent}
    )
    shown = shop.products["A-1"]
    assert (shown["parent"], shown["options"], shown["stock"], float(shown["gross"])) == (
        "A-main",
        {"Size": "S"},
        5,
        19.99,
    )
    assert shown["meta"]["material"] == "Wolle"


def test_a_hundred_variations_of_two_products_are_a_write_per_product(shop: Shop) -> None:
    create(shop, *(variant(shop, f"x{n}", str(n)) for n in range(10)))  # tells the speed
    before = shop.routes[BATCH], variation_routes(shop)

    receipts = create(shop, *(variant(shop, str(n), str(n)) for n in range(10, 60)))
    changed = shop.change(Topic.STOCK, *(stocked(str(n), 1) for n in range(10, 60)))

    assert all(one.error is None for one in receipts + changed)
    # One for what the product offers, one for the variations; then one for a stock more.
    assert (shop.routes[BATCH] - before[0], variation_routes(shop) - before[1]) == (1, 2 + 1)


def test_a_hundred_variations_of_a_product_are_one_write_of_each_kind(shop: Shop) -> None:
    create(shop, *(variant(shop, f"x{n}", str(n)) for n in range(10)))  # tells the speed
    shop.change(Topic.STOCK, *(stocked(f"x{n}", 1) for n in range(10)))
    shop.change(Topic.PRICE, *(price(f"x{n}") for n in range(10)))
    articles = [str(n) for n in range(100)]
    size = WooCommerceConnector.capabilities.max_batch

    def writes(send: Callable[[], list[Receipt]]) -> tuple[int, int]:
        """Of products and of variations."""
        before = shop.routes[BATCH], variation_routes(shop)
        assert all(one.error is None for one in send())
        return shop.routes[BATCH] - before[0], variation_routes(shop) - before[1]

    renamed = [variant(shop, one, one, description="Neu") for one in articles]
    assert [size[one] for one in (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)] == [100] * 3
    # The product learns of the new sizes first.
    assert writes(lambda: create(shop, *(variant(shop, one, one) for one in articles))) == (1, 1)
    assert writes(lambda: shop.change(Topic.ARTICLE, *renamed)) == (0, 1)
    prices = [price(one, gross="7") for one in articles]
    assert writes(lambda: shop.change(Topic.PRICE, *prices)) == (0, 1)
    stocks = [stocked(one, 7) for one in articles]
    assert writes(lambda: shop.change(Topic.STOCK, *stocks)) == (0, 1)


def test_options_and_attributes_of_employees_stay(shop: Shop) -> None:
    size = {"name": "size", "variation": False, "visible": True, "options": ["XXL"]}
    brand = {"name": "Cut", "variation": False, "visible": True, "options": ["slim"]}
    row = {"id": int(shop.ids["main"]), "attributes": [size, brand]}
    shop.connector()._client.batch("/products", {"update": [row]})

    create(shop, variant(shop, "1"))

    shown = shop.connector()._client.get(f"/products/{shop.ids['main']}")["attributes"]
    assert [(one["name"], one["options"], one["variation"]) for one in shown] == [
        ("size", ["XXL", "S"], True),
        ("Cut", ["slim"], False),
    ]


def test_a_variation_with_the_number_is_adopted_and_other_products_are_not(shop: Shop) -> None:
    create(shop, variant(shop, "1"))
    shop.admin("products", number="A-2")

    mine, theirs = create(shop, variant(shop, "1"), variant(shop, "2", "M"))

    assert (mine.error, mine.was_adopted) == (None, False)
    assert isinstance(theirs.error, Rejected)
    assert "is no variation of product" in str(theirs.error)


@pytest.mark.parametrize("kind", ["timeout-after", "cut-body", "html-after", "half"])
def test_after_an_unknown_outcome_no_variation_is_created_twice(shop: Shop, kind: str) -> None:
    wanted = [variant(shop, str(n), str(n)) for n in range(4)]
    route = f"POST /wp-json/wc/v3/products/{shop.ids['main']}/variations/batch"
    shop.fault(kind, route=route, **({"seconds": 0.1} if kind == "timeout-after" else {}))

    with pytest.raises(TransientError) as caught:
        create(shop, *wanted)
    receipts = create(shop, *wanted)

    assert caught.value.outcome_unknown
    assert [one.error for one in receipts] == [None] * 4
    assert len(shop.products) == 5


def test_a_variation_that_was_deleted_has_vanished(shop: Shop) -> None:
    create(shop, variant(shop, "1"), variant(shop, "2", "M"))
    shop.admin("edit", article="A-1", delete=True)

    receipts = shop.change(Topic.PRICE, price("1", gross="5"), price("2", gross="5"))

    assert [(one.has_vanished, one.error) for one in receipts] == [(True, None), (False, None)]


def test_without_its_product_a_variation_has_vanished_or_waits(shop: Shop) -> None:
    create(shop, variant(shop, "1"))
    shop.admin("edit", article="A-main", delete=True)

    (stock,) = shop.change(Topic.STOCK, stocked("1", 1))
    (waiting,) = create(shop, variant(shop, "1"))

    assert stock.has_vanished
    assert isinstance(waiting.error, Held)
    assert waiting.error.reason == "main-not-in-shop:main"


def test_options_that_another_worker_overwrote_are_offered_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = shop.connector()
    kept = type(one._client).batch

    def overwritten(client: Any, path: str, lists: Any) -> Any:
        answered = kept(client, path, lists)
        if path.endswith("/variations"):
            size = {"name": "Size", "variation": True, "visible": True, "options": ["L"]}
            row = {"id": int(shop.ids["main"]), "attributes": [size]}
            kept(client, "/products", {"update": [row]})
        return answered

    monkeypatch.setattr(type(one._client), "batch", overwritten)
    (receipt,) = create(shop, variant(shop, "1"))

    assert receipt.error is None
    assert shop.products["A-main"]["axes"] == {"Size": ["L", "S"]}


def test_variations_are_read_with_the_products(shop: Shop) -> None:
    create(shop, variant(shop, "1"))
    one = shop.connector()

    shown = one.show([shop.ids["1"], shop.ids["main"]])
    read = list(one.scan(["name", "stock"]))

    assert {row.number for row in shown} == {"A-1", "A-main"}
    assert [(row.number, row.name, row.stock) for row in read] == [
        ("A-main", "Hammer main", None),
        ("A-1", None, 5),
    ]
