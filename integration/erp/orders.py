"""The fetch plan of order statuses: documents of the ERP with their orders, parcels and carriers.

Only what a shop is told is read out of the answers; names and addresses never leave this module.
The ERP has no columns for it, so a delivery costs about four requests: the document, its order,
its parcels and their shipment. Source: vario-erp.md 5 "Documents", "Shipments", and 8.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from integration import ids as erp_ids
from integration.channel_view import ChannelView
from integration.connectors.base import FactStore
from integration.erp.client import ErpClient
from integration.erp.rows import Row, id_text, postponed
from integration.errors import Forbidden, Gone, Rejected, Throttled, TransientError
from integration.topics.order_status import DELIVERIES, KEY_FIELDS, ORDER

SHIPMENT = "shipment:"

_ARTICLE_LINE = "ARTICLE_LINE"
#: When documents that were not even tried come again.
UNTRIED_RETRY_S = 5.0


def fetch_deliveries(
    client: ErpClient, facts: FactStore, channel: ChannelView, ids: Sequence[str]
) -> dict[str, Row]:
    """Rows by entity: documents, and shipments with the document that they belong to.

    Shape: `integration.topics.order_rows`; of a shipment `{id, documents: [ids]}`. An entity
    without a row does not exist. Shipments come first, so that their documents are read after them.
    Raises: TransientError if not a single entity could be read.
    """
    reader = _Reader(client, channel.erp_id)
    rows: dict[str, Row] = {}
    last: TransientError | None = None
    for entity_id in sorted(dict.fromkeys(ids), key=lambda one: (one.isdigit(), one)):
        if isinstance(last, Throttled):
            rows[entity_id] = postponed(entity_id, last)
            continue
        try:
            row = reader.row(entity_id)
        except Gone:
            continue
        except Rejected as error:
            row = {"id": entity_id, "refusal": str(error)}
        except Forbidden as error:
            # Articles and stocks go on without the right to documents.
            row = {"id": entity_id, "forbidden": str(error)}
        except TransientError as error:
            # The second failure is the ERP's: what is left is not tried.
            row = postponed(entity_id, error)
            last = error if last is None else Throttled(error.message, UNTRIED_RETRY_S)
        rows[entity_id] = row
    if last is not None and all("postponed" in row for row in rows.values()):
        raise last
    return rows


class _Reader:
    """One fetch; what several entities need is read once: an order, a shipment and its parcels."""

    def __init__(self, client: ErpClient, channel_erp_id: str) -> None:
        self._client, self._channel = client, channel_erp_id
        self._order_by_id: dict[str, dict[str, Any]] = {}
        self._shipment_by_id: dict[str, dict[str, Any]] = {}

    def row(self, entity_id: str) -> Row:
        if entity_id.startswith(SHIPMENT):
            shipment = self._shipment(entity_id.removeprefix(SHIPMENT))
            document_id = erp_ids.canonical(id_text(shipment["documentId"]) or "")
            return {"id": entity_id, "documents": [document_id] if document_id else []}
        if not entity_id.isdigit():
            # Nothing leads from a parcel to its shipment (vario-erp.md 4.5).
            return {"id": entity_id, "documents": []}
        return self._document(entity_id)

    def _document(self, document_id: str) -> Row:
        document = _object(self._client.get(f"/erp/documents/{document_id}"))
        row: Row = {
            "id": document_id,
            "category": document.get("documentTypeCategory"),
            "channel": id_text(_object(document.get("salesChannelRef")).get("id")),
            "state": _state(document),
            "lines": [],
            "orders": [],
            "parcels": [],
        }
        if row["channel"] not in (None, self._channel):
            return row
        if row["category"] == ORDER:
            return {**row, "orders": [_order(document_id, document)]}
        if row["category"] not in DELIVERIES:
            return row
        lines = [_delivered(line) for line in _article_lines(document)]
        orders = [self._order(one) for one in dict.fromkeys(line["order"] for line in lines) if one]
        return {**row, "lines": lines, "orders": orders, "parcels": self._parcels(document_id)}

    def _order(self, order_id: str) -> dict[str, Any]:
        if order_id not in self._order_by_id:
            try:
                document = _object(self._client.get(f"/erp/documents/{order_id}"))
            except Gone:
                document = {}
            self._order_by_id[order_id] = _order(order_id, document)
        return self._order_by_id[order_id]

    def _parcels(self, document_id: str) -> list[dict[str, Any]]:
        parcels = _objects(self._client.get(f"/erp/documents/{document_id}/parcels"))
        carriers: dict[str | None, dict[str, Any]] = {None: {}}
        for shipment_id in {id_text(one.get("shipmentId")) for one in parcels} - {None}:
            try:
                carriers[shipment_id] = self._shipment(str(shipment_id))["carrier"]
            except Gone:
                carriers[shipment_id] = {}
        return [_parcel(one, carriers[id_text(one.get("shipmentId"))]) for one in parcels]

    def _shipment(self, shipment_id: str) -> dict[str, Any]:
        if shipment_id not in self._shipment_by_id:
            answer = _object(self._client.get(f"/vds/shipment/{shipment_id}"))
            self._shipment_by_id[shipment_id] = {
                "documentId": answer.get("documentId"),
                "carrier": _object(answer.get("carrier")),
            }
        return self._shipment_by_id[shipment_id]


def _order(order_id: str, document: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": order_id,
        "channel": id_text(_object(document.get("salesChannelRef")).get("id")),
        "state": _state(document),
        "keys": {name: id_text(document.get(name)) for name in KEY_FIELDS},
        "lines": [
            {
                "article": erp_ids.canonical(id_text(line.get("articleId")) or ""),
                "quantity": line.get("quantity"),
                "committed": line.get("quantityCommitted"),
                "complete": line.get("complete") is True,
            }
            for line in _article_lines(document)
        ],
    }


def _delivered(line: dict[str, Any]) -> dict[str, Any]:
    """A line of a delivery and the order's line that it delivers."""
    of = _object(line.get("customerOrderLineRef")) or _object(line.get("sourceLineRef"))
    return {
        "order": erp_ids.canonical(id_text(of.get("documentId")) or ""),
        "order_line": id_text(of.get("id")),
        "number": id_text(line.get("number")),
        "quantity": line.get("quantity"),
    }


def _parcel(parcel: dict[str, Any], carrier: dict[str, Any]) -> dict[str, Any]:
    kind = _object(carrier.get("carrierTypeRef"))
    number = (id_text(parcel.get("trackingNumber")) or "").strip()
    template = carrier.get("trackingUrlTemplate") or kind.get("trackingUrlTemplate")
    return {
        "state": parcel.get("parcelState"),
        "tracking": number or None,
        "url": tracking_url(template, number) if number and isinstance(template, str) else None,
        "carrier": id_text(kind.get("id")) or id_text(carrier.get("label")),
        "carrier_label": id_text(carrier.get("label")) or id_text(kind.get("label")),
    }


def tracking_url(template: str, number: str) -> str:
    """The template's address of one parcel. How a template marks the place is unknown: the first
    ``{...}`` or ``%s`` is replaced, else the number is appended (vario-erp.md 5)."""
    encoded = quote(number, safe="")
    before, brace, rest = template.partition("{")
    _name, closing, after = rest.partition("}")
    if brace and closing:
        return before + encoded + after
    return template.replace("%s", encoded, 1) if "%s" in template else template + encoded


def _state(document: dict[str, Any]) -> str | None:
    return id_text(_object(document.get("documentState")).get("key"))


def _article_lines(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in _objects(document.get("lines")) if one.get("lineType") == _ARTICLE_LINE]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
