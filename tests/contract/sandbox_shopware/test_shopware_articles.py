"""Richer articles: languages, categories, manufacturers, units, properties and custom fields."""

from __future__ import annotations

import pytest

from sandbox.shops.shopware6.schema import SYSTEM_LANGUAGE
from sandbox.shops.shopware6.seed import GERMAN, ROOT_CATEGORY
from tests.contract.sandbox_shopware.support import product

AUSTRIAN, A = "1" * 32, "a" * 32


def codes(answer) -> list[str]:
    return [one["code"] for one in answer.get_json()["errors"]]


def pointers(answer) -> list[str]:
    return [one["source"]["pointer"] for one in answer.get_json()["errors"]]


@pytest.fixture
def austrian(shop):
    """A shop with a product A in English, and German as it is spoken in Austria."""
    shop.upsert({"id": "2" * 32, "code": "de-AT", "name": "German", "territory": "Austria"},
                entity="locale")
    shop.upsert({"id": AUSTRIAN, "name": "Österreichisch", "localeId": "2" * 32,
                 "parentId": GERMAN}, entity="language")
    shop.upsert(product("a", "A", description="Steel"))
    return shop


def test_the_language_header_chooses_what_is_written_and_read(austrian):
    austrian.upsert({"id": A, "name": "Hammer"}, sw_language_id=GERMAN)

    german = austrian.call("GET", f"/api/product/{A}", sw_language_id=GERMAN)
    english = austrian.call("GET", f"/api/product/{A}")

    assert german.headers["sw-language-id"] == GERMAN
    row = german.get_json()["data"]
    assert (row["name"], row["description"]) == ("Hammer", None)
    assert (row["translated"]["name"], row["translated"]["description"]) == ("Hammer", "Steel")
    assert english.get_json()["data"]["name"] == "Name A"
    assert austrian.state()["A"]["translations"] == {
        "en-GB": {"name": "Name A", "description": "Steel"}, "de-DE": {"name": "Hammer"}}


def test_a_language_falls_back_to_the_one_it_derives_from(austrian):
    austrian.upsert({"id": A, "translations": {GERMAN: {"name": "Hammer"}}})

    row = austrian.call("GET", f"/api/product/{A}", sw_language_id=AUSTRIAN).get_json()["data"]

    assert (row["name"], row["translated"]["name"]) == (None, "Hammer")
    assert row["translated"]["description"] == "Steel"


def test_texts_come_by_language_id_or_by_locale_and_null_takes_one_away(austrian):
    austrian.upsert({"id": A, "translations": {
        "de-AT": {"name": "Hammerl"}, GERMAN: {"name": "Hammer", "description": "Stahl"}}})
    austrian.upsert({"id": A, "translations": {GERMAN: {"description": None}}})

    assert austrian.state()["A"]["translations"] == {
        "en-GB": {"name": "Name A", "description": "Steel"}, "de-DE": {"name": "Hammer"},
        "de-AT": {"name": "Hammerl"}}


def test_a_new_product_needs_its_name_in_the_language_of_the_system(austrian):
    answer = austrian.upsert(product("b", "B"), sw_language_id=GERMAN)

    assert pointers(answer) == [f"/w/0/translations/{SYSTEM_LANGUAGE}/name"]


def test_an_unknown_language_is_refused_before_anything_else(austrian):
    answer = austrian.upsert(product("b", "B"), sw_language_id="f" * 32)

    assert (answer.status_code, codes(answer)) == (412, ["FRAMEWORK__LANGUAGE_NOT_FOUND"])


def test_search_compares_texts_of_the_language_asked_for(austrian):
    austrian.upsert({"id": A, "name": "Hammer"}, sw_language_id=GERMAN)
    wanted = {"filter": [{"type": "equals", "field": "name", "value": "Hammer"}]}

    german = austrian.call("POST", "/api/search/product", wanted, sw_language_id=GERMAN)

    assert german.get_json()["total"] == 1
    assert austrian.call("POST", "/api/search/product", wanted).get_json()["total"] == 0


def test_a_category_knows_its_place_in_the_tree(shop):
    shop.upsert({"id": "3" * 32, "name": "Tools", "parentId": ROOT_CATEGORY, "children": [
        {"id": "4" * 32, "name": "Hammers"}]}, entity="category")
    shop.upsert(product("a", "A", categories=[{"id": "4" * 32}]))

    row = shop.call("GET", f"/api/category/{'4' * 32}").get_json()["data"]
    tools = shop.call("GET", f"/api/category/{'3' * 32}").get_json()["data"]

    assert row["breadcrumb"] == ["Catalogue #1", "Tools", "Hammers"]
    assert (row["path"], row["level"]) == (f"|{ROOT_CATEGORY}|{'3' * 32}|", 3)
    assert (tools["childCount"], tools["level"]) == (1, 2)
    shown = shop.call("GET", f"/api/product/{A}").get_json()["data"]
    assert shown["categoryTree"] == [ROOT_CATEGORY, "3" * 32, "4" * 32]
    assert shop.state()["A"]["categories"] == ["Hammers"]


