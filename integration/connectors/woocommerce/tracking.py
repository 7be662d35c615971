"""Where a shop keeps the tracking of its orders: as fulfilments of WooCommerce itself, with one of
two plugins, or else as notes to the order.

None of them is repeatable by itself, so each looks at what is there before it writes, and takes
back what an earlier write of the same document left, also what it left twice, because the shop
applied a write after its repetition. What others added stays.
Source: docs/sources.md#woocommerce-orders.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from integration.connectors.base import FactStore
from integration.connectors.woocommerce.answers import NoRoute
from integration.connectors.woocommerce.client import Client, Row
from integration.connectors.woocommerce.settings import (
    AST,
    AUTO,
    FULFILLMENTS,
    KINDS,
    NOTE,
    SHIPMENT_TRACKING,
)
from integration.errors import Rejected

_NAMESPACES = {SHIPMENT_TRACKING: "wc-shipment-tracking/v3", AST: "wc-ast/v3"}
_KIND = "tracking"

#: Metadata of a fulfilment: the document of the ERP that it stands for.
_MARK = "_vario_relay_document"


@dataclass(frozen=True)
class Order:
    """An order of the shop; `lines` are (id, number of the article, quantity)."""

    id: int
    number: str
    status: str
    lines: tuple[tuple[int, str, Any], ...]


@dataclass(frozen=True)
class Wanted:
    """What one document says of one order.

    `parcels` as in the body; `lines` are (number of the article, quantity); `gone` are tracking
    numbers of earlier writes of the document that count no more.
    """

    mark: str
    parcels: tuple[Mapping[str, Any], ...]
    lines: tuple[tuple[str | None, str], ...]
    is_cancelled: bool
    gone: tuple[str, ...]

    @property
    def says_something(self) -> bool:
        return bool(self.parcels or self.lines or self.is_cancelled or self.gone)


class Tracker:
    """Brings tracking to orders of one shop. `kind` is a value of `tracking`."""

    def __init__(self, client: Client, facts: FactStore, kind: str, *, sends_mails: bool) -> None:
        self._client, self._facts, self._kind = client, facts, kind
        self._sends_mails = sends_mails

    def bring(self, order: Order, wanted: Wanted) -> str | None:
        """Have the shop show what is wanted; the id of the fulfilment, if it makes one.

        Raises: Rejected, TransientError.
        """
        ways: dict[str, Callable[[Order, Wanted], str | None]] = {
            FULFILLMENTS: self._fulfil,
            SHIPMENT_TRACKING: self._by_plugin,
            AST: self._by_plugin,
            NOTE: self._by_note,
        }
        return ways[self.kind(order.id)](order, wanted)

    def kind(self, order_id: int) -> str:
        """What the shop has; asked once a day, unless the channel says it."""
        if self._kind == AUTO:
            known = self._facts.get(_KIND)
            if known not in KINDS:
                known = self._found(order_id)
                self._facts.put(_KIND, known)
            # Each look at what is remembered is a query, and a batch has many orders.
            self._kind = str(known)
        return self._kind

    def _found(self, order_id: int) -> str:
        try:
            self._client.get(f"/orders/{order_id}/fulfillments")
        except NoRoute:
            served = self._client.index().get("namespaces") or []
            plugins = (kind for kind, name in _NAMESPACES.items() if name in served)
            return next(plugins, NOTE)
        return FULFILLMENTS

    def _fulfil(self, order: Order, wanted: Wanted) -> str | None:
        """One fulfilment per document, whatever it is called by an earlier receipt."""
        path = f"/orders/{order.id}/fulfillments"
        rows = self._client.get(path)
        mine = [one for one in rows or () if _meta(one).get(_MARK) == wanted.mark]
        mine = [one for one in mine if not one.get("date_deleted")]
        notify = {"notify_customer": "true" if self._sends_mails else "false"}
        if wanted.is_cancelled:
            for one in mine:
                self._client.write("DELETE", f"{path}/{one['id']}", query=notify)
            return None
        if not wanted.lines and not wanted.parcels:
            return None
        meta = _fulfilment(order, wanted)
        body = {
            "status": "fulfilled",
            "is_fulfilled": True,
            "meta_data": [{"key": key, "value": value} for key, value in meta.items()],
        }
        for surplus in mine[1:]:
            # Nobody is told: what it says stays true.
            silently = {"notify_customer": "false"}
            self._client.write("DELETE", f"{path}/{surplus['id']}", query=silently)
        if mine and _says(mine[0], meta):
            return str(mine[0]["id"])
        if mine:
            answer = self._client.write("PUT", f"{path}/{mine[0]['id']}", body, query=notify)
        else:
            answer = self._client.write("POST", path, body, query=notify)
        if not isinstance(answer, dict) or not _says(answer, meta):
            raise Rejected(f"order {order.number}: the shop does not show the fulfilment as sent")
        return str(answer["id"])

    def _by_plugin(self, order: Order, wanted: Wanted) -> str | None:
        """Shipment Tracking and Advanced Shipment Tracking: one entry per parcel."""
        kind = self.kind(order.id)
        path, api = f"/orders/{order.id}/shipment-trackings", f"/wp-json/{_NAMESPACES[kind]}"
        rows = [one for one in self._client.get(path, api) or () if isinstance(one, dict)]
        there = {str(one.get("tracking_number")) for one in rows}
        for parcel in wanted.parcels:
            if parcel["number"] in there:
                continue
            answer = self._client.write("POST", path, _tracking(parcel, kind), api=api)
            if not isinstance(answer, dict) or answer.get("tracking_number") != parcel["number"]:
                raise Rejected(
                    f"order {order.number}: the shop does not show the tracking number "
                    f"{parcel['number']}"
                )
        ours = {parcel["number"] for parcel in wanted.parcels}
        gone = [one for one in rows if one.get("tracking_number") in wanted.gone]
        gone += _repeated(
            [one for one in rows if one.get("tracking_number") in ours],
            lambda one: (one["tracking_number"], one.get("tracking_provider")),
        )
        for one in gone:
            self._client.write("DELETE", f"{path}/{one['tracking_id']}", api=api)
        return None

    def _by_note(self, order: Order, wanted: Wanted) -> str | None:
        """A note per parcel; where mails are wanted, the customer gets it by mail and sees it."""
        path = f"/orders/{order.id}/notes"
        rows = [one for one in self._client.get(path) or () if isinstance(one, dict)]
        texts = [_note(parcel) for parcel in wanted.parcels]
        there = {_text(one) for one in rows}
        for text in texts:
            if text not in there:
                body = {"note": text, "customer_note": self._sends_mails}
                self._client.write("POST", path, body)
        gone = [
            one for one in rows if any(_is_note_of(number, _text(one)) for number in wanted.gone)
        ]
        gone += _repeated([one for one in rows if _text(one) in texts], _text)
        for one in gone:
            self._client.write("DELETE", f"{path}/{one['id']}", query={"force": "true"})
        return None


def _repeated(rows: Sequence[Row], key: Callable[[Row], Any]) -> list[Row]:
    """Rows that say the same as an earlier one."""
    seen: set[Any] = set()
    found = []
    for one in rows:
        if key(one) in seen:
            found.append(one)
        seen.add(key(one))
    return found


def _text(note: Row) -> str:
    return html.unescape(str(note.get("note")))


def _fulfilment(order: Order, wanted: Wanted) -> dict[str, Any]:
    """Metadata of a fulfilment; it has one field for tracking numbers."""
    meta: dict[str, Any] = {"_items": _items(order, wanted), _MARK: wanted.mark}
    if wanted.parcels:
        first = wanted.parcels[0]
        meta["_tracking_number"] = ", ".join(dict.fromkeys(one["number"] for one in wanted.parcels))
        meta["_shipment_provider"] = first["carrier"] or "other"
        if not first["carrier"] and first["label"]:
            meta["_provider_name"] = first["label"]
        if first["url"]:
            meta["_tracking_url"] = first["url"]
    return meta


def _items(order: Order, wanted: Wanted) -> list[dict[str, int]]:
    """The lines of the shop's order that the document ships; all of them where it does not say."""
    left = {line_id: int(quantity) for line_id, _, quantity in order.lines}
    items = []
    for number, quantity in wanted.lines:
        folded = str(number or "").casefold()
        line_id = next(
            (one for one, sku, _ in order.lines if sku.casefold() == folded and left[one]), None
        )
        if line_id is not None and folded:
            pieces = int(Decimal(quantity).to_integral_value(ROUND_CEILING))
            taken = min(max(1, pieces), left[line_id])
            left[line_id] -= taken
            items.append({"item_id": line_id, "qty": taken})
    if items:
        return items
    return [{"item_id": one, "qty": int(quantity)} for one, _, quantity in order.lines]


