"""Checks and normalises one value that a client sent, as strictly as the original does.

Numbers arrive as int or Decimal (the JSON parser makes no floats), so that money keeps its digits.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from . import errors
from .schema import DEFAULT_CURRENCY

MAX_STR = 255
UUID = re.compile(r"[0-9a-f]{32}")

Violations = list[dict[str, Any]]


def is_uuid(value: Any) -> bool:
    return isinstance(value, str) and UUID.fullmatch(value) is not None


def checked(kind: str, value: Any, pointer: str, violations: Violations) -> Any:
    """The value as it is stored; what is wrong with it is added to `violations`."""
    if value is None:
        return None
    return _CHECKS[kind](value, pointer, violations)


def numeric(value: Any) -> Decimal | None:
    """A number or a numeric text as Decimal, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal, str)):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _str(value: Any, pointer: str, violations: Violations) -> Any:
    if not isinstance(value, str):
        violations.append(errors.wrong_type(pointer, value, "string"))
    elif len(value) > MAX_STR:
        violations.append(errors.too_long(pointer, value, MAX_STR))
    return value


def _text(value: Any, pointer: str, violations: Violations) -> Any:
    if not isinstance(value, str):
        violations.append(errors.wrong_type(pointer, value, "string"))
    return value


def _int(value: Any, pointer: str, violations: Violations) -> Any:
    if isinstance(value, bool) or not isinstance(value, int):
        violations.append(errors.wrong_type(pointer, value, "int"))
    return value


def _bool(value: Any, pointer: str, violations: Violations) -> Any:
    if not isinstance(value, bool):
        violations.append(errors.wrong_type(pointer, value, "bool"))
    return value


def _float(value: Any, pointer: str, violations: Violations) -> Any:
    number = numeric(value)
    if number is None:
        violations.append(errors.wrong_type(pointer, value, "numeric"))
    return number


def _id(value: Any, pointer: str, violations: Violations) -> Any:
    if not is_uuid(value):
        violations.append(errors.bad_uuid(pointer, value))
    return value


def _map(value: Any, pointer: str, violations: Violations) -> Any:
    if value == []:  # an empty map, as PHP sends it
        return {}
    if not isinstance(value, dict):
        violations.append(errors.wrong_type(pointer, value, "array"))
    return value


def _strs(value: Any, pointer: str, violations: Violations) -> Any:
    if not isinstance(value, list):
        violations.append(errors.wrong_type(pointer, value, "array"))
        return value
    return [_str(one, f"{pointer}/{index}", violations) for index, one in enumerate(value)]


def _anything(value: Any, pointer: str, violations: Violations) -> Any:
    return value


def _price(value: Any, pointer: str, violations: Violations) -> Any:
    """A list of prices, one per currency; the shop's own currency must be among them."""
    if not isinstance(value, list):
        violations.append(errors.wrong_type(pointer, value, "array"))
        return None
    found = [_one_price(entry, f"{pointer}/{index}", violations)
             for index, entry in enumerate(value)]
    if value and not any(p.get("currencyId") == DEFAULT_CURRENCY for p in found):
        violations.append(errors.violation(
            pointer, errors.CONSTRAINT, "No price for default currency defined"))
    return found


def _one_price(entry: Any, pointer: str, violations: Violations) -> dict[str, Any]:
    if not isinstance(entry, dict):
        violations.append(errors.wrong_type(pointer, entry, "array"))
        return {}
    if "currencyId" not in entry:
        violations.append(errors.missing(pointer, "currencyId"))
    elif not is_uuid(entry["currencyId"]):
        violations.append(errors.bad_uuid(f"{pointer}/currencyId", entry["currencyId"]))
    price = {"currencyId": entry.get("currencyId"), **_amounts(entry, pointer, violations)}
    for name in ("listPrice", "regulationPrice"):
        inner = entry.get(name)
        price[name] = None
        if isinstance(inner, dict):
            price[name] = _amounts(inner, f"{pointer}/{name}", violations)
    return price


def _amounts(entry: dict[str, Any], pointer: str, violations: Violations) -> dict[str, Any]:
    """Gross, net and the tie between them. Gross and net are not compared, as in the original."""
    amounts: dict[str, Any] = {}
    for name in ("gross", "net"):
        if name not in entry:
            violations.append(errors.missing(pointer, name))
        elif entry[name] is None:
            violations.append(errors.blank(f"{pointer}/{name}"))
        else:
            amounts[name] = _float(entry[name], f"{pointer}/{name}", violations)
    if "linked" not in entry:
        violations.append(errors.missing(pointer, "linked"))
    else:
        amounts["linked"] = _bool(entry["linked"], f"{pointer}/linked", violations)
    return amounts


_CHECKS = {"str": _str, "text": _text, "int": _int, "bool": _bool, "float": _float, "id": _id,
           "price": _price, "json": _anything, "map": _map,
           "date": _text, "strs": _strs, "state": _id}
