"""Multi-Inventory: warehouses, and what of a product lies in them."""

from __future__ import annotations

import pytest

from sandbox.shops.shopware6 import Options
from sandbox.shops.shopware6.seed import BRANCH, CENTRAL
from tests.contract.sandbox_shopware.support import ShopClient, product

ROW = "9" * 32


@pytest.fixture
def stocked():
    client = ShopClient(Options(multi_inventory=True))
    client.upsert(product("a", "A", warehouses=[
        {"id": ROW, "productId": "a" * 32, "warehouseId": CENTRAL, "stock": 3}]))
    yield client
    client.app.config["CLOSE"]()


def test_pieces_lie_in_warehouses_beside_the_products_stock(stocked):
    assert (stocked.state()["A"]["warehouses"], stocked.state()["A"]["stock"]) == (
        {"Central": 3}, 5)

    assert stocked.upsert({"id": ROW, "stock": 9}, entity="product_warehouse").status_code == 200

    assert stocked.state()["A"]["warehouses"] == {"Central": 9}
    found = stocked.search("product-warehouse").get_json()["data"]
    assert [(one["id"], one["warehouseId"], one["stock"]) for one in found] == [(ROW, CENTRAL, 9)]


def test_a_product_has_one_row_per_warehouse(stocked):
    second = {"id": "8" * 32, "productId": "a" * 32, "warehouseId": CENTRAL, "stock": 1}

    refused = stocked.upsert(second, entity="product_warehouse")

    assert refused.get_json()["errors"][0]["code"] == "1062"
    assert stocked.upsert({**second, "warehouseId": BRANCH},
                          entity="product_warehouse").status_code == 200


def test_a_warehouse_tells_the_groups_in_which_it_counts(stocked):
    found = stocked.search("warehouse", associations={"groups": {}}, sort=[{"field": "name"}])

    assert [(one["name"], [group["name"] for group in one["groups"]])
            for one in found.get_json()["data"]] == [("Branch", []), ("Central", ["Everybody"])]


def test_a_shop_without_the_plugin_has_no_such_thing_and_ignores_it(shop):
    placed = product("a", "A", warehouses=[{"id": ROW, "warehouseId": CENTRAL, "stock": 3}])

    assert shop.upsert(placed).status_code == 200

    assert shop.state()["A"]["warehouses"] == {}
    assert shop.search("warehouse").status_code == 404
    refused = shop.upsert({"id": ROW, "stock": 1}, entity="product_warehouse")
    assert refused.get_json()["errors"][0]["code"] == "FRAMEWORK__DEFINITION_NOT_FOUND"
