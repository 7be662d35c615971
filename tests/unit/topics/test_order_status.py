"""update.orderStatus: from the ERP's documents to what a shop is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integration.channel_view import ChannelView
from integration.documents import DeliveryDocument, OrderState, ParcelDocument, ShippedLine
from integration.errors import (
    ChannelError,
    Held,
    HeldFor,
    Invalid,
    Rejected,
    Throttled,
    TransientError,
)
from integration.mapping_kinds import Kind, Mappings
from integration.topics import order_status
from integration.topics.order_status import delivery_document


def channel(**parameters: str) -> ChannelView:
    mappings = Mappings({Kind.CARRIER: {"3": "shop-dhl"}})
    return ChannelView(1, 1, "acme", "42", "memory", parameters, mappings=mappings)


def order(order_id: str = "500", *, ordered: int = 2, done: int = 2, **more: Any) -> dict[str, Any]:
    keys = {"externalIdentifier": None, "externalNumber": f"S{order_id}"}
    line = {"quantity": ordered, "committed": done, "complete": done >= ordered}
    row = {"id": order_id, "channel": "42", "state": "ACCEPTED", "keys": keys, "lines": [line]}
    return {**row, **more}


def shipped(order_id: str = "500", line: str = "1", quantity: Any = 2) -> dict[str, Any]:
    return {"order": order_id, "order_line": line, "number": "A-1", "quantity": quantity}


def parcel(tracking: str | None = "T1", **more: Any) -> dict[str, Any]:
    row = {"state": "COMPLETED", "tracking": tracking, "url": "https://t.example/T1"}
    return {**row, "carrier": "3", "carrier_label": "DHL", **more}


def delivery(**more: Any) -> dict[str, Any]:
    return {
        "id": "600",
        "category": "CUSTOMER_DELIVERY_DOCUMENT",
        "channel": "42",
        "state": "ACCEPTED",
        "lines": [shipped()],
        "orders": [order()],
        "parcels": [parcel()],
        "waits_s": 0.0,
        **more,
    }


def made(row: dict[str, Any], *, was_sent: bool = False, **parameters: str) -> DeliveryDocument:
    document = delivery_document(row, channel(**parameters), was_sent=was_sent)
    assert isinstance(document, DeliveryDocument)
    return document


def test_a_delivery_says_what_went_in_which_parcels():
    document = made(delivery())

    (part,) = document.orders
    assert (part.order_id, part.shop_order, part.state) == ("500", "S500", OrderState.SHIPPED)
    assert part.lines == (ShippedLine("1", "A-1", Decimal(2)),)
    assert document.parcels == (
        ParcelDocument("T1", "https://t.example/T1", "3", "DHL", "shop-dhl"),
    )


def test_lines_that_deliver_one_line_of_the_order_are_added():
    lines = [shipped(quantity=1), shipped(quantity="0.5"), shipped(line="2", quantity=3)]

    (part,) = made(delivery(lines=lines)).orders

    assert [(one.order_line_id, one.quantity) for one in part.lines] == [
        ("1", Decimal("1.5")),
        ("2", Decimal(3)),
    ]


def test_the_orders_of_a_collective_delivery_are_split():
    row = delivery(
        orders=[order("500"), order("501", ordered=5, done=2)],
        lines=[shipped("500"), shipped("501", line="7")],
    )

    first, second = made(row).orders

    assert (first.shop_order, first.state) == ("S500", OrderState.SHIPPED)
    assert (second.shop_order, second.state) == ("S501", OrderState.PARTLY_SHIPPED)
    assert [one.order_line_id for one in second.lines] == ["7"]


def test_orders_of_others_are_left_out_of_a_collective_delivery():
    by_phone = order("501", keys={})
    elsewhere = order("502", channel="43")

    parts = made(delivery(orders=[order("500"), by_phone, elsewhere])).orders

    assert [one.shop_order for one in parts] == ["S500"]


@pytest.mark.parametrize(
    ("of_order", "state"),
    [
        ({"done": 2}, OrderState.SHIPPED),
        ({"done": 1}, OrderState.PARTLY_SHIPPED),
        ({"done": 0}, OrderState.PARTLY_SHIPPED),  # the delivery itself ships something
        ({"done": 1, "state": "CLOSED"}, OrderState.SHIPPED),  # nothing more comes
        ({"done": 1, "state": "CANCELLED"}, OrderState.SHIPPED),  # what went is all
        ({"lines": []}, OrderState.PARTLY_SHIPPED),
    ],
)
def test_what_became_of_the_whole_order(of_order, state):
    assert made(delivery(orders=[order(**of_order)])).orders[0].state is state


@pytest.mark.parametrize(
    ("of_order", "state"),
    [
        ({"done": 0, "state": "CANCELLED"}, OrderState.CANCELLED),
        ({"done": 0, "state": "CLOSED"}, OrderState.CANCELLED),
        ({"done": 1, "state": "CLOSED"}, OrderState.SHIPPED),
        ({"done": 1}, OrderState.PARTLY_SHIPPED),  # its id stands for a delivery's
    ],
)
def test_an_order_itself(of_order, state):
    row = delivery(category="CUSTOMER_ORDER", lines=[], parcels=[], orders=[order(**of_order)])

    document = made({**row, "state": of_order.get("state", "ACCEPTED")})

    assert (document.orders[0].state, document.parcels) == (state, ())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (delivery(channel="43"), order_status.NOT_OURS),
        (delivery(category="CUSTOMER_INVOICE"), order_status.NO_DELIVERY),
        (delivery(orders=[order(keys={})]), order_status.NO_SHOP_ORDER),
        (delivery(orders=[]), order_status.NO_SHOP_ORDER),
        (delivery(state="CANCELLED"), order_status.NEVER_SENT),
        (
            delivery(category="CUSTOMER_ORDER", orders=[order(done=0)]),
            order_status.NOTHING_HAPPENED,
        ),
    ],
)
def test_what_the_shop_is_not_told_has_a_reason(row, reason):
    assert delivery_document(row, channel(), was_sent=False) == reason
    assert len(reason) <= 60


def test_a_cancelled_delivery_that_was_sent_ships_nothing_any_more():
    document = made(delivery(state="CANCELLED", orders=[order(done=0)]), was_sent=True)

    assert (document.is_cancelled, document.tracking_numbers) == (True, ())
    assert (document.orders[0].state, document.orders[0].lines) == (OrderState.OPEN, ())


@pytest.mark.parametrize(
    ("parcels", "is_awaited"),
    [
        ([], True),
        ([parcel(None, state="OPEN")], True),
        ([parcel(), parcel(None, state="REQUESTED")], True),
        ([parcel(), parcel(None, state="CANCELLED")], False),
        ([parcel(None, state="ERROR")], True),
        ([parcel(state="MANUAL")], False),
        ([parcel(), parcel("T2")], False),
    ],
)
def test_numbers_are_awaited_while_there_is_time(parcels, is_awaited):
    row = delivery(parcels=parcels, waits_s=90.0)
    if not is_awaited:
        assert made(row).tracking_numbers
        return
    with pytest.raises(HeldFor) as caught:
        delivery_document(row, channel(), was_sent=False)
    assert (caught.value.reason, caught.value.seconds) == ("awaiting-tracking", 90.0)
    # Not again once it went, and not when the time is over.
    assert made(row, was_sent=True)
    assert made({**row, "waits_s": 0.0})


def test_numbers_of_parcels_that_do_not_travel_are_not_told():
    document = made(delivery(parcels=[parcel(), parcel("T2", state="CANCELLED"), parcel("T1")]))

    assert document.tracking_numbers == ("T1",)


@pytest.mark.parametrize(
    ("order_key", "found"),
    [
        ("", "id-1"),
        ("externalIdentifier,externalNumber", "id-1"),
        ("externalNumber , externalIdentifier", "S500"),
        ("referencedOrderNumber", "their-7"),
    ],
)
def test_the_first_filled_field_names_the_order(order_key, found):
    keys = {
        "externalIdentifier": "id-1",
        "externalNumber": " S500 ",
        "referencedOrderNumber": "their-7",
    }

    document = made(delivery(orders=[order(keys=keys)]), order_key=order_key)

    assert document.orders[0].shop_order == found


def test_a_carrier_without_a_mapping_is_told_as_the_erp_names_it():
    (told,) = made(delivery(parcels=[parcel(carrier="9", carrier_label="GLS")])).parcels

    assert (told.carrier, told.carrier_label, told.shop_carrier) == ("9", "GLS", None)


@pytest.mark.parametrize("text", ["number", "externalNumber,custom", ","])
def test_a_wrong_order_key_holds_the_channel(text):
    with pytest.raises(ChannelError, match="order_key names something else than externalId"):
        made(delivery(), order_key=text)


@pytest.mark.parametrize("text", ["-1", "1.5", "soon", "10081", "²"])
def test_a_wrong_wait_holds_the_channel(text):
    with pytest.raises(ChannelError, match="tracking_wait_min is not a number of minutes"):
        order_status.grace_s(channel(tracking_wait_min=text))


@pytest.mark.parametrize(("parameters", "seconds"), [({}, 3_600), ({"tracking_wait_min": "0"}, 0)])
def test_deliveries_wait_an_hour_unless_the_channel_says_otherwise(parameters, seconds):
    assert order_status.grace_s(channel(**parameters)) == seconds


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ({"id": "600", "refusal": "the ERP refuses it"}, Rejected),
        ({"id": "600", "forbidden": "the ERP forbids it"}, Held),
        ({"id": "600", "postponed": {"message": "busy", "retry_after_s": 7.0}}, Throttled),
        ({"id": "600", "postponed": {"message": "away", "retry_after_s": None}}, TransientError),
        (delivery(lines=[shipped(quantity="Erika Muster")]), Invalid),
    ],
)
def test_what_could_not_be_read_says_so_and_repeats_nothing(row, error):
    with pytest.raises(error) as caught:
        delivery_document(row, channel(), was_sent=False)

    assert type(caught.value) is error
    assert "Erika" not in str(caught.value)
