"""Statements and the mapping of rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.erp.vql import (
    Column,
    equals_bool,
    equals_id,
    equals_uuid,
    equals_word,
    flat_row,
    in_ids,
    is_id,
    map_row,
    select,
)
from integration.errors import Invalid

UUID = "6f0c1f2d-5a53-4d5f-8a31-9b0f6c1f2d10"


@pytest.mark.contract("10.16")
def test_a_statement_keeps_each_annotation_on_its_own_line_before_its_column():
    statement = select(
        [Column("id"), Column("number", "sku"), Column("listings.custom.my-shop.externalId", "x")],
        "article.shopListing",
        where=[equals_id("listings.salesChannel.id", "42"), in_ids("id", ["4711", "4712"])],
        order_by=["id"],
    )

    assert statement.splitlines() == [
        "SELECT id,",
        "--v:result{displayname='sku'}",
        "number,",
        "--v:result{displayname='x'}",
        "listings.custom.my-shop.externalId",
        "FROM article.shopListing",
        "WHERE listings.salesChannel.id = '42' AND id IN ('4711','4712')",
        "ORDER BY id ASC",
    ]


@pytest.mark.contract("10.16")
def test_an_annotation_of_the_first_column_has_its_own_line_too():
    statement = select([Column("number", "sku")], "article.shopListing")

    assert statement == ("SELECT\n--v:result{displayname='sku'}\nnumber\nFROM article.shopListing")


def test_a_count_has_no_order():
    statement = select([Column("id", function="count")], "article.shopListing")

    assert statement == "SELECT count(id)\nFROM article.shopListing"


def test_words_truth_values_and_uuids_are_quoted():
    assert equals_word("channelBackend.type", "APP", {"APP"}).text == "channelBackend.type = 'APP'"
    assert equals_bool("active", True).text == "active = 'true'"
    assert equals_bool("active", False).text == "active = 'false'"
    assert equals_uuid("appId", UUID).text == f"appId = '{UUID}'"


@pytest.mark.parametrize(
    "make",
    [
        lambda: equals_id("id", "1' OR '1'='1"),
        lambda: equals_id("id", "1\n"),
        lambda: equals_id("id", ""),
        lambda: equals_id("id", "-1"),
        lambda: equals_id("id", "٣"),  # a digit to Unicode, not to us
        lambda: equals_id("id", 42),
        lambda: in_ids("id", []),
        lambda: in_ids("id", ["1", "x"]),
        lambda: equals_word("type", "SELF", {"APP"}),
        lambda: equals_word("type", "a b", {"a b"}),
        lambda: equals_bool("active", "true"),
        lambda: equals_uuid("appId", "' OR appId NOTNULL --"),
        lambda: equals_id("id = '1' OR id", "1"),
        lambda: select([], "a.b"),
        lambda: select([Column("id")], "a"),
        lambda: select([Column("id")], "a.b.c"),
        lambda: select([Column("id")], "a.b WHERE x"),
        lambda: select([Column("id, x")], "a.b"),
        lambda: select([Column("id", "it's")], "a.b"),
        lambda: select([Column("id", function="drop")], "a.b"),
        lambda: select([Column("id")], "a.b", order_by=["id DESC"]),
    ],
)
@pytest.mark.contract("10.16")
def test_anything_but_a_plain_part_is_refused(make):
    with pytest.raises(Invalid):
        make()


@given(st.text())
@pytest.mark.contract("10.16")
def test_text_enters_a_statement_as_an_id_only_if_it_is_digits(text):
    if is_id(text):
        assert text.isascii()
        assert text.isdigit()
        assert equals_id("id", text).text == f"id = '{text}'"
    else:
        with pytest.raises(Invalid):
            equals_id("id", text)


@given(st.text(max_size=30))
@pytest.mark.contract("10.16")
def test_a_path_never_carries_a_quote_a_blank_or_a_comment(text):
    try:
        statement = select([Column(text)], "a.b")
    except Invalid:
        return
    assert not set(text) & set("'\"\\ \t\r\n;()*,")
    assert statement == f"SELECT {text}\nFROM a.b"


# --- rows ----------------------------------------------------------------------------------------


def _column(attribute, name):
    return {"_type": "attribute", "attribute": attribute, "displayName": name}


@pytest.mark.contract("10.15")
def test_the_example_of_the_vendor_maps_to_display_names_without_nulls():
    definition = [
        _column("id", "id"),
        _column("number", "sku"),
        _column("listings.custom.myshop.externalId", "shopId"),
    ]
    rows = [
        {"id": 4711, "number": "A-4711", "listings.custom.myshop.externalId": "0195"},
        {"id": 4712, "number": "A-4712", "listings.custom.myshop.externalId": None},
        {"id": 4713, "number": "A-4713"},
    ]

    assert [map_row(definition, row) for row in rows] == [
        {"id": 4711, "sku": "A-4711", "shopId": "0195"},
        {"id": 4712, "sku": "A-4712"},
        {"id": 4713, "sku": "A-4713"},
    ]


def test_false_zero_and_empty_text_are_values():
    definition = [_column("a", "a"), _column("b", "b"), _column("c", "c")]

    assert map_row(definition, {"a": False, "b": 0, "c": ""}) == {"a": False, "b": 0, "c": ""}


def test_a_nested_collection_lies_under_the_path_of_its_definition():
    definition = [
        {
            "_type": "meta",
            "definition": {"path": "identifiers", "displayName": "codes"},
            "value": [_column("name", "name")],
        }
    ]

    assert map_row(definition, {"identifiers": [{"name": "EAN"}]}) == {"codes": [{"name": "EAN"}]}
    assert map_row(definition, {"identifiers": []}) == {}


COLLECTION = {
    "_type": "meta",
    "definition": {"path": "listings", "displayName": "listings"},
    "value": [
        {"_type": "attribute", "attribute": "listings.id", "displayName": "listing_id"},
        {"_type": "attribute", "attribute": "listings.listed", "displayName": "listed"},
    ],
}


@pytest.mark.contract("10.15")
@pytest.mark.parametrize(
    ("members", "flat"),
    [
        ([{"listings.id": 9, "listings.listed": False}], {"listing_id": 9, "listed": False}),
        ([{"listings.id": 9, "listings.listed": None}], {"listing_id": 9}),
        (
            [{"listings.id": 9}, {"listings.id": 8, "listings.listed": True}],
            {"listing_id": [9, 8], "listed": [None, True]},
        ),
        ([], {}),
        (None, {}),
        ("text", {}),
        ([7], {}),
    ],
)
def test_columns_inside_a_collection_are_found_under_their_names(members, flat):
    found = flat_row([COLLECTION], {"listings": members})

    assert {name: value for name, value in found.items() if name != "listings"} == flat


@pytest.mark.parametrize("column", [{}, None, {"_type": "meta"}, {**COLLECTION, "value": 3}])
def test_a_collection_that_is_not_described_adds_nothing(column):
    assert flat_row([column], {"listings": [{"listings.id": 9}]}).keys() <= {"listings"}


def test_a_column_without_a_display_name_keeps_its_path():
    assert map_row([{"attribute": "a.b"}], {"a.b": 1}) == {"a.b": 1}


def test_odd_definitions_are_passed_over():
    odd = [None, "x", {}, {"_type": "meta"}, {"_type": "meta", "definition": {"path": 3}}]

    assert map_row(odd, {"a": 1}) == {}


_PATHS = st.from_regex(r"[a-z]{1,3}(\.[a-z]{1,3}){0,2}", fullmatch=True)
_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))


@given(st.dictionaries(_PATHS, _VALUES, max_size=8), st.data())
def test_mapping_keeps_every_described_value_and_nothing_else(row, data):
    described = data.draw(st.lists(_PATHS, unique=True, max_size=8))
    described += [path for path in row if path not in described]
    names = {path: f"name {place}" for place, path in enumerate(described)}

    record = map_row([_column(path, names[path]) for path in described], row)

    assert record == {names[path]: value for path, value in row.items() if value is not None}
