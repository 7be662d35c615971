"""Faults that only this shop knows: they stay until they are cleared, and some name something.

The plain ones, which hit so many requests or a share of them, are in `sandbox.faults`.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from . import values, wire
from .shop import Shop
from .store import Row


def install(app: Flask, shop: Shop) -> None:
    """Arm, list and clear them below /_sandbox/faults, before the shared route does."""

    @app.before_request
    def arm_or_clear() -> Response | None:
        if request.path != "/_sandbox/faults":
            return None
        if request.method == "GET":
            return wire.answer({**shop.faults.describe(), **_described(shop)})
        if request.method == "DELETE":
            shop.clear_standing_faults()
            return None
        body: Any = request.get_json(silent=True)
        kind = body.get("kind") if isinstance(body, dict) else None
        arm = _ARMING.get(kind) if isinstance(kind, str) else None
        return None if arm is None else _armed(shop, arm, body)


def bad_request(message: str) -> Response:
    return wire.answer({"error": "BAD_REQUEST", "message": message}, 400)


def _armed(shop: Shop, arm: Any, body: Row) -> Response:
    try:
        with shop.store.lock:
            shown = arm(shop, body)
    except ValueError as problem:
        return bad_request(str(problem))
    return wire.answer({"kind": body["kind"], **shown})


def _described(shop: Shop) -> Row:
    return {"rejects": shop.rejects, "denied": sorted(shop.denied),
            "indexing_lag_s": shop.store.index.lag_s, "maintenance_s": shop.maintenance_s,
            "tokens_per_minute": shop.tokens.per_minute}


def _reject(shop: Shop, body: Row) -> Row:
    number, count = body.get("number"), body.get("count")
    if not isinstance(number, str) or not number:
        raise ValueError("The fault `reject` names a product as `number`.")
    if count is not None:
        _whole(count)
    shop.rejects[number.casefold()] = count
    return {"number": number, "count": count}


def _deny(shop: Shop, body: Row) -> Row:
    privilege = body.get("privilege")
    if not isinstance(privilege, str) or privilege.count(":") != 1:
        raise ValueError("The fault `missing-privilege` names a `privilege` like product:update.")
    shop.deny(privilege)
    return {"privilege": privilege}


def _lag(shop: Shop, body: Row) -> Row:
    shop.store.index.lag_s = _seconds(body, 5)
    return {"seconds": shop.store.index.lag_s}


def _maintain(shop: Shop, body: Row) -> Row:
    shop.maintenance_s = _seconds(body, 30)
    return {"seconds": shop.maintenance_s}


def _limit_tokens(shop: Shop, body: Row) -> Row:
    shop.tokens.per_minute = _whole(body.get("count", 10))
    return {"count": shop.tokens.per_minute}


def _half(_shop: Shop, _body: Row) -> Row:
    raise ValueError("Shopware applies a request as a whole or not at all.")


def _whole(count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError("count is a whole number from 1")
    return count


def _seconds(body: Row, default: float) -> float:
    number = values.numeric(str(body.get("seconds", default)))
    if number is None or number <= 0:
        raise ValueError("seconds is above 0")
    return float(number)


_ARMING = {"reject": _reject, "missing-privilege": _deny, "slow-indexing": _lag,
           "maintenance": _maintain, "token-limit": _limit_tokens, "half": _half}
