"""Where a shop keeps the tracking of orders: fulfilments of WooCommerce, or one of two plugins.

Not recorded: fulfilments follow the code of WooCommerce 10.1, the plugins their makers' pages.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from . import api, clock, coercions, errors, wire
from .errors import ApiError
from .shop import Shop
from .store import Row

PLUGINS = ("wc-shipment-tracking/v3", "wc-ast/v3")
#: Carriers that the plugins know by name.
PROVIDERS = ("DHL", "DPD.de", "GLS", "Hermes")


def add_fulfillments(shop: Shop, routes: Blueprint) -> None:
    """Routes that are there only where the feature is switched on."""
    below = "/orders/<int:order_id>/fulfillments"

    @routes.get(below)
    def fulfillments(order_id: int) -> Response:
        api.permit("view")
        _order(shop, order_id)
        return wire.answer(shop.store.fulfillments.get(order_id, []))

    @routes.post(below)
    def create_fulfillment(order_id: int) -> Response:
        api.permit("create")
        with shop.store.lock:
            _order(shop, order_id)
            row = _filled(shop, {"id": shop.store.next_row(), "entity_type": "WC_Order",
                                 "entity_id": str(order_id), "date_deleted": None}, wire.body())
            shop.store.fulfillments.setdefault(order_id, []).append(row)
        return wire.answer(row, 201)

    @routes.route(f"{below}/<int:row_id>", methods=["PUT", "PATCH", "DELETE"])
    def change_fulfillment(order_id: int, row_id: int) -> Response:
        api.permit("edit")
        with shop.store.lock:
            rows = shop.store.fulfillments.get(order_id, [])
            row = next((one for one in rows if one["id"] == row_id), None)
            if row is None:
                raise ApiError(400, "404", "Fulfillment not found.")
            if request.method == "DELETE":
                rows.remove(row)
                return wire.answer({"message": "Fulfillment deleted successfully."})
            rows[rows.index(row)] = changed = _filled(shop, row, wire.body())
        return wire.answer(changed)


def plugin(shop: Shop, namespace: str) -> Blueprint:
    """The routes of a plugin, below a namespace of its own."""
    routes = Blueprint("tracking_plugin", __name__, url_prefix=f"/wp-json/{namespace}")
    below = "/orders/<int:order_id>/shipment-trackings"
    api.frame(shop, routes)

    @routes.get(below)
    def trackings(order_id: int) -> Response:
        api.permit("view")
        _order(shop, order_id)
        return wire.answer(shop.store.trackings.get(order_id, []))

    @routes.post(below)
    def create_tracking(order_id: int) -> Response:
        api.permit("create")
        body = wire.body()
        with shop.store.lock:
            _order(shop, order_id)
            row = _tracking(shop, body)
            shop.store.trackings.setdefault(order_id, []).append(row)
        return wire.answer(row, 201)

    @routes.delete(f"{below}/<tracking_id>")
    def delete_tracking(order_id: int, tracking_id: str) -> Response:
        api.permit("delete")
        with shop.store.lock:
            rows = shop.store.trackings.get(order_id, [])
            row = next((one for one in rows if one["tracking_id"] == tracking_id), None)
            if row is None:
                raise ApiError(404, "woocommerce_rest_order_shipment_tracking_invalid_id",
                               "Invalid shipment tracking ID.")
            rows.remove(row)
        return wire.answer(row)

    return routes


def numbers(shop: Shop, order_id: int) -> list[str]:
    """All tracking numbers of an order, wherever the shop keeps them."""
    found = [one["value"] for row in shop.store.fulfillments.get(order_id, [])
             for one in row["meta_data"] if one["key"] == "_tracking_number"]
    found += [one["tracking_number"] for one in shop.store.trackings.get(order_id, [])]
    found += [_of_note(one["note"]) for one in shop.store.notes.get(order_id, [])]
    return sorted(one for text in found if text for one in text.split(", "))


def _of_note(text: str) -> str:
    """The last word that has digits and is no address."""
    words = [one for one in text.split() if any(map(str.isdigit, one)) and "://" not in one]
    return words[-1] if words else ""


def _filled(shop: Shop, row: Row, body: Row) -> Row:
    """A fulfilment with what was sent; metadata that is not sent goes."""
    metas = [one for one in body.get("meta_data") or () if isinstance(one, dict)]
    items = next((one["value"] for one in metas if one.get("key") == "_items"), None)
    if not items:
        raise ApiError(400, "woocommerce_fulfillment_no_items", "The fulfillment has no items.")
    return {**row, "status": coercions.text(body.get("status")) or "unfulfilled",
            "is_fulfilled": coercions.truth(body.get("is_fulfilled")),
            "date_updated": clock.now().isoformat(),
            "meta_data": [{"id": shop.store.next_row(), "key": one["key"], "value": one["value"]}
                          for one in metas]}


def _tracking(shop: Shop, body: Row) -> Row:
    number, known = coercions.text(body.get("tracking_number")), body.get("tracking_provider")
    if not number:
        raise ApiError(400, "rest_missing_callback_param", "Missing parameter(s): tracking_number",
                       params=["tracking_number"])
    if known and known not in PROVIDERS and shop.options.tracking_plugin == PLUGINS[0]:
        raise ApiError(400, "woocommerce_rest_shipment_tracking_invalid_provider",
                       "Invalid tracking provider.")
    return {"tracking_id": f"{shop.store.next_row():032x}", "tracking_number": number,
            "tracking_provider": known or coercions.text(body.get("custom_tracking_provider")),
            "tracking_link": coercions.text(body.get("custom_tracking_link")),
            "date_shipped": clock.now().date().isoformat()}


def _order(shop: Shop, order_id: int) -> Any:
    if order_id not in shop.store.orders:
        raise errors.invalid_id(404, "woocommerce_rest_shop_order_invalid_id", "ID is invalid.")
    return shop.store.orders[order_id]
