"""Products, one by one and in batches: what the shop bends, whom it refuses, what it keeps."""

from __future__ import annotations

import threading

import pytest

from sandbox.shops.woocommerce import Options
from tests.contract.sandbox_woocommerce.support import ShopClient


def codes(rows: list[dict]) -> list[str | None]:
    return [one.get("error", {}).get("code") for one in rows]


@pytest.mark.parametrize(("field", "sent", "kept"), [
    ("stock_quantity", "viele", 0),
    ("stock_quantity", 2.7, 2),
    ("regular_price", "1.234,56", "1.23456"),
    ("regular_price", "abc", ""),
    ("regular_price", 7.5, "7.5"),
    ("status", "foo", "draft"),
    ("tax_class", "unknown", ""),
    ("global_unique_id", "40AB", "40"),
    ("manage_stock", "nein", False),
    ("name", "A & B <script>x</script>", "A &amp; B x"),
    ("sale_price", "99", ""),
    ("categories", [{"id": 999}], [15]),
])
def test_a_batch_bends_what_it_does_not_like(
        shop: ShopClient, field: str, sent: object, kept: object) -> None:
    made = shop.create(sku="A", regular_price="5", manage_stock=True, stock_quantity=3)

    answer = shop.batch(update=[{"id": made["id"], field: sent}])

    shown = answer.get_json()["update"][0][field]
    assert answer.status_code == 200
    assert ([one["id"] for one in shown] if field == "categories" else shown) == kept


@pytest.mark.parametrize(("field", "sent"), [
    ("stock_quantity", "viele"), ("status", "online"), ("regular_price", 5), ("type", "bogus")])
def test_a_single_call_is_checked(shop: ShopClient, field: str, sent: object) -> None:
    made = shop.create(sku="A")

    answer = shop.call("PUT", f"/products/{made['id']}", {field: sent})

    assert (answer.status_code, list(answer.get_json()["data"]["params"])) == (400, [field])


def test_a_batch_answers_by_position_and_keeps_what_is_good(shop: ShopClient) -> None:
    owner = shop.create(sku="A")["id"]

    answer = shop.batch(create=[{"sku": "a"}, {"sku": "B"}], update=[{"id": 9999}, {"id": owner}],
                        delete=[8888]).get_json()

    assert codes(answer["create"]) == ["product_invalid_sku", None]
    assert answer["create"][0]["id"] == 0
    assert answer["create"][0]["error"]["data"] == {
        "status": 400, "resource_id": owner, "unique_sku": "a-1"}
    assert codes(answer["update"]) == ["woocommerce_rest_product_invalid_id", None]
    assert answer["delete"][0]["error"]["data"]["status"] == 404
    assert set(shop.state()) == {"A", "B"}


def test_a_hundred_and_one_rows_are_too_many(shop: ShopClient) -> None:
    answer = shop.batch(create=[{"sku": str(n)} for n in range(101)])

    assert answer.status_code == 413
    assert shop.state() == {}


def test_a_trashed_product_keeps_its_number_until_it_is_taken_out(shop: ShopClient) -> None:
    made = shop.create(sku="A")
    shop.call("DELETE", f"/products/{made['id']}")

    again = shop.batch(create=[{"sku": "A"}]).get_json()["create"]
    found = shop.call("GET", "/products?sku=A").get_json()
    trashed = shop.call("GET", "/products?sku=A&status=trash").get_json()
    shop.batch(update=[{"id": made["id"], "status": "publish"}])

    assert codes(again) == ["woocommerce_rest_product_not_created"]
    assert (found, [one["id"] for one in trashed]) == ([], [made["id"]])
    assert shop.state()["A"]["active"] is True


def test_a_look_up_splits_numbers_at_commas_and_takes_the_whole_text_too(shop: ShopClient) -> None:
    for sku in ("4", "4,5x50", "5x50,6"):
        shop.create(sku=sku)

    found = shop.call("GET", "/products?sku=4,5X50").get_json()

    assert {one["sku"] for one in found} == {"4", "4,5x50"}


