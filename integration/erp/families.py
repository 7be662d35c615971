"""Main articles and their variants beside an ERP that offers no columns for products.

A variant names the product of its main article, and nothing but that article's own row tells which
article it is. So it is learnt from each main article that is fetched, and kept; whether the channel
offers it is read each time, two requests per main article. Source: vario-erp.md 4.5, 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from integration.connectors.base import FactStore
from integration.erp import catalogue, reads
from integration.erp.client import ErpClient
from integration.erp.rows import Row, decimal
from integration.errors import Gone
from integration.facts import LASTING
from integration.topics.rows import MAIN_ARTICLE

AMOUNTS = ("net", "gross", catalogue.CURRENCY)


def amounts_of(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Net, gross and currency of a price as it was read."""
    amounts = {name: decimal(stated.get(name)) for name in ("net", "gross")}
    return {**amounts, catalogue.CURRENCY: stated.get(catalogue.CURRENCY)}


def main_fact(product: str) -> str:
    """The name of the fact that says which article is the main one of a product."""
    return f"{LASTING}main-article:{product}"


def _variant_fact(product: str) -> str:
    """Of the one that names a variant of it that has a price."""
    return f"{LASTING}variant-with-price:{product}"


class Families:
    """What the rows of one fetch, and those of earlier ones, tell of main articles."""

    def __init__(
        self, client: ErpClient, facts: FactStore, channel_erp_id: str, rows: Mapping[str, Row]
    ) -> None:
        self._client, self._facts, self._channel = client, facts, channel_erp_id
        self._rows = rows
        #: Price rows of variants by the product of their main article.
        self._priced: dict[str, list[Row]] = {}
        for row in rows.values():
            self._learn(row)

    def mains_of(self, products: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """The main articles of these products, as the ERP states them; None for one that the
        channel has no listing of. What was never fetched is left out."""
        found = {}
        for product in products:
            article = self._facts.get(main_fact(product))
            if article is not None:
                found[product] = self._stated(str(article))
        return found

    def lowest_price_of(self, product: str) -> dict[str, Any]:
        """Of its variants that are at hand; else of one that is known. Empty without one."""
        priced = self._priced.get(product)
        if priced:
            cheapest = min(priced, key=lambda row: row["gross"])
            return {name: cheapest[name] for name in AMOUNTS}
        variant = self._facts.get(_variant_fact(product))
        if variant is None:
            return {}
        amounts = amounts_of(reads.price(self._client, str(variant), self._channel))
        if not amounts["gross"]:
            self._facts.put(_variant_fact(product), None)  # the next one that has a price
            return {}
        return amounts

    def _learn(self, row: Row) -> None:
        if row.get("product_type") == MAIN_ARTICLE and row.get("product"):
            name = main_fact(row["product"])
            if self._facts.get(name) != row["id"]:
                self._facts.put(name, row["id"])
        elif row.get("variant") and row.get("gross"):
            product = row["variant"]["main_product"]
            self._priced.setdefault(product, []).append(row)
            if len(self._priced[product]) == 1 and self._facts.get(_variant_fact(product)) is None:
                self._facts.put(_variant_fact(product), row["id"])

    def _stated(self, article_id: str) -> dict[str, Any] | None:
        if article_id in self._rows:
            return self._rows[article_id]
        try:
            listing = reads.listing(self._client, article_id, self._channel)
            article = reads.article(self._client, article_id)
        except Gone:
            return None
        return None if listing is None else {**article, **listing, "id": article_id}
