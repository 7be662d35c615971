"""Bytes in, bytes out: bodies without binary floating point inside, answers as WordPress gives."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from flask import Response, request

from . import errors

HEADERS = {"X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff",
           "Cache-Control": "no-cache, must-revalidate, max-age=0, no-store, private"}


def body() -> dict[str, Any]:
    """The request's JSON object; nothing and what is no object count as empty. Raises ApiError."""
    raw = request.get_data()
    if not raw:
        return {}
    try:
        found = json.loads(raw, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        raise errors.invalid_json() from None
    return found if isinstance(found, dict) else {}


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    encoded = json.dumps(content, default=_number, ensure_ascii=False, separators=(",", ":"))
    return Response(encoded, status, {**HEADERS, **(headers or {})},
                    content_type="application/json; charset=UTF-8")


def only(row: dict[str, Any], fields: str | None) -> dict[str, Any]:
    """The row with the fields that `_fields` names; all without it."""
    if not fields:
        return row
    wanted = {one.strip() for one in fields.split(",")}
    return {name: value for name, value in row.items() if name in wanted}


def batch_only(answered: Any, fields: str | None) -> Any:
    """What `_fields` leaves of a batch answer: the lists' keys at most, never a row (recorded)."""
    if not fields or not isinstance(answered, dict):
        return answered
    heads = {one.strip().partition(".")[0] for one in fields.split(",")}
    return {name: [] for name in answered if name in heads} or []


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
