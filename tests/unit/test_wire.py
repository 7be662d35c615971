"""JSON with exact decimals, and the hash that tells "unchanged"."""

import json
from decimal import Decimal

import hypothesis.strategies as st
import pytest
from hypothesis import given

from integration import wire

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=4, max_value=10**12)
SCALARS = st.none() | st.booleans() | st.integers() | DECIMALS | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_a_value_comes_back_as_it_was(value):
    assert wire.loads(wire.dumps(value)) == value


@given(DECIMALS)
def test_a_decimal_keeps_its_digits(number):
    assert wire.dumps([number]) == f"[{number}]"


def test_money_is_never_a_float():
    assert wire.dumps({"price": Decimal("19.90")}) == '{"price":19.90}'
    assert repr(wire.loads('{"price": 19.90}')["price"]) == "Decimal('19.90')"
    # 0.1 + 0.2 as floats is 0.30000000000000004
    assert sum(wire.loads("[0.1, 0.2]")) == Decimal("0.3")


def test_text_is_readable():
    assert wire.dumps("Größe 😀") == '"Größe 😀"'


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", b"\xff", "nil"])
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        wire.loads(text)


@given(VALUES)
def test_what_travelled_has_the_hash_it_had(value):
    assert wire.content_hash(wire.loads(wire.dumps(value))) == wire.content_hash(value)


@given(st.dictionaries(st.text(), SCALARS, min_size=2))
def test_the_order_of_keys_does_not_count(value):
    turned = dict(reversed(list(value.items())))

    assert wire.content_hash(turned) == wire.content_hash(value)


@pytest.mark.parametrize(
    "same",
    [
        [Decimal("19.9"), Decimal("19.90"), Decimal("19.9000")],
        [5, Decimal("5"), Decimal("5.00")],
        [100, Decimal("100"), Decimal("1E+2")],
        [0, Decimal("0"), Decimal("0.00"), Decimal("-0.0")],
        [[1, 2], (1, 2)],
    ],
)
def test_the_same_content_written_differently_has_one_hash(same):
    assert len({wire.content_hash({"a": value}) for value in same}) == 1


@pytest.mark.parametrize(
    "different",
    [
        [Decimal("19.9"), Decimal("19.91"), Decimal("-19.9")],
        [5, "5", [5], {"5": None}, None, Decimal("5.5"), "5.0"],
        [0, None, False, "", [], {}],
        [1, True],
        [[1, 2], [2, 1]],
        [{"a": None}, {}],
    ],
)
def test_different_content_has_different_hashes(different):
    assert len({wire.content_hash(value) for value in different}) == len(different)


@given(VALUES, VALUES)
def test_hashes_are_equal_only_for_equal_json(one, other):
    if wire.content_hash(one) == wire.content_hash(other):
        assert one == other


def test_a_hash_is_the_same_in_every_process():
    # Kept in the database: a change of it would send the whole catalogue again.
    content = {"b": [Decimal("1.50"), None, True], "a": "ä"}
    plain = json.dumps({"a": "ä", "b": [1.5, None, True]}, ensure_ascii=False)

    assert (
        wire.content_hash(content)
        == "23dbdad849c061176c279977ff258fa0bcf7cdb85aa81537c1682e122433584c"
    )
    assert plain == '{"a": "ä", "b": [1.5, null, true]}'


def test_numbers_that_are_none_are_no_json_unless_one_of_them_must_not_spoil_the_rest():
    with pytest.raises(ValueError, match=r"."):
        wire.loads('{"a": NaN}')

    found = wire.loads('{"a": NaN, "b": -Infinity, "c": 1.5}', allow_nan=True)

    assert str(found["a"]) == "nan"
    assert str(found["b"]) == "-inf"
    assert found["c"] == Decimal("1.5")


def test_a_text_that_is_nested_without_end_is_no_json():
    with pytest.raises(ValueError, match="too deeply"):
        wire.loads("[" * 1_000_000)
