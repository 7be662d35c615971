"""Bytes in, bytes out: parsing bodies and writing answers without binary floating point inside."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

from flask import Response, request

from . import errors

JSON = "application/json"
JSON_API = "application/vnd.api+json"


def body() -> Any:
    """The request's JSON; an empty body is an empty object. Raises ApiError."""
    raw = request.get_data()
    if not raw:
        return {}
    try:
        return json.loads(raw, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        raise errors.plain(400, "The JSON payload is malformed.") from None


def mapping() -> dict[str, Any]:
    """The request's JSON object. Raises ApiError for a list: single routes take one row."""
    found = body()
    if not isinstance(found, dict):
        raise errors.plain(400, "This route takes one object; lists go to the sync route.")
    return found


def wants_plain() -> bool:
    """Whether the client asked for plain JSON. JSON:API is what it gets otherwise."""
    return JSON in request.headers.get("Accept", "")


def too_large() -> Response:
    """What the web server before the shop answers to a body over its limit."""
    page = ("<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n"
            "<center><h1>413 Request Entity Too Large</h1></center>\r\n</body>\r\n</html>\r\n")
    return Response(page, 413, content_type="text/html")


def maintenance(seconds: float) -> Response:
    """What the web server answers while the shop is closed for an update."""
    page = "<!doctype html><html><body><h1>We are updating the shop</h1></body></html>"
    return Response(page, 503, {"Retry-After": str(math.ceil(seconds))}, content_type="text/html")


def answer(content: Any, status: int = 200, content_type: str = JSON) -> Response:
    text = json.dumps(content, default=_number, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, content_type=content_type)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
