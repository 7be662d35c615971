"""The uniform rows: grouping, identifiers, numbers and truth values."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.erp.rows import decimal, ean_of, group, id_text, truth, uniform, unusable

RIGHT, ALSO_RIGHT, WRONG = "4006381333931", "73513537", "4006381333932"


def test_records_of_one_article_are_joined_by_the_first_value_of_each_column():
    records = [
        {"id": 4711, "identifier_name": "SKU", "identifier_value": "A"},
        {"id": "4711", "name": "Lamp", "identifier_name": "EAN", "identifier_value": RIGHT},
        {"id": 4711, "name": "Other"},
        {"id": 4712, "name": "Chair"},
        {"name": "without id"},
    ]

    grouped = group(records)

    assert list(grouped) == ["4711", "4712"]
    assert grouped["4711"]["name"] == "Lamp"
    assert ean_of(grouped["4711"]["identifiers"]) == RIGHT
    assert grouped["4712"]["identifiers"] == []


@pytest.mark.parametrize(
    "record",
    [
        {"identifier_name": "EAN", "identifier_value": RIGHT},
        {"identifier_name": ["SKU", "EAN"], "identifier_value": ["A", RIGHT]},
        {"identifiers": [{"name": "EAN", "value": RIGHT}]},
        {"identifiers": [{"identifiers.name": "EAN", "identifiers.value": RIGHT}]},
        {"identifier_name": "GTIN-13", "identifier_value": int(RIGHT)},
        {"identifier_name": "ean", "identifier_value": f" {RIGHT} "},
    ],
)
def test_an_ean_is_found_in_every_shape_of_identifiers(record):
    assert ean_of(group([{"id": 1, **record}])["1"]["identifiers"]) == RIGHT


@pytest.mark.parametrize(
    ("identifiers", "ean"),
    [
        ([], None),
        ([("SKU", "A", None)], None),
        ([("EAN", None, None)], None),
        ([("EAN", WRONG, None)], WRONG),  # the transform refuses it and may say so
        ([("EAN", WRONG, True), ("EAN", RIGHT, False)], RIGHT),  # right before default
        ([("EAN", RIGHT, False), ("EAN", ALSO_RIGHT, True)], ALSO_RIGHT),  # default before others
        ([("EAN", ALSO_RIGHT, None), ("EAN", RIGHT, None)], RIGHT),  # then the smaller text
        ([("EAN", RIGHT, None), ("EAN", ALSO_RIGHT, None)], RIGHT),  # whatever the order
    ],
)
def test_one_ean_is_chosen(identifiers, ean):
    assert ean_of(identifiers) == ean


@pytest.mark.pitfall(31)
@pytest.mark.parametrize(
    ("value", "number"),
    [
        (Decimal("16.80"), Decimal("16.80")),
        (3, Decimal(3)),
        ("3.5", Decimal("3.5")),
        (19.99, Decimal("19.99")),
        (None, None),
        (True, None),
        ("", None),
        ("NaN", None),
        ("Infinity", None),
        ([], None),
    ],
)
def test_numbers_are_exact_or_nothing(value, number):
    assert decimal(value) == number


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), ("true", True), ("FALSE", False), ("", False), (1, True)],
)
def test_truth_values_may_be_text(value, expected):
    assert truth(value, not expected) is expected


def test_nothing_is_the_default():
    assert truth(None, True) is True
    assert truth(None, False) is False


@pytest.mark.parametrize(
    ("value", "text"), [(4711, "4711"), ("4711", "4711"), (None, None), ("", None), (True, None)]
)
@pytest.mark.contract("10.15")
def test_ids_are_text(value, text):
    assert id_text(value) == text


@pytest.mark.parametrize(
    ("fields", "listed"),
    [
        ({}, True),  # the ERP's default
        ({"listed": True, "listing_state": "SYNCHRONIZED"}, True),
        ({"listed": True, "listing_state": "ERRONEOUS"}, True),
        ({"listed": False, "listing_state": "SYNCHRONIZED"}, False),
        ({"listed": True, "listing_state": "DISABLED"}, False),
        ({"listed": True, "listing_state": "NEED_DELETION"}, False),
        ({"listed": True, "listing_state": "QUEUED_FOR_DELETION"}, False),
    ],
)
def test_a_listing_that_is_about_to_go_is_not_listed(fields, listed):
    assert uniform("1", fields, ("listed",)) == {"id": "1", "listed": listed}


def test_a_row_has_all_keys_of_its_names_and_none_for_what_is_not_stated():
    row = uniform("1", {"stock": 3}, ("number", "active", "stock", "net", "identifier_value"))

    assert row == {
        "id": "1",
        "number": None,
        "active": False,
        "stock": Decimal(3),
        "net": None,
        "ean": None,
    }


def test_a_unit_without_a_weight_is_no_unit():
    row = uniform("1", {"weight_unit": "kg"}, ("weight", "weight_unit"))

    assert row == {"id": "1", "weight": None, "weight_unit": None}


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.decimals(), st.lists(st.text())
)
_NAMES = st.sampled_from(
    [
        "id",
        "number",
        "name",
        "active",
        "listed",
        "weight",
        "net",
        "identifier_name",
        "identifier_value",
        "identifiers",
        "stock",
        "tax_schema",
        "weight_unit",
    ]
)


@given(st.dictionaries(_NAMES, _VALUES | st.floats() | st.dictionaries(st.text(), st.none())))
def test_whatever_cannot_be_read_is_named_and_nothing_else_is(fields):
    names = ("number", "active", "listed", "weight", "net", "stock", "tax_schema")

    wrong = unusable(fields, names)

    if wrong:
        assert fields[wrong.split()[0]] is not None
    else:
        row = uniform("1", fields, names)
        stated = [one for one in ("weight", "net", "stock") if fields.get(one) not in (None, "")]
        assert all(abs(row[one]) < 10**16 for one in stated)
        assert fields.get("active") in (None, "", True, False, 0, 1) or isinstance(
            fields["active"], str
        )


@pytest.mark.parametrize(
    "fields",
    [
        {"stock": "7.5", "net": Decimal("0.01"), "weight": 0, "active": "true", "listed": 1},
        {"stock": -3, "net": "", "weight": None, "active": False, "listed": " FALSE "},
        {"stock": 10**15, "net": Decimal("1E-15"), "number": 4711, "tax_schema": 11},
    ],
)
def test_what_the_erp_may_write_otherwise_is_read(fields):
    names = ("number", "active", "listed", "weight", "net", "stock", "tax_schema")

    assert unusable(fields, names) == ""


@given(st.lists(st.dictionaries(_NAMES, _VALUES), max_size=6))
def test_whatever_the_erp_answers_becomes_rows_of_one_shape(records):
    names = ("number", "active", "listed", "weight", "weight_unit", "net", "identifier_value")
    keys = {"id", "number", "active", "listed", "weight", "weight_unit", "net", "ean"}

    for article_id, fields in group(records).items():
        row = uniform(article_id, fields, names)
        assert set(row) == keys
        assert row["net"] is None or row["net"].is_finite()
        assert isinstance(row["listed"], bool)
