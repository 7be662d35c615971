"""What counts as a difference between an article and its product."""

from dataclasses import fields
from decimal import Decimal

import pytest

from integration.documents import (
    ArticleDocument,
    PriceDocument,
    StockDocument,
    VariantDocument,
)
from integration.reconciliation.compare import differ, not_compared, values_of
from integration.topology import Topic
from tests.unit.connectors.kit import article, price


@pytest.mark.parametrize(
    ("name", "wanted", "shown", "is_drift"),
    [
        ("gross", Decimal("19.99"), Decimal("19.990"), False),
        ("net", Decimal("16.7983"), Decimal("16.80"), False),  # shops round to the cent
        ("gross", Decimal("19.99"), Decimal("20.00"), True),
        ("gross", Decimal("19.99"), None, False),  # the shop keeps the other side
        ("stock", 0, 0, False),
        ("stock", 0, 1, True),
        ("name", "Säge & Söhne", "Säge &amp; Söhne", False),
        ("name", "A  B", "A B", False),
        ("name", "Hammer", "Hammer!", True),
        ("name@en", "Hammer", "<b>Hammer</b>", False),
        # as WooCommerce shows a text, and as it and Shopware keep a script
        ("description", "Stahl & Holz ä", "<p>Stahl &amp; Holz ä</p>\n", False),
        ("description", "<p>a</p><script>alert(1)</script>", "<p>a</p>alert(1)", False),
        ("description", "<p>a</p><script>alert(1)</script>", "<p>a</p>", False),
        ("description", "a", "", True),
        ("description", "a", None, False),
        ("ean", "4006381333931", "", True),
        ("weight_kg", Decimal("0.4536"), Decimal("0.45359237"), False),  # a pound to the gram
        ("weight_kg", Decimal("2.5"), Decimal("2.501"), True),
        ("tax_rate", Decimal(19), Decimal("19.00"), False),
        ("tax_rate", Decimal("2.1"), Decimal("2.101"), True),
        ("number", "ab-1", "AB-1", True),
        ("active", True, False, True),
        ("active", True, None, False),
        ("visible", True, False, True),
        ("visible", True, None, False),
    ],
)
def test_what_a_reader_would_call_different(name, wanted, shown, is_drift):
    assert differ(name, wanted, shown) is is_drift


def test_a_name_is_the_one_that_the_connector_says_the_shop_shows():
    assert values_of(article("1"), {"name": "Saw"})["name"] == "Saw"
    assert "name" not in values_of(article("1"), {})


def test_details_of_an_article_are_compared_and_an_absent_one_is_one_too():
    plain = article("1", ean=None, weight_kg=None, tax_rate=Decimal(7))

    values = values_of(plain, {"name": "Saw", "name@en": "Saw", "description": "It saws."})

    assert values == {
        "number": "A-1",
        "active": True,
        "visible": True,
        "name": "Saw",
        "name@en": "Saw",
        "description": "It saws.",
        "ean": "",
        "weight_kg": 0,
        "tax_rate": 7,
    }


def test_nobody_has_to_find_what_is_not_for_sale():
    assert values_of(article("1"), {})["visible"] is True
    assert "visible" not in values_of(article("1", is_active=False), {})


def test_a_mapped_tax_is_compared_by_what_it_is_mapped_to():
    values = values_of(article("1", shop_tax="reduced"), {})

    assert values["tax"] == "reduced"
    assert "tax_rate" not in values


def test_what_a_variant_may_take_from_its_main_article_is_left_to_it():
    variant = article("1", ean=None, weight_kg=None, variant=VariantDocument("9", ()))

    assert values_of(variant, {}).keys() & {"ean", "weight_kg"} == set()


#: What a plan says of what it does not compare, by the fields of documents.
UNCOMPARED = {
    "categories": "categories",
    "custom_fields": "custom fields",
    "manufacturer": "manufacturer",
    "manufacturer_number": "manufacturer",
    "shop_manufacturer": "manufacturer",
    "size": "measures",
    "variant": "options of variants",
    "is_main": "options of variants",
    "was_main": "options of variants",
    "list_price": "list prices",
    "lowest": "list prices",
    "offer_since": "list prices",
    "offer_until": "list prices",
    "lists": "prices by quantity and customer group",
    "sells_without_stock": "sale beyond the stock",
    "ends_at_zero": "sale beyond the stock",
    "is_tracked": "sale beyond the stock",
    "locations": "stock by location",
}
COMPARED = {
    *("number", "name", "description", "texts", "ean", "weight_kg", "is_active"),
    *("tax_rate", "tax", "shop_tax", "net", "gross", "quantity"),
}
#: What only names others, or is a document of its own.
NOT_SHOWN = {"article_id", "currency", "price", "stock"}


def test_what_is_not_compared_of_a_document_is_said():
    documents = (ArticleDocument, PriceDocument, StockDocument)
    every = {one.name for kind in documents for one in fields(kind)}

    assert every == {*UNCOMPARED, *COMPARED, *NOT_SHOWN}
    assert set(not_compared((Topic.ARTICLE, Topic.PRICE, Topic.STOCK))) == {
        "images",
        "order status",
        *UNCOMPARED.values(),
    }


def test_both_sides_of_a_price_are_compared():
    assert set(values_of(price("1"), {})) == {"net", "gross"}
