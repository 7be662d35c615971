"""Bodies of the shop in memory: the documents' own fields as JSON."""

from __future__ import annotations

from typing import Any

from integration.connectors.batches import exact, pieces_by_location
from integration.documents import (
    ArticleDocument,
    DeliveryDocument,
    Document,
    Image,
    ImagesDocument,
    PriceDocument,
    StockDocument,
    WithdrawalDocument,
)
from integration.errors import Held
from integration.topology import Topic


def first_bodies_of(document: ArticleDocument) -> dict[str, dict[str, Any]]:
    """Price and stock of a product that is yet to be made. Raises: Held (``no-price``)."""
    if document.price is None:
        raise Held(
            "no-price",
            f"{document.number} has no price, a product is not created without one; "
            "set a price in the ERP",
        )
    first = {Topic.PRICE.value: body_of(document.price)}
    if document.stock is not None:
        first[Topic.STOCK.value] = body_of(document.stock)
    return first


def body_of(document: Document) -> dict[str, Any]:
    """A document as JSON; amounts are texts in their shortest form."""
    if isinstance(document, WithdrawalDocument):
        return {"active": False}
    if isinstance(document, StockDocument):
        return _stock(document)
    if isinstance(document, ImagesDocument):
        return {"images": [_image(one) for one in document.images]}
    if isinstance(document, PriceDocument):
        return {
            "currency": document.currency,
            "net": exact(document.net),
            "gross": exact(document.gross),
        }
    return {
        "number": document.number,
        "name": document.name,
        "description": document.description,
        "ean": document.ean,
        "weight_kg": None if document.weight_kg is None else exact(document.weight_kg),
        "manufacturer": document.shop_manufacturer or document.manufacturer,
        "tax_rate": exact(document.tax_rate),
        "tax": document.shop_tax,
        "active": document.is_active,
        **_details(document),
    }


def _stock(document: StockDocument) -> dict[str, Any]:
    if document.locations is None:
        return {"stock": document.quantity}
    label = f"article {document.article_id}"
    locations = pieces_by_location(document.locations, label)
    return {"stock": document.quantity, "locations": locations}


def _details(document: ArticleDocument) -> dict[str, Any]:
    """What only some articles have; left out where the channel does not want it."""
    details: dict[str, Any] = {}
    if document.texts:
        details["texts"] = {
            f"{name}@{language}": getattr(texts, name) or ""
            for language, texts in document.texts.items()
            for name in ("name", "description")
        }
    if document.categories is not None:
        details["categories"] = list(document.categories)
    if document.custom_fields:
        details["custom_fields"] = dict(document.custom_fields)
    if document.is_main:
        details["is_main"] = True
    if document.variant is not None:
        details["parent"] = document.variant.parent_id
        details["options"] = {one.attribute_label: one.label for one in document.variant.options}
    return details


def _image(image: Image) -> dict[str, Any]:
    return {
        "ref": image.ref,
        "revision": image.revision,
        "name": f"{image.file_name}.{image.extension}",
        "alt": dict(image.alt),
    }


def fulfilment_of(document: DeliveryDocument) -> dict[str, Any]:
    """What a delivery says of its orders, and its parcels."""
    return {
        "orders": [
            {
                "order": one.shop_order,
                "state": one.state.value,
                "lines": [[line.order_line_id, exact(line.quantity)] for line in one.lines],
            }
            for one in document.orders
        ],
        "parcels": [
            {
                "number": one.tracking_number,
                "url": one.tracking_url,
                "carrier": one.shop_carrier or one.carrier_label,
            }
            for one in document.parcels
        ],
        "is_cancelled": document.is_cancelled,
    }
