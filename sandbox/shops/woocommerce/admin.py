"""The test's own doors, below /_sandbox: what the shop holds, an employee's changes, and reset."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

from flask import Blueprint, Response, request

from sandbox.requests_log import RequestsLog

from . import admin_orders, media_routes, render, wire
from .errors import ApiError
from .shop import Shop
from .store import Row
from .term_routes import Terms

DEFAULT_LIMIT = 500
# What an employee can set, and the product's field it goes to.
PLAIN_FIELDS = {"number": "sku", "name": "name", "description": "description",
                "ean": "global_unique_id", "status": "status", "sale": "sale_price",
                "categories": "categories", "brands": "brands", "meta": "meta_data",
                "catalog_visibility": "catalog_visibility"}
OTHER_FIELDS = {"gross", "net", "tax_rate", "stock", "weight_kg", "height_mm", "active"}
KILOGRAMS = {"kg": Decimal(1), "g": Decimal("0.001"), "lbs": Decimal("0.45359237"),
             "oz": Decimal("0.028349523125")}
MILLIMETRES = {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000), "in": Decimal("25.4"),
               "yd": Decimal("914.4")}


class BadInput(Exception):
    """The caller of an admin route made a mistake; the text says which."""


def blueprint(shop: Shop, log: RequestsLog) -> Blueprint:
    """All routes below /_sandbox except the faults' and the request counts'."""
    admin = Blueprint("woocommerce_admin", __name__, url_prefix="/_sandbox")

    @admin.get("/state")
    def state() -> Response:
        after, limit = (_whole(name, otherwise) for name, otherwise in
                        (("after", 0), ("limit", DEFAULT_LIMIT)))
        with shop.store.lock:
            ids = sorted(key for key, row in shop.store.products.items()
                         if key > after and row["status"] != "trash")[:limit]
            return wire.answer({"products": [shown(shop, one) for one in ids]})

    @admin.get("/history")
    def history() -> Response:
        number = request.args.get("number")
        if not number:
            raise BadInput("The query names a product as `number`.")
        with shop.store.lock:
            return wire.answer({"number": number, "writes": shop.journal.of_number(number)})

    @admin.post("/edit")
    def edit() -> Response:
        body = _body()
        with shop.store.lock:
            row = _article(shop, body.get("article"))
            if body.get("delete") or body.get("trash"):
                shop.delete(_writer(shop), row, force=bool(body.get("delete")), by="employee")
                return wire.answer({"deleted": row["id"]})
            wanted = _fields(shop, body.get("set"), row)
            return wire.answer(shown(shop, _saved(shop, row, wanted)["id"]))

    @admin.post("/products")
    def create() -> Response:
        body = _body()
        with shop.store.lock:
            made = [_created(shop, one) for one in body.get("products", [body])]
        return wire.answer({"products": made})

    @admin.post("/reset")
    def reset() -> Response:
        shop.reset()
        log.reset()
        return wire.answer({"reset": True})

    _add_images_and_terms(shop, admin)
    admin_orders.add_routes(admin, shop)

    @admin.errorhandler(BadInput)
    def refuse(problem: BadInput) -> Response:
        return bad_request(str(problem))

    return admin


def _add_images_and_terms(shop: Shop, admin: Blueprint) -> None:
    """What an employee does with images and terms, and what the media library holds."""

    @admin.post("/terms")
    def make_terms() -> Response:
        body = _body()
        if body.get("taxonomy") not in shop.store.terms or not isinstance(body.get("names"), list):
            raise BadInput("The body names a `taxonomy` and `names`.")
        with shop.store.lock:
            found = Terms(shop, body["taxonomy"])
            return wire.answer({"ids": [found.create({"name": one})["id"]
                                        for one in body["names"]]})

    @admin.post("/images")
    def add_image() -> Response:
        body = _body()
        with shop.store.lock:
            row = _article(shop, body.get("article"))
            name = str(body.get("file_name", "picture.png"))
            digest = hashlib.sha256(name.encode()).hexdigest()
            image = media_routes.add(shop, name, digest, alt=str(body.get("alt", "")))
            kept = [*({"id": one["id"]} for one in row["images"]), {"id": image["id"]}]
            shop.update(_writer(shop), row, {"images": kept}, by="employee")
            return wire.answer({"id": image["id"], "hash": digest})

    @admin.get("/media")
    def media() -> Response:
        with shop.store.lock:
            return wire.answer({"media": [
                {"id": one["id"], "file": one["file"], "hash": one.get("sha256"),
                 "products": sorted(row["sku"] for row in shop.store.products.values()
                                    if {"id": one["id"]} in row["images"])}
                for one in shop.store.images.values()]})

    @admin.post("/media")
    def drop_image() -> Response:
        """An employee deletes a file of the media library, wherever it is shown."""
        gone = _body().get("delete")
        with shop.store.lock:
            for row in list(shop.store.products.values()):
                kept = [one for one in row["images"] if one["id"] != gone]
                if kept != row["images"]:
                    shop.store.put_product({**row, "images": kept})
            shop.store.images.pop(gone, None)
        return wire.answer({"deleted": gone})


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


def shown(shop: Shop, product_id: int) -> Row:
    """A product as the state lists it.

    The shop keeps one side of a price, `kept` says which; the other follows the tax. Texts are
    HTML, as `markup` says.
    """
    row = shop.store.products[product_id]
    rate = _rate(shop, row)
    net, gross = render.net_and_gross(shop.store, row, rate)
    unit = shop.store.settings["products"]["woocommerce_weight_unit"]["value"]
    weight = Decimal(row["weight"]) * KILOGRAMS[unit] if row["weight"] else None
    includes = shop.store.settings["tax"]["woocommerce_prices_include_tax"]["value"] == "yes"
    terms = {name: [shop.store.terms[name][one]["name"] for one in row[name]]
             for name in ("categories", "brands")}
    return {"id": str(row["id"]), "number": row["sku"], "name": row["name"], **terms,
            "images": media_routes.of_product(shop, row), **_family(shop, row),
            "meta": {one["key"]: one["value"] for one in row["meta_data"]},
            **{f"sale_{one}": row[f"date_on_sale_{one}"] and row[f"date_on_sale_{one}"].isoformat()
               for one in ("from", "to")},
            "description": row["description"], "ean": row["global_unique_id"] or None,
            "weight_kg": weight, "size_mm": _size_mm(shop, row), "tax_rate": rate,
            "active": row["status"] == "publish", "catalog_visibility": row["catalog_visibility"],
            "net": net, "gross": gross, "kept": "gross" if includes else "net",
            "sale": row["sale_price"] or None, "stock": row["stock_quantity"] or 0,
            "status": row["status"], "type": row["type"], "markup": "html",
            "writes": shop.journal.writes[row["id"]]}


def _size_mm(shop: Shop, row: Row) -> list[Decimal | None]:
    """Length, width and height."""
    sides = (row["dimensions"][name] for name in ("length", "width", "height"))
    return [Decimal(side) * _mm(shop) if side else None for side in sides]


def _mm(shop: Shop) -> Decimal:
    """Millimetres of the shop's unit of length."""
    return MILLIMETRES[shop.store.settings["products"]["woocommerce_dimension_unit"]["value"]]


