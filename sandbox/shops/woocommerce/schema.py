"""What the single endpoints demand of their arguments; a batch is not checked (recorded).

An argument is `type`, or `(type, choices)`. WordPress leaves out what is null.
"""

from __future__ import annotations

import re
from typing import Any

from . import errors

STATUSES = ("draft", "pending", "private", "publish", "future", "auto-draft", "trash")
TYPES = ("simple", "grouped", "external", "variable")
ORDER_STATUSES = ("auto-draft", "pending", "processing", "on-hold", "completed", "cancelled",
                  "refunded", "failed", "checkout-draft")
_INTEGER = re.compile(r"[+-]?\d+")

Argument = str | tuple[str, tuple[str, ...]]

PRODUCT: dict[str, Argument] = {
    "name": "string", "slug": "string", "type": ("string", TYPES), "status": ("string", STATUSES),
    "featured": "boolean", "description": "string", "short_description": "string",
    "catalog_visibility": ("string", ("visible", "catalog", "search", "hidden")),
    "sku": "string", "global_unique_id": "string", "regular_price": "string",
    "sale_price": "string", "date_on_sale_from": "string", "date_on_sale_to": "string",
    "tax_status": ("string", ("taxable", "shipping", "none")), "tax_class": "string",
    "manage_stock": "boolean", "stock_quantity": "integer",
    "stock_status": ("string", ("instock", "outofstock", "onbackorder")),
    "backorders": ("string", ("no", "notify", "yes")), "weight": "string",
    "dimensions": "object", "categories": "array", "brands": "array", "tags": "array",
    "images": "array", "attributes": "array", "default_attributes": "array",
    "meta_data": "array", "menu_order": "integer", "parent_id": "integer",
}
VARIATION: dict[str, Argument] = {
    **{name: argument for name, argument in PRODUCT.items()
       if name not in ("name", "type", "categories", "brands", "tags", "images")},
    "image": "object",
}
TERM: dict[str, Argument] = {"name": "string", "slug": "string", "parent": "integer",
                             "description": "string"}
ORDER: dict[str, Argument] = {"status": ("string", ORDER_STATUSES), "meta_data": "array",
                              "line_items": "array", "set_paid": "boolean"}


def check(body: dict[str, Any], arguments: dict[str, Argument]) -> None:
    """Raises ApiError that names every argument of the wrong type or value."""
    problems = {}
    for name, argument in arguments.items():
        if body.get(name) is None:
            continue
        kind, choices = argument if isinstance(argument, tuple) else (argument, ())
        if not _is(kind, body[name]):
            problems[name] = ("rest_invalid_type", f"{name} is not of type {kind}.",
                              {"param": name})
        elif choices and body[name] not in choices:
            problems[name] = ("rest_not_in_enum", f"{name} is not one of {_listed(choices)}.", None)
    if problems:
        raise errors.invalid_param(problems)


def not_one_of(name: str, label: str, choices: tuple[str, ...]) -> errors.ApiError:
    return errors.invalid_param(
        {name: ("rest_not_in_enum", f"{label} is not one of {_listed(choices)}.", None)})


def _listed(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])}, and {choices[-1]}"


def _is(kind: str, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool) or value in ("true", "false", "0", "1", "", 0, 1)
    if kind == "integer":
        if isinstance(value, bool):
            return False
        is_text = isinstance(value, str) and _INTEGER.fullmatch(value) is not None
        return is_text or isinstance(value, int) or (
            not isinstance(value, (str, list, dict)) and value == int(value))
    if kind == "array":
        return isinstance(value, list)
    return isinstance(value, dict)
