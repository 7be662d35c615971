"""Variants: parents with axes, children with options, and what a child inherits."""

from __future__ import annotations

import pytest

from sandbox.shops.shopware6.seed import STOREFRONT
from tests.contract.sandbox_shopware.support import price, product

SIZE, SMALL, MEDIUM = "5" * 32, "6" * 32, "7" * 32
PARENT, CHILD, OTHER = "a" * 32, "b" * 32, "c" * 32
GROUP = {"id": SIZE, "name": "Size", "options": [{"id": SMALL, "name": "S"},
                                                 {"id": MEDIUM, "name": "M"}]}


def child(row_id: str, number: str, option: str, **changed) -> dict:
    return {"id": row_id, "parentId": PARENT, "productNumber": number, "stock": 1,
            "options": [{"id": option}], **changed}


def setting(digit: str, option: str, position: int) -> dict:
    return {"id": digit * 32, "optionId": option, "position": position}


@pytest.fixture
def shirt(shop):
    """A parent in two sizes with two variants."""
    shop.upsert(GROUP, entity="property_group")
    shop.upsert(
        product("a", "SHIRT", ean="4006381333931", weight=0.2, description="Soft",
                visibilities=[{"salesChannelId": STOREFRONT, "visibility": 30}],
                configuratorSettings=[setting("8", MEDIUM, 2), setting("9", SMALL, 1)]),
        child(CHILD, "SHIRT-S", SMALL), child(OTHER, "SHIRT-M", MEDIUM, stock=3))
    return shop


def read(shop, row_id: str, **headers: str) -> dict:
    return shop.call("GET", f"/api/product/{row_id}", **headers).get_json()["data"]


def codes(answer) -> list[str]:
    return [one["code"] for one in answer.get_json()["errors"]]


def test_the_state_shows_axes_options_and_what_a_variant_inherits(shirt):
    state = shirt.state()

    assert (state["SHIRT"]["axes"], state["SHIRT"]["parent"]) == ({"Size": ["S", "M"]}, None)
    small = state["SHIRT-S"]
    assert (small["parent"], small["options"], small["axes"]) == ("SHIRT", {"Size": "S"}, {})
    assert (small["name"], small["description"], small["ean"]) == (
        "Name SHIRT", "Soft", "4006381333931")
    assert (small["gross"], small["tax_rate"], small["weight_kg"]) == (11.9, 19, 0.2)
    assert (small["stock"], small["active"], small["visible"]) == (1, True, True)


def test_a_variant_has_nothing_of_its_own_unless_asked_with_inheritance(shirt):
    plain = read(shirt, CHILD)
    inherited = read(shirt, CHILD, sw_inheritance="1")

    names = ("name", "price", "taxId", "active", "minPurchase", "ean")
    assert [plain[name] for name in names] == [None] * 6
    assert plain["translated"]["name"] is None
    assert [inherited[name] for name in names] == [read(shirt, PARENT)[name] for name in names]
    assert inherited["translated"]["name"] == "Name SHIRT"
    assert (inherited["productNumber"], inherited["stock"]) == ("SHIRT-S", 1)
    assert (inherited["optionIds"], inherited["parentId"]) == ([SMALL], PARENT)


def test_a_row_of_its_own_switches_off_what_a_variant_inherits_below_it(shirt):
    shirt.upsert({"id": "1" * 32, "name": "Tops"}, {"id": "2" * 32, "name": "Small ones"},
                 entity="category")
    shirt.upsert({"id": PARENT, "categories": [{"id": "1" * 32}]})
    assert read(shirt, CHILD, sw_inheritance="1")["categoryIds"] == ["1" * 32]

    shirt.upsert({"id": CHILD, "categories": [{"id": "2" * 32}]})
    assert read(shirt, CHILD, sw_inheritance="1")["categoryIds"] == ["2" * 32]

    shirt.delete({"productId": CHILD, "categoryId": "2" * 32}, entity="product_category")
    assert read(shirt, CHILD, sw_inheritance="1")["categoryIds"] == ["1" * 32]
    assert read(shirt, CHILD)["categoryIds"] is None


def test_own_values_of_a_variant_go_back_to_inherited_with_null(shirt):
    shirt.upsert({"id": CHILD, "price": [price(5.95, 5)], "name": "Special", "active": False})
    own = shirt.state()["SHIRT-S"]
    shirt.upsert({"id": CHILD, "price": None, "name": None, "active": None})
    inherited = shirt.state()["SHIRT-S"]

    assert (own["gross"], own["name"], own["active"]) == (5.95, "Special", False)
    assert (inherited["gross"], inherited["name"], inherited["active"]) == (
        11.9, "Name SHIRT", True)


def test_variants_are_searched_by_parent_option_and_inherited_values(shirt):
    def by(field: str, value: str) -> list[str]:
        return shirt.numbers({"type": "equals", "field": field, "value": value})

    assert by("parentId", PARENT) == ["SHIRT-M", "SHIRT-S"]
    assert by("options.id", SMALL) == ["SHIRT-S"]
    assert by("options.group.name", "Size") == ["SHIRT-M", "SHIRT-S"]
    assert by("ean", "4006381333931") == ["SHIRT"]
    found = shirt.call("POST", "/api/search/product", {"filter": [
        {"type": "equals", "field": "ean", "value": "4006381333931"}]}, sw_inheritance="1")
    assert found.get_json()["total"] == 3


