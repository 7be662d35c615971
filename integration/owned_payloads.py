"""Payloads that leave out what the shop's word counts for, and what is noted of them.

A field that is left out is not part of the content: an article of which nothing else changed is as
unchanged as before, whether the field was in its last write or not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from integration import wire
from integration.brake_rules import values_of
from integration.connectors.base import Connector, ListingView, Payload
from integration.documents import (
    ArticleDocument,
    Document,
    PriceDocument,
    StockDocument,
    WithdrawalDocument,
)
from integration.field_ownership import (
    Field,
    Owners,
    left_out,
    left_out_of_found,
    sent_values,
)

#: Why nothing of a topic, or no withdrawal, goes.
LEFT_TO_SHOP = {
    PriceDocument: (Field.PRICE, "the price is left to the shop (own.price)"),
    StockDocument: (Field.STOCK, "the stock is left to the shop (own.stock)"),
    WithdrawalDocument: (Field.ACTIVE, "whether it is for sale is left to the shop (own.active)"),
}
REASONS = frozenset(reason for _field, reason in LEFT_TO_SHOP.values())


@dataclass(frozen=True)
class Ownership:
    """Whose the fields of some products are: by the channel, and by what was edited of each."""

    owners: Owners
    edited_by_article: Mapping[str, Collection[str]] = field(default_factory=dict)

    def view(self, listing: ListingView) -> ListingView:
        """The listing with what it leaves out; a product that is created leaves out nothing."""
        if listing.external_id is None:
            return listing
        edited = self.edited_by_article.get(listing.article_id)
        leaves_out = left_out(self.owners, edited) if edited else self._left_out_of_all
        return replace(listing, left_out=leaves_out) if leaves_out else listing

    @cached_property
    def _left_out_of_all(self) -> frozenset[str]:
        """What changes leave out of a product in which nothing was edited."""
        return left_out(self.owners, ())

    @cached_property
    def _left_out_of_found(self) -> frozenset[str]:
        return left_out_of_found(self.owners)

    def payload_or_reason(
        self, connector: Connector, document: Document, listing: ListingView
    ) -> Payload | str:
        """What goes of a document, or why nothing does. Raises: what the connector raises."""
        listing = self.view(listing)
        whole = LEFT_TO_SHOP.get(type(document))
        if whole is not None and listing.leaves_out(whole[0]):
            return whole[1]
        payload = connector.payload(document, listing)
        payload["values"] = values_of(document)
        payload["sent"] = sent_values(
            _carried(document, listing), payload.pop("texts", {}), self.owners, listing.left_out
        )
        if isinstance(document, (ArticleDocument, WithdrawalDocument)):
            payload["is_active"] = self.is_for_sale(document, listing)
        if isinstance(document, ArticleDocument) and listing.left_out:
            complete = connector.payload(document, replace(listing, left_out=frozenset()))
            payload["same_as"] = wire.content_hash(complete["body"])
            if listing.leaves_out(Field.NUMBER) and listing.number is not None:
                payload["number"] = listing.number
        if isinstance(document, ArticleDocument) and listing.external_id is None:
            self._add_adoption(connector, document, listing, payload)
        return payload

    def _add_adoption(
        self, connector: Connector, document: Document, listing: ListingView, payload: Payload
    ) -> None:
        """The body for a product that may be there already, where it says less than a creation."""
        if not self._left_out_of_found:
            return
        found = replace(listing, left_out=self._left_out_of_found)
        body = connector.payload(document, found)["body"]
        if body != payload["body"]:
            payload["on_adoption"] = body

    def is_for_sale(self, document: Document, listing: ListingView) -> bool:
        """Whether the product is for sale after the write of a document."""
        if self.view(listing).leaves_out(Field.ACTIVE):
            return listing.is_active
        return isinstance(document, ArticleDocument) and document.is_active

    def ends_offer(self, document: Document, listing: ListingView) -> bool:
        """Whether a document takes a product off sale that is for sale now."""
        return listing.is_active and not self.is_for_sale(document, listing)


def _carried(document: Document, listing: ListingView) -> tuple[Document | None, ...]:
    """What a write carries: one that begins the sale of a product its price and stock, too."""
    begins = listing.external_id is None
    if isinstance(document, ArticleDocument) and (begins or document.was_main):
        return document, document.price, document.stock
    return (document,)


def contents(payload: Payload) -> tuple[str, ...]:
    """The hashes of which one says that nothing is new; the first is what is noted of a write."""
    own = wire.content_hash(payload["body"])
    return (own, payload["same_as"]) if "same_as" in payload else (own,)
