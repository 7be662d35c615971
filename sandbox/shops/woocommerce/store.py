"""The shop's rows in memory. A row is never changed in place, it is replaced.

Products, variations, images and orders share one row of ids, as posts do in WordPress; a SKU stays
in the look-up table while its product is in the trash.
"""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from typing import Any

Row = dict[str, Any]


class Store:
    """All tables. Take `lock` for anything that reads more than one row or writes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        with self.lock:
            #: Variations too; their `type` says so.
            self.products: dict[int, Row] = {}
            self.orders: dict[int, Row] = {}
            self.images: dict[int, Row] = {}
            self.notes: dict[int, list[Row]] = {}
            self.fulfillments: dict[int, list[Row]] = {}
            self.trackings: dict[int, list[Row]] = {}
            #: By taxonomy: categories, tags, brands, shipping_classes.
            self.terms: dict[str, dict[int, Row]] = {}
            self.attributes: dict[int, Row] = {}
            self.tax_classes: list[Row] = []
            self.taxes: dict[int, Row] = {}
            self.settings: dict[str, dict[str, Row]] = {}
            self._owner_by_sku: dict[str, int] = {}
            self._owner_by_gtin: dict[str, int] = {}
            self._post_ids = itertools.count(10)
            self._term_ids = itertools.count(15)
            self._row_ids = itertools.count(1)

    def next_post(self) -> int:
        return next(self._post_ids)

    def next_term(self) -> int:
        return next(self._term_ids)

    def next_row(self) -> int:
        """An id of whatever has a table of its own: notes, order items, metadata, taxes."""
        return next(self._row_ids)

    def owner_of(self, sku: str) -> int | None:
        """Whose SKU it is, without regard to case; trashed products count."""
        return self._owner_by_sku.get(sku.casefold())

    def owner_of_gtin(self, gtin: str) -> int | None:
        owner = self._owner_by_gtin.get(gtin)
        return None if owner is None or self.products[owner]["status"] == "trash" else owner

    def put_product(self, row: Row) -> None:
        self._forget_keys(row["id"])
        if row["sku"]:
            self._owner_by_sku[row["sku"].casefold()] = row["id"]
        if row["global_unique_id"]:
            self._owner_by_gtin[row["global_unique_id"]] = row["id"]
        self.products[row["id"]] = row

    def drop_product(self, product_id: int) -> None:
        self._forget_keys(product_id)
        row = self.products.pop(product_id)
        if row["type"] == "variable":
            for one in self.variations_of(product_id):
                self.drop_product(one["id"])

    def _forget_keys(self, product_id: int) -> None:
        old = self.products.get(product_id)
        for name, owners, key in (("sku", self._owner_by_sku, str.casefold),
                                  ("global_unique_id", self._owner_by_gtin, str)):
            if old is not None and owners.get(key(old[name])) == product_id:
                del owners[key(old[name])]

    def variations_of(self, product_id: int) -> list[Row]:
        return [one for one in self.products.values() if one["parent_id"] == product_id]


class Journal:
    """Every write to a product, in order."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._entries: list[Row] = []
        self.writes: Counter[int] = Counter()

    def note(self, product_id: int, number: str, **entry: Any) -> None:
        self._entries.append({"product": product_id, "number": number, **entry})
        if entry["by"] == "api" and entry["result"] == "applied":
            self.writes[product_id] += 1

    def of_number(self, number: str) -> list[Row]:
        """The writes, refused ones too, to every product that has or had this number."""
        folded = number.casefold()
        ids = {one["product"] for one in self._entries
               if one["number"].casefold() == folded and one["product"]}
        return [one for one in self._entries
                if one["product"] in ids or one["number"].casefold() == folded]
