"""Prices: currencies, list and regulation prices, tiers under rules, customer groups."""

from __future__ import annotations

import pytest

from sandbox.shops.shopware6.seed import ALWAYS_RULE, CUSTOMERS
from tests.contract.sandbox_shopware.support import EUR, price, product

USD, DEALERS, RULE = "1" * 32, "2" * 32, "3" * 32


def tier(digit: str, start: int, end: int | None, gross: float, net: float, rule: str = RULE,
         **changed) -> dict:
    return {"id": digit * 32, "ruleId": rule, "quantityStart": start, "quantityEnd": end,
            "price": [price(gross, net)], **changed}


@pytest.fixture
def dealers(shop):
    """A shop with a product A, and a customer group of dealers with the rule that finds it."""
    shop.upsert({"id": DEALERS, "name": "Dealers", "displayGross": False}, entity="customer_group")
    shop.upsert({"id": RULE, "name": "Dealers only", "priority": 10, "conditions": [
        {"id": "4" * 32, "type": "orContainer"},
        {"id": "5" * 32, "type": "customerCustomerGroup", "parentId": "4" * 32,
         "value": {"operator": "=", "customerGroupIds": [DEALERS]}}]}, entity="rule")
    shop.upsert(product("a", "A"))
    return shop


def tiers(shop, number: str = "A") -> list[tuple]:
    return [(one["rule"], one["from"], one["to"], one["gross"])
            for one in shop.state()[number]["tiers"]]


def codes(answer) -> list[str]:
    return [one["code"] for one in answer.get_json()["errors"]]


def test_tiers_are_rows_under_a_rule_and_customer_groups_are_found_by_it(dealers):
    dealers.upsert({"id": "a" * 32, "prices": [
        tier("7", 10, None, 8.33, 7), tier("6", 1, 9, 9.52, 8),
        tier("8", 1, None, 10.71, 9, rule=ALWAYS_RULE)]})

    assert tiers(dealers) == [("Always valid (Default)", 1, None, 10.71),
                              ("Dealers only", 1, 9, 9.52), ("Dealers only", 10, None, 8.33)]
    assert [one["customer_groups"] for one in dealers.state()["A"]["tiers"]] == [
        [], ["Dealers"], ["Dealers"]]
    assert dealers.state()["A"]["gross"] == 11.9


def test_tiers_are_removed_one_by_one_and_not_by_filter(dealers):
    dealers.upsert({"id": "a" * 32, "prices": [
        tier("6", 1, 9, 9.52, 8), tier("7", 10, 99, 8.33, 7), tier("8", 100, None, 7.14, 6)]})

    dealers.delete({"id": "7" * 32}, entity="product_price")
    assert tiers(dealers) == [("Dealers only", 1, 9, 9.52), ("Dealers only", 100, None, 7.14)]

    assert dealers.call("DELETE", f"/api/product-price/{'8' * 32}").status_code == 204
    assert dealers.call("DELETE", f"/api/product-price/{'8' * 32}").status_code == 404
    assert tiers(dealers) == [("Dealers only", 1, 9, 9.52)]

    answer = dealers.call("POST", "/api/_action/sync", [
        {"entity": "product_price", "action": "delete", "criteria": [
            {"type": "equals", "field": "productId", "value": "a" * 32},
            {"type": "equals", "field": "ruleId", "value": RULE}]}])
    assert (answer.status_code, codes(answer)) == (400, ["API_INVALID_SYNC_CRITERIA_EXCEPTION"])
    assert tiers(dealers) == [("Dealers only", 1, 9, 9.52)]
    writes = dealers.admin("GET", "history?number=A").get_json()["writes"]
    assert [one["body"]["id"][0] for one in writes if one["entity"] == "product_price"] == [
        "7", "8"]


def test_ranges_are_not_compared_with_each_other(dealers):
    answer = dealers.upsert({"id": "a" * 32, "prices": [
        tier("6", 5, 9, 9.52, 8), tier("7", 5, 20, 8.33, 7)]})

    assert answer.status_code == 200
    assert len(tiers(dealers)) == 2


@pytest.mark.parametrize(("row", "pointer"), [
    ({"quantityStart": None}, "/w/0/prices/0/quantityStart"),
    ({"quantityStart": 1.5}, "/w/0/prices/0/quantityStart"),
    ({"ruleId": "x"}, "/w/0/prices/0/ruleId"),
    ({"price": [{**price(1, 1), "currencyId": USD}]}, "/w/0/prices/0/price"),
    ({"price": [{**price(1, 1), "net": None}]}, "/w/0/prices/0/price/0/net"),
])
def test_a_bad_tier_is_pointed_at(dealers, row, pointer):
    answer = dealers.upsert({"id": "a" * 32, "prices": [tier("6", 1, None, 9.52, 8, **row)]})

    assert answer.status_code == 400
    assert pointer in [one["source"]["pointer"] for one in answer.get_json()["errors"]]
    assert tiers(dealers) == []


