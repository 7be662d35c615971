"""The test's own doors, below /_sandbox: what the shop holds, an employee's changes, and reset."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from flask import Blueprint, Response, request

from sandbox.requests_log import RequestsLog

from . import admin_input, admin_media, admin_orders, seed, values, wire
from .admin_input import BadInput
from .errors import ApiError
from .ids import new_id
from .journal import Operation
from .schema import DEFAULT_CURRENCY
from .seen import state as product_state
from .shop import Shop
from .store import Row

# What an employee can set, and the product's field it goes to; money, tax, weight and visibility
# need more than a name.
PLAIN_FIELDS = {"number": "productNumber", "name": "name", "description": "description",
                "ean": "ean", "active": "active", "stock": "stock", "weight_kg": "weight"}
MAX_DIGITS = 12
OTHER_FIELDS = {"gross", "net", "tax_rate", "visible"}


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
                _by_employee(shop, Operation("product", "delete", [{"id": row["id"]}], ["/0"]))
                return wire.answer({"deleted": row["id"]})
            _save(shop, row["id"], _settable(body.get("set")), row)
            return wire.answer(shown(shop, shop.store.table("product")[row["id"]]))

    @admin.post("/products")
    def create() -> Response:
        wanted = admin_input.several("products")
        with shop.store.lock:
            made = [_create(shop, one) for one in wanted]
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
        return bad_request(str(problem))

    return admin


def arm_reject(shop: Shop, body: Row) -> Response:
    """Answer to arming `reject`, the one fault that names a product."""
    number, count = body.get("number"), body.get("count")
    if not isinstance(number, str) or not number:
        return bad_request("The fault `reject` names a product as `number`.")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        return bad_request("count is a whole number from 1")
    with shop.store.lock:
        shop.rejects[number.casefold()] = count
    return wire.answer({"kind": "reject", "number": number, "count": count})


def bad_request(message: str) -> Response:
    return wire.answer({"error": "BAD_REQUEST", "message": message}, 400)


def shown(shop: Shop, row: Row) -> Row:
    """A product as the state lists it."""
    return product_state(shop.store, row, shop.journals.products.writes[row["id"]])


def _create(shop: Shop, wanted: Any) -> Row:
    if not isinstance(wanted, dict) or not isinstance(wanted.get("number"), str):
        raise BadInput("A product is an object with a `number`.")
    product_id = wanted.get("id") or new_id()
    if not values.is_uuid(product_id) or shop.store.get("product", product_id) is not None:
        raise BadInput("`id` is 32 hexadecimal digits and not in use.")
    fresh = {"name": wanted["number"], "gross": 0, "stock": 0, "tax_rate": 19, "visible": True}
    given = {key: value for key, value in wanted.items() if key != "id"}
    _save(shop, product_id, _settable({**fresh, **given}), {})
    return shown(shop, shop.store.table("product")[product_id])


def _save(shop: Shop, product_id: str, wanted: Row, old: Row) -> None:
    payload: Row = {"id": product_id}
    for name, target in PLAIN_FIELDS.items():
        if name in wanted:
            payload[target] = wanted[name]
    if "tax_rate" in wanted:
        payload["taxId"] = _tax_id(shop, wanted["tax_rate"])
    if {"gross", "net"} & set(wanted):
        payload["price"] = _price(shop, wanted, old, payload.get("taxId") or old.get("taxId"))
    operations = [Operation("product", "upsert", [payload], ["/0"])]
    rows = [{"id": one["id"]} for one in shop.store.children(
        "product_visibility", "productId", product_id)
        if one["salesChannelId"] == seed.STOREFRONT]
    if wanted.get("visible") is True and not rows:
        payload["visibilities"] = [{"salesChannelId": seed.STOREFRONT, "visibility": 30}]
    elif wanted.get("visible") is False:
        operations.append(Operation("product_visibility", "delete", rows, ["/0"] * len(rows)))
    _by_employee(shop, *operations)


def _by_employee(shop: Shop, *operations: Operation) -> None:
    try:
        shop.write_as_employee(list(operations))
    except ApiError as refusal:
        raise BadInput("; ".join(str(entry["detail"]) for entry in refusal.errors)) from None


def _price(shop: Shop, wanted: Row, old: Row, tax_id: str | None) -> list[Row]:
    """The price list with the shop's own currency replaced; the missing half follows the tax."""
    rate = (shop.store.get("tax", tax_id) or {}).get("taxRate", 0)
    factor = 1 + Decimal(rate) / 100
    amounts = {name: values.numeric(wanted[name]) for name in ("gross", "net") if name in wanted}
    if any(one is None or one.adjusted() > MAX_DIGITS for one in amounts.values()):
        raise BadInput("gross and net are numbers that can be paid.")
    cent = Decimal("0.0001")
    gross = amounts["gross"] if "gross" in amounts else (
        amounts["net"] * factor).quantize(Decimal("0.01"), ROUND_HALF_UP)
    net = amounts["net"] if "net" in amounts else (gross / factor).quantize(cent, ROUND_HALF_UP)
    others = [one for one in old.get("price") or () if one["currencyId"] != DEFAULT_CURRENCY]
    return [{"currencyId": DEFAULT_CURRENCY, "gross": gross, "net": net, "linked": True}, *others]


def _tax_id(shop: Shop, rate: Any) -> str:
    wanted = values.numeric(rate)
    for tax in shop.store.table("tax").values():
        if tax["taxRate"] == wanted:
            return tax["id"]
    raise BadInput(f"There is no tax of {rate} %.")


def _settable(wanted: Any) -> Row:
    if not isinstance(wanted, dict) or not wanted:
        raise BadInput("`set` is an object of what to change.")
    if unknown := set(wanted) - set(PLAIN_FIELDS) - OTHER_FIELDS:
        raise BadInput(f"Unknown: {', '.join(sorted(unknown))}.")
    return wanted
