from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration import wire
from integration.connectors.base import ListingView
from integration.connectors.batches import exact
from integration.connectors.shopware6 import ids
from integration.connectors.shopware6.payloads import payload_of
from integration.documents import (
    PriceDocument,
    SizeDocument,
    StockDocument,
    TextsDocument,
    WithdrawalDocument,
)
from integration.errors import Held, Invalid
from integration.topology import Topic
from tests.unit.connectors.kit import article, hex_id, listed, new, price

#: Of the kit's article, made by the version before articles had details.
HASH_OF_THE_FIRST_VERSION = "f725f45190b9fbc023653bb0e996afadee911e871b84881175c55cad60dda2ed"


def test_an_article_becomes_a_body_without_anything_that_only_the_shop_knows() -> None:
    payload = payload_of(article(manufacturer="Gedore"), listed(), "EUR")

    assert payload == {
        "article_id": "1",
        "number": "A-1",
        "external_id": hex_id("1"),
        "body": {
            "productNumber": "A-1",
            "name": "Hammer 1",
            "description": "Stahl, 300 g",
            "ean": "4006381333931",
            "weight": "0.3",
            "active": True,
            "taxRate": "19",
            "manufacturer": "Gedore",
        },
        "texts": {"name": "Hammer 1", "description": "Stahl, 300 g"},
        "tax": "1",
    }


def test_a_mapped_tax_goes_before_the_rate() -> None:
    body = payload_of(article(shop_tax="f" * 32), listed(), "EUR")["body"]

    assert body["taxId"] == "f" * 32
    assert "taxRate" not in body


def test_what_the_erp_does_not_have_is_cleared_except_for_the_manufacturer() -> None:
    bare = article(ean=None, weight_kg=None, description="", manufacturer=None)

    body = payload_of(bare, listed(), "EUR")["body"]

    assert (body["ean"], body["weight"], body["description"]) == (None, None, None)
    assert "manufacturer" not in body


def test_a_new_article_carries_the_bodies_that_price_and_stock_would_have_of_their_own() -> None:
    first = payload_of(article(), new(), "EUR")["first"]

    assert first == {
        Topic.PRICE.value: payload_of(price(), listed(), "EUR")["body"],
        Topic.STOCK.value: payload_of(StockDocument("1", 5), listed(), "EUR")["body"],
    }
    assert first[Topic.PRICE.value] == {"currency": "EUR", "net": "16.7983", "gross": "19.99"}
    assert first[Topic.STOCK.value] == {"stock": 5, "isCloseout": True}


def test_an_article_of_the_shop_carries_no_first_bodies() -> None:
    assert "first" not in payload_of(article(price=None), listed(), "EUR")


def test_a_new_article_without_a_price_is_held() -> None:
    with pytest.raises(Held) as caught:
        payload_of(article(price=None), new(), "EUR")

    assert caught.value.reason == "no-price"
    assert str(caught.value) == (
        "A-1 has no price in EUR, a product is not created without one; set a price in the ERP"
    )


def test_a_new_article_without_a_known_stock_has_no_first_stock() -> None:
    assert list(payload_of(article(stock=None), new(), "EUR")["first"]) == [Topic.PRICE.value]


@pytest.mark.parametrize(
    ("stock", "body"),
    [
        (StockDocument("1", 5), {"stock": 5, "isCloseout": True}),
        (StockDocument("1", 0), {"stock": 0, "isCloseout": True}),
        # a service is not counted: 0 must not end its sale
        (StockDocument("1", 0, is_tracked=False), {"stock": 0, "isCloseout": False}),
        (StockDocument("1", 0, sells_without_stock=True), {"stock": 0, "isCloseout": False}),
    ],
)
def test_stock_says_whether_the_sale_ends_at_zero(stock: StockDocument, body: Any) -> None:
    assert payload_of(stock, listed(), "EUR")["body"] == body


def test_a_withdrawal_only_switches_the_product_off() -> None:
    payload = payload_of(WithdrawalDocument("1"), listed(), "EUR")

    assert (payload["number"], payload["body"]) == ("A-1", {"active": False})