def test_an_unknown_rule_is_refused_by_the_database(dealers):
    answer = dealers.upsert({"id": "a" * 32, "prices": [tier("6", 1, None, 1, 1, rule="9" * 32)]})

    assert (answer.status_code, codes(answer)) == (500, ["1452"])


def test_a_removed_rule_takes_its_tiers_along(dealers):
    dealers.upsert({"id": "a" * 32, "prices": [tier("6", 1, None, 9.52, 8)]})
    dealers.delete({"id": RULE}, entity="rule")

    assert tiers(dealers) == []


def test_a_variant_has_its_parents_tiers_until_it_has_its_own(dealers):
    dealers.upsert({"id": "a" * 32, "prices": [tier("6", 1, None, 9.52, 8)]},
                   {"id": "b" * 32, "parentId": "a" * 32, "productNumber": "A-1", "stock": 1})
    assert tiers(dealers, "A-1") == [("Dealers only", 1, None, 9.52)]

    dealers.upsert({"id": "b" * 32, "prices": [tier("7", 1, None, 5.95, 5)]})
    assert tiers(dealers, "A-1") == [("Dealers only", 1, None, 5.95)]
    assert tiers(dealers, "A") == [("Dealers only", 1, None, 9.52)]


def test_an_offer_shows_its_list_price_and_what_it_saves(dealers):
    dealers.upsert({"id": "a" * 32, "price": [{
        **price(8.9, 7.48), "listPrice": {**price(11.9, 10)},
        "regulationPrice": {**price(9.9, 8.32)}}]})

    state = dealers.state()["A"]
    assert (state["gross"], state["list_gross"], state["regulation_gross"]) == (8.9, 11.9, 9.9)
    shown = dealers.call("GET", f"/api/product/{'a' * 32}").get_json()["data"]["price"][0]
    assert shown["percentage"] == {"net": 25.2, "gross": 25.21}
    assert shown["listPrice"]["gross"] == 11.9
    assert shown["regulationPrice"]["net"] == 8.32


def test_a_tiers_price_is_replaced_as_a_whole_too(dealers):
    offer = {**price(8.9, 7.48), "listPrice": price(11.9, 10), "regulationPrice": price(9.9, 8.32)}
    dealers.upsert({"id": "a" * 32, "prices": [{**tier("6", 1, None, 1, 1), "price": [offer]}]})
    (shown,) = dealers.state()["A"]["tiers"]
    assert (shown["gross"], shown["list_gross"], shown["regulation_gross"]) == (8.9, 11.9, 9.9)

    dealers.upsert({"id": "a" * 32, "prices": [tier("6", 1, None, 11.9, 10)]})
    (shown,) = dealers.state()["A"]["tiers"]
    assert (shown["gross"], shown["list_gross"], shown["regulation_gross"]) == (11.9, None, None)


def test_a_price_is_replaced_as_a_whole(dealers):
    dealers.upsert({"id": USD, "factor": 1.1, "symbol": "$", "isoCode": "USD", "name": "Dollar",
                    "shortName": "USD"}, entity="currency")
    dealers.upsert({"id": "a" * 32, "price": [
        {**price(8.9, 7.48), "listPrice": price(11.9, 10)},
        {**price(10, 9), "currencyId": USD}]})
    assert dealers.state()["A"]["prices"] == {"EUR": {"net": 7.48, "gross": 8.9},
                                              "USD": {"net": 9, "gross": 10}}

    dealers.upsert({"id": "a" * 32, "price": [price(11.9, 10)]})
    state = dealers.state()["A"]
    assert (state["list_gross"], state["prices"]) == (None, {"EUR": {"net": 10, "gross": 11.9}})


@pytest.mark.parametrize("name", ["listPrice", "regulationPrice"])
def test_a_list_price_needs_both_halves(dealers, name):
    answer = dealers.upsert({"id": "a" * 32, "price": [
        {**price(8.9, 7.48), name: {"currencyId": EUR, "gross": 11.9, "linked": False}}]})

    assert [one["source"]["pointer"] for one in answer.get_json()["errors"]] == [
        f"/w/0/price/0/{name}/net"]


def test_customer_groups_and_rules_are_found_with_their_conditions(dealers):
    groups = dealers.search("customer-group", sort=[{"field": "name"}]).get_json()["data"]
    rules = dealers.search("rule", filter=[
        {"type": "equals", "field": "conditions.type", "value": "customerCustomerGroup"}],
        associations={"conditions": {}}).get_json()["data"]

    assert [(one["name"], one["displayGross"]) for one in groups] == [
        ("Dealers", False), ("Standard customer group", True)]
    assert groups[1]["id"] == CUSTOMERS
    assert [one["name"] for one in rules] == ["Dealers only"]
    assert rules[0]["conditions"][1]["value"]["customerGroupIds"] == [DEALERS]


def test_the_storefront_sells_to_the_standard_group(shop):
    found = shop.search("sales-channel", filter=[
        {"type": "equals", "field": "id", "value": shop.credentials["sales_channel_id"]}],
        associations={"customerGroup": {}}).get_json()["data"]

    assert [one["customerGroup"]["name"] for one in found] == ["Standard customer group"]
