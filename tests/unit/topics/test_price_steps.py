"""From the ERP's price records to the price now, and to prices by quantity and customer group."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from integration.channel_view import PRICE_DETAILS
from integration.documents import Amount, PriceStep
from integration.mapping_kinds import Kind, Mappings
from integration.topics.price import price_document
from integration.topics.price_steps import PriceRecord, amount, steps_by_group

RATE = Decimal(19)


def money(gross: str, net: str | None = None) -> Amount:
    return Amount(Decimal(net or gross), Decimal(gross))


def record(gross: str, quantity: str = "1", **more) -> PriceRecord:
    return PriceRecord(Decimal(gross), Decimal(gross), Decimal(quantity), **more)


def steps(base: str, *records: PriceRecord) -> dict:
    """By customer group; by kind and group of price groups."""
    found = steps_by_group(money(base), records, RATE)
    return {
        whose[1] if whose and whose[0] is Kind.CUSTOMER_GROUP else whose: [
            (one.from_quantity, str(one.amount.gross), one.list_price and str(one.list_price.gross))
            for one in listed
        ]
        for whose, listed in found.items()
    }


def test_without_offers_the_erps_price_counts_whatever_the_records_say():
    assert steps("10") == steps("10", record("12")) == {None: [(1, "10", None)]}


@pytest.mark.parametrize("stated", ["12", "9"])
def test_a_running_offer_is_the_price_and_the_regular_one_its_list_price(stated):
    # whether the ERP's own figure includes the offer is not known for its columns
    found = steps(stated, record("12"), record("9", is_offer=True))

    assert found == {None: [(1, "9", "12")]}


def test_an_offer_without_a_regular_record_has_the_erps_price_beside_it():
    assert steps("12", record("9", is_offer=True)) == {None: [(1, "9", "12")]}


def test_an_offer_that_costs_more_is_none():
    assert steps("12", record("15", is_offer=True)) == {None: [(1, "12", None)]}


def test_quantities_go_up_from_one_piece():
    found = steps("10", record("7", "50"), record("8", "10"))

    assert found == {None: [(1, "10", None), (10, "8", None), (50, "7", None)]}


def test_a_part_of_a_unit_is_rounded_up_because_shops_sell_whole_ones():
    assert steps("10", record("8", "2.5"))[None][1][0] == 3


def test_many_pieces_never_cost_more_than_a_running_offer():
    found = steps("10", record("9", "10"), record("6", "100"), record("7", is_offer=True))

    assert found == {None: [(1, "7", "10"), (10, "7", "9"), (100, "6", None)]}


def test_a_customer_group_has_its_own_list_from_one_piece_on():
    found = steps("10", record("8", group="2"), record("6", "10", group="2"), record("9", "5"))

    assert found == {
        None: [(1, "10", None), (5, "9", None)],
        "2": [(1, "8", None), (10, "6", None)],
    }


def test_where_a_group_has_no_price_of_its_own_everybodys_counts():
    found = steps("10", record("9", "5"), record("6", "20", group="2"))

    assert found["2"] == [(1, "10", None), (5, "9", None), (20, "6", None)]


def test_a_price_group_has_a_list_beside_the_customer_group_of_the_same_id():
    found = steps("10", record("8", group="2"), record("7", group="2", kind=Kind.PRICE_GROUP))

    assert found == {
        None: [(1, "10", None)],
        "2": [(1, "8", None)],
        (Kind.PRICE_GROUP, "2"): [(1, "7", None)],
    }


def test_an_offer_for_everybody_is_one_for_each_group():
    found = steps("10", record("8", group="2"), record("7", is_offer=True))

    assert found["2"] == [(1, "7", "8")]


def test_an_offer_for_a_group_is_nobody_elses():
    found = steps("10", record("8", group="2"), record("7", group="2", is_offer=True))

    assert found == {None: [(1, "10", None)], "2": [(1, "7", "8")]}


def test_zero_is_no_price():
    free = PriceRecord(Decimal(0), Decimal(0), Decimal(10))

    assert steps_by_group(money("10"), [free], RATE) == {None: (PriceStep(1, money("10")),)}


@pytest.mark.parametrize(
    ("net", "gross", "both"),
    [
        # 16.7983 * 1.19 = 19.989977: what the ERP states is never computed anew
        ("16.7983", "19.98", ("16.7983", "19.98")),
        # 10 / 1.19 = 8.4033...; 1.05 * 1.19 = 1.2495
        (None, "10", ("8.40", "10")),
        ("1.05", None, ("1.05", "1.25")),
        (None, None, None),
        ("0", None, None),
    ],
)
def test_a_missing_side_follows_from_the_tax_rounded_half_up(net, gross, both):
    found = amount(net and Decimal(net), gross and Decimal(gross), RATE)

    assert (found and (str(found.net), str(found.gross))) == both


def test_half_a_cent_is_rounded_up():
    # 0.50 * 1.19 = 0.595
    assert amount(Decimal("0.50"), None, RATE).gross == Decimal("0.60")
    # 0.5 * 1.05 = 0.525: half to even would say 0.52
    assert amount(Decimal("0.50"), None, Decimal(5)).gross == Decimal("0.53")


# The document


OFFER = {"net": Decimal(5), "gross": Decimal(6), "is_offer": True}
DEALERS = {"net": Decimal(4), "gross": Decimal(5), "group": "2", "group_label": "Händler"}


def with_details(row: dict, *records: dict, **more) -> dict:
    return row | {"prices": [dict(one) for one in records]} | more


@pytest.fixture
def detailed(make_channel):
    return make_channel(**{PRICE_DETAILS: "on"})


def test_a_channel_without_details_says_nothing_of_them(row, channel):
    document = price_document(with_details(row, OFFER), channel)

    assert (document.list_price, document.lists) == (None, None)
    assert document.gross == Decimal("19.99")


def test_an_offer_brings_the_lowest_price_the_merchants_own_before_the_proposed(row, detailed):
    proposed = {"proposed_lowest_net": Decimal(8), "proposed_lowest_gross": Decimal(9)}
    own = {"custom_lowest_net": None, "custom_lowest_gross": Decimal("11.90")}

    document = price_document(with_details(row, OFFER, **proposed, **own), detailed)

    assert document.lowest == Amount(Decimal("10.00"), Decimal("11.90"))
    assert document.list_price == Amount(Decimal("16.80"), Decimal("19.99"))
    document = price_document(with_details(row, OFFER, **proposed), detailed)
    assert document.lowest == Amount(Decimal(8), Decimal(9))


def lowest_by_step(document) -> dict:
    """Group of customers and quantity: the lowest price of 30 days, gross."""
    return {
        (one.group, step.from_quantity): step.lowest and str(step.lowest.gross)
        for one in document.lists
        for step in one.steps
    }


def test_each_price_that_an_offer_lowers_has_the_lowest_price_beside_it(row, detailed):
    """A shop shows the price by quantity or group, and not the product's own."""
    costly = DEALERS | {"gross": Decimal(30), "net": Decimal(25)}
    tier = OFFER | {"gross": Decimal(4), "net": Decimal(3), "from_quantity": Decimal(10)}

    document = price_document(
        with_details(row, OFFER, costly, tier, custom_lowest_gross=Decimal("11.90")), detailed
    )

    assert lowest_by_step(document) == {
        (None, 1): "11.90",
        (None, 10): "11.90",
        # theirs is 30, less the offer for everybody
        ("2", 1): "11.90",
        ("2", 10): "11.90",
    }


