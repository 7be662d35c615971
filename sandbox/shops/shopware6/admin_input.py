"""What a test sends to the admin routes, read strictly: a mistake is told in a sentence."""

from __future__ import annotations

from typing import Any

from . import values, wire
from .errors import ApiError
from .shop import Shop
from .store import Row

DEFAULT_LIMIT = 500


class BadInput(Exception):
    """The caller of an admin route made a mistake; the text says which."""


def body(kinds: Any) -> Any:
    """The request's JSON of one of these types. Raises BadInput."""
    try:
        found = wire.body()
    except ApiError:
        found = None
    if not isinstance(found, kinds):
        raise BadInput("The body is a JSON object.")
    return found


def several(name: str) -> list[Any]:
    """One object, a list of them, or `{name: [...]}`. Raises BadInput."""
    found = body((dict, list))
    wanted = found if isinstance(found, list) else found.get(name, [found])
    if not isinstance(wanted, list):
        raise BadInput(f"`{name}` is a list.")
    return wanted


def limit(given: str | None) -> int:
    """How many rows a list may have. Raises BadInput."""
    number = values.numeric(given) if given is not None else DEFAULT_LIMIT
    if number is None or number != int(number) or number < 1:
        raise BadInput("limit is a whole number from 1.")
    return int(number)


def article(shop: Shop, wanted: Any) -> Row:
    """The product with this id or number. Raises BadInput."""
    found = None
    if isinstance(wanted, str):
        found = shop.store.get("product", wanted)
        found = found or shop.store.get("product", shop.store.product_id(wanted))
    if found is None:
        raise BadInput(f"There is no product with the id or number {wanted!r}.")
    return found
