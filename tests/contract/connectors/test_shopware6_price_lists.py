"""Offers, prices by quantity and by customer group in a Shopware over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import requests

from integration import wire
from integration.connectors.shopware6 import ids
from integration.documents import Amount, PriceDocument, PriceList, PriceStep, StockDocument
from integration.errors import MappingMissing, Rejected
from integration.mapping_kinds import Kind
from integration.topology import Topic
from sandbox.shops.shopware6 import Options, create_app
from tests.contract.connectors.shops import served
from tests.contract.connectors.test_shopware6 import SYNC, Shop, own
from tests.unit.connectors.kit import price

DEALERS = "d" * 32


@pytest.fixture
def shop() -> Iterator[Shop]:
    with served(lambda url: create_app(Options(), url), Shop) as shop:
        by_hand(shop, "customer_group", {"id": DEALERS, "name": "Dealers"})
        yield shop


def by_hand(shop: Shop, entity: str, row: dict[str, Any], action: str = "upsert") -> None:
    """What an agency does in the shop, by its own access."""
    headers = {"Accept": "application/json"}
    grant = {
        "grant_type": "client_credentials",
        "client_id": shop.parameters["client_id"],
        "client_secret": shop.parameters["client_secret"],
    }
    answer = requests.post(f"{shop.url}/api/oauth/token", json=grant, headers=headers, timeout=5)
    headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    body = [{"entity": entity, "action": action, "payload": [row]}]
    answer = requests.post(f"{shop.url}/api/_action/sync", json=body, headers=headers, timeout=5)
    assert answer.status_code == 200, answer.text


def money(gross: str) -> Amount:
    return Amount(Decimal(gross) / 2, Decimal(gross))


def steps(*pairs: tuple[int, str]) -> tuple[PriceStep, ...]:
    return tuple(PriceStep(quantity, money(gross)) for quantity, gross in pairs)


def everybody(*pairs: tuple[int, str]) -> PriceList:
    return PriceList(steps(*pairs))


def dealers(*pairs: tuple[int, str]) -> PriceList:
    return PriceList(steps(*pairs), "2", "Händler", DEALERS)


def priced(*lists: PriceList, article_id: str = "1", **more: Any) -> PriceDocument:
    return replace(price(article_id), lists=lists, **more)


def shown(shop: Shop, number: str = "A-1") -> list[tuple[Any, ...]]:
    """(customer groups, from, to, gross) of each row of the product."""
    return [
        (one["customer_groups"], one["from"], one["to"], str(one["gross"]))
        for one in shop.products[number]["tiers"]
    ]


LISTED = [
    (["Dealers"], 1, None, "8"),
    ([], 1, 9, "10"),
    ([], 10, None, "9"),
]


@pytest.fixture
def tiered(shop: Shop) -> Shop:
    """A shop with a product that has all of it."""
    shop.create("1")
    shop.change(Topic.PRICE, priced(everybody((1, "10"), (10, "9")), dealers((1, "8"))))
    return shop


def test_an_offer_has_its_list_price_and_the_lowest_of_thirty_days(shop: Shop) -> None:
    shop.create("1")

    shop.change(Topic.PRICE, priced(list_price=money("30"), lowest=money("18")))
    offered = shop.products["A-1"]
    assert (offered["gross"], offered["list_gross"], offered["regulation_gross"]) == (
        Decimal("19.99"),
        30,
        18,
    )

    shop.change(Topic.PRICE, priced())
    ended = shop.products["A-1"]
    assert (ended["gross"], ended["list_gross"], ended["regulation_gross"]) == (
        Decimal("19.99"),
        None,
        None,
    )


def test_rows_of_an_offer_have_both_too_and_lose_them_when_it_ends(shop: Shop) -> None:
    """The shop shows a row's price and not the product's own: by law the lowest one beside it."""
    shop.create("1")
    offered = PriceStep(1, money("10"), list_price=money("30"), lowest=money("18"))
    many = replace(offered, from_quantity=10, amount=money("9"))

    shop.change(Topic.PRICE, priced(PriceList((offered, many))))
    assert [
        (one["from"], one["gross"], one["list_gross"], one["regulation_gross"])
        for one in shop.products["A-1"]["tiers"]
    ] == [(1, 10, 30, 18), (10, 9, 30, 18)]

    shop.change(Topic.PRICE, priced(everybody((1, "30"), (10, "9"))))
    assert [
        (one["from"], one["gross"], one["list_gross"], one["regulation_gross"])
        for one in shop.products["A-1"]["tiers"]
    ] == [(1, 30, None, None), (10, 9, None, None)]


def test_lists_arrive_under_rules_of_our_own_without_a_gap(tiered: Shop) -> None:
    assert sorted(shown(tiered), key=str) == sorted(LISTED, key=str)
    assert tiered.products["A-1"]["gross"] == Decimal("19.99")


def test_a_new_product_is_created_with_its_lists(shop: Shop) -> None:
    (receipt,) = shop.create("1", price=priced(everybody((1, "10"), (10, "9"))))

    assert receipt.recorded == (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)
    assert shown(shop) == LISTED[1:]


@pytest.mark.pitfall(15)
def test_the_same_lists_again_are_the_same_rows(tiered: Shop) -> None:
    before = tiered.products["A-1"]["tiers"]

    tiered.change(Topic.PRICE, priced(everybody((1, "10"), (10, "9")), dealers((1, "8"))))

    assert tiered.products["A-1"]["tiers"] == before


def test_quantities_and_groups_that_are_gone_are_deleted_with_the_same_request(
    tiered: Shop,
) -> None:
    syncs = tiered.routes[SYNC]

    tiered.change(Topic.PRICE, priced(everybody((1, "10"), (20, "7"))))

    assert shown(tiered) == [([], 1, 19, "10"), ([], 20, None, "7")]
    assert tiered.routes[SYNC] == syncs + 1

    tiered.change(Topic.PRICE, priced())
    assert shown(tiered) == []


def test_prices_under_the_agencys_own_rules_stay(tiered: Shop) -> None:
    rule = {"id": "e" * 32, "name": "Cyber Monday", "priority": 300}
    by_hand(tiered, "rule", rule)
    row = {
        "id": "f" * 32,
        "productId": own("1").external_id,
        "ruleId": rule["id"],
        "quantityStart": 1,
        "price": [{"currencyId": "b7d2554b0ce847cd82f3ac9bd1c0dfca", "gross": 5, "net": 4}],
    }
    row["price"][0]["linked"] = False
    by_hand(tiered, "product_price", row)

    tiered.change(Topic.PRICE, priced())

    assert shown(tiered) == [([], 1, None, "5")]


def test_a_channel_without_details_leaves_lists_as_they_are(tiered: Shop) -> None:
    tiered.change(Topic.PRICE, price())
    tiered.change(Topic.STOCK, StockDocument("1", 3))

    assert len(shown(tiered)) == len(LISTED)


def test_a_hundred_products_with_lists_are_one_write(shop: Shop) -> None:
    wanted = [str(n) for n in range(100)]
    shop.create(*wanted)
    syncs = shop.routes[SYNC]
    lists = everybody((1, "10"), (10, "9")), dealers((1, "8"), (5, "7"))

    shop.change(Topic.PRICE, *(priced(*lists, article_id=one) for one in wanted))
    shop.change(Topic.PRICE, *(priced(lists[0], article_id=one) for one in wanted))

    assert shop.routes[SYNC] == syncs + 2
    # 400 of our rows were there before the second one
    assert shop.routes["POST /api/search/product-price"] == 1
    assert {len(one["tiers"]) for one in shop.products.values()} == {2}


def test_more_rows_than_a_page_of_the_shop_are_all_found(shop: Shop) -> None:
    wanted = [str(n) for n in range(100)]
    shop.create(*wanted)
    many = everybody(*((quantity, str(100 - quantity)) for quantity in range(1, 8)))
    shop.change(Topic.PRICE, *(priced(many, article_id=one) for one in wanted))

    shop.change(Topic.PRICE, *(priced(article_id=one) for one in wanted))

    assert {len(one["tiers"]) for one in shop.products.values()} == {0}
    assert shop.routes["POST /api/search/product-price"] == 2


def test_a_bad_row_stops_neither_the_others_nor_the_rules(shop: Shop) -> None:
    shop.create("1", "2")
    shop.fault("reject", number="A-1")

    refused, accepted = shop.change(
        Topic.PRICE,
        priced(dealers((1, "8"))),
        priced(dealers((1, "8")), article_id="2"),
    )

    assert isinstance(refused.error, Rejected)
    assert accepted.error is None
    assert shown(shop, "A-2") == [(["Dealers"], 1, None, "8")]


def test_rules_are_asked_for_again_only_after_some_were_made(tiered: Shop) -> None:
    for gross in ("7", "6", "5"):
        tiered.change(Topic.PRICE, priced(dealers((1, gross))))
    # before the first price, and once after it made its rules
    assert tiered.routes["POST /api/search/rule"] == 2

    tiered.facts.values.clear()
    tiered.change(Topic.PRICE, priced())

    assert shown(tiered) == []


def test_two_groups_of_the_erp_may_be_one_in_the_shop(shop: Shop) -> None:
    shop.create("1")
    second = replace(dealers((1, "7"), (5, "3")), group="3")

    shop.change(Topic.PRICE, priced(dealers((1, "8")), second))

    assert shown(shop) == [(["Dealers"], 1, None, "8")]


def test_a_rule_that_somebody_deleted_is_made_again(tiered: Shop) -> None:
    by_hand(tiered, "rule", {"id": ids.rule_id("acme/42", DEALERS)}, "delete")
    assert shown(tiered) == LISTED[1:]

    (receipt,) = tiered.change(Topic.PRICE, priced(dealers((1, "6"))))

    assert receipt.error is None
    assert shown(tiered) == [(["Dealers"], 1, None, "6")]


def test_doctor_names_the_right_that_is_missing_where_lists_are_written(shop: Shop) -> None:
    shop.fault("missing-privilege", route="", privilege="rule:read")

    (told,) = [one for one in shop.connector(price_details="on").check() if one.is_fault]

    assert (told.check, "rule:read" in told.detail) == ("prices by rule", True)
    assert not [one for one in shop.connector().check() if one.is_fault]


def test_a_group_without_a_mapping_holds_the_row_that_needs_it(shop: Shop) -> None:
    unmapped = replace(dealers((1, "8")), shop_group=None)

    with pytest.raises(MappingMissing, match="A-1 has a price for the customer group Händler") as e:
        shop.connector().payload(priced(unmapped), own("1"))

    assert e.value.reason == "mapping:customer-group:2"
    # an article that is in the shop already does not need it
    assert shop.connector().payload(_article(priced(unmapped)), own("1"))["body"]["name"]


def test_of_two_groups_that_are_one_in_the_shop_the_customer_group_counts(shop: Shop) -> None:
    trade = PriceList(steps((1, "7")), "2", "Fachhandel", DEALERS, Kind.PRICE_GROUP)

    body = shop.connector().payload(priced(dealers((1, "8")), trade), own("1"))["body"]

    assert [(one["group"], one["gross"]) for one in body["prices"]] == [(DEALERS, "8")]


def _article(document: PriceDocument) -> Any:
    from tests.unit.connectors.kit import article

    return article("1", price=document)


def test_without_details_a_body_is_what_it_always_was() -> None:
    """Otherwise an update of the service would send every price once more."""
    one = Shop("https://shop.example", {}).connector(
        client_id="SWIA", client_secret="s", sales_channel_id="a" * 32
    )

    body = one.payload(price(), own("1"))["body"]

    assert body == {"currency": "EUR", "net": "16.7983", "gross": "19.99"}
    assert wire.content_hash(body) != wire.content_hash({**body, "prices": []})
