"""What the suite has to know of a platform's sandbox: how it is written to, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHOPWARE6, WOOCOMMERCE = "shopware6", "woocommerce"


@dataclass(frozen=True)
class Shop:
    """`writes`: how "METHOD /path" of every request begins that changes something.

    `lacks`: kinds of faults that other shops have and this one has not. `forms`: arguments of its
    sandbox, drawn by the seed.
    """

    writes: str
    lacks: frozenset[str]
    forms: tuple[tuple[str, ...], ...] = ((),)

    def form(self, seed: int) -> tuple[str, ...]:
        return self.forms[seed % len(self.forms)]


SHOPS: Mapping[str, Shop] = {
    # It applies a request as a whole or not at all, and its answers are nothing but JSON.
    SHOPWARE6: Shop("POST /api/_action/", frozenset({"half", "php-notice", "html-after"})),
    # Its keys last until a person revokes them, and then the channel waits for a person.
    WOOCOMMERCE: Shop(
        "POST /wp-json/",
        frozenset({"deadlock", "token-revoked"}),
        # Where a shop keeps its parcels: as each can fail in another way.
        tuple(
            ("--tracking", one)
            for one in ("notes", "fulfillments", "wc-shipment-tracking/v3", "wc-ast/v3")
        ),
    ),
}
PLATFORMS = tuple(SHOPS)


def values_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a write of a product says of the fields that are edited, in either shop's words."""
    values = {"name": body.get("name"), "stock": body.get("stock", body.get("stock_quantity"))}
    price = body.get("price") or [{"gross": body.get("regular_price")}]
    values["gross"] = price[0]["gross"]
    return {field: value for field, value in values.items() if value is not None}


def is_sold(body: Mapping[str, Any]) -> bool | None:
    """Whether a product is for sale after this write, in either shop's words; None: as before."""
    if "active" in body:
        return bool(body["active"])
    return body["status"] == "publish" if "status" in body else None
