"""From documents to bodies for WooCommerce. Pure: nothing is asked of the shop here.

A body holds what we know without the shop: the rate of the tax stands in for its class unless a
mapping names one, the weight is in kilograms, and a price has both sides and its currency; `rows`
turns them into the shop's terms. Amounts are texts in their shortest form, so that equal content
has one hash.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from marshmallow import Schema, fields, post_dump, validate

from integration.connectors.base import ListingView, Payload
from integration.connectors.batches import (
    Exact,
    checked_body,
    first_bodies,
    leave_out,
    require_currency,
)
from integration.connectors.files import image_body
from integration.connectors.woocommerce import details, variations
from integration.documents import (
    ArticleDocument,
    Document,
    ImagesDocument,
    PriceDocument,
    StockDocument,
    WithdrawalDocument,
)
from integration.errors import Invalid

#: For sale, and not: a private product keeps its address, a draft loses it (recorded).
SHOWN, HIDDEN = "publish", "private"

# Column width of the shop's look-up table, for numbers and for EANs.
MAX_NUMBER_LENGTH = 100

#: What a body calls the fields that may be the shop's.
OWNED = {"number": "sku", "name": "name", "description": "description", "active": "status"}

_NOT_NEGATIVE = validate.Range(min=0, error="is negative")


def _not_longer(longest: int) -> validate.Validator:
    return validate.Length(max=longest, error=f"is longer than the shop's {longest} characters")


_NOT_EMPTY = validate.Length(min=1, error="is empty, but a product needs one")


class _ArticleBody(Schema):
    sku = fields.String(
        attribute="number", validate=validate.And(_NOT_EMPTY, _not_longer(MAX_NUMBER_LENGTH))
    )
    name = fields.String(validate=_NOT_EMPTY)
    description = fields.Function(
        lambda article: article.description or "", deserialize=lambda value: value
    )
    # An empty text takes the shop's one away.
    global_unique_id = fields.Function(
        lambda article: article.ean or "",
        deserialize=lambda value: value,
        validate=_not_longer(MAX_NUMBER_LENGTH),
    )
    weightKg = Exact(attribute="weight_kg", allow_none=True, validate=_NOT_NEGATIVE)
    status = fields.Function(
        lambda article: SHOWN if article.is_active else HIDDEN, deserialize=lambda value: value
    )
    taxRate = Exact(attribute="tax_rate", validate=_NOT_NEGATIVE)
    # By a mapping; then the rate does not count.
    taxClass = fields.String(attribute="shop_tax", allow_none=True)

    @post_dump
    def _leave_one_tax(self, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        del body["taxRate" if body["taxClass"] else "taxClass"]
        return body


class _PriceBody(Schema):
    # The shop takes negative prices without a word (recorded).
    currency = fields.String()
    net = Exact(validate=_NOT_NEGATIVE)
    gross = Exact(validate=_NOT_NEGATIVE)


class _StockBody(Schema):
    stock_quantity = fields.Integer(attribute="quantity", strict=True, validate=_NOT_NEGATIVE)


_ARTICLE, _PRICE, _STOCK = _ArticleBody(), _PriceBody(), _StockBody()


def payload_of(document: Document, listing: ListingView, currency: str) -> Payload:
    """The payload of one document. `currency` is the channel's.

    Raises: Invalid; Held (``no-price``) for an article that would have to be created without one.
    """
    number = document.number if isinstance(document, ArticleDocument) else listing.number or ""
    result: Payload = {
        "article_id": document.article_id,
        "number": number,
        "external_id": listing.external_id,
        "body": _body(document, number or f"article {document.article_id}", currency),
    }
    if isinstance(document, ArticleDocument):
        details.add_to(result["body"], document, listing.notes)
        variations.add_to(result["body"], document)
        result["tax"] = document.tax
        is_another = variations.is_another_row(result["body"], listing)
        if listing.external_id is None or is_another:
            result["first"] = _first(document, currency)
        # A new row has nothing of its own yet that could stay.
        kept = replace(listing, left_out=frozenset()) if is_another else listing
        result["texts"] = leave_out(result["body"], kept, OWNED)
    elif listing.external_id is None:
        raise Invalid(f"article {document.article_id} has no product in the shop to be changed")
    if listing.notes:
        result["notes"] = dict(listing.notes)
    return result


def _first(document: ArticleDocument, currency: str) -> dict[str, dict[str, Any]]:
    """A product with variations has neither price nor stock of its own."""
    if document.is_main:
        return {}
    return first_bodies(document, currency, lambda one, label: _body(one, label, currency))


def _body(document: Document, label: str, currency: str) -> dict[str, Any]:
    if isinstance(document, WithdrawalDocument):
        return {"status": HIDDEN}
    if isinstance(document, ArticleDocument):
        return checked_body(_ARTICLE, document, label)
    if isinstance(document, StockDocument):
        return _stock_body(document, label)
    if isinstance(document, ImagesDocument):
        return {"images": [image_body(one) for one in document.images]}
    return _price_body(document, label, currency)


def _stock_body(document: StockDocument, label: str) -> dict[str, Any]:
    """Always all of it: a quantity counts only together with `manage_stock` (recorded)."""
    if not document.is_tracked:
        # Services are not counted, so a 0 must not end their sale.
        return {"manage_stock": False, "stock_status": "instock"}
    backorders = "yes" if document.sells_without_stock else "no"
    return {"manage_stock": True, **checked_body(_STOCK, document, label), "backorders": backorders}


def _price_body(document: PriceDocument, label: str, currency: str) -> dict[str, Any]:
    require_currency(document, label, currency)
    return {**checked_body(_PRICE, document, label), **details.offer_of(document)}
