"""Search: filters, paging and totals as a read-back needs them."""

from __future__ import annotations

import pytest

from sandbox.shops.shopware6.seed import STOREFRONT
from tests.contract.sandbox_shopware.support import product


@pytest.mark.parametrize(("spec", "numbers"), [
    ({"type": "equals", "field": "productNumber", "value": "b"}, ["B"]),
    ({"type": "equals", "field": "product.active", "value": True}, ["A", "B"]),
    ({"type": "equals", "field": "ean", "value": None}, ["A", "B", "C"]),
    ({"type": "equalsAny", "field": "productNumber", "value": "A|C|X"}, ["A", "C"]),
    ({"type": "equalsAny", "field": "id", "value": ["b" * 32]}, ["B"]),
    ({"type": "range", "field": "stock", "parameters": {"gte": 1, "lt": 6}}, ["A", "C"]),
    ({"type": "range", "field": "id", "parameters": {"gt": "a" * 32}}, ["B", "C"]),
    ({"type": "contains", "field": "name", "value": "name c"}, ["C"]),
    ({"type": "equals", "field": "tax.taxRate", "value": 7}, []),
    ({"type": "not", "operator": "or", "queries": [
        {"type": "equals", "field": "active", "value": False},
        {"type": "equals", "field": "stock", "value": 0}]}, ["A"]),
    ({"type": "multi", "operator": "or", "queries": [
        {"type": "equals", "field": "active", "value": False},
        {"type": "equals", "field": "stock", "value": 0}]}, ["B", "C"]),
])
def test_a_filter_finds_what_it_says(stocked, spec, numbers):
    assert stocked.numbers(spec) == numbers


def test_products_are_found_by_the_channel_they_are_visible_in(stocked):
    stocked.upsert(product("d", "D", visibilities=[
        {"salesChannelId": STOREFRONT, "visibility": 30}]))

    assert stocked.numbers({"type": "equals", "field": "visibilities.salesChannelId",
                            "value": STOREFRONT}) == ["D"]


def test_only_an_exact_total_counts_beyond_the_page(stocked):
    totals = [stocked.search(limit=1, **{"total-count-mode": mode}).get_json()["total"]
              for mode in (0, 1, 2)]

    assert totals == [1, 3, 3]


def test_pages_follow_each_other(stocked):
    pages = [stocked.search(limit=2, page=page, sort=[{"field": "productNumber", "order": "DESC"}],
                            includes={"product": ["productNumber"]}).get_json()["data"]
             for page in (1, 2, 3)]

    assert [[row["productNumber"] for row in page] for page in pages] == [["C", "B"], ["A"], []]


def test_includes_trims_the_row_to_what_was_asked(stocked):
    row = stocked.search(ids=["a" * 32], includes={"product": ["id", "stock"]}).get_json()["data"]

    assert row == [{"id": "a" * 32, "stock": 5, "apiAlias": "product"}]


def test_search_ids_lists_ids_only(stocked):
    found = stocked.call("POST", "/api/search-ids/product", {"ids": ["b" * 32, "9" * 32]})

    assert found.get_json() == {"total": 1, "data": ["b" * 32]}


@pytest.mark.parametrize(("criteria", "code"), [
    ({"limit": 501}, "FRAMEWORK__QUERY_LIMIT_EXCEEDED"),
    ({"limit": 0}, "FRAMEWORK__INVALID_LIMIT_QUERY"),
    ({"filter": [{"type": "equals", "field": "nope", "value": 1}]}, "FRAMEWORK__UNMAPPED_FIELD"),
    ({"sort": [{"field": "nope"}]}, "FRAMEWORK__UNMAPPED_FIELD"),
    ({"filter": [{"type": "fuzzy", "field": "id"}]}, "FRAMEWORK__INVALID_FILTER_QUERY"),
])
def test_a_search_that_makes_no_sense_is_refused(shop, criteria, code):
    answer = shop.search(**criteria)

    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (400, code)


@pytest.mark.parametrize("criteria", [
    {"ids": [{}], "includes": {"product": 5}},
    {"filter": [{"type": "range", "field": "name", "parameters": {"gte": []}}]},
    {"filter": [{"type": "equalsAny", "field": "customFields", "value": [{}]}]},
])
def test_odd_criteria_find_nothing_or_all_but_break_nothing(stocked, criteria):
    assert stocked.search(**criteria).status_code == 200


def test_associations_are_loaded_when_asked_for(shop):
    shop.upsert(product("a", "A", visibilities=[
        {"id": "1" * 32, "salesChannelId": STOREFRONT, "visibility": 30}]))

    plain = shop.search(ids=["a" * 32]).get_json()["data"][0]
    loaded = shop.search(ids=["a" * 32], associations={"visibilities": {}}).get_json()["data"][0]

    assert plain["visibilities"] is None
    assert [one["id"] for one in loaded["visibilities"]] == ["1" * 32]


def test_an_association_has_criteria_of_its_own(stocked):
    for digit, position in (("1", 3), ("2", 1), ("3", 2)):
        stocked.upsert({"id": digit * 32}, entity="media")
        stocked.upsert({"id": digit * 32, "productId": "a" * 32, "mediaId": digit * 32,
                        "position": position}, entity="product_media")

    def positions(**criteria) -> list[int]:
        found = stocked.search(ids=["a" * 32], associations={"media": criteria}).get_json()
        return [one["position"] for one in found["data"][0]["media"]]

    by_position = [{"field": "position"}]
    assert positions() == [3, 1, 2]
    assert positions(sort=by_position) == [1, 2, 3]
    assert positions(sort=by_position, limit=2) == [1, 2]
    assert positions(filter=[{"type": "equals", "field": "mediaId", "value": "3" * 32}]) == [2]
