"""The sync route: one transaction, pointers that name the bad row, and silent acceptance."""

from __future__ import annotations

import pytest

from sandbox.shops.shopware6.seed import GERMAN, ROOT_CATEGORY, STOREFRONT
from tests.contract.sandbox_shopware.support import EUR, price, product


def errors(answer) -> list[tuple]:
    return [(one["code"], (one.get("source") or {}).get("pointer"))
            for one in answer.get_json()["errors"]]


BLANK = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"
WRONG_TYPE = "ba785a8c-82cb-4283-967c-3cf342181b40"


def test_everything_written_is_listed_by_entity(shop):
    row = product("a", "A", manufacturer={"id": "1" * 32, "name": "ACME"},
                  categories=[{"id": ROOT_CATEGORY}],
                  visibilities=[{"id": "2" * 32, "salesChannelId": STOREFRONT, "visibility": 30}])

    data = shop.upsert(row).get_json()["data"]

    assert data["product"] == ["a" * 32]
    assert data["product_manufacturer"] == ["1" * 32]
    assert data["product_visibility"] == ["2" * 32]
    assert data["product_category"] == [{"productId": "a" * 32, "categoryId": ROOT_CATEGORY}]
    assert data["product_translation"] == [
        {"productId": "a" * 32, "languageId": "2fbb5fe2e29a4d70aa5854ce7ce3e20b"}]


def test_one_bad_row_keeps_every_other_row_from_being_written(stocked):
    answer = stocked.upsert({"id": "a" * 32, "stock": 9}, {"id": "b" * 32, "stock": "many"})

    assert answer.status_code == 400
    assert errors(answer) == [(WRONG_TYPE, "/w/1/stock")]
    assert stocked.state()["A"]["stock"] == 5


def test_a_later_operation_takes_back_an_earlier_one(stocked):
    answer = stocked.call("POST", "/api/_action/sync", [
        {"key": "gone", "entity": "product", "action": "delete", "payload": [{"id": "a" * 32}]},
        {"entity": "product", "action": "upsert", "payload": [{"id": "9" * 32, "stock": 1}]}])

    assert errors(answer)[0] == (BLANK, "/1/0/taxId")
    assert stocked.state()["A"]["name"] == "Name A"
    assert stocked.numbers({"type": "equals", "field": "productNumber", "value": "A"}) == ["A"]


def test_a_refused_request_leaves_nothing_behind_in_any_table(stocked):
    tables = ("product", "product_manufacturer", "product_visibility", "product_category")
    visible = {"id": "2" * 32, "salesChannelId": STOREFRONT, "visibility": 30}
    row = product("d", "D", manufacturer={"id": "1" * 32, "name": "ACME"},
                  categories=[{"id": ROOT_CATEGORY}], visibilities=[visible])
    store = stocked.app.config["SHOP"].store
    before = {name: dict(store.table(name)) for name in tables}

    answer = stocked.upsert({"id": "a" * 32, "productNumber": "A2"}, row, product("e", "B"))

    assert answer.status_code == 400
    assert {name: dict(store.table(name)) for name in tables} == before
    assert stocked.upsert(row, product("e", "A2")).status_code == 200


def test_all_violations_of_all_rows_are_reported_together(shop):
    answer = shop.upsert(product("a", "A", stock=2.5), product("b", "B", price=[price("1,5", 1)]),
                         product("c", "C", name=""))

    system = "2fbb5fe2e29a4d70aa5854ce7ce3e20b"
    assert errors(answer) == [
        (WRONG_TYPE, "/w/0/stock"), (WRONG_TYPE, "/w/1/price/0/gross"),
        (BLANK, f"/w/2/translations/{system}/name")]


@pytest.mark.parametrize("number", ["A", "a"])  # the database compares without case
def test_a_duplicate_number_is_refused_without_a_pointer(stocked, number):
    answer = stocked.upsert(product("d", "D"), product("e", number))

    assert answer.status_code == 400
    assert errors(answer) == [("CONTENT__DUPLICATE_PRODUCT_NUMBER", None)]
    assert answer.get_json()["errors"][0]["meta"]["parameters"] == {"number": number}
    assert set(stocked.state()) == {"A", "B", "C"}


def test_a_number_is_free_again_after_its_product_is_deleted(stocked):
    stocked.delete({"id": "a" * 32})

    answer = stocked.upsert(product("d", "A"))

    assert answer.status_code == 200
    assert stocked.state()["A"]["id"] == "d" * 32


def test_an_unknown_reference_is_a_500_with_the_databases_number(shop):
    answer = shop.upsert(product("a", "A", taxId="0" * 32))

    assert answer.status_code == 500
    assert errors(answer) == [("1452", None)]
    assert shop.state() == {}


def test_a_reference_may_be_created_later_in_the_same_request(shop):
    answer = shop.call("POST", "/api/_action/sync", [
        {"entity": "product", "action": "upsert",
         "payload": [product("a", "A", manufacturerId="1" * 32)]},
        {"entity": "product_manufacturer", "action": "upsert",
         "payload": [{"id": "1" * 32, "name": "ACME"}]}])

    assert answer.status_code == 200


def test_a_second_visibility_of_one_channel_under_another_id_is_refused(shop):
    visible = {"salesChannelId": STOREFRONT, "visibility": 30}
    shop.upsert(product("a", "A", visibilities=[{"id": "1" * 32, **visible}]))

    answer = shop.upsert({"id": "a" * 32, "visibilities": [{"id": "2" * 32, **visible}]})

    assert (answer.status_code, errors(answer)) == (500, [("1062", None)])


