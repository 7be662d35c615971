"""The test's doors to orders: put some into the shop, and see what became of them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from . import clock, order_routes, tracking_routes, wire
from .shop import Shop
from .store import Row

#: What a status says of the goods; there is none for a part.
STATES = {"completed": "shipped", "cancelled": "cancelled", "refunded": "cancelled"}


class BadOrder(Exception):
    """The caller made a mistake; the text says which."""


def add_routes(admin: Blueprint, shop: Shop) -> None:
    """`GET` and `POST /orders`."""

    @admin.get("/orders")
    def list_orders() -> Response:
        number = request.args.get("number")
        with shop.store.lock:
            rows = [row for row in shop.store.orders.values()
                    if number in (None, order_routes.number_of(row))]
            return wire.answer({"orders": [_shown(shop, row) for row in rows]})

    @admin.post("/orders")
    def place_orders() -> Response:
        g.started = 0.0
        with shop.store.lock:
            placed = [_placed(shop, one) for one in wire.body().get("orders") or ()]
            return wire.answer({"orders": [_shown(shop, row) for row in placed]})

    @admin.post("/orders/status")
    def set_status() -> Response:
        """What an employee does."""
        g.started = 0.0
        body = wire.body()
        with shop.store.lock:
            row = order_routes.update(shop, body.get("id"), {"status": body.get("status")})
            return wire.answer(_shown(shop, row))

    @admin.post("/notes")
    def add_note() -> Response:
        """What an employee writes down."""
        body = wire.body()
        with shop.store.lock:
            note = {"id": shop.store.next_row(), "created": clock.now(),
                    "note": str(body.get("note")), "customer_note": False}
            shop.store.notes.setdefault(int(body["id"]), []).append(note)
        return wire.answer({"id": note["id"]})

    @admin.errorhandler(BadOrder)
    def refuse(problem: BadOrder) -> Response:
        return wire.answer({"error": "BAD_REQUEST", "message": str(problem)}, 400)


def _placed(shop: Shop, given: Any) -> Row:
    lines = [_line(shop, one) for one in given["lines"]]
    row = order_routes.create(shop, {"status": "processing", "line_items": lines})
    if "number" in given:
        row = shop.store.orders[row["id"]] = {**row, "number": str(given["number"])}
    return row


def _line(shop: Shop, given: Row) -> Row:
    product_id = shop.store.owner_of(str(given["article"]))
    if product_id is None:
        raise BadOrder(f"There is no product with the number {given['article']!r}.")
    return {"product_id": product_id, "quantity": given.get("quantity", 1)}


def _shown(shop: Shop, row: Row) -> Row:
    state = STATES.get(row["status"], "open")
    return {
        "id": str(row["id"]), "number": order_routes.number_of(row), "status": row["status"],
        "lines": [{"article": one["sku"], "quantity": one["quantity"]} for one in row["lines"]],
        "fulfillments": shop.store.fulfillments.get(row["id"], []),
        "trackings": shop.store.trackings.get(row["id"], []),
        "notes": [{"id": one["id"], "note": one["note"], "to_customer": one["customer_note"]}
                  for one in shop.store.notes.get(row["id"], [])],
        "statuses": row["statuses"], "tells_parts": False,
        "deliveries": [{"state": state, "shipping_costs": 0,
                        "tracking_codes": tracking_routes.numbers(shop, row["id"])}]}
