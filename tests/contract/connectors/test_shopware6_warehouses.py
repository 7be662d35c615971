"""Stock by location in a Shopware with Multi-Inventory, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.connectors.base import Choice, ListingView
from integration.connectors.shopware6 import ids
from integration.documents import StockDocument, StockLocation
from integration.mapping_kinds import Kind
from integration.topology import Topic
from sandbox.shops.shopware6 import Options, create_app
from sandbox.shops.shopware6.seed import BRANCH, CENTRAL
from tests.contract.connectors.shops import served
from tests.contract.connectors.test_shopware6 import Shop
from tests.contract.connectors.test_shopware6_price_lists import by_hand


@pytest.fixture
def shop() -> Iterator[Shop]:
    with served(lambda url: create_app(Options(multi_inventory=True), url), Shop) as shop:
        yield shop


def placed(article_id: str = "1", **pieces: int) -> StockDocument:
    places = {"central": ("5", CENTRAL), "branch": ("6", BRANCH)}
    locations = [
        StockLocation(places[name][0], quantity, name, places[name][1])
        for name, quantity in pieces.items()
    ]
    return StockDocument(article_id, sum(pieces.values()), locations=tuple(locations))


def shown(shop: Shop) -> dict[str, int]:
    pieces: dict[str, int] = shop.products["A-1"]["warehouses"]
    return pieces


def test_a_row_that_somebody_else_made_is_written_and_never_emptied(shop: Shop) -> None:
    shop.create("1")
    product = ids.product_id("acme/42", "1")
    row = {"id": "9" * 32, "productId": product, "warehouseId": CENTRAL, "stock": 50}
    by_hand(shop, "product_warehouse", row)

    shop.change(Topic.STOCK, placed(central=3, branch=4))
    assert shown(shop) == {"Central": 3, "Branch": 4}

    # nobody knows any more that it was written: it is the shop's again
    shop.change(Topic.STOCK, placed())
    assert shown(shop) == {"Central": 3, "Branch": 0}


def test_only_a_product_that_we_make_is_put_into_groups(shop: Shop) -> None:
    shop.admin("products", number="A-1", name="by hand")

    (adopted,) = shop.create("1", stock=placed("1", central=3))
    listing = ListingView("1", adopted.external_id, "A-1", is_active=True)
    shop.push(Topic.STOCK, [placed("1", central=3)], [listing])
    shop.create("2", stock=placed("2", central=3))
    shop.create("3", stock=placed("3", branch=3))

    assert {number: one["warehouse_groups"] for number, one in shop.products.items()} == {
        "A-1": [],
        "A-2": ["Everybody"],
        "A-3": [],
    }
    assert shown(shop) == {"Central": 3}


def test_one_bad_row_of_a_batch_costs_no_other_its_pieces(shop: Shop) -> None:
    shop.create("1", "2")
    shop.fault("reject", number="A-2")

    first, second = shop.change(Topic.STOCK, placed(central=7), placed("2", central=8))

    assert (first.error, shown(shop)) == (None, {"Central": 7})
    assert second.error is not None


def test_storage_locations_are_the_shops_warehouses(shop: Shop) -> None:
    assert shop.connector().offers(Kind.STORAGE_LOCATION) == [
        Choice(BRANCH, "Branch"),
        Choice(CENTRAL, "Central"),
    ]


def test_doctor_asks_for_warehouses_only_where_they_are_used(shop: Shop) -> None:
    shop.fault("missing-privilege", route="", privilege="product_warehouse:read")

    def faults(**parameters: str) -> list[str]:
        return [one.detail for one in shop.connector(**parameters).check() if one.is_fault]

    (told,) = faults(storages="on")
    assert "product_warehouse:read" in told
    assert faults() == []


def test_doctor_says_that_a_shop_has_no_warehouses() -> None:
    with served(lambda url: create_app(Options(), url), Shop) as shop:
        (told,) = [one for one in shop.connector(storages="on").check() if one.is_fault]

        assert told.check == "warehouses"
        assert "set storages=off" in told.do
