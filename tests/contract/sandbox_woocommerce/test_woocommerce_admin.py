"""The test's own doors, and what the sandbox does when it is told to fail."""

from __future__ import annotations

import pytest

from sandbox.shops.woocommerce import Options
from tests.contract.sandbox_woocommerce.support import ShopClient

PRODUCT = {"sku": "A", "name": "Hammer", "regular_price": "11.90", "manage_stock": True,
           "stock_quantity": 5, "weight": "0.3", "global_unique_id": "4006381333931"}


def test_the_state_shows_both_sides_of_a_price(shop: ShopClient) -> None:
    made = shop.create(**PRODUCT)

    shown = shop.state()["A"]

    assert shown == {
        "id": str(made["id"]), "number": "A", "name": "Hammer", "description": "",
        "ean": "4006381333931", "weight_kg": 0.3, "size_mm": [None] * 3,
        "tax_rate": 19, "active": True, "catalog_visibility": "visible", "net": 10,
        "gross": 11.9, "kept": "gross", "sale": None, "stock": 5, "status": "publish",
        "type": "simple", "markup": "html", "writes": 1, "categories": ["Uncategorized"],
        "brands": [], "meta": {}, "sale_from": None, "sale_to": None, "parent": None,
        "options": {}, "axes": {}, "images": []}


def test_an_employee_hides_a_product(shop: ShopClient) -> None:
    shop.create(**PRODUCT)

    hidden = {"catalog_visibility": "hidden"}
    shop.admin("POST", "edit", {"article": "A", "set": hidden})

    assert shop.state()["A"]["catalog_visibility"] == "hidden"


def test_a_shop_with_net_prices_keeps_those() -> None:
    shop = ShopClient(Options(prices_include_tax=False))
    shop.create(**{**PRODUCT, "regular_price": "10"})

    shown = shop.state()["A"]

    assert (shown["net"], shown["gross"], shown["kept"]) == (10, 11.9, "net")


def test_pages_of_the_state_follow_each_other(shop: ShopClient) -> None:
    for n in range(3):
        shop.create(sku=f"P{n}")

    first = shop.admin("GET", "state?limit=2").get_json()["products"]
    second = shop.admin("GET", f"state?limit=2&after={first[-1]['id']}").get_json()["products"]

    assert [one["number"] for one in first + second] == ["P0", "P1", "P2"]


def test_an_employee_changes_trashes_and_deletes(shop: ShopClient) -> None:
    shop.create(**PRODUCT)
    shop.create(sku="B")
    changes = {"name": "Säge", "gross": 5, "stock": 1, "active": False, "weight_kg": 2,
               "tax_rate": 7}
    shop.admin("POST", "edit", {"article": "A", "set": changes})
    shown = shop.state()["A"]
    shop.admin("POST", "edit", {"article": "A", "trash": True})
    shop.admin("POST", "edit", {"article": "B", "delete": True})

    assert {name: shown[name] for name in changes} == changes
    assert shown["writes"] == 1
    assert shop.state() == {}
    assert shop.batch(create=[{"sku": "B"}]).get_json()["create"][0]["id"] > 0


def test_the_history_tells_every_write_refused_ones_too(shop: ShopClient) -> None:
    shop.create(**PRODUCT)
    shop.batch(create=[{"sku": "a"}])

    writes = shop.admin("GET", "history?number=A").get_json()["writes"]

    assert [(one["action"], one["by"], one["result"]) for one in writes] == [
        ("create", "api", "applied"), ("create", "api", "refused product_invalid_sku")]


def test_products_that_are_there_already(shop: ShopClient) -> None:
    shop.admin("POST", "products", {"products": [{"number": "X", "gross": 3, "stock": 2}]})

    assert (shop.state()["X"]["gross"], shop.state()["X"]["writes"]) == (3, 0)


def test_half_of_a_batch_is_applied(shop: ShopClient) -> None:
    shop.admin("POST", "faults", {"kind": "half", "route": "batch"})

    answer = shop.batch(create=[{"sku": str(n)} for n in range(4)])

    assert answer.status_code == 500
    assert set(shop.state()) == {"0", "1"}


@pytest.mark.parametrize(("kind", "begins"), [("php-notice", b"<br />"), ("html-after", b"<!doc")])
def test_answers_that_are_no_json_of_writes_that_went_well(
        shop: ShopClient, kind: str, begins: bytes) -> None:
    shop.admin("POST", "faults", {"kind": kind, "route": "batch"})

    answer = shop.batch(create=[{"sku": "A"}])

    assert answer.status_code == 200
    assert answer.get_data().startswith(begins)
    assert set(shop.state()) == {"A"}


def test_a_product_is_refused_as_often_as_told(shop: ShopClient) -> None:
    shop.admin("POST", "faults", {"kind": "reject", "number": "A", "count": 1})

    rows = shop.batch(create=[{"sku": "A"}, {"sku": "A"}]).get_json()["create"]

    assert [one.get("error", {}).get("code") for one in rows] == ["sandbox_rejected", None]


def test_reset_is_as_at_start(shop: ShopClient) -> None:
    shop.create(**PRODUCT)
    shop.admin("POST", "faults", {"kind": "500"})
    shop.admin("POST", "reset")

    assert shop.state() == {}
    assert shop.call("GET", "/products").get_json() == []
    assert shop.admin("GET", "requests").get_json()["total"] == 1