def _tracking(parcel: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """An entry of a plugin: a carrier that it knows, by the channel's mapping, or one by name."""
    body: dict[str, Any] = {"tracking_number": parcel["number"]}
    if parcel["carrier"]:
        body["tracking_provider"] = parcel["carrier"]
    elif kind == AST:
        body["tracking_provider"] = parcel["label"] or "Other"
    else:
        body["custom_tracking_provider"] = parcel["label"] or "Other"
        body["custom_tracking_link"] = parcel["url"] or ""
    return body


def _note(parcel: Mapping[str, Any]) -> str:
    parts = (parcel["carrier"] or parcel["label"], parcel["number"], parcel["url"])
    return " ".join(str(one) for one in parts if one)


def _is_note_of(number: str, text: str) -> bool:
    """Whether it is a note of ours about this number, and not somebody's sentence with it in."""
    return re.fullmatch(rf"(\S+( \S+)? )?{re.escape(number)}( https?://\S+)?", text) is not None


def _meta(row: Row) -> dict[str, Any]:
    entries = row.get("meta_data") if isinstance(row, dict) else ()
    return {str(one.get("key")): one.get("value") for one in entries or () if isinstance(one, dict)}


def _says(row: Row, meta: Mapping[str, Any]) -> bool:
    """Whether a fulfilment carries what was sent."""
    shown = _meta(row)
    return (
        bool(row.get("is_fulfilled"))
        and all(shown.get(key) == value for key, value in meta.items() if key != "_items")
        and _quantities(shown.get("_items")) == _quantities(meta["_items"])
    )


def _quantities(items: Any) -> list[tuple[int, int]]:
    return sorted((int(one["item_id"]), int(one["qty"])) for one in items or ())
