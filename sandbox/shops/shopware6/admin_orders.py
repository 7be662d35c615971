"""The test's doors to orders: put some into the shop, and see what became of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request

from . import admin_input, orders, values, wire
from .admin_input import BadInput
from .seen import Seen
from .shop import Shop
from .store import Row

KNOWN = {"number", "lines", "shipping", "shipping_discounted", "custom_fields", "id", "delivery_id",
         "transaction_id"}
IDS = {"id": "order_id", "delivery_id": "delivery_id", "transaction_id": "transaction_id"}


def add_routes(admin: Blueprint, shop: Shop) -> None:
    """`GET` and `POST /orders`."""

    @admin.get("/orders")
    def list_orders() -> Response:
        number, after = request.args.get("number"), request.args.get("after", "")
        limit = admin_input.limit(request.args.get("limit"))
        with shop.store.lock:
            found = sorted((row for row in shop.store.table("order").values()
                            if row["id"] > after and number in (None, row["orderNumber"])),
                           key=lambda row: row["id"])
            return wire.answer({"orders": [_shown(shop, row) for row in found[:limit]]})

    @admin.post("/orders")
    def place_orders() -> Response:
        wanted = admin_input.several("orders")
        with shop.store.lock:
            with shop.store.transaction():
                placed = [_place(shop, one) for one in wanted]
            for order in placed:
                _note_sold(shop, order)
            return wire.answer({"orders": [_shown(shop, row) for row in placed]})


def _shown(shop: Shop, order: Row) -> Row:
    return orders.shown(shop.store, order, shop.journals.orders.of_id(order["id"]))


def _place(shop: Shop, given: Any) -> Row:
    if not isinstance(given, dict) or not isinstance(given.get("lines"), list) or (
            not given["lines"]):
        raise BadInput("An order is an object with a list of `lines`.")
    if unknown := set(given) - KNOWN:
        raise BadInput(f"Unknown: {', '.join(sorted(unknown))}.")
    shipping = values.numeric(given.get("shipping", 0))
    if shipping is None:
        raise BadInput("`shipping` is an amount of money.")
    wanted = orders.Wanted(
        [_line(shop, one) for one in given["lines"]], number=_number(shop, given),
        shipping=shipping, is_shipping_discounted=given.get("shipping_discounted") is True,
        custom_fields=given.get("custom_fields"), **_ids(shop, given))
    return orders.place(shop.store, wanted)


def _note_sold(shop: Shop, order: Row) -> None:
    for line in shop.store.children("order_line_item", "orderId", order["id"]):
        shop.journals.products.note(line["productId"], line["payload"]["productNumber"], {
            "request": "", "by": "order", "entity": "product", "action": "sold",
            "body": {"id": line["productId"], "quantity": line["quantity"]}, "result": "applied"})


def _number(shop: Shop, given: Row) -> str | None:
    number = given.get("number")
    if number is None:
        return None
    taken = any(row["orderNumber"] == number for row in shop.store.table("order").values())
    if not isinstance(number, str) or taken:
        raise BadInput("`number` is a text that no other order has.")
    return number


def _ids(shop: Shop, given: Row) -> dict[str, str]:
    for name in IDS:
        if name in given and not values.is_uuid(given[name]):
            raise BadInput(f"`{name}` is 32 hexadecimal digits.")
    if shop.store.get("order", given.get("id")) is not None:
        raise BadInput("`id` belongs to another order.")
    return {target: given[name] for name, target in IDS.items() if name in given}


def _line(shop: Shop, given: Any) -> orders.Line:
    if not isinstance(given, dict) or set(given) - {"article", "quantity"}:
        raise BadInput("A line is an object with an `article` and a `quantity`.")
    quantity = given.get("quantity", 1)
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise BadInput("`quantity` is a whole number from 1.")
    row = admin_input.article(shop, given.get("article"))
    seen = Seen(shop.store, row)
    return orders.Line(row, quantity, Decimal(seen.price.get("gross") or 0),
                       Decimal(seen.tax.get("taxRate") or 0), seen.texts.get("name") or "")