def test_a_regular_price_below_the_lowest_one_of_a_piece_is_the_lowest_one_itself(row, detailed):
    """The ERP's figure is that of one piece for everybody: the dealers have paid 5 all along."""
    regular = {"net": Decimal(8), "gross": Decimal(9), "from_quantity": Decimal(10)}
    offers = [
        OFFER | {"gross": Decimal(3), "net": Decimal(2), "from_quantity": Decimal(10)},
        OFFER | {"gross": Decimal(4), "net": Decimal(3), "group": "2"},
    ]

    document = price_document(
        with_details(row, regular, DEALERS, *offers, custom_lowest_gross=Decimal("11.90")), detailed
    )

    assert lowest_by_step(document) == {
        (None, 1): None,
        (None, 10): "9",
        ("2", 1): "5",
        # the offer for everybody, which is lower than theirs
        ("2", 10): "5",
    }


def test_a_lowest_price_above_the_regular_one_is_the_erps_to_state(row, detailed):
    """The regular price was lowered when the offer began; the product and its rows say the same."""
    tier = OFFER | {"gross": Decimal(4), "net": Decimal(3), "from_quantity": Decimal(10)}

    document = price_document(
        with_details(row, OFFER, tier, custom_lowest_gross=Decimal(25)), detailed
    )

    assert document.lowest.gross == 25
    assert lowest_by_step(document) == {(None, 1): "25", (None, 10): "25"}


def test_an_offer_lasts_from_the_merchants_first_midnight_to_the_one_after_its_last_day(
    row, detailed
):
    berlin = replace(detailed, now=datetime(2026, 11, 30, 12, tzinfo=ZoneInfo("Europe/Berlin")))
    days = OFFER | {"since": "2026-11-30", "until": "2026-12-24"}

    document = price_document(with_details(row, days), berlin)
    costlier = price_document(with_details(row, days | {"gross": Decimal(30)}), berlin)

    assert document.offer_since == datetime(2026, 11, 29, 23, tzinfo=UTC)
    assert document.offer_until == datetime(2026, 12, 24, 23, tzinfo=UTC)
    assert (costlier.offer_since, costlier.offer_until) == (None, None)


def test_without_an_offer_there_is_no_lowest_price_to_show(row, detailed):
    lowest = {"custom_lowest_gross": Decimal("11.90")}

    assert price_document(with_details(row, **lowest), detailed).lowest is None
    document = price_document(with_details(row, DEALERS, **lowest), detailed)
    assert lowest_by_step(document) == {("2", 1): None}


def test_a_group_has_the_shops_name_by_its_mapping(row, detailed):
    mapped = replace(detailed, mappings=Mappings({Kind.CUSTOMER_GROUP: {"2": "f" * 32}}))

    (listed,) = price_document(with_details(row, DEALERS), mapped).lists

    assert (listed.group, listed.group_label, listed.shop_group) == ("2", "Händler", "f" * 32)


def test_customer_groups_come_before_price_groups_and_what_is_left_out_does_not_come(row, detailed):
    mappings = {Kind.PRICE_GROUP: {"1": "e" * 32, "3": "-"}, Kind.CUSTOMER_GROUP: {"2": "f" * 32}}
    of_group = {"net": Decimal(3), "gross": Decimal(4), "kind": "price-group"}

    document = price_document(
        with_details(row, of_group | {"group": "3"}, of_group | {"group": "1"}, DEALERS),
        replace(detailed, mappings=Mappings(mappings)),
    )

    assert [(one.kind, one.group, one.shop_group) for one in document.lists] == [
        (Kind.CUSTOMER_GROUP, "2", "f" * 32),
        (Kind.PRICE_GROUP, "1", "e" * 32),
    ]


def test_details_that_are_taken_away_leave_an_empty_list(row, make_channel):
    removed = make_channel(**{PRICE_DETAILS: "remove"})

    assert price_document(row, removed).lists == ()
