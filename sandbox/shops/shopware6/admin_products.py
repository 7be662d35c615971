"""An employee's changes to products: from plain names to the rows that the shop keeps."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from . import admin_input, seed, values
from .admin_input import BadInput
from .errors import ApiError
from .ids import fixed_id, new_id
from .journal import Operation
from .schema import DEFAULT_CURRENCY, SYSTEM_LANGUAGE
from .shop import Shop
from .store import Row

# What an employee can set, and the product's field it goes to; money, tax, weight and visibility
# need more than a name.
PLAIN_FIELDS = {"number": "productNumber", "name": "name", "description": "description",
                "ean": "ean", "active": "active", "stock": "stock", "weight_kg": "weight"}
MAX_DIGITS = 12
OTHER_FIELDS = {"gross", "net", "tax_rate", "visible"}
VARIANT_FIELDS = {"parent", "options"}


def create(shop: Shop, wanted: Any) -> str:
    """A product that is there already; its id. Raises BadInput."""
    if not isinstance(wanted, dict) or not isinstance(wanted.get("number"), str):
        raise BadInput("A product is an object with a `number`.")
    product_id = wanted.get("id") or new_id()
    if not values.is_uuid(product_id) or shop.store.get("product", product_id) is not None:
        raise BadInput("`id` is 32 hexadecimal digits and not in use.")
    given = {key: value for key, value in wanted.items() if key not in {"id", *VARIANT_FIELDS}}
    if "parent" in wanted:
        by_employee(shop, *_variant(shop, product_id, wanted, given))
    else:
        fresh = {"name": wanted["number"], "gross": 0, "stock": 0, "tax_rate": 19, "visible": True}
        by_employee(shop, *_operations(shop, product_id, settable({**fresh, **given}), {}))
    return product_id


def _variant(shop: Shop, product_id: str, wanted: Row, given: Row) -> list[Operation]:
    """A variant with its options, which its parent's configurator then offers too."""
    parent = admin_input.article(shop, wanted["parent"])
    options = _options(shop, wanted.get("options") or {})
    operations = _operations(shop, product_id, settable({"stock": 0, **given}),
                             {"taxId": parent["taxId"]})
    operations[0].rows[0].update(parentId=parent["id"], options=options)
    offered = {one["optionId"] for one in shop.store.children(
        "product_configurator_setting", "productId", parent["id"])}
    settings = [{"id": new_id(), "optionId": one["id"]} for one in options
                if one["id"] not in offered]
    return [*operations, _upsert({"id": parent["id"], "configuratorSettings": settings})]


def save(shop: Shop, product_id: str, wanted: Row, old: Row) -> None:
    """Change what is named of a product. Raises BadInput."""
    by_employee(shop, *_operations(shop, product_id, wanted, old))


def remove(shop: Shop, product_id: str) -> None:
    by_employee(shop, Operation("product", "delete", [{"id": product_id}], ["/0"]))


def by_employee(shop: Shop, *operations: Operation) -> None:
    """Write as the shop's own administration does. Raises BadInput."""
    try:
        shop.write_as_employee(list(operations))
    except ApiError as refusal:
        raise BadInput("; ".join(str(entry["detail"]) for entry in refusal.errors)) from None


def _operations(shop: Shop, product_id: str, wanted: Row, old: Row) -> list[Operation]:
    payload: Row = {"id": product_id}
    for name, target in PLAIN_FIELDS.items():
        if name in wanted:
            payload[target] = wanted[name]
    if "tax_rate" in wanted:
        payload["taxId"] = _tax_id(shop, wanted["tax_rate"])
    if {"gross", "net"} & set(wanted):
        payload["price"] = _price(shop, wanted, old, payload.get("taxId") or old.get("taxId"))
    return [_upsert(payload), *_visibility(shop, product_id, wanted.get("visible"), payload)]


def _visibility(shop: Shop, product_id: str, visible: Any, payload: Row) -> list[Operation]:
    """Puts a row for the storefront into the payload, or takes it away. `visible`: true, false, or
    the level that the row is to have."""
    rows = [{"id": one["id"]} for one in shop.store.children(
        "product_visibility", "productId", product_id)
        if one["salesChannelId"] == seed.STOREFRONT]
    if visible is False:
        return [Operation("product_visibility", "delete", rows, ["/0"] * len(rows))]
    if visible is not None and not (visible is True and rows):
        level = 30 if visible is True else visible
        payload["visibilities"] = [{**(rows[0] if rows else {}),
                                    "salesChannelId": seed.STOREFRONT, "visibility": level}]
    return []


def _upsert(row: Row) -> Operation:
    return Operation("product", "upsert", [row], ["/0"])


def _options(shop: Shop, wanted: Any) -> list[Row]:
    """Options as a payload nests them, by group and name; those that are there are used."""
    if not isinstance(wanted, dict):
        raise BadInput("`options` is an object of groups with the option of each.")
    return [{"id": _id_by_name(shop, "property_group_option", str(option),
                               groupId=(group_id := _id_by_name(shop, "property_group", group))),
             "name": str(option), "group": {"id": group_id, "name": group}}
            for group, option in wanted.items()]


def _id_by_name(shop: Shop, table: str, name: str, **wanted: str) -> str:
    for row in shop.store.table(table).values():
        has_name = row["translations"].get(SYSTEM_LANGUAGE, {}).get("name") == name
        if has_name and all(row.get(key) == value for key, value in wanted.items()):
            return row["id"]
    return fixed_id(" ".join((table, *wanted.values(), name)))


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


def settable(wanted: Any) -> Row:
    if not isinstance(wanted, dict) or not wanted:
        raise BadInput("`set` is an object of what to change.")
    if unknown := set(wanted) - set(PLAIN_FIELDS) - OTHER_FIELDS:
        raise BadInput(f"Unknown: {', '.join(sorted(unknown))}.")
    return wanted