def test_a_parent_shows_its_children_and_its_axes(shirt):
    found = shirt.search(ids=[PARENT], associations={
        "children": {"associations": {"options": {"associations": {"group": {}}}}},
        "configuratorSettings": {"associations": {"option": {}}}}).get_json()["data"][0]

    assert found["childCount"] == 2
    assert {one["productNumber"]: [option["group"]["name"] + " " + option["name"]
                                   for option in one["options"]]
            for one in found["children"]} == {"SHIRT-S": ["Size S"], "SHIRT-M": ["Size M"]}
    assert [one["option"]["name"] for one in found["configuratorSettings"]] == ["M", "S"]


def test_a_variant_needs_a_number_and_a_stock_and_no_more(shirt):
    answer = shirt.upsert({"id": "d" * 32, "parentId": PARENT})

    assert [one["source"]["pointer"] for one in answer.get_json()["errors"]] == [
        "/w/0/productNumber", "/w/0/stock"]
    assert shirt.upsert({"id": "d" * 32, "parentId": PARENT, "productNumber": "SHIRT-X",
                         "stock": 0}).status_code == 200


def test_variants_without_options_or_with_the_same_ones_are_accepted(shirt):
    answer = shirt.upsert({"id": "d" * 32, "parentId": PARENT, "productNumber": "SHIRT-X",
                           "stock": 0},
                          child("e" * 32, "SHIRT-S2", SMALL))

    assert answer.status_code == 200
    state = shirt.state()
    assert (state["SHIRT-X"]["options"], state["SHIRT-S2"]["options"]) == ({}, {"Size": "S"})


def test_a_variant_moves_to_another_parent_and_becomes_a_product_of_its_own(shirt):
    shirt.upsert(product("d", "JACKET", name="Jacket"))
    shirt.upsert({"id": CHILD, "parentId": "d" * 32})
    assert shirt.state()["SHIRT-S"]["name"] == "Jacket"

    shirt.upsert({"id": CHILD, "parentId": None, **{
        name: value for name, value in product("b", "SHIRT-S").items() if name != "id"}})
    assert shirt.state()["SHIRT-S"]["parent"] is None
    assert shirt.state()["SHIRT-S"]["name"] == "Name SHIRT-S"


def test_nothing_is_its_own_parent(shirt):
    answer = shirt.upsert({"id": PARENT, "parentId": PARENT})

    assert (answer.status_code, codes(answer)) == (
        400, ["FRAMEWORK__PARENT_RELATION_DOES_NOT_ALLOW_SELF_REFERENCES"])
    assert answer.get_json()["errors"][0]["source"]["pointer"] == "/w/0/parentId"


@pytest.mark.parametrize("row", [
    child("d" * 32, "SHIRT-X", "f" * 32),  # no such option
    {**child("d" * 32, "SHIRT-X", SMALL), "parentId": "f" * 32},  # no such parent
])
def test_unknown_options_and_parents_are_refused_by_the_database(shirt, row):
    answer = shirt.upsert(row)

    assert (answer.status_code, codes(answer)) == (500, ["1452"])
    assert "SHIRT-X" not in shirt.state()


def test_an_option_is_offered_once_whatever_the_id_of_the_row(shirt):
    answer = shirt.upsert({"id": PARENT, "configuratorSettings": [setting("d", SMALL, 3)]})

    assert (answer.status_code, codes(answer)) == (500, ["1062"])


def test_links_to_options_are_removed_one_by_one(shirt):
    shirt.delete({"productId": CHILD, "optionId": SMALL}, entity="product_option")
    shirt.delete({"id": "9" * 32}, entity="product_configurator_setting")

    state = shirt.state()
    assert (state["SHIRT-S"]["options"], state["SHIRT"]["axes"]) == ({}, {"Size": ["M"]})


def test_a_removed_parent_takes_its_variants_along(shirt):
    shirt.delete({"id": PARENT})

    assert shirt.state() == {}


def test_a_variant_is_sold_under_its_own_number_at_the_inherited_price(shirt):
    order = shirt.order({"article": "SHIRT-S", "quantity": 1})

    assert [(one["number"], one["gross"]) for one in order["lines"]] == [("SHIRT-S", 11.9)]
    assert shirt.state()["SHIRT-S"]["stock"] == 0


def test_variants_nested_in_their_parent_have_a_history_of_their_own(shop):
    shop.upsert(GROUP, entity="property_group")
    shop.upsert(product("a", "SHIRT", children=[child(CHILD, "SHIRT-S", SMALL)]))
    shop.upsert({"id": PARENT, "children": [{"id": CHILD, "stock": "many"}]})

    writes = shop.admin("GET", "history?number=SHIRT-S").get_json()["writes"]

    assert [one["result"] for one in writes] == [
        "applied", "refused ba785a8c-82cb-4283-967c-3cf342181b40"]
    assert shop.state()["SHIRT-S"]["writes"] == 1


def test_an_employee_adds_a_variant(shirt):
    answer = shirt.admin("POST", "products", [
        {"number": "SHIRT-L", "parent": "SHIRT", "options": {"Size": "L", "Colour": "Red"},
         "gross": 23.8},
        {"number": "SHIRT-M2", "parent": "SHIRT", "options": {"Size": "M"}}])

    large, medium = answer.get_json()["products"]
    assert (large["parent"], large["options"]) == ("SHIRT", {"Size": "L", "Colour": "Red"})
    assert (large["gross"], large["net"], large["name"]) == (23.8, 20, "Name SHIRT")
    assert medium["options"] == {"Size": "M"}
    assert shirt.state()["SHIRT"]["axes"] == {"Size": ["L", "S", "M"], "Colour": ["Red"]}