@pytest.mark.parametrize("document", [WithdrawalDocument("1"), price(), StockDocument("1", 5)])
def test_what_changes_a_product_needs_one(document: Any) -> None:
    with pytest.raises(Invalid, match="article 1 has no product in the shop to be changed"):
        payload_of(document, new(), "EUR")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (article(name="x" * 256), "A-1: name is longer than the shop's 255 characters"),
        (article(name=""), "A-1: name is empty, but the shop demands one"),
        (
            article(number="9" * 65),
            "9" * 65 + ": productNumber is longer than the shop's 64 characters",
        ),
        (article(weight_kg=Decimal("-1")), "A-1: weight is negative"),
        (price(gross="-0.01"), "A-1: gross is negative"),
        (StockDocument("1", -1), "A-1: stock is negative"),
        (
            PriceDocument("1", Decimal(1), Decimal(1), "CHF", Decimal(8)),
            "A-1: the price is in CHF, the channel sells in EUR",
        ),
    ],
)
def test_values_that_the_shop_cannot_hold_are_invalid_in_words(document: Any, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        payload_of(document, listed(), "EUR")

    assert str(caught.value) == words


def test_the_longest_values_pass() -> None:
    body = payload_of(article(name="ß" * 255, number="9" * 64), listed(), "EUR")["body"]

    assert (len(body["name"]), len(body["productNumber"])) == (255, 64)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("16.80", "16.8"),
        ("1E+2", "100"),
        ("0.00", "0"),
        ("-0", "0"),
        ("0.000001", "0.000001"),
        ("19", "19"),
    ],
)
def test_exact_is_the_shortest_plain_text(number: str, text: str) -> None:
    assert exact(Decimal(number)) == text


@given(st.decimals(min_value=0, max_value=10**9, places=4))
def test_a_body_survives_the_journey_between_tasks_with_its_hash(amount: Decimal) -> None:
    body = payload_of(price(gross=str(amount)), listed(), "EUR")["body"]

    assert Decimal(body["gross"]) == amount
    assert wire.content_hash(wire.loads(wire.dumps(body))) == wire.content_hash(body)


def test_ids_are_stable_differ_by_namespace_and_fit_the_shop() -> None:
    own = ids.product_id("acme/42", "1")

    # a change of the scheme would create every product of every shop a second time
    assert own == "92c76a15dc4ed92595554780895f29d1"
    assert own == ids.product_id("acme/42", "1")
    assert len({own, ids.product_id("acme/43", "1"), ids.visibility_id("acme/42", "1")}) == 3
    assert set(own) <= set("0123456789abcdef")
    assert ids.manufacturer_id("acme/42", "GEDORE") == ids.manufacturer_id("acme/42", "Gedore")


def test_a_listing_without_a_number_still_names_the_article() -> None:
    with pytest.raises(Invalid, match="article 1: stock is negative"):
        payload_of(StockDocument("1", -1), ListingView("1", external_id=hex_id("1")), "EUR")


def test_an_article_without_details_has_the_hash_that_it_had_before_there_were_any() -> None:
    """An update of the service must not send every article anew."""
    body = payload_of(article(), listed(), "EUR")["body"]

    assert wire.content_hash(body) == HASH_OF_THE_FIRST_VERSION


def test_a_field_that_was_sent_once_is_emptied_and_keeps_its_place_in_the_body() -> None:
    known = ListingView("1", hex_id("1"), "A-1", notes={"fields": ["manufacturerNumber", "width"]})

    body = payload_of(article(manufacturer_number="M-1"), known, "EUR")["body"]

    assert (body["manufacturerNumber"], body["width"]) == ("M-1", None)
    assert "length" not in body


@pytest.mark.parametrize(
    "changes",
    [
        {"manufacturer_number": "x" * 256},
        {"texts": {"e" * 32: TextsDocument("x" * 256, None)}},
        {"size": SizeDocument(Decimal(-1), None, None)},
    ],
)
def test_details_that_the_shop_would_refuse_are_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        payload_of(article(**changes), listed(), "EUR")
