"""REST reads of documents, parcels and shipments, and what a client may write to a document."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from sandbox.erp.dto import number
from sandbox.erp.errors import invalid, not_found
from sandbox.erp.merging import merged
from sandbox.erp.trade import ORDER, Document, Line, Parcel, Shipment
from sandbox.erp.world import World, current_tenant, sent_object

WRITTEN = ("externalIdentifier", "externalNumber", "referencedOrderNumber")
CARRIER = {"label": "DHL", "carrierTypeRef": {"id": "3", "label": "DHL"},
           "trackingUrlTemplate": "https://tracking.example/{trackingNumber}"}


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("documents", __name__, url_prefix="/api/vario")
    path = "/erp/documents/<int:document_id>"

    @routes.get(path)
    def read(document_id: int) -> Any:
        found = _document(document_id)
        return {**_head(found, world), "lines": [_line(found, place, line)
                                                 for place, line in enumerate(found.lines, 1)]}

    @routes.get(path + "/flat")
    def flat(document_id: int) -> Any:
        return _head(_document(document_id), world)

    @routes.patch(path)
    def write(document_id: int) -> Any:
        found, body, tenant = _document(document_id), sent_object(), current_tenant()
        if not isinstance(body.get("custom", {}), dict):
            raise invalid("custom is an object.")
        with tenant.lock:
            custom = body.get("custom", {})
            is_deep = world.options.merge == "deep"
            found.custom = merged(found.custom, custom) if is_deep or not custom else custom
            found.fields = {**found.fields, **{name: body[name] for name in WRITTEN
                                               if name in body}}
            found.version += 1
        queue, payload = found.event("save_accepted")
        world.courier.announce(tenant, queue, payload, spared=world.spared())
        return read(document_id)

    @routes.get(path + "/parcels")
    def parcels(document_id: int) -> Response:
        shipments = current_tenant().trade.shipments_of(_document(document_id))
        return jsonify([_parcel(parcel, one) for one in shipments for parcel in one.parcels])

    @routes.get("/vds/shipment/<int:shipment_id>")
    def shipment(shipment_id: int) -> Any:
        found = current_tenant().trade.shipments.get(shipment_id)
        if found is None:
            raise not_found(f"The shipment {shipment_id}")
        return _shipment(found)

    return routes


def _document(document_id: int) -> Document:
    found = current_tenant().trade.documents.get(document_id)
    if found is None:
        raise not_found(f"The document {document_id}")
    return found


def _head(document: Document, world: World) -> dict[str, Any]:
    label = current_tenant().channel_label(document.channel)
    day = document.created_at.date().isoformat()
    # Which of the three an import fills is its own affair; the two others stay empty.
    references = {name: None for name in WRITTEN}
    references[world.options.order_reference] = document.reference
    return {
        "id": str(document.id), "number": document.number, **references,
        "documentTypeCategory": document.category,
        "documentType": {"label": document.category.replace("_", " ").title()},
        "documentState": {"key": document.state, "label": document.state.title()},
        "salesChannelRef": {"id": str(document.channel), "label": label},
        "deliveryMethodRef": {"id": "4", "label": "Paketversand"},
        "documentDate": day, "orderedOn": day if document.category == ORDER else None,
        "shippingDate": None if document.category == ORDER else day, "deliveryDate": None,
        "languageCode": "de", "currencyCode": "EUR", "deliveryApproved": True,
        "importType": "API", "custom": document.custom, "version": str(document.version),
        **document.fields,
    }


def _line(document: Document, place: int, line: Line) -> dict[str, Any]:
    article = line.article
    source = None if line.of is None or document.order is None else _reference(
        document.order, line.of)
    return {
        "id": str(line.id), "position": place,
        "lineType": "SHIPPING_COST_LINE" if article is None else "ARTICLE_LINE",
        "articleId": None if article is None else str(article.id),
        "number": None if article is None else article.number,
        "name": "Versandkosten" if article is None else article.name,
        "quantity": number(line.quantity), "quantityCommitted": number(line.delivered),
        "complete": line.open <= 0, "sourceLineRef": source, "customerOrderLineRef": source,
        "bookings": [], "custom": {},
    }


def _reference(order: Document, line: Line) -> dict[str, Any]:
    return {"documentId": str(order.id), "id": str(line.id), "number": order.number,
            "documentType": "Auftrag", "category": order.category,
            "articleNumber": line.article.number if line.article else None,
            "quantity": number(line.quantity), "position": order.lines.index(line) + 1,
            "documentState": order.state}


def _parcel(parcel: Parcel, shipment: Shipment) -> dict[str, Any]:
    details = [{"statusCode": "CREATED", "statusLabel": "Angekündigt"}] if parcel.tracking else []
    lines = [{"documentLineId": str(line.id), "quantity": number(line.quantity)}
             for line in shipment.document.lines] if parcel is shipment.parcels[0] else []
    return {"id": str(parcel.id), "shipmentId": str(shipment.id),
            "trackingNumber": parcel.tracking, "parcelState": parcel.state,
            "trackingDetails": details, "lines": lines}


def _shipment(shipment: Shipment) -> dict[str, Any]:
    document = shipment.document
    return {"id": str(shipment.id), "documentId": str(document.id),
            "documentNumber": document.number, "carrier": CARRIER, "deliveryMethodId": "4",
            "shipmentState": shipment.state,
            "shippingDate": document.created_at.date().isoformat(),
            "parcels": [_parcel(parcel, shipment) for parcel in shipment.parcels]}