def _family(shop: Shop, row: Row) -> Row:
    """The number of a variation's product with its options, and what a product has to choose from.
    """
    is_variation = row["type"] == "variation"
    axes = {one["name"]: one["options"] for one in row["attributes"]
            if not is_variation and one["variation"]}
    options = {one["name"]: one["option"] for one in row["attributes"] if is_variation}
    parent = shop.store.products[row["parent_id"]]["sku"] if is_variation else None
    own = {"of_parent": ["name"]} if is_variation else {}
    return {"parent": parent, "options": options, "axes": axes, **own}


def _created(shop: Shop, wanted: Any) -> Row:
    if not isinstance(wanted, dict) or not isinstance(wanted.get("number"), str):
        raise BadInput("A product is an object with a `number`.")
    given = {name: value for name, value in wanted.items() if name != "imported"}
    fields = _fields(shop, {"name": wanted["number"], "stock": 0, **given}, {})
    if wanted.get("imported"):
        # Importers write the number into the database themselves, so nobody looks who has it.
        del fields["sku"]
    try:
        row = shop.create(_writer(shop), fields, by="employee")
    except ApiError as refusal:
        raise BadInput(refusal.body["message"]) from None
    if wanted.get("imported"):
        shop.store.put_product({**row, "sku": wanted["number"]})
    return shown(shop, row["id"])


