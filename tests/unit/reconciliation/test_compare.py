"""What counts as a difference between an article and its product."""

from decimal import Decimal

import pytest

from integration.reconciliation.compare import differ, text_of, values_of
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
        ("number", "ab-1", "AB-1", True),
        ("active", True, False, True),
        ("active", True, None, False),
    ],
)
def test_what_a_reader_would_call_different(name, wanted, shown, is_drift):
    assert differ(name, wanted, shown) is is_drift


def test_a_name_is_the_one_that_the_connector_says_the_shop_shows():
    assert values_of(article("1"), {"name": "Saw"})["name"] == "Saw"
    assert "name" not in values_of(article("1"), {})


def test_both_sides_of_a_price_are_compared():
    assert set(values_of(price("1"), {})) == {"net", "gross"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (True, "true"), (Decimal("12.50"), "12.5"), (Decimal("0.00"), "0"), (7, "7")],
)
def test_a_plan_keeps_values_as_plain_texts(value, text):
    assert text_of(value) == text