def test_categories_are_added_by_upsert_and_only_removed_by_delete(shop):
    shop.upsert({"id": "3" * 32, "name": "Tools"}, {"id": "4" * 32, "name": "Sale"},
                entity="category")
    shop.upsert(product("a", "A", categories=[{"id": "3" * 32}]))
    shop.upsert({"id": A, "categories": [{"id": "4" * 32}]})
    assert shop.state()["A"]["categories"] == ["Sale", "Tools"]

    shop.delete({"productId": A, "categoryId": "3" * 32}, entity="product_category")
    assert shop.state()["A"]["categories"] == ["Sale"]


def test_what_the_tree_works_out_cannot_be_written(shop):
    answer = shop.upsert({"id": ROOT_CATEGORY, "level": 7}, entity="category")

    assert (answer.status_code, pointers(answer)) == (400, ["/w/0/level"])


def test_manufacturer_unit_delivery_time_properties_and_tags_belong_to_a_product(shop):
    shop.upsert(product(
        "a", "A", manufacturer={"id": "5" * 32, "name": "ACME"},
        unit={"id": "6" * 32, "name": "Litre", "shortCode": "l"}, purchaseUnit=0.5, referenceUnit=1,
        packUnit="bottle", length=300, width=80, height=80, isCloseout=True,
        properties=[{"id": "7" * 32, "name": "Red", "group": {"id": "8" * 32, "name": "Colour"}},
                    {"id": "9" * 32, "name": "Blue", "groupId": "8" * 32}],
        tags=[{"id": "b" * 32, "name": "new"}]))
    time = shop.search("delivery-time").get_json()["data"][0]
    shop.upsert({"id": A, "deliveryTimeId": time["id"]})

    state = shop.state()["A"]
    row = shop.search(ids=[A], associations={"deliveryTime": {}, "tags": {}}).get_json()["data"][0]

    assert (state["manufacturer"], state["unit"]) == ("ACME", "Litre")
    assert (state["size_mm"], state["closeout"]) == ([300, 80, 80], True)
    assert state["properties"] == {"Colour": ["Blue", "Red"]}
    assert (row["purchaseUnit"], row["packUnit"], row["deliveryTime"]["name"]) == (
        0.5, "bottle", "1-3 days")
    assert ([one["name"] for one in row["tags"]], row["tagIds"]) == (["new"], ["b" * 32])


def test_custom_fields_are_declared_in_sets_and_merged_by_key(shop):
    shop.upsert({"id": "c" * 32, "name": "erp", "customFields": [
        {"id": "d" * 32, "name": "erp_id", "type": "text"}],
        "relations": [{"id": "e" * 32, "entityName": "product"}]}, entity="custom_field_set")
    shop.upsert(product("a", "A", customFields={"erp_id": "1", "shop_note": "ours"}))
    shop.upsert({"id": A, "customFields": {"erp_id": "2"}})

    found = shop.search("custom-field", filter=[
        {"type": "equals", "field": "name", "value": "erp_id"}]).get_json()["data"]

    assert [(one["type"], one["customFieldSetId"]) for one in found] == [("text", "c" * 32)]
    assert shop.state()["A"]["custom_fields"] == {"erp_id": "2", "shop_note": "ours"}
    assert shop.numbers({"type": "equals", "field": "customFields.erp_id", "value": "2"}) == ["A"]


def test_a_custom_field_is_declared_once_whatever_its_id(shop):
    shop.upsert({"name": "erp_id", "type": "text"}, entity="custom_field")

    answer = shop.upsert({"name": "erp_id", "type": "text"}, entity="custom_field")

    assert (answer.status_code, codes(answer)) == (500, ["1062"])


def test_custom_fields_are_kept_by_language(shop):
    shop.upsert(product("a", "A", customFields={"care": "Dry clean"}))
    shop.upsert({"id": A, "customFields": {"care": "Reinigung"}}, sw_language_id=GERMAN)

    row = shop.call("GET", f"/api/product/{A}", sw_language_id=GERMAN).get_json()["data"]

    assert row["customFields"] == {"care": "Reinigung"}
    assert shop.state()["A"]["custom_fields"] == {"care": "Dry clean"}
