"""Which steps lead from the state of a delivery in the shop to what the ERP says of it. Pure.

Source: shopware6.md 8. A step that is not allowed would be refused by the shop; what is known to be
so is said in words that name the way out.
"""

from __future__ import annotations

from dataclasses import dataclass

from integration.documents import OrderState

#: Somebody in the shop went on with it: what the ERP says is behind that.
_PAST = ("returned", "returned_partially")


@dataclass(frozen=True)
class Step:
    """One transition. `tells_customer`: the customer may hear of it; steps that only put something
    right are nobody's business."""

    action: str
    reaches: str
    entity: str = "order_delivery"
    tells_customer: bool = False


SHIP = Step("ship", "shipped", tells_customer=True)
SHIP_PARTIALLY = Step("ship_partially", "shipped_partially", tells_customer=True)
CANCEL = Step("cancel", "cancelled")
REOPEN = Step("reopen", "open")
CANCEL_ORDER = Step("cancel", "cancelled", entity="order", tells_customer=True)


def plan(
    state: OrderState, *, delivery: str, order: str, is_withdrawal: bool, was_begun: bool
) -> list[Step] | str:
    """The steps of one delivery, or why there is no way.

    `delivery` and `order` are their states in the shop. `is_withdrawal`: a delivery that was sent
    is cancelled; `was_begun`: an earlier attempt at it may have stopped half-way.
    """
    if state is OrderState.CANCELLED:
        return _cancelling(delivery, order)
    if delivery in _PAST:
        return []
    if is_withdrawal:
        return _withdrawing(state, delivery, was_begun)
    if delivery == "cancelled":
        return (
            "its delivery is cancelled in the shop, but the ERP has shipped it; reopen the "
            "delivery there, then `vario-relay queue retry`"
        )
    if state is OrderState.SHIPPED:
        return [] if delivery == "shipped" else [SHIP]
    # Partly shipped; what somebody in the shop called shipped stays so.
    return [] if delivery in ("shipped", "shipped_partially") else [SHIP_PARTIALLY]


def _cancelling(delivery: str, order: str) -> list[Step] | str:
    if order == "completed":
        return "it is cancelled in the ERP, but done in the shop; reopen it there to cancel it"
    steps = [] if delivery in ("cancelled", *_PAST) else [CANCEL]
    return steps if order == "cancelled" else [*steps, CANCEL_ORDER]


def _withdrawing(state: OrderState, delivery: str, was_begun: bool) -> list[Step]:
    """Back to what the other deliveries of the order leave. No step leads from shipped to less, so
    the way is over cancelled and open."""
    if state is OrderState.SHIPPED:
        return []  # the goods went with another delivery
    rest = [SHIP_PARTIALLY] if state is OrderState.PARTLY_SHIPPED else []
    if delivery == "shipped":
        return [CANCEL, REOPEN, *rest]
    if delivery == "shipped_partially":
        return [] if rest else [CANCEL, REOPEN]
    if delivery == "cancelled":
        # By somebody in the shop, unless we stopped half-way ourselves.
        return [REOPEN, *rest] if was_begun else []
    return rest if was_begun else []
