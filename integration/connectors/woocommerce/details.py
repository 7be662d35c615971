"""What a body says beyond what every article and price has: categories, manufacturer, custom
fields, measures, and a running offer. Pure.

What was never stated is left out, so that what an agency entered in the shop stays and the hash of
an article without it stays the same. A measure that was sent once is emptied when the ERP states it
no more, and a brand that we chose is taken away; `notes` of the listing remember which those are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from integration.connectors.batches import exact, stated_sides
from integration.documents import Amount, ArticleDocument, PriceDocument

#: Note: measures that were sent at least once.
MEASURED = "measured"
#: Note: the id of the brand that we chose; 0 once the ERP has no manufacturer any more.
BRAND = "brand"
#: As the shop writes a moment of `..._gmt`.
_MOMENT = "%Y-%m-%dT%H:%M:%S"


def add_to(body: dict[str, Any], document: ArticleDocument, notes: Mapping[str, Any]) -> None:
    """Put the details of an article into its body. Raises: Invalid for a negative measure."""
    stated = stated_sides(document)
    if names := {*stated, *notes.get(MEASURED, ())}:
        body["sizeMm"] = {name: stated.get(name) for name in sorted(names)}
    if document.manufacturer or BRAND in notes:
        body["manufacturer"] = document.manufacturer or None
    if document.manufacturer and document.shop_manufacturer:
        body["brandId"] = document.shop_manufacturer
    if document.categories is not None:
        body["categories"] = list(document.categories)
    if document.custom_fields:
        body["customFields"] = dict(document.custom_fields)


def notes_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What to note of a product once it is written."""
    return {MEASURED: list(body["sizeMm"])} if "sizeMm" in body else {}


def offer_of(document: PriceDocument) -> dict[str, Any]:
    """The offer of a price: ``{regular: {net, gross} or None, from, until}``.

    Nothing for a channel that does not carry offers: a sale price that is in the shop stays.
    """
    if document.lists is None:
        return {}
    if document.list_price is None:
        return {"offer": None}
    return {
        "offer": {
            "regular": _both(document.list_price),
            "from": _moment(document.offer_since),
            "until": _moment(document.offer_until),
        }
    }


def price_values(body: Mapping[str, Any], side: str) -> dict[str, Any]:
    """A price in the shop's words. `side` is the one that the shop keeps: net or gross.

    An offer that is no lower on this side is none: the shop would drop it without a word.
    """
    values = {"regular_price": body[side]}
    if "offer" not in body:
        return values
    offer = body["offer"]
    values |= {"sale_price": "", "date_on_sale_from_gmt": "", "date_on_sale_to_gmt": ""}
    if offer is not None and Decimal(body[side]) < Decimal(offer["regular"][side]):
        values |= {
            "regular_price": offer["regular"][side],
            "sale_price": body[side],
            "date_on_sale_from_gmt": offer["from"],
            "date_on_sale_to_gmt": offer["until"],
        }
    return values


def meta_of(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Custom fields as entries of `meta_data`; the shop takes one away whose value is null."""
    fields = body.get("customFields", {})
    return [{"key": name, "value": value} for name, value in sorted(fields.items())]


def meta_value(row: Mapping[str, Any], key: str) -> Any:
    """What a row of the shop has in its metadata under a key, of several the first; else None."""
    metas = [one for one in row.get("meta_data") or () if isinstance(one, dict)]
    return next((one.get("value") for one in metas if one.get("key") == key), None)


def _both(amount: Amount) -> dict[str, str]:
    return {"net": exact(amount.net), "gross": exact(amount.gross)}


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime(_MOMENT)
