"""Routes of orders and their notes: enough of both to report a shipment."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, g, request

from . import api, clock, coercions, errors, products, render, schema, tracking_routes, wire
from .shop import Shop
from .store import Row

INVALID_ORDER = "woocommerce_rest_shop_order_invalid_id"
_CENT = Decimal("0.01")
_ADDRESS = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state",
            "postcode", "country", "email", "phone")
_LISTED = ("any", "trash", *schema.ORDER_STATUSES)


def add(shop: Shop, routes: Blueprint) -> None:
    """All routes below /orders."""
    _add_notes(shop, routes)

    @routes.get("/orders")
    def orders() -> Response:
        api.permit("view")
        with shop.store.lock:
            return api.page(_found(shop), "/orders", lambda row: shown(shop, row))

    @routes.post("/orders")
    def create_order() -> Response:
        api.permit("create")
        body = wire.body()
        schema.check(body, schema.ORDER)
        with shop.store.lock:
            row = create(shop, body)
        return api.one(shown(shop, row), 201, f"{shop.url}{render.ROUTE}/orders/{row['id']}")

    @routes.get("/orders/<int:order_id>")
    def show_order(order_id: int) -> Response:
        api.permit("view")
        return api.one(shown(shop, _order(shop, order_id, status=404)))

    @routes.route("/orders/<int:order_id>", methods=api.WRITING)
    def change_order(order_id: int) -> Response:
        api.permit("edit")
        body = wire.body()
        schema.check(body, schema.ORDER)
        with shop.store.lock:
            return api.one(shown(shop, update(shop, order_id, body)))

    @routes.route("/orders/batch", methods=api.WRITING)
    def order_batch() -> Response:
        api.permit("batch")
        return wire.answer(api.batch(
            shop, wire.body(), create=lambda body: shown(shop, create(shop, body)),
            update=lambda body: shown(shop, update(shop, body.get("id"), body)),
            delete=lambda order_id: shown(shop, _deleted(shop, order_id))))

    @routes.get("/orders/statuses")
    def statuses() -> Response:
        api.permit("view")
        return wire.answer([{"slug": one, "name": one.capitalize()}
                            for one in schema.ORDER_STATUSES])


def _add_notes(shop: Shop, routes: Blueprint) -> None:
    @routes.get("/orders/<int:order_id>/notes")
    def notes(order_id: int) -> Response:
        api.permit("view")
        _order(shop, order_id, status=404)
        return wire.answer([_note(shop, order_id, one)
                            for one in reversed(shop.store.notes.get(order_id, []))])

    @routes.delete("/orders/<int:order_id>/notes/<int:note_id>")
    def delete_note(order_id: int, note_id: int) -> Response:
        api.permit("delete")
        with shop.store.lock:
            found = shop.store.notes.get(order_id, [])
            note = next((one for one in found if one["id"] == note_id), None)
            if note is None:
                raise errors.invalid_id(404, "woocommerce_rest_invalid_id",
                                        "Resource does not exist.")
            found.remove(note)
        return api.one(_note(shop, order_id, note))

    @routes.post("/orders/<int:order_id>/notes")
    def create_note(order_id: int) -> Response:
        api.permit("create")
        body = wire.body()
        _order(shop, order_id, status=404)
        with shop.store.lock:
            note = {"id": shop.store.next_row(), "created": clock.now(),
                    "note": coercions.markup(body.get("note")),
                    "customer_note": coercions.truth(body.get("customer_note"))}
            shop.store.notes.setdefault(order_id, []).append(note)
        path = f"/orders/{order_id}/notes/{note['id']}"
        return api.one(_note(shop, order_id, note), 201, f"{shop.url}{render.ROUTE}{path}")


def create(shop: Shop, body: Row) -> Row:
    """An order as the checkout would leave it; unknown products become nameless lines."""
    moment = clock.now()
    row: Row = {"id": shop.store.next_post(), "status": "pending", "created": moment,
                "modified": moment, "meta_data": [], "billing": {}, "paid": None,
                "completed": None, "reduced": False, "statuses": [], "number": None,
                "key": f"wc_order_{secrets.token_hex(6)}"}
    row["billing"] = {name: coercions.text((body.get("billing") or {}).get(name))
                      for name in _ADDRESS}
    row["lines"] = [_line(shop, one) for one in body.get("line_items") or ()]
    row["shipping"] = [_shipping(shop, one) for one in body.get("shipping_lines") or ()]
    shop.store.orders[row["id"]] = row
    return _changed(shop, row, body)


def update(shop: Shop, order_id: Any, body: Row) -> Row:
    return _changed(shop, _order(shop, order_id, status=400), body)


def _changed(shop: Shop, old: Row, body: Row) -> Row:
    """There is no state machine: every status follows every other, an unknown one is pending."""
    row = {**old, "modified": clock.now()}
    if body.get("status") is not None:
        known = body["status"] in schema.ORDER_STATUSES
        row["status"] = body["status"] if known else "pending"
    elif coercions.truth(body.get("set_paid")):
        row["status"] = "processing"
    if row["status"] in ("processing", "completed"):
        row["paid"] = row["paid"] or row["modified"]
        _reduce_stock(shop, row)
    elif row["status"] in ("cancelled", "pending"):
        _restore_stock(shop, row)
    if row["status"] != old["status"]:
        told = {"status": row["status"], "tracking": tracking_routes.numbers(shop, row["id"])}
        row["statuses"] = [*row["statuses"], told]
    if row["status"] == "completed":
        row["completed"] = row["completed"] or row["modified"]
    if isinstance(body.get("meta_data"), list):
        row["meta_data"] = products.merged_meta(row["meta_data"], body["meta_data"],
                                                shop.store.next_row)
    shop.store.orders[row["id"]] = row
    return row


def number_of(row: Row) -> str:
    """Its id, unless a plugin numbers orders."""
    return str(row["number"] or row["id"])


def _reduce_stock(shop: Shop, row: Row) -> None:
    if not row["reduced"]:
        row["reduced"] = True
        _take_off_stock(shop, row, 1)


def _restore_stock(shop: Shop, row: Row) -> None:
    """What is cancelled is for sale again."""
    if row["reduced"]:
        row["reduced"] = False
        _take_off_stock(shop, row, -1)


def _take_off_stock(shop: Shop, row: Row, times: int) -> None:
    writer = shop.writer(g.get("started", 0.0))
    for line in row["lines"]:
        product = shop.store.products.get(line["product_id"])
        if product is not None and product["manage_stock"]:
            left = product["stock_quantity"] - times * line["quantity"]
            shop.store.put_product({
                **writer.update(product, {"stock_quantity": left}),
                "total_sales": product["total_sales"] + times * line["quantity"]})


def _line(shop: Shop, one: Row) -> Row:
    product_id = coercions.whole(one.get("product_id"))
    product = shop.store.products.get(product_id)
    quantity = coercions.whole(one.get("quantity")) or 1
    price = Decimal((product or {}).get("regular_price") or 0)
    total = str((price * quantity).quantize(_CENT))
    return {"id": shop.store.next_row(), "name": (product or {}).get("name", ""),
            "product_id": product_id if product else 0, "variation_id": 0, "quantity": quantity,
            "tax_class": "", "subtotal": total, "subtotal_tax": "0.00", "total": total,
            "total_tax": "0.00", "taxes": [], "meta_data": [],
            "sku": product["sku"] if product else None,
            "global_unique_id": product["global_unique_id"] if product else None, "price": price,
            "image": {"id": 0, "src": ""}, "parent_name": None}


def _shipping(shop: Shop, one: Row) -> Row:
    return {"id": shop.store.next_row(), "method_title": coercions.text(one.get("method_title")),
            "method_id": coercions.text(one.get("method_id")), "instance_id": "",
            "total": coercions.price(one.get("total")) or "0.00", "total_tax": "0.00", "taxes": [],
            "tax_status": "taxable", "meta_data": []}


def _order(shop: Shop, order_id: Any, *, status: int) -> Row:
    row = shop.store.orders.get(order_id) if isinstance(order_id, int) else None
    if row is None:
        raise errors.invalid_id(status, INVALID_ORDER, "ID is invalid.")
    return row


def _deleted(shop: Shop, order_id: Any) -> Row:
    return shop.store.orders.pop(_order(shop, order_id, status=404)["id"])


def _found(shop: Shop) -> list[Row]:
    wanted = request.args.get("status", "any").split(",")
    if wrong := [place for place, one in enumerate(wanted) if one not in _LISTED]:
        raise schema.not_one_of("status", f"status[{wrong[0]}]", _LISTED)
    zone = clock.UTC_ZONE if request.args.get("dates_are_gmt") == "true" else None
    after = clock.parsed(request.args.get("modified_after"), zone)
    ids = api.included(request.args)
    term = request.args.get("search", "")
    rows = [one for one in shop.store.orders.values()
            if ("any" in wanted or one["status"] in wanted)
            and (after is None or one["modified"] > after)
            and (not ids or one["id"] in ids) and term in number_of(one)]
    return sorted(rows, key=lambda one: one["id"], reverse=True)


def shown(shop: Shop, row: Row) -> Row:
    """An order in full."""
    currency = shop.store.settings["general"]["woocommerce_currency"]["value"]
    freight = sum((Decimal(one["total"]) for one in row["shipping"]), Decimal(0))
    total = sum((Decimal(one["total"]) for one in row["lines"]), freight)
    includes = shop.store.settings["tax"]["woocommerce_prices_include_tax"]["value"] == "yes"
    no_address = {name: "" for name in _ADDRESS if name != "email"}
    return {
        "id": row["id"], "parent_id": 0, "status": row["status"], "currency": currency,
        "version": shop.options.version, "prices_include_tax": includes,
        **clock.pair("date_created", row["created"]),
        **clock.pair("date_modified", row["modified"]), "discount_total": "0.00",
        "discount_tax": "0.00", "shipping_total": str(freight.quantize(_CENT)),
        "shipping_tax": "0.00", "cart_tax": "0.00", "total": str(total.quantize(_CENT)),
        "total_tax": "0.00", "customer_id": 0, "order_key": row["key"],
        "billing": row["billing"], "shipping": no_address, "payment_method": "",
        "payment_method_title": "", "transaction_id": "", "customer_ip_address": "",
        "customer_user_agent": "", "created_via": "rest-api", "customer_note": "",
        **clock.pair("date_completed", row["completed"]), **clock.pair("date_paid", row["paid"]),
        "cart_hash": "", "number": number_of(row), "meta_data": row["meta_data"],
        "line_items": row["lines"], "tax_lines": [], "shipping_lines": row["shipping"],
        "fee_lines": [], "coupon_lines": [], "refunds": [],
        "payment_url": f"{shop.url}/checkout/order-pay/{row['id']}/?key={row['key']}",
        "is_editable": row["status"] == "pending", "needs_payment": False,
        "needs_processing": True, "currency_symbol": "€" if currency == "EUR" else currency,
        "_links": render.links(shop.url, f"/orders/{row['id']}", email_templates=[])}


def _note(shop: Shop, order_id: int, one: Row) -> Row:
    path = f"/orders/{order_id}/notes/{one['id']}"
    up = {"up": [{"href": f"{shop.url}{render.ROUTE}/orders/{order_id}"}]}
    return {"id": one["id"], "author": "WooCommerce",
            **clock.pair("date_created", one["created"]), "note": one["note"],
            "customer_note": one["customer_note"], "_links": render.links(shop.url, path, **up)}
