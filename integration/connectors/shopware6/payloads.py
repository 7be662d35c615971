"""From documents to bodies for Shopware. Pure: nothing is asked of the shop here.

A body holds what we know without the shop: the rate of the tax, the code of the currency and the
name of the manufacturer stand in for the ids that `products` puts there at push. Amounts are texts
in their shortest form, so that a body is the same after any journey and equal content has one hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from marshmallow import Schema, fields, post_dump, validate

from integration.connectors.base import ListingView, Payload
from integration.connectors.batches import (
    Exact,
    checked_body,
    exact,
    first_bodies,
    pieces_by_location,
    require_currency,
)
from integration.connectors.files import image_body
from integration.connectors.shopware6 import details
from integration.documents import (
    Amount,
    ArticleDocument,
    Document,
    ImagesDocument,
    PriceDocument,
    PriceList,
    PriceStep,
    StockDocument,
    WithdrawalDocument,
)
from integration.errors import Invalid
from integration.mapping_kinds import missing

# Column widths of the shop's database; longer values are refused there, one row failing a batch.
MAX_NAME_LENGTH = 255
MAX_NUMBER_LENGTH = 64


def _text(longest: int) -> validate.Validator:
    return validate.And(
        validate.Length(min=1, error="is empty, but the shop demands one"),
        validate.Length(max=longest, error=f"is longer than the shop's {longest} characters"),
    )


_NOT_NEGATIVE = validate.Range(min=0, error="is negative")


class _ArticleBody(Schema):
    productNumber = fields.String(attribute="number", validate=_text(MAX_NUMBER_LENGTH))
    name = fields.String(validate=_text(MAX_NAME_LENGTH))
    # An empty text is none: the shop stores NULL for both.
    description = fields.Function(
        lambda article: article.description or None,
        deserialize=lambda value: value,
        allow_none=True,
    )
    ean = fields.String(
        allow_none=True,
        validate=validate.Length(max=255, error="is longer than the shop's 255 characters"),
    )
    weight = Exact(attribute="weight_kg", allow_none=True, validate=_NOT_NEGATIVE)
    active = fields.Boolean(attribute="is_active")
    taxRate = Exact(attribute="tax_rate", validate=_NOT_NEGATIVE)
    # By a mapping; then the rate does not count.
    taxId = fields.String(attribute="shop_tax", allow_none=True)
    manufacturer = fields.String(
        allow_none=True,
        validate=validate.Length(max=255, error="is longer than the shop's 255 characters"),
    )
    # By a mapping; then the name does not count.
    manufacturerId = fields.String(attribute="shop_manufacturer", allow_none=True)

    @post_dump
    def _leave_out_unknown(self, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        # Many ERPs do not keep manufacturers: the one an agency entered in the shop stays.
        for name in ("manufacturer", "manufacturerId"):
            if not body[name]:
                del body[name]
        del body["taxRate" if body["taxId"] else "taxId"]
        return body


class _PriceBody(Schema):
    # The shop takes negative prices without a word (recorded).
    currency = fields.String()
    net = Exact(validate=_NOT_NEGATIVE)
    gross = Exact(validate=_NOT_NEGATIVE)


class _StockBody(Schema):
    stock = fields.Integer(attribute="quantity", strict=True, validate=_NOT_NEGATIVE)
    # Not for sale at 0. Services are not counted, so a 0 must not end their sale.
    isCloseout = fields.Function(
        lambda stock: stock.is_tracked and not stock.sells_without_stock,
        deserialize=lambda value: value,
    )


_ARTICLE, _PRICE, _STOCK = _ArticleBody(), _PriceBody(), _StockBody()


def payload_of(document: Document, listing: ListingView, currency: str) -> Payload:
    """The payload of one document. `currency` is the channel's.

    Raises: Invalid; Held (``no-price``) for an article that would have to be created without one;
    MappingMissing ``mapping:customer-group:<id>`` or ``mapping:price-group:<id>``.
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
        result["texts"] = details.leave_out(result["body"], listing)
        result["tax"] = document.tax
        if document.variant is not None:
            result["main_article"] = document.variant.main_article_id
        if listing.notes:
            result["notes"] = dict(listing.notes)
        if listing.external_id is None or document.was_main:
            result["first"] = first_bodies(
                document, currency, lambda one, label: _body(one, label, currency)
            )
    elif listing.external_id is None:
        raise Invalid(f"article {document.article_id} has no product in the shop to be changed")
    stock = document.stock if isinstance(document, ArticleDocument) else document
    if isinstance(stock, StockDocument) and stock.locations is not None:
        result["storages"] = {str(one.shop_location): one.location for one in stock.locations}
    return result


def _body(document: Document, label: str, currency: str) -> dict[str, Any]:
    if isinstance(document, WithdrawalDocument):
        return {"active": False}
    if isinstance(document, ArticleDocument):
        return checked_body(_ARTICLE, document, label)
    if isinstance(document, StockDocument):
        return _stock_body(document, label)
    if isinstance(document, ImagesDocument):
        return {"images": [image_body(one) for one in document.images]}
    return _price_body(document, label, currency)


def _stock_body(document: StockDocument, label: str) -> dict[str, Any]:
    body = checked_body(_STOCK, document, label)
    if document.locations is not None:
        body["locations"] = pieces_by_location(document.locations, label)
    return body


def _price_body(document: PriceDocument, label: str, currency: str) -> dict[str, Any]:
    require_currency(document, label, currency)
    body = {**checked_body(_PRICE, document, label), **_before(document)}
    if document.lists is not None:
        # Two groups of the ERP may be one in the shop: the first one's prices count.
        by_group: dict[str | None, PriceList] = {}
        for one in document.lists:
            by_group.setdefault(_group_of(one, label), one)
        body["prices"] = [row for group, one in by_group.items() for row in _price_rows(one, group)]
    return body


def _group_of(prices: PriceList, label: str) -> str | None:
    """The shop's customer group, None for everybody. Raises: MappingMissing."""
    if prices.group is not None and prices.shop_group is None:
        name = prices.kind.value.replace("-", " ")
        raise missing(
            prices.kind,
            prices.group,
            f"{label} has a price for the {name} {prices.group_label or prices.group} of "
            "the ERP; map it to a customer group of the shop, or leave it out",
        )
    return prices.shop_group


def _price_rows(prices: PriceList, group: str | None) -> Iterator[dict[str, Any]]:
    """Ranges without a gap, as the shop wants them; the last one is open."""
    ends = [one.from_quantity - 1 for one in prices.steps[1:]]
    for step, end in zip_longest(prices.steps, ends):
        row = {"group": group, "from": step.from_quantity, "to": end, **_both(step.amount)}
        yield {**row, **_before(step)}


def _before(price: PriceDocument | PriceStep) -> dict[str, dict[str, str]]:
    """What the shop shows beside a price that an offer lowers."""
    beside = {"listPrice": price.list_price, "regulationPrice": price.lowest}
    return {name: _both(value) for name, value in beside.items() if value is not None}


def _both(amount: Amount) -> dict[str, str]:
    return {"net": exact(amount.net), "gross": exact(amount.gross)}
