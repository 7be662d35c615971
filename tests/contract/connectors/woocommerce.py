"""A sandboxed WooCommerce over plain http, so that every request to it is signed."""

from __future__ import annotations

from typing import Any

import requests

from integration.connectors.base import Context, ListingView, Receipt
from integration.connectors.woocommerce import WooCommerceConnector
from integration.documents import Document, StockDocument
from integration.topology import Topic
from tests.contract.connectors.pictures import Files
from tests.contract.connectors.shops import ServedShop
from tests.unit.connectors.kit import Forms, article, context

BATCH = "POST /wp-json/wc/v3/products/batch"
LIST = "GET /wp-json/wc/v3/products"


class Shop(ServedShop):
    """Remembers ids and notes of products, as the service does."""

    ROUTE = BATCH

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        super().__init__(url, credentials)
        #: Product id and notes by article id.
        self.ids: dict[str, str] = {}
        self.erp = Files()
        self.notes: dict[str, Any] = {}
        self.push_s = Context.push_s
        self.price_forms = Forms()

    def connector(self, *, session: requests.Session | None = None, **changes: str) -> Any:
        return WooCommerceConnector(
            context(
                {**self.parameters, **changes},
                session=session,
                facts=self.facts,
                gate=self.gate,
                open_file=self.erp.open,
                push_s=self.push_s,
                price_forms=self.price_forms,
            )
        )

    def push(self, topic: Topic, *documents_and_listings: Any, **parts: Any) -> list[Receipt]:
        receipts = super().push(topic, *documents_and_listings, **parts)
        self.ids.update({r.article_id: r.external_id for r in receipts if r.external_id})
        self.notes.update({r.article_id: r.notes for r in receipts if r.notes is not None})
        return receipts

    def article(self, article_id: str, **changes: Any) -> Any:
        return unique(article_id, **changes)

    def change(self, topic: Topic, *documents: Document, **parts: Any) -> list[Receipt]:
        known = [self.known(one.article_id) for one in documents]
        return self.push(topic, documents, known, **parts)

    def known(self, article_id: str) -> ListingView:
        return ListingView(
            article_id,
            self.ids[article_id],
            f"A-{article_id}",
            is_active=True,
            notes=self.notes.get(article_id, {}),
        )

    def terms(self, taxonomy: str, *names: str) -> list[str]:
        """Ids of new categories or brands that an employee made."""
        made = self.admin("terms", taxonomy=taxonomy, names=list(names))
        return [str(one) for one in made["ids"]]


def unique(article_id: str, **changes: Any) -> Any:
    """An article without an EAN unless told: no two products of a shop may have the same."""
    return article(article_id, **{"ean": None, **changes})


def stocked(article_id: str, quantity: int, **changes: Any) -> StockDocument:
    return StockDocument(article_id, quantity, **changes)
