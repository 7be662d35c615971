"""What a Shopware sells when nothing is there, and that stock is absolute."""

from __future__ import annotations

import pytest

from integration.connectors.shopware6 import Shopware6Connector
from integration.documents import StockDocument
from integration.topology import Topic
from tests.contract.connectors.test_shopware6 import Shop, shop  # noqa: F401 - a fixture


@pytest.mark.parametrize(
    ("document", "stock", "is_closeout"),
    [
        (StockDocument("1", 7), 7, True),
        (StockDocument("1", 0), 0, True),
        # backorder: the true quantity is told, and the sale goes on at 0
        (StockDocument("1", 0, sells_without_stock=True), 0, False),
        (StockDocument("1", 7, sells_without_stock=True), 7, False),
        # services are not counted, so a 0 must not end their sale
        (StockDocument("1", 0, is_tracked=False), 0, False),
    ],
)
def test_the_flag_says_whether_the_sale_ends_at_nothing(
    shop: Shop,  # noqa: F811
    document: StockDocument,
    stock: int,
    is_closeout: bool,
) -> None:
    shop.create("1")

    shop.change(Topic.STOCK, document)

    shown = shop.products["A-1"]
    assert (shown["stock"], shown["closeout"]) == (stock, is_closeout)


@pytest.mark.pitfall(15)
def test_the_same_stock_twice_is_the_stock(shop: Shop) -> None:  # noqa: F811
    shop.create("1")
    shop.admin("edit", article="A-1", set={"stock": 3})

    for _ in range(2):
        shop.change(Topic.STOCK, StockDocument("1", 9))

    assert shop.products["A-1"]["stock"] == 9


def test_stock_is_absolute_and_may_be_kept_by_location() -> None:
    assert Shopware6Connector.capabilities.has_absolute_stock
    assert Shopware6Connector.capabilities.has_stock_locations
