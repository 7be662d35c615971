"""What an article document says beyond what every article has."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from integration.documents import OptionDocument, SizeDocument, TextsDocument, VariantDocument
from integration.errors import ChannelError, Held, MappingMissing
from integration.mapping_kinds import Kind, Mappings
from integration.topics.article import article_document
from integration.topics.wants import NOTHING_MORE, wants_of, wrong_custom_fields

SHIRT = {
    "main": "1001",
    "main_is_active": True,
    "values": [{"attribute": "1", "attribute_label": "Size", "value": "7", "label": "M"}],
}


def mapped(channel, **kinds):
    return replace(channel, mappings=Mappings({Kind[name]: one for name, one in kinds.items()}))


def test_a_channel_that_wants_no_more_gets_no_more(row, channel):
    everything = {"texts": {"en": {}}, "categories": ["5"], "custom": {}, "variant": SHIRT}
    assert wants_of(channel) == NOTHING_MORE
    assert article_document(row | everything, channel) == article_document(row, channel)


@pytest.mark.parametrize(
    ("unit", "sides"),
    [("mm", ("125", "30", None)), ("CM", ("1250", "300", None)), ("m", ("125000", "30000", None))],
)
def test_measures_travel_in_millimetres(unit, sides, row, channel):
    measured = {"size_x": Decimal(125), "size_y": Decimal(30), "size_unit": unit}
    found = article_document(row | measured, channel).size
    assert found == SizeDocument(*(None if one is None else Decimal(one) for one in sides))


@pytest.mark.parametrize("side", [None, Decimal(0)])
def test_no_measures_need_no_unit(side, row, channel):
    assert article_document(row | {"size_x": side, "size_unit": "in"}, channel).size is None


def test_an_unknown_unit_of_length_needs_a_mapping(row, channel):
    measured = row | {"size_x": Decimal(2), "size_unit": "in"}
    with pytest.raises(MappingMissing) as raised:
        article_document(measured, channel)
    assert raised.value.reason == "mapping:unit:in"

    document = article_document(measured, mapped(channel, UNIT={"in": "25.4"}))
    assert document.size.length == Decimal("50.8")


def test_texts_are_by_the_shops_language_and_those_that_are_missing_say_so(row, channel):
    texts = {"en": {"name": " Lamp ", "description": " "}}
    document = article_document(
        row | {"texts": texts}, mapped(channel, LANGUAGE={"en": "e", "fr": "f"})
    )
    assert document.texts == {"e": TextsDocument("Lamp", None), "f": TextsDocument(None, None)}


def test_categories_are_the_shops_each_once(row, make_channel):
    channel = mapped(make_channel(categories="on"), CATEGORY={"5": "b", "6": "a", "7": "a"})
    assert article_document(row | {"categories": ["5", "6", "7"]}, channel).categories == ("a", "b")
    assert article_document(row | {"categories": []}, channel).categories == ()
    left_out = mapped(channel, CATEGORY={"5": "b", "6": "-"})
    assert article_document(row | {"categories": ["5", "6"]}, left_out).categories == ("b",)


def test_a_category_without_a_mapping_holds_the_article(row, make_channel):
    with pytest.raises(MappingMissing) as raised:
        article_document(row | {"categories": ["5"]}, make_channel(categories="on"))
    assert raised.value.reason == "mapping:category:5"


def test_custom_fields_are_all_those_that_the_channel_names(row, make_channel):
    channel = make_channel(custom_fields="custom.a.b=one, listings.custom.a.b=two")
    document = article_document(row | {"custom": {"custom.a.b": 7}}, channel)
    assert document.custom_fields == {"one": 7, "two": None}


def test_a_variant_is_one_only_where_the_channel_has_variants(row, make_channel):
    document = article_document(row | {"variant": SHIRT}, make_channel(variants="on"))
    assert document.variant == VariantDocument("1001", (OptionDocument("1", "Size", "7", "M"),))
    assert article_document(row | {"variant": SHIRT}, make_channel()).variant is None


def test_a_variant_whose_main_article_is_not_told_waits(row, make_channel):
    with pytest.raises(Held) as raised:
        article_document(row | {"variant": {"unknown_main": "7"}}, make_channel(variants="on"))
    assert raised.value.reason == "main-unknown:7"


def test_a_variant_as_a_worker_of_an_earlier_version_fetched_it_waits(row, make_channel):
    with pytest.raises(Held) as raised:
        article_document(row | {"variant": {"lacks": "product.id"}}, make_channel(variants="on"))
    assert raised.value.reason == "erp-column:product.id"


@pytest.mark.parametrize(
    "text",
    [
        "custom.a=x",
        "custom.a.b",
        "custom.a.b=",
        "name=x",
        "custom.a.b='x",
        "custom.a.b=x,custom.a.c=x",
    ],
)
def test_a_list_of_custom_fields_that_cannot_be_right_is_refused(text, make_channel):
    assert wrong_custom_fields(text)
    with pytest.raises(ChannelError):
        wants_of(make_channel(custom_fields=text))


def test_a_switch_that_is_neither_on_nor_off_holds_the_channel(make_channel):
    with pytest.raises(ChannelError, match="variants is neither on nor off"):
        wants_of(make_channel(variants="yes"))
