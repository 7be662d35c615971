"""update.article-stock: from a row to a document."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.channel_view import ChannelView
from integration.documents import StockDocument, StockLocation, WithdrawalDocument
from integration.errors import ChannelError, Invalid
from integration.mapping_kinds import Kind, Mappings
from integration.topics.rows import ErpRow
from integration.topics.stock import stock_document, stock_of


@pytest.mark.parametrize(
    ("available", "safety", "quantity"),
    [
        ("7", "", 7),
        ("7.99", "", 7),  # floor, never round
        ("0", "", 0),
        ("0.5", "", 0),
        ("-3", "", 0),  # sold more than there was
        ("-0.5", "", 0),
        ("7", "2", 5),
        ("7.5", "2", 5),
        ("2", "2", 0),
        ("1", "2", 0),  # never negative
        ("7", " 2 ", 5),
    ],
)
def test_the_quantity_is_floored_less_the_safety_stock_and_never_negative(
    available, safety, quantity, row, make_channel
):
    channel = make_channel(safety_stock=safety)

    document = stock_document(row | {"stock": Decimal(available)}, channel)

    assert document == StockDocument("4711", quantity=quantity)


def test_selling_without_stock_is_a_backorder_flag_beside_the_true_quantity(row, channel):
    document = stock_document(row | {"sellable_without_stock": True, "stock": 0}, channel)

    assert document == StockDocument("4711", quantity=0, sells_without_stock=True)


@pytest.mark.parametrize("kind", ["WITHOUT_STOCK", "SERVICE_ARTICLE", "SERVICE_CONTINGENT"])
@pytest.mark.parametrize("stock", [None, Decimal(3)])
def test_services_and_the_like_are_not_counted(kind, stock, row, channel):
    document = stock_document(row | {"product_type": kind, "stock": stock}, channel)

    assert document == StockDocument("4711", quantity=0, is_tracked=False)


@pytest.mark.parametrize("kind", ["WITH_STOCK", "ASSEMBLY_GROUP", "JUMBO", None])
def test_everything_else_is_counted(kind, row, channel):
    assert stock_document(row | {"product_type": kind}, channel).is_tracked is True


def test_a_stock_that_the_erp_does_not_state_is_not_zero(row, channel):
    with pytest.raises(Invalid, match=r"A-1 \(id 4711\).*states no stock"):
        stock_document(row | {"stock": None}, channel)


@pytest.mark.parametrize("change", [{"listed": False}, {"product_type": "SHIPPING_COSTS"}])
def test_what_is_not_offered_is_withdrawn_with_or_without_a_stock(change, row, channel):
    assert stock_document(row | change | {"stock": None}, channel) == WithdrawalDocument("4711")


@pytest.mark.parametrize("text", ["two", "-1", "1.5", "٣"])
def test_an_unusable_safety_stock_holds_the_channel_and_says_how_to_correct_it(
    text, row, make_channel
):
    with pytest.raises(ChannelError, match="channel set acme/42 safety_stock=0"):
        stock_document(row, make_channel(safety_stock=text))


def lying(row, *places):
    names = ("id", "available", "percent", "label")
    return row | {"storages": [dict(zip(names, one, strict=True)) for one in places]}


def test_locations_are_floored_shares_less_the_safety_stock_once(row, make_channel):
    channel = replace(
        make_channel(safety_stock="4"),
        mappings=Mappings({Kind.STORAGE_LOCATION: {"5": "w1", "6": "w2", "7": "-"}}),
    )
    places = (
        ("6", Decimal(7), Decimal(50), "Branch"),  # 3.5, and 1 is kept back
        ("5", Decimal("3.9"), Decimal(100), "Main"),  # 3, all of it is kept back
        ("7", Decimal(9), Decimal(0), "Returns"),  # left out
        ("8", Decimal(-2), Decimal(100), ""),  # not mapped
    )

    document = stock_document(lying(row | {"stock": Decimal(9)}, *places), channel)

    assert document.quantity == 5
    assert document.locations == (
        StockLocation("5", 0, "Main", "w1"),
        StockLocation("6", 2, "Branch", "w2"),
        StockLocation("8", 0, "", None),
    )


def test_a_main_article_without_a_stock_is_sold_out_because_only_its_variants_are_sold(
    row, channel
):
    main = row | {"product_type": "VARIANT_MAIN_ARTICLE", "stock": None}

    assert stock_document(main, channel).quantity == 0


def test_what_is_not_counted_lies_nowhere(row, channel):
    service = row | {"product_type": "SERVICE_ARTICLE"}

    document = stock_document(lying(service, ("5", Decimal(3), Decimal(100), "")), channel)

    assert document.locations is None


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9),
    st.integers(0, 1000),
)
def test_what_is_offered_is_always_there(available, safety):
    channel = ChannelView(1, 1, "acme", "42", "memory", {"safety_stock": str(safety)})

    quantity = stock_of(ErpRow("1", stock=available), channel).quantity

    assert isinstance(quantity, int)
    assert quantity == max(0, math.floor(available) - safety)
    assert quantity == 0 or quantity + safety <= available
