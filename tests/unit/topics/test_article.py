"""upsert.article: from a row to a document."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.documents import (
    ArticleDocument,
    PriceDocument,
    StockDocument,
    WithdrawalDocument,
)
from integration.errors import Held, Invalid, MappingMissing
from integration.mapping_kinds import LEFT_OUT, Kind, Mappings
from integration.topics.article import article_document, effective, weight_kg
from integration.topics.rows import ErpRow
from integration.topics.units import USUAL_KG, kilograms

NONE = Mappings()


def test_a_row_becomes_a_complete_document(row, channel):
    assert article_document(row, channel) == ArticleDocument(
        article_id="4711",
        number="A-1",
        name="Lamp",
        description="<p>Bright</p>",
        ean="4006381333931",
        weight_kg=Decimal("1.250"),
        manufacturer="Lumen",
        tax_rate=Decimal("19"),
        tax="1",
        is_active=True,
        price=PriceDocument("4711", Decimal("16.80"), Decimal("19.99"), "EUR", Decimal("19")),
        stock=StockDocument("4711", quantity=7),
    )


@pytest.mark.parametrize(
    ("own", "default", "text"),
    [
        ("Lamp for you", "Lamp", "Lamp for you"),
        (None, "Lamp", "Lamp"),
        ("", "Lamp", "Lamp"),
        ("  ", "Lamp", "Lamp"),
        (None, None, ""),
    ],
)
def test_the_channels_own_text_goes_before_the_default(own, default, text):
    assert effective(own, default) == text


def test_both_texts_are_effective_texts(row, channel):
    row |= {"listing_name": "Lamp for you", "listing_description": "Very bright"}

    document = article_document(row, channel)

    assert (document.name, document.description) == ("Lamp for you", "Very bright")


def test_a_missing_description_is_empty(row, channel):
    assert article_document(row | {"description": None}, channel).description == ""


@pytest.mark.parametrize("ean", [None, "", "4006381333932", "none"])
def test_an_ean_that_is_none_does_not_travel(ean, row, channel):
    assert article_document(row | {"ean": ean}, channel).ean is None


@pytest.mark.parametrize(
    ("weight", "unit", "kilograms"),
    [
        ("1.250", "kg", "1.250"),
        ("1250", "g", "1.250"),
        ("1", "g", "0.001"),
        ("2", " KG ", "2"),
        ("0", "kg", "0"),
        ("0", None, "0"),
        ("0", "lb", "0"),
    ],
)
def test_weight_is_in_kilograms(weight, unit, kilograms):
    article = ErpRow("1", weight=Decimal(weight), weight_unit=unit)

    assert weight_kg(article, NONE) == Decimal(kilograms)


def test_no_weight_is_no_weight_whatever_the_unit():
    assert weight_kg(ErpRow("1", weight=None, weight_unit="lb"), NONE) is None


@pytest.mark.parametrize(
    ("unit", "reason"),
    [("lb", "mapping:unit:lb"), ("mg", "mapping:unit:mg"), (None, "mapping:unit:")],
)
def test_an_unknown_unit_waits_for_a_person(unit, reason, row, channel):
    with pytest.raises(MappingMissing, match="A-1") as caught:
        article_document(row | {"weight_unit": unit}, channel)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("meaning", "kilograms"),
    [("kg", "2"), ("g", "0.002"), ("0.45359237", "0.90718474"), (" KG ", "2")],
)
def test_a_mapped_unit_is_what_the_mapping_says(meaning, kilograms, row, channel):
    mapped = replace(channel, mappings=Mappings({Kind.UNIT: {"lb": meaning}}))

    document = article_document(row | {"weight": Decimal(2), "weight_unit": " lb"}, mapped)

    assert document.weight_kg == Decimal(kilograms)


def test_a_mapping_goes_before_what_is_known_of_a_unit(row, channel):
    mapped = replace(channel, mappings=Mappings({Kind.UNIT: {"g": "kg", "": "g"}}))

    assert article_document(row | {"weight_unit": "g"}, mapped).weight_kg == Decimal("1.250")
    assert article_document(row | {"weight_unit": None}, mapped).weight_kg == Decimal("0.001250")


@pytest.mark.parametrize("meaning", ["lb", "", "0", "-1", "NaN", "Infinity", "1,5"])
def test_a_unit_means_kg_g_or_a_positive_number(meaning):
    assert kilograms(meaning) is None


def test_usual_units_are_numbers_that_a_mapping_may_say():
    assert all(kilograms(factor) for factor in USUAL_KG.values())


def test_the_shops_tax_is_that_of_the_mapping_of_the_tax_type(row, channel):
    mapped = replace(channel, mappings=Mappings({Kind.TAX: {"1": "shop-tax"}}))

    assert article_document(row, mapped).shop_tax == "shop-tax"
    assert article_document(row, channel).shop_tax is None
    assert article_document(row | {"tax_type": "2"}, mapped).shop_tax is None


@pytest.mark.parametrize(
    ("stated", "name", "mapped"),
    [
        (" Müller GmbH ", "Müller GmbH", "7"),
        ("Acme", "Acme", None),  # by its name
        ("Diverse", None, None),  # left out
        ("", None, None),
    ],
)
def test_a_manufacturer_goes_by_its_mapping_else_by_its_name(row, channel, stated, name, mapped):
    mappings = Mappings({Kind.MANUFACTURER: {"Müller GmbH": "7", "Diverse": LEFT_OUT}})

    document = article_document(row | {"manufacturer": stated}, replace(channel, mappings=mappings))

    assert (document.manufacturer, document.shop_manufacturer) == (name, mapped)


def test_the_rate_stands_for_a_tax_without_a_type(row, channel):
    untyped = row | {"tax_type": None, "tax_rate": Decimal("19.00")}
    mapped = replace(channel, mappings=Mappings({Kind.TAX: {"19%": "shop-tax"}}))

    assert article_document(untyped, channel).tax == "19%"
    assert article_document(untyped, mapped).shop_tax == "shop-tax"


@given(st.decimals(min_value=0, max_value=10**6, places=3), st.sampled_from(["kg", "g", "KG", "G"]))
def test_a_weight_is_converted_exactly(weight, unit):
    kilograms = weight_kg(ErpRow("1", weight=weight, weight_unit=unit), NONE)

    assert kilograms * (1000 if unit.lower() == "g" else 1) == weight


@pytest.mark.parametrize(("active", "is_active"), [(True, True), (False, False)])
def test_an_inactive_article_is_inactive_in_the_shop(active, is_active, row, channel):
    assert article_document(row | {"active": active}, channel).is_active is is_active


@pytest.mark.parametrize("change", [{"listed": False}, {"product_type": "SHIPPING_COSTS"}])
def test_what_is_not_offered_is_withdrawn_however_incomplete_it_is(change, row, channel):
    incomplete = {"name": None, "number": None, "tax_rate": None, "weight_unit": "lb"}

    document = article_document(row | incomplete | change, channel)

    assert document == WithdrawalDocument("4711")


@pytest.mark.parametrize("number", [None, "", "  "])
def test_an_article_without_a_number_is_refused_by_its_id(number, row, channel):
    with pytest.raises(Invalid, match=r"4711.*no article number"):
        article_document(row | {"number": number}, channel)


@pytest.mark.parametrize("name", [None, "", "  "])
def test_an_article_without_a_name_is_refused_by_number_and_id(name, row, channel):
    with pytest.raises(Invalid, match=r"article A-1 \(id 4711\) has no name"):
        article_document(row | {"name": name}, channel)


@pytest.mark.parametrize("change", [{"net": None}, {"gross": None}, {"gross": 0}, {"net": 0}])
def test_an_article_without_a_price_has_none(change, row, channel):
    assert article_document(row | change, channel).price is None


def test_an_article_without_a_stated_stock_has_none(row, channel):
    assert article_document(row | {"stock": None}, channel).stock is None


def test_an_article_without_a_tax_rate_waits_for_a_person(row, channel):
    with pytest.raises(Held, match="tax schema") as caught:
        article_document(row | {"tax_rate": None}, channel)

    assert caught.value.reason == "no-tax-rate"


def test_an_article_in_another_currency_is_not_created_with_its_price(row, channel):
    with pytest.raises(Held) as caught:
        article_document(row | {"price_currency": "CHF"}, channel)

    assert caught.value.reason == "currency:CHF"


def test_equal_rows_make_equal_documents_whatever_the_zeros(row, channel):
    other = row | {"net": "16.8", "gross": "19.990", "weight": "1.25", "unknown": "left out"}

    assert article_document(other, channel) == article_document(row, channel)
