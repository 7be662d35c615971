"""The REST API's frame: who may do what, single calls and batches; `routes` fills it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, request

from . import errors, wire
from .errors import ApiError
from .shop import Shop
from .store import Row

WORDS = {"view": "Sorry, you cannot list resources.",
         "create": "Sorry, you are not allowed to create resources.",
         "edit": "Sorry, you are not allowed to edit this resource.",
         "delete": "Sorry, you are not allowed to delete this resource.",
         "batch": "Sorry, you are not allowed to batch manipulate this resource."}
WRITING = ["POST", "PUT", "PATCH"]
PAGE_LIMIT = 100

_request_numbers = itertools.count(1)


def frame(shop: Shop, api: Blueprint) -> None:
    """Tell who asks before every request of `api`."""

    @api.before_request
    def authenticate() -> None:
        g.request_number, g.started = str(next(_request_numbers)), time.monotonic()
        route = f"{request.method} {request.path}"
        is_revoked = shop.faults.take({"key-revoked"}, route) is not None
        g.key = None if is_revoked else shop.gate.of(request)


def permit(action: str) -> None:
    """Raises ApiError: 401 for nobody, 403 for a user without the right."""
    key = g.get("key")
    if key is None or not key.may_manage:
        status = 401 if key is None else 403
        raise ApiError(status, f"woocommerce_rest_cannot_{action}", WORDS[action])


def batch(shop: Shop, body: Row, *, create: Callable[[Row], Row], update: Callable[[Row], Row],
          delete: Callable[[Any], Row]) -> Any:
    """What a batch answers: per row its object or its error, in the order create, update, delete.

    Raises ApiError only for the whole: too many rows, or the fault `half`.
    """
    given = {name: body[name] for name in ("create", "update", "delete")
             if isinstance(body.get(name), list)}
    total = sum(map(len, given.values()))
    if total > shop.options.batch_limit:
        raise errors.too_many(shop.options.batch_limit)
    shop.wait(total)
    left = total
    if shop.faults.take({"half"}, f"{request.method} {request.path}") is not None:
        left = total // 2
    answered: dict[str, list[Row]] = {}
    does = {"create": create, "update": update, "delete": delete}
    for name, rows in given.items():
        answered[name] = []
        for row in rows:
            if left == 0:
                raise ApiError(500, "internal_server_error", "There has been a critical error on "
                               "this website.")
            left -= 1
            answered[name].append(_item(shop, name, row, does[name]))
    return wire.batch_only(answered, request.args.get("_fields")) or []


def _item(shop: Shop, name: str, row: Any, write: Callable[[Any], Row]) -> Row:
    with shop.store.lock:
        try:
            return write(row if name == "delete" or isinstance(row, dict) else {})
        except ApiError as refusal:
            row_id = row if name == "delete" else (row or {}).get("id")
            return {"id": 0 if name == "create" else row_id, "error": refusal.body}


def page(rows: list[Row], path: str, show: Callable[[Row], Row]) -> Response:
    """The page of `rows` that the query asks for, with the headers that count them."""
    number, size = _whole("page", 1, None), _whole("per_page", 10, PAGE_LIMIT)
    offset = int(request.args.get("offset", (number - 1) * size))
    shown = [wire.only(show(one), request.args.get("_fields"))
             for one in rows[offset:offset + size]]
    pages = -(-len(rows) // size)
    headers = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(pages), "Allow": "GET, POST"}
    if number < pages:
        headers["Link"] = f"<{request.base_url}?page={number + 1}>; rel=\"next\""
    return wire.answer(shown, headers=headers)


def included(query: Any) -> set[int]:
    """The ids that `include` names; none: all rows are meant."""
    return {int(one) for one in query.get("include", "").split(",") if one.strip().isdigit()}


def one(row: Row, status: int = 200, location: str | None = None) -> Response:
    """A single row; `_fields` leaves its links."""
    fields = request.args.get("_fields")
    shown = wire.only(row, f"{fields},_links" if fields else None)
    return wire.answer(shown, status, {"Location": location} if location else {})


def _whole(name: str, default: int, most: int | None) -> int:
    text = request.args.get(name, str(default))
    if not text.isdigit() or int(text) < 1 or (most and int(text) > most):
        limits = f"between 1 (inclusive) and {most} (inclusive)" if most else "greater than 0"
        raise errors.invalid_param(
            {name: ("rest_out_of_bounds", f"{name} must be {limits}", None)})
    return int(text)
