"""Customers who order in the shop, and an employee who ships it in the ERP, in the ways there are.

Every delivery document has to be told to the shop exactly once, some of them are sent twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import requests

from tests.chaos.world import World

QUANTITY = 2
#: Orders that are not dealt with yet; with more, none is placed.
MOST_OPEN = 4
#: A share of the deliveries whose event comes twice.
SENT_TWICE = 0.4
_DELIVERED = "order_to_delivery"


class Trade:
    """Places orders and works on them, a step at a time."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self._world, self._rng = world, rng
        self._stories: list[Iterator[None]] = []
        self._ways: Sequence[Callable[[int, str], Iterator[None]]] = (
            self._whole,
            self._label_later,
            self._in_parts,
            self._corrected,
            self._rest_closed,
        )

    def order(self, articles: Sequence[dict[str, Any]]) -> bool:
        """An order in the shop and, imported, in the ERP; False: too many wait."""
        if len(self._stories) >= MOST_OPEN:
            return False
        lines = [{"article": one["number"], "quantity": QUANTITY} for one in articles]
        placed = self._world.shop("orders", orders=[{"lines": lines}])["orders"][0]
        imported = self._world.erp(
            "order",
            reference=str(placed["number"]),
            lines=[{"article": one["id"], "quantity": QUANTITY} for one in articles],
        )
        way = self._rng.choice(self._ways)
        self._stories.append(way(int(imported["document"]), str(articles[0]["id"])))
        return True

    def go_on(self) -> None:
        """The next step of one of the orders, if there is any."""
        if self._stories:
            story = self._rng.choice(self._stories)
            if next(story, "over") == "over":
                self._stories.remove(story)

    def finish(self) -> None:
        """All steps that are left."""
        while self._stories:
            self.go_on()

    # --- what can become of an order, `article` being the first of its lines ---------------------

    def _whole(self, order: int, article: str) -> Iterator[None]:
        self._ship(order, parcels=2)
        yield

    def _label_later(self, order: int, article: str) -> Iterator[None]:
        shipment = self._ship(order, parcels=2, complete=False)
        for parcel in shipment["parcels"]:
            yield
            self._world.erp("parcel", parcel=parcel["parcel"])

    def _in_parts(self, order: int, article: str) -> Iterator[None]:
        self._ship(order, lines=_one(article))
        yield
        self._ship(order, combined=True)

    def _corrected(self, order: int, article: str) -> Iterator[None]:
        wrong = self._ship(order)
        yield
        self._world.erp("cancel", document=wrong["document"])
        yield
        self._ship(order, lines=_one(article))

    def _rest_closed(self, order: int, article: str) -> Iterator[None]:
        self._ship(order, lines=_one(article))
        yield
        self._world.erp("cancel", document=order, rest=True)

    def _ship(self, order: int, **more: Any) -> dict[str, Any]:
        if self._rng.random() < SENT_TWICE:
            self._world.fault("erp", "webhook-duplicate", route=_DELIVERED, count=1)
        return dict(self._world.erp("ship", order=order, **more))


def _one(article: str) -> list[dict[str, Any]]:
    return [{"article": article, "quantity": 1}]


def both_sides(world: World, number: str | None = None) -> tuple[list[Any], list[Any]]:
    """The orders of ERP and shop; with the shop's `number` that one alone."""
    erp = requests.get(f"{world.erp_url}/_sandbox/orders", timeout=30).json()
    shop = requests.get(f"{world.shop_url}/_sandbox/orders", timeout=30).json()["orders"]
    return (
        [one for one in erp if number in (None, one["reference"])],
        [one for one in shop if number in (None, str(one["number"]))],
    )


def told_twice(world: World) -> list[str]:
    """A sentence for each order that was told more often than there are deliveries of it."""
    in_erp, in_shop = both_sides(world)
    steps = {one["reference"]: steps_of(one) for one in in_erp}
    found = []
    for order in in_shop:
        told, wanted = tellings(order), steps.get(str(order["number"]), 0)
        if told > wanted:
            found.append(f"order {order['number']}: {wanted} steps were told {told} times")
    return found


def steps_of(order: dict[str, Any]) -> int:
    """What there is to tell of the ERP's order: each delivery, and that nothing more will come."""
    return len(order["deliveries"]) + (order["state"] == "CLOSED")


def tellings(order: dict[str, Any]) -> int:
    """How often the shop was told that something of an order is on its way: by whichever of its
    ways tells more, a step of its delivery's states (WooCommerce: of the order) or a fulfilment."""
    steps = [
        one
        for one in order.get("writes", ())
        if one["action"] in ("ship", "ship_partially") and one["result"] == "applied"
    ]
    steps += [one for one in order.get("statuses", ()) if one["status"] == "completed"]
    return max(len(steps), len(order.get("fulfillments", ())))
