"""From the state of a delivery in a Shopware to what the ERP says, as a table of its steps."""

from __future__ import annotations

import pytest

from integration.connectors.shopware6.order_steps import plan
from integration.documents import OrderState

PARTLY, SHIPPED = OrderState.PARTLY_SHIPPED, OrderState.SHIPPED
OPEN, CANCELLED = OrderState.OPEN, OrderState.CANCELLED


def actions(state, delivery, *, order="open", is_withdrawal=False, was_begun=False):
    steps = plan(
        state, delivery=delivery, order=order, is_withdrawal=is_withdrawal, was_begun=was_begun
    )
    return steps if isinstance(steps, str) else [f"{one.entity} {one.action}" for one in steps]


@pytest.mark.parametrize(
    ("state", "delivery", "wanted"),
    [
        (SHIPPED, "open", ["ship"]),
        (SHIPPED, "shipped_partially", ["ship"]),
        (SHIPPED, "shipped", []),
        (SHIPPED, "returned", []),  # the shop is past it
        (SHIPPED, "packed", ["ship"]),  # a state of a plugin: the shop decides
        (PARTLY, "open", ["ship_partially"]),
        (PARTLY, "shipped_partially", []),
        (PARTLY, "shipped", []),  # somebody in the shop knows more
        (PARTLY, "returned_partially", []),
    ],
)
def test_a_delivery_that_ships(state, delivery, wanted):
    assert actions(state, delivery) == [f"order_delivery {one}" for one in wanted]


@pytest.mark.parametrize("state", [PARTLY, SHIPPED])
def test_what_the_shop_cancelled_is_not_reopened_behind_its_back(state):
    assert "is cancelled in the shop, but the ERP has shipped it" in actions(state, "cancelled")


@pytest.mark.parametrize(
    ("left", "delivery", "was_begun", "wanted"),
    [
        (OPEN, "shipped", False, ["cancel", "reopen"]),
        (OPEN, "shipped_partially", False, ["cancel", "reopen"]),
        (OPEN, "open", False, []),
        (OPEN, "cancelled", False, []),  # by somebody in the shop
        (OPEN, "cancelled", True, ["reopen"]),  # by us, who then stopped
        (OPEN, "returned", True, []),
        (PARTLY, "shipped", False, ["cancel", "reopen", "ship_partially"]),
        (PARTLY, "shipped_partially", False, []),
        (PARTLY, "cancelled", True, ["reopen", "ship_partially"]),
        (PARTLY, "open", True, ["ship_partially"]),
        (SHIPPED, "shipped", False, []),  # the goods went with another delivery
    ],
)
def test_a_delivery_that_is_taken_back(left, delivery, was_begun, wanted):
    found = actions(left, delivery, is_withdrawal=True, was_begun=was_begun)

    assert found == [f"order_delivery {one}" for one in wanted]


@pytest.mark.parametrize(
    ("delivery", "order", "wanted"),
    [
        ("open", "open", ["order_delivery cancel", "order cancel"]),
        ("shipped", "in_progress", ["order_delivery cancel", "order cancel"]),
        ("cancelled", "open", ["order cancel"]),
        ("returned", "open", ["order cancel"]),
        ("cancelled", "cancelled", []),
    ],
)
def test_an_order_that_is_cancelled(delivery, order, wanted):
    assert actions(CANCELLED, delivery, order=order) == wanted


def test_an_order_that_the_shop_calls_done_is_not_cancelled():
    assert "done in the shop" in actions(CANCELLED, "shipped", order="completed")
