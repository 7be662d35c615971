"""What the Shopware connector does with deliveries, against a shop over HTTP, failing too."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from integration.connectors.base import Earlier, Payload, Receipt
from integration.documents import DeliveryDocument, OrderPart, OrderState, ParcelDocument
from integration.errors import (
    Busy,
    ClaimLost,
    Held,
    Rejected,
    Throttled,
    TransientError,
)
from integration.topology import Topic
from tests.contract.connectors.test_shopware6 import Shop, shop
from tests.unit.connectors.kit import Gate, context

__all__ = ["shop"]

STEP = "POST /api/_action/order_delivery"
SYNC = "POST /api/_action/sync"
SEARCH = "POST /api/search/order"


def place(shop: Shop, *numbers: str, **more: Any) -> None:
    if "P1" not in shop.products:
        shop.admin("products", products=[{"number": "P1"}])
    shop.admin(
        "orders",
        orders=[{"number": one, "lines": [{"article": "P1"}], **more} for one in numbers],
    )


def delivery(
    number: str, *tracking: str, state: OrderState = OrderState.SHIPPED
) -> DeliveryDocument:
    return DeliveryDocument(
        f"6{number}",
        (OrderPart(f"5{number}", number, state),),
        tuple(ParcelDocument(one) for one in tracking),
    )


def push(shop: Shop, *documents: DeliveryDocument, earlier: Earlier | None = None) -> list[Receipt]:
    connector = shop.connector()
    payloads: list[Payload] = [connector.delivery_payload(one, None) for one in documents]
    for payload in payloads:
        if earlier is not None:
            payload["earlier"] = earlier
    receipts: list[Receipt] = connector.push(Topic.ORDER_STATUS, payloads, key="k")
    return receipts


def shown(shop: Shop, number: str) -> dict[str, Any]:
    url = f"{shop.url}/_sandbox/orders"
    order: dict[str, Any] = requests.get(url, params={"number": number}, timeout=5).json()[
        "orders"
    ][0]
    return order


def state(shop: Shop, number: str) -> tuple[str, list[str]]:
    one = shown(shop, number)["deliveries"][0]
    return one["state"], one["tracking_codes"]


def test_the_numbers_come_before_the_step_that_mails_them(shop: Shop) -> None:
    place(shop, "10")

    (receipt,) = push(shop, delivery("10", "T1", "T2"))

    order = shown(shop, "10")
    assert [one["action"] for one in order["writes"]] == ["upsert", "ship"]
    assert receipt == Receipt(
        "610", external_id=order["deliveries"][0]["id"], recorded=(Topic.ORDER_STATUS,)
    )


def test_a_batch_costs_one_write_each_and_one_for_all_numbers(shop: Shop) -> None:
    numbers = [str(one) for one in range(100, 120)]
    place(shop, *numbers)

    receipts = push(shop, *(delivery(one, f"T{one}") for one in numbers))

    assert all(one.error is None for one in receipts)
    assert shop.routes[SYNC] == 1
    assert shop.routes["POST /api/_action/order_delivery/{id}/state/{action}"] == 20
    assert shop.routes[SEARCH] == 1
    assert shop.gate.count == 21


def test_each_write_is_asked_for_and_a_lost_claim_sends_nothing(shop: Shop) -> None:
    place(shop, "10")
    shop.gate.refusal = {1: ClaimLost("it was taken over")}

    with pytest.raises(ClaimLost):
        push(shop, delivery("10", "T1"))

    assert state(shop, "10") == ("open", [])


def test_several_documents_of_one_order_keep_each_others_numbers(shop: Shop) -> None:
    place(shop, "10")

    push(shop, delivery("10", "T1", state=OrderState.PARTLY_SHIPPED), delivery("10", "T2"))

    assert state(shop, "10") == ("shipped", ["T1", "T2"])
    assert shop.routes[SYNC] == 1


def test_what_we_sent_before_makes_room_and_nothing_else(shop: Shop) -> None:
    place(shop, "10")
    push(shop, delivery("10", "OLD", "T1"))
    push(shop, delivery("10", "SOMEBODY"))
    earlier = Earlier(was_sent=True, was_withdrawn=False, tracking_numbers=["OLD", "T1"])

    push(shop, delivery("10", "T1", "NEW"), earlier=earlier)

    assert state(shop, "10") == ("shipped", ["T1", "SOMEBODY", "NEW"])


def test_an_order_that_is_not_there_fails_and_the_others_go(shop: Shop) -> None:
    place(shop, "10", "12")

    first, lost, last = push(shop, delivery("10"), delivery("11"), delivery("12"))

    assert (first.error, last.error) == (None, None)
    assert isinstance(lost.error, Rejected)
    assert str(lost.error).startswith("the shop has no order 11; ")
    assert "`channel set CHANNEL order_key=...`" in str(lost.error)


def test_the_delivery_with_the_goods_is_shipped_and_not_the_discount(shop: Shop) -> None:
    place(shop, "10", shipping=4.9, shipping_discounted=True)

    push(shop, delivery("10", "T1"))

    states = {one["shipping_costs"]: one["state"] for one in shown(shop, "10")["deliveries"]}
    assert states == {4.9: "shipped", -4.9: "open"}


def test_an_order_is_found_by_its_id_too(shop: Shop) -> None:
    place(shop, "10")

    (receipt,) = push(shop, delivery(shown(shop, "10")["id"]))

    assert receipt.error is None
    assert state(shop, "10")[0] == "shipped"


def test_a_step_that_the_shop_forbids_fails_with_what_it_allows(shop: Shop) -> None:
    place(shop, "10")
    delivery_id = shown(shop, "10")["deliveries"][0]["id"]
    employee = shop.connector()._client

    class CancelledMeanwhile(Gate):
        def __call__(self) -> None:
            super().__call__()
            if self.count == 1:
                employee.take_step("order_delivery", delivery_id, "cancel", {})

    shop.gate, employee._context = CancelledMeanwhile(), context()

    (receipt,) = push(shop, delivery("10"))

    assert isinstance(receipt.error, Rejected)
    assert str(receipt.error).startswith('order 10: Illegal transition "ship" from state ')
    assert str(receipt.error).endswith("Possible transitions are: reopen")


def test_a_deadlock_is_repeated_at_once(shop: Shop) -> None:
    place(shop, "10")
    shop.fault("deadlock", STEP, count=2)

    (receipt,) = push(shop, delivery("10"))

    assert receipt.error is None
    assert state(shop, "10")[0] == "shipped"


def test_a_lock_that_stays_costs_the_one_delivery_no_attempt(shop: Shop) -> None:
    place(shop, "10", "11")
    shop.fault("deadlock", STEP, count=4)

    locked, free = push(shop, delivery("10"), delivery("11"))

    assert isinstance(locked.error, Busy)
    assert free.error is None


def test_when_the_shop_fails_what_was_not_tried_loses_no_attempt(shop: Shop) -> None:
    place(shop, "10", "11", "12")
    shop.fault("500", f"{STEP}/{shown(shop, '11')['deliveries'][0]['id']}", count=1)

    first, failed, untried = push(shop, delivery("10"), delivery("11"), delivery("12"))

    assert first.error is None
    assert isinstance(failed.error, TransientError)
    assert failed.error.outcome_unknown
    assert isinstance(untried.error, Busy)
    assert state(shop, "12")[0] == "open"


def test_a_shop_that_asks_for_a_pause_at_once_is_heard(shop: Shop) -> None:
    place(shop, "10")
    shop.fault("429", STEP, count=1)

    with pytest.raises(Throttled):
        push(shop, delivery("10"))


def test_a_role_that_may_not_read_orders_says_which_right_it_lacks(shop: Shop) -> None:
    place(shop, "10")
    shop.admin("faults", kind="missing-privilege", privilege="order:read")

    (receipt,) = push(shop, delivery("10"))

    # Held, and not the channel: its stocks go on.
    assert isinstance(receipt.error, Held)
    assert receipt.error.reason == "shop-right"
    assert "order:read" in str(receipt.error)