def test_unknown_fields_are_ignored_and_protected_ones_refused(stocked):
    ignored = stocked.upsert({"id": "a" * 32, "nonsense": 1})
    refused = stocked.upsert({"id": "a" * 32, "availableStock": 1})

    assert ignored.status_code == 200
    assert errors(refused) == [("FRAMEWORK__WRITE_CONSTRAINT_VIOLATION", "/w/0/availableStock")]


def test_prices_are_kept_as_sent_and_replace_each_other(stocked):
    stocked.upsert({"id": "a" * 32, "price": [price("21.50", "18.0672")]})

    row = stocked.search(ids=["a" * 32]).get_json()["data"][0]["price"]

    assert [(one["currencyId"], one["gross"], one["net"]) for one in row] == [(EUR, 21.5, 18.0672)]


def test_the_last_of_two_rows_with_the_same_id_wins(stocked):
    answer = stocked.upsert({"id": "a" * 32, "stock": 1}, {"id": "a" * 32, "stock": 2})

    assert answer.get_json()["data"]["product"] == ["a" * 32]
    assert stocked.state()["A"]["stock"] == 2


def test_deleting_takes_links_along_and_unknown_ids_are_only_noted(shop):
    shop.upsert(product("a", "A", visibilities=[
        {"id": "2" * 32, "salesChannelId": STOREFRONT, "visibility": 30}]))

    found = shop.delete({"id": "a" * 32}, {"id": "9" * 32}).get_json()

    assert found["notFound"] == {"product": ["9" * 32]}
    assert found["deleted"]["product"] == ["a" * 32]
    assert found["deleted"]["product_visibility"] == ["2" * 32]
    assert shop.search("product-visibility").get_json()["total"] == 0


def by_filter(shop, entity, field, value):
    return shop.call("POST", "/api/_action/sync", [{
        "entity": entity, "action": "delete",
        "criteria": [{"type": "equals", "field": field, "value": value}]}])


def test_rows_that_link_two_others_can_be_deleted_by_filter(stocked):
    stocked.upsert({"id": "a" * 32, "categories": [{"id": ROOT_CATEGORY}]})

    answer = by_filter(stocked, "product_category", "productId", "a" * 32)

    assert answer.get_json()["deleted"]["product_category"] == [
        {"productId": "a" * 32, "categoryId": ROOT_CATEGORY}]


def test_other_rows_cannot_be_deleted_by_filter(stocked):
    answer = by_filter(stocked, "product", "active", False)

    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["code"] == "API_INVALID_SYNC_CRITERIA_EXCEPTION"
    assert "C" in stocked.state()


def test_an_upsert_never_removes_a_category(shop):
    shop.upsert(product("a", "A", categories=[{"id": ROOT_CATEGORY}]))
    shop.upsert({"id": "a" * 32, "categories": []})
    kept = shop.search(ids=["a" * 32]).get_json()["data"][0]["categoryIds"]

    shop.delete({"productId": "a" * 32, "categoryId": ROOT_CATEGORY}, entity="product_category")

    assert kept == [ROOT_CATEGORY]
    assert shop.search(ids=["a" * 32]).get_json()["data"][0]["categoryIds"] is None


def test_texts_are_written_in_the_language_of_the_header_or_by_locale(stocked):
    stocked.upsert({"id": "a" * 32, "name": "Säge"}, sw_language_id=GERMAN)
    stocked.upsert({"id": "b" * 32, "translations": {"de-DE": {"name": "Hammer"}}})

    german = stocked.call("POST", "/api/search/product", {"sort": [{"field": "id"}]},
                          sw_language_id=GERMAN).get_json()["data"]

    assert [row["name"] for row in german] == ["Säge", "Hammer", None]
    assert german[2]["translated"]["name"] == "Name C"
    assert stocked.state()["A"]["name"] == "Name A"


def test_a_variant_needs_only_number_and_stock_of_its_own(stocked):
    answer = stocked.upsert({"id": "d" * 32, "parentId": "a" * 32, "productNumber": "A-1",
                             "stock": 3})

    assert answer.status_code == 200
    assert stocked.state()["A-1"]["gross"] == 11.9


def test_custom_fields_are_merged_by_key(stocked):
    stocked.upsert({"id": "a" * 32, "customFields": {"erp": 1, "old": 2}})
    stocked.upsert({"id": "a" * 32, "customFields": {"erp": 3}})

    found = stocked.search(ids=["a" * 32]).get_json()["data"][0]["customFields"]

    assert found == {"erp": 3, "old": 2}


def test_patching_an_unknown_id_is_a_400_and_posting_a_known_one_too(stocked):
    patched = stocked.call("PATCH", "/api/product/" + "9" * 32, {"stock": 1})
    posted = stocked.call("POST", "/api/product", product("a", "A"))

    assert [patched.status_code, posted.status_code] == [400, 400]
    assert errors(patched) == errors(posted) == [("FRAMEWORK__WRITE_TYPE_INTEND_ERROR", None)]


def test_a_tax_in_use_cannot_be_deleted(stocked):
    tax_id = stocked.search(ids=["a" * 32]).get_json()["data"][0]["taxId"]

    answer = stocked.call("DELETE", f"/api/tax/{tax_id}")

    assert (answer.status_code, errors(answer)) == (409, [("FRAMEWORK__DELETE_RESTRICTED", None)])
