"""The test's own doors, below /_sandbox: what the shop holds, an employee's changes, and reset."""

from __future__ import annotations

from flask import Blueprint, Response, request

from sandbox.requests_log import RequestsLog

from . import admin_faults, admin_input, admin_media, admin_orders, admin_products, wire
from .admin_input import BadInput
from .seen import state as product_state
from .shop import Shop
from .store import Row


def blueprint(shop: Shop, log: RequestsLog) -> Blueprint:
    """All routes below /_sandbox except the faults' and the request counts'."""
    admin = Blueprint("shopware_admin", __name__, url_prefix="/_sandbox")

    @admin.get("/state")
    def state() -> Response:
        after, limit = request.args.get("after", ""), admin_input.limit(request.args.get("limit"))
        with shop.store.lock:
            products = shop.store.table("product")
            ids = sorted(key for key in products if key > after)[:limit]
            return wire.answer({"products": [shown(shop, products[one]) for one in ids]})

    @admin.get("/history")
    def history() -> Response:
        number = request.args.get("number")
        if not number:
            raise BadInput("The query names a product as `number`.")
        with shop.store.lock:
            writes = shop.journals.products.of_number(number)
            return wire.answer({"number": number, "writes": writes})

    @admin.post("/edit")
    def edit() -> Response:
        body = admin_input.body(dict)
        with shop.store.lock:
            row = admin_input.article(shop, body.get("article"))
            if body.get("delete") is True:
                admin_products.remove(shop, row["id"])
                return wire.answer({"deleted": row["id"]})
            wanted = admin_products.settable(body.get("set"))
            admin_products.save(shop, row["id"], wanted, row)
            return wire.answer(shown(shop, shop.store.table("product")[row["id"]]))

    @admin.post("/products")
    def create() -> Response:
        wanted = admin_input.several("products")
        with shop.store.lock:
            ids = [admin_products.create(shop, one) for one in wanted]
            made = [shown(shop, shop.store.table("product")[one]) for one in ids]
        return wire.answer({"products": made})

    @admin.post("/reset")
    def reset() -> Response:
        shop.reset()
        log.reset()
        return wire.answer({"reset": True})

    admin_orders.add_routes(admin, shop)
    admin_media.add_routes(admin, shop)

    @admin.errorhandler(BadInput)
    def refuse(problem: BadInput) -> Response:
        return admin_faults.bad_request(str(problem))

    return admin


def shown(shop: Shop, row: Row) -> Row:
    """A product as the state lists it."""
    return product_state(shop.store, row, shop.journals.products.writes[row["id"]])
