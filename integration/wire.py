"""JSON with exact decimals, and the content hash that tells "unchanged"."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import simplejson

#: Made once: `simplejson.dumps` makes one for each value. Its spelling is in every stored hash.
_CANONICAL = simplejson.JSONEncoder(use_decimal=True, sort_keys=True, ensure_ascii=True)


def dumps(value: Any) -> str:
    """JSON text; a Decimal becomes a JSON number with exactly its digits."""
    return simplejson.dumps(value, use_decimal=True, ensure_ascii=False, separators=(",", ":"))


def loads(text: str | bytes, *, allow_nan: bool = False) -> Any:
    """The value of a JSON text; numbers with a point become Decimal.

    `allow_nan`: NaN and Infinity, which are no JSON, are floats instead of an error, so that one
    of them does not spoil all the rest.
    Raises: ValueError for anything but JSON.
    """
    try:
        return simplejson.loads(text, use_decimal=True, allow_nan=allow_nan)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def plain(value: Any) -> Any:
    """A value of `loads` for those who know no Decimal: its digits as text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def content_hash(value: Any) -> str:
    """A hash that is equal for equal content: key order and trailing zeros do not count."""
    return hashlib.sha256(_CANONICAL.encode(_plain(value)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        # 5.00 is 5, as it is after a journey as JSON, and not "5".
        return int(value) if value == value.to_integral_value() else value.normalize()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
