"""Which of the ERP's price records count on a channel today."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from integration.erp.price_records import Scope, counting
from integration.errors import Rejected

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))
SCOPE = Scope("42", "EUR", NOON)


def record(**changes) -> dict:
    return {
        "id": "1",
        "articleRef": {"id": "7"},
        "netPrice": 10,
        "grossPrice": 11.9,
        "currencyRef": {"id": "1", "label": "EUR"},
        "qualifier": "SALES",
        **changes,
    }


def grosses(*records: dict, scope: Scope = SCOPE) -> list[str]:
    return [str(one["gross"]) for one in counting("7", records, scope)]


def test_a_record_comes_under_our_names():
    found = record(
        fromQuantity=10, customerGroupRef={"id": 2, "label": "Dealers"}, specialOfferPrice=True
    )

    assert counting("7", [found], SCOPE) == [
        {
            "net": Decimal(10),
            "gross": Decimal("11.9"),
            "from_quantity": Decimal(10),
            "group": "2",
            "group_label": "Dealers",
            "is_offer": True,
        }
    ]


def test_an_offer_has_its_days():
    found = record(specialOfferPrice=True, validFrom="2026-11-29T23:00:00Z")

    (offer,) = counting("7", [found], SCOPE)

    assert (offer["since"], "until" in offer) == ("2026-11-30", False)


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        (None, None, True),
        ("2026-11-30", "2026-11-30", True),
        ("2026-12-01", None, False),
        (None, "2026-11-29", False),
        # a point in time is the merchant's day: 23:00 UTC is midnight in Berlin
        ("2026-11-29T23:00:00Z", None, True),
        ("2026-11-30T23:00:00Z", None, False),
        (None, "2026-11-29T22:59:59Z", False),
        (None, "2026-11-30T00:00:00", True),
        ("", "", True),
    ],
)
def test_first_and_last_day_belong_to_it_by_the_merchants_calendar(since, until, counts):
    assert bool(grosses(record(validFrom=since, validUntil=until))) == counts


@pytest.mark.parametrize(
    "scope",
    [
        {"articleRef": {"id": "8"}},
        {"salesChannelRef": {"id": "43"}},
        {"currencyRef": {"isoCode": "CHF"}},
        {"qualifier": "PURCHASE"},
        {"accountRef": {"id": "1"}},
        # no customer of the shop is in a customer group and in a price group
        {"priceGroupRef": {"id": "1"}, "customerGroupRef": {"id": "1"}},
        {"priceGroupRef": {"label": "without an id"}},
        {"customerGroupRef": {}},
        {"supplierGroupRef": {"id": "1"}},
        {"accessoryMainArticleRef": {"id": "1"}},
    ],
)
def test_what_is_meant_for_others_never_becomes_everybodys(scope):
    assert grosses(record(**scope)) == []


def test_the_more_particular_record_counts():
    general = record(id="9", articleRef=None, productGroupRef={"id": "5"}, grossPrice=1)
    own, later = record(grossPrice=2), record(grossPrice=3, validFrom="2026-11-01")
    here = record(grossPrice=4, salesChannelRef={"id": "42"})

    assert grosses(general, own) == ["2"]
    assert grosses(later, own, general) == ["3"]
    assert grosses(here, later, own, general) == ["4"]


def test_a_record_of_a_channel_that_prices_are_taken_from_stands_before_a_general_one():
    scope = Scope("42", "EUR", NOON, price_sources=("43", "1"))
    own, near, far = (
        record(grossPrice=place, salesChannelRef={"id": channel})
        for place, channel in enumerate(("42", "43", "1"), 2)
    )
    other = record(grossPrice=9, salesChannelRef={"id": "44"})

    assert grosses(record(grossPrice=5), other, far, near, own, scope=scope) == ["2"]
    assert grosses(record(grossPrice=5), other, far, near, scope=scope) == ["3"]
    assert grosses(record(grossPrice=5), other, far, scope=scope) == ["4"]
    assert grosses(record(grossPrice=5), other, scope=scope) == ["5"]
    assert grosses(near, far) == []


def test_an_offer_a_quantity_and_a_group_stand_beside_the_regular_price():
    found = [
        record(grossPrice=4),
        record(grossPrice=3, specialOfferPrice=True),
        record(grossPrice=2, fromQuantity=10),
        record(grossPrice=1, customerGroupRef={"id": "2"}),
        record(grossPrice=5, priceGroupRef={"id": "2"}),
    ]

    assert grosses(*found) == ["4", "3", "2", "1", "5"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("grossPrice", "a lot", "grossPrice of a price is no usable number"),
        ("fromQuantity", [], "fromQuantity of a price is no usable number"),
        ("validUntil", "tomorrow", "validUntil of a price is no date"),
        ("validFrom", 20261130, "validFrom of a price is no date"),
    ],
)
def test_what_cannot_be_read_stops_the_article_instead_of_losing_a_price(field, value, words):
    with pytest.raises(Rejected, match=f"article id 7: the ERP's {words}"):
        counting("7", [record(**{field: value})], SCOPE)