def test_no_brands_are_no_word_about_them_and_an_id_that_is_none_takes_them_away(
        shop: ShopClient) -> None:
    brand = shop.call("POST", "/products/brands", {"name": "Acme"}).get_json()["id"]
    made = shop.create(sku="A", brands=[{"id": brand}])

    shop.batch(update=[{"id": made["id"], "brands": []}])
    kept = shop.state()["A"]["brands"]
    shop.batch(update=[{"id": made["id"], "brands": [{"id": 0}]}])

    assert (kept, shop.state()["A"]["brands"]) == (["Acme"], [])


def test_of_parallel_creates_of_one_number_one_wins() -> None:
    shop = ShopClient(Options(latency_base_ms=30))
    answers: list[dict] = []

    def create() -> None:
        client = shop.app.test_client()
        answers.append(client.post(
            "/wp-json/wc/v3/products", json={"sku": "A"}, base_url="https://shop.test",
            query_string={"consumer_key": shop.key.key, "consumer_secret": shop.key.secret},
        ).get_json())

    threads = [threading.Thread(target=create) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sum("id" in one for one in answers) == 1
    assert {one["code"] for one in answers if "code" in one} <= {
        "product_invalid_sku", "woocommerce_rest_product_not_created"}
    assert len(shop.state()) == 1


def test_stock_counts_only_where_it_is_managed(shop: ShopClient) -> None:
    shop.batch(create=[{"sku": "A", "stock_quantity": 5},
                       {"sku": "B", "manage_stock": True, "stock_quantity": 5}])

    assert {number: one["stock"] for number, one in shop.state().items()} == {"A": 0, "B": 5}


def test_a_shop_that_manages_no_stock_takes_none() -> None:
    shop = ShopClient(Options(manage_stock=False))

    row = shop.batch(create=[{"manage_stock": True, "stock_quantity": 5}]).get_json()["create"][0]

    assert (row["manage_stock"], row["stock_quantity"]) == (False, None)


def test_variations_belong_to_their_parent(shop: ShopClient) -> None:
    size = {"name": "Size", "variation": True, "options": ["S"]}
    parent = shop.create(sku="P", type="variable", attributes=[size], regular_price="5")
    other = {"name": "Colour", "option": "red"}

    answer = shop.call("POST", f"/products/{parent['id']}/variations/batch", {"create": [
        {"sku": "P-S", "regular_price": "5",
         "attributes": [{"name": "Size", "option": "S"}, other]},
    ]}).get_json()["create"][0]

    assert parent["regular_price"] == ""
    assert [one["option"] for one in answer["attributes"]] == ["S"]
    through = shop.call("PUT", f"/products/{answer['id']}", {"regular_price": "1"})
    assert through.get_json()["code"] == "woocommerce_rest_invalid_product_id"
    listed = shop.call("GET", "/products").get_json()
    assert [one["id"] for one in listed] == [parent["id"]]


def test_terms_are_found_again_by_their_id(shop: ShopClient) -> None:
    for path in ("categories", "tags", "brands", "attributes"):
        made = shop.call("POST", f"/products/{path}", {"name": "Werkzeug"}).get_json()
        again = shop.call("POST", f"/products/{path}", {"name": "werkzeug"}).get_json()
        assert again["data"]["resource_id"] == made["id"]


def test_orders_know_no_order_of_states(shop: ShopClient) -> None:
    product = shop.create(sku="A", manage_stock=True, stock_quantity=5, regular_price="10")
    order = shop.call("POST", "/orders", {
        "status": "processing", "line_items": [{"product_id": product["id"], "quantity": 2}],
    }).get_json()

    answer = shop.call("POST", "/orders/batch", {"update": [
        {"id": order["id"], "status": "foo"}]}).get_json()["update"][0]
    note = shop.call("POST", f"/orders/{order['id']}/notes", {"note": "DHL 1"})

    assert (order["total"], answer["status"], note.status_code) == ("20.00", "pending", 201)
    # What is cancelled, or pending again, is for sale again.
    assert shop.state()["A"]["stock"] == 5