def _saved(shop: Shop, row: Row, wanted: Row) -> Row:
    try:
        return shop.update(_writer(shop), row, wanted, by="employee")
    except ApiError as refusal:
        raise BadInput(refusal.body["message"]) from None


def _fields(shop: Shop, wanted: Any, row: Row) -> Row:
    if not isinstance(wanted, dict) or not wanted:
        raise BadInput("`set` is an object of what to change.")
    if unknown := set(wanted) - set(PLAIN_FIELDS) - OTHER_FIELDS:
        raise BadInput(f"Unknown: {', '.join(sorted(unknown))}.")
    fields = {target: wanted[name] for name, target in PLAIN_FIELDS.items() if name in wanted}
    if "active" in wanted:
        fields["status"] = "publish" if wanted["active"] else "private"
    if "stock" in wanted:
        fields.update(manage_stock=True, stock_quantity=wanted["stock"])
    if "tax_rate" in wanted:
        fields["tax_class"] = _tax_class(shop, wanted["tax_rate"])
    if "weight_kg" in wanted:
        unit = shop.store.settings["products"]["woocommerce_weight_unit"]["value"]
        fields["weight"] = str(Decimal(str(wanted["weight_kg"])) / KILOGRAMS[unit])
    if "height_mm" in wanted:
        fields["dimensions"] = {"height": str(Decimal(str(wanted["height_mm"])) / _mm(shop))}
    if {"gross", "net"} & set(wanted):
        fields["regular_price"] = str(_price(shop, wanted, {**row, **fields}))
    return fields


def _price(shop: Shop, wanted: Row, row: Row) -> Decimal:
    includes = shop.store.settings["tax"]["woocommerce_prices_include_tax"]["value"] == "yes"
    kept, other = ("gross", "net") if includes else ("net", "gross")
    if kept in wanted:
        return Decimal(str(wanted[kept]))
    factor = 1 + _rate(shop, row) / 100
    amount = Decimal(str(wanted[other]))
    exact = amount * factor if includes else amount / factor
    return exact.quantize(Decimal("0.01"), "ROUND_HALF_UP")


def _rate(shop: Shop, row: Row) -> Decimal:
    wanted = row.get("tax_class") or "standard"
    for tax in shop.store.taxes.values():
        if tax["class"] == wanted:
            return Decimal(tax["rate"])
    return Decimal(0)


def _tax_class(shop: Shop, rate: Any) -> str:
    for tax in shop.store.taxes.values():
        if Decimal(tax["rate"]) == Decimal(str(rate)):
            return "" if tax["class"] == "standard" else tax["class"]
    raise BadInput(f"There is no tax of {rate} %.")


def _writer(shop: Shop) -> Any:
    return shop.writer(float("inf"))


def _article(shop: Shop, article: Any) -> Row:
    text = str(article) if isinstance(article, (str, int)) else ""
    found = shop.store.products.get(shop.store.owner_of(text) or 0)
    found = found or shop.store.products.get(int(text) if text.isdigit() else 0)
    if found is None:
        raise BadInput(f"There is no product with the id or number {article!r}.")
    return found


def _whole(name: str, otherwise: int) -> int:
    text = request.args.get(name) or str(otherwise)
    if not text.isdigit():
        raise BadInput(f"{name} is a whole number.")
    return int(text)


def _body() -> Row:
    try:
        body = wire.body()
    except ApiError:
        body = {}
    if not body:
        raise BadInput("The body is a JSON object.")
    return body
