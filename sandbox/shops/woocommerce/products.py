"""What a product becomes when it is written: WooCommerce's setters, one rule after another.

A batch row is bent into shape, a single call was checked by `schema` before (both recorded). Every
function takes what is stored and what was sent, and returns a new row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from . import clock, coercions, errors, images, schema, seed
from .errors import ApiError
from .store import Row, Store

BLANK: Row = {
    "name": "", "slug": "", "type": "simple", "status": "publish", "featured": False,
    "catalog_visibility": "visible", "description": "", "short_description": "", "sku": "",
    "global_unique_id": "", "regular_price": "", "sale_price": "", "date_on_sale_from": None,
    "date_on_sale_to": None, "tax_status": "taxable", "tax_class": "", "manage_stock": False,
    "stock_quantity": None, "stock_status": "instock", "backorders": "no", "weight": "",
    "dimensions": {"length": "", "width": "", "height": ""}, "categories": [], "brands": [],
    "tags": [], "images": [], "attributes": [], "default_attributes": [], "meta_data": [],
    "menu_order": 0, "parent_id": 0, "total_sales": 0,
}
_TEXTS = {"name": coercions.markup, "description": coercions.markup,
          "short_description": coercions.markup, "slug": coercions.text,
          "regular_price": coercions.price, "sale_price": coercions.price,
          "weight": coercions.price, "global_unique_id": coercions.gtin,
          "menu_order": coercions.whole, "featured": coercions.truth}
# What a value becomes that is not one of its choices.
_CHOICES = {"status": "draft", "catalog_visibility": "visible", "tax_status": "taxable",
            "backorders": "no"}


class Writer:
    """Writes products of one shop. Every method is one item of a batch, or one single call.

    `started` is when the request began: whoever lost a race learns of it in other words.
    """

    def __init__(self, store: Store, fetch: images.Fetch, *, manages_stock: bool,
                 started: float | None = None) -> None:
        self.store, self._fetch, self._manages_stock = store, fetch, manages_stock
        self._started = time.monotonic() if started is None else started

    def create(self, body: Row, parent_id: int = 0) -> Row:
        """Raises ApiError."""
        if body.get("id"):
            raise ApiError(400, "woocommerce_rest_product_exists",
                           "Cannot create existing product.")
        moment = clock.now()
        row = {**BLANK, "id": 0, "parent_id": parent_id, "created": moment, "modified": moment,
               "born": time.monotonic()}
        if parent_id:
            row.update(type="variation", tax_class="parent")
        row = self._changed(row, body)
        row["id"] = self.store.next_post()
        row["slug"] = row["slug"] or coercions.slug(row["name"]) or str(row["id"])
        self.store.put_product(row)
        return row

    def update(self, row: Row, body: Row) -> Row:
        """Raises ApiError."""
        changed = {**self._changed(dict(row), body), "modified": clock.now()}
        self.store.put_product(changed)
        return changed

    def delete(self, row: Row, *, force: bool) -> Row:
        """The row as it was. Into the trash its SKU goes along; `force` frees it."""
        if force:
            self.store.drop_product(row["id"])
        else:
            self.store.put_product({**row, "status": "trash", "modified": clock.now()})
        return row

    def _changed(self, row: Row, body: Row) -> Row:
        sent = {name: value for name, value in body.items() if value is not None}
        if isinstance(sent.get("type"), str) and row["type"] != "variation":
            row["type"] = sent["type"] if sent["type"] in schema.TYPES else "simple"
        for name, bend in _TEXTS.items():
            if name in sent:
                row[name] = bend(sent[name])
        for name, otherwise in _CHOICES.items():
            if name in sent:
                choices = schema.PRODUCT[name][1]
                row[name] = sent[name] if sent[name] in choices else otherwise
        self._set_identity(row, sent)
        self._set_terms(row, sent)
        self._set_prices(row, sent)
        self._set_stock(row, body)
        self._set_rest(row, sent)
        return row

    def _set_identity(self, row: Row, sent: Row) -> None:
        if "sku" in sent:
            row["sku"] = coercions.text(sent["sku"]).strip()
            owner = self.store.owner_of(row["sku"]) if row["sku"] else None
            if owner not in (None, row["id"]):
                self._refuse_sku(row["sku"], owner)
        gtin = row["global_unique_id"]
        if gtin and "global_unique_id" in sent:
            owner = self.store.owner_of_gtin(gtin)
            if owner not in (None, row["id"]):
                raise errors.duplicate_gtin(owner)

    def _refuse_sku(self, sku: str, owner: int) -> None:
        other = self.store.products[owner]
        if other["status"] == "trash" or other["born"] > self._started:
            raise errors.sku_in_lookup_table(sku)
        number = 1
        while self.store.owner_of(f"{sku}-{number}") is not None:
            number += 1
        raise errors.duplicate_sku(owner, f"{sku}-{number}")

    def _set_terms(self, row: Row, sent: Row) -> None:
        """Unknown ids are dropped; without a category a product is uncategorized. No brands at all
        are no word about brands: an id that is none takes them away."""
        for taxonomy in ("categories", "brands", "tags"):
            if taxonomy == "brands" and not sent.get(taxonomy):
                continue
            if isinstance(sent.get(taxonomy), list):
                known = self.store.terms[taxonomy]
                ids = [coercions.whole(one.get("id")) for one in sent[taxonomy]
                       if isinstance(one, dict)]
                row[taxonomy] = [one for one in dict.fromkeys(ids) if one in known]
        if not row["categories"]:
            row["categories"] = [seed.UNCATEGORIZED]

    def _set_prices(self, row: Row, sent: Row) -> None:
        for name in ("date_on_sale_from", "date_on_sale_to"):
            for key, zone in ((name, clock.ZONE), (f"{name}_gmt", clock.UTC_ZONE)):
                if key in sent:
                    row[name] = clock.parsed(sent[key], zone)
        if row["type"] == "variable":
            row["regular_price"] = row["sale_price"] = ""
        sale, regular = amount(row["sale_price"]), amount(row["regular_price"])
        if sale is not None and (regular is None or sale >= regular):
            row["sale_price"] = ""

    def _set_stock(self, row: Row, body: Row) -> None:
        if body.get("manage_stock") is not None:
            row["manage_stock"] = coercions.truth(body["manage_stock"])
        if not self._manages_stock:
            row["manage_stock"] = False
        if not row["manage_stock"]:
            row.update(stock_quantity=None, backorders="no")
            if body.get("stock_status") in schema.PRODUCT["stock_status"][1]:
                row["stock_status"] = body["stock_status"]
            return
        if "stock_quantity" in body:
            row["stock_quantity"] = coercions.whole(body["stock_quantity"])
        elif row["stock_quantity"] is None:
            row["stock_quantity"] = 0
        if row["stock_quantity"] > 0:
            row["stock_status"] = "instock"
        else:
            row["stock_status"] = "outofstock" if row["backorders"] == "no" else "onbackorder"

    def _set_rest(self, row: Row, sent: Row) -> None:
        if "tax_class" in sent:
            wanted = coercions.slug(coercions.text(sent["tax_class"]))
            known = {one["slug"] for one in self.store.tax_classes} - {"standard"}
            row["tax_class"] = wanted if wanted in known else ""
        if isinstance(sent.get("dimensions"), dict):
            row["dimensions"] = {**row["dimensions"], **{
                name: coercions.price(value) for name, value in sent["dimensions"].items()
                if name in row["dimensions"]}}
        if isinstance(sent.get("attributes"), list):
            row["attributes"] = self._attributes(row, sent["attributes"])
        if isinstance(sent.get("default_attributes"), list):
            row["default_attributes"] = sent["default_attributes"]
        if isinstance(sent.get("meta_data"), list):
            row["meta_data"] = merged_meta(row["meta_data"], sent["meta_data"], self.store.next_row)
        if "images" in sent:
            row["images"] = images.attached(self.store, self._fetch, sent["images"])
        if "image" in sent:
            given = [sent["image"]] if sent["image"] else []
            row["images"] = images.attached(self.store, self._fetch, given)

    def _attributes(self, row: Row, given: list[Any]) -> list[Row]:
        found = [one for one in given if isinstance(one, dict)]
        if row["type"] != "variation":
            return [{"id": coercions.whole(one.get("id")), "name": self._attribute_name(one),
                     "slug": self._attribute_name(one),
                     "position": coercions.whole(one.get("position", place)),
                     "visible": coercions.truth(one.get("visible")),
                     "variation": coercions.truth(one.get("variation")),
                     "options": [str(option) for option in one.get("options") or ()]}
                    for place, one in enumerate(found)]
        parent = self.store.products[row["parent_id"]]
        declared = {one["name"].casefold() for one in parent["attributes"] if one["variation"]}
        # What the parent does not declare is dropped; an unknown option is taken.
        return [{"id": coercions.whole(one.get("id")), "name": self._attribute_name(one),
                 "slug": coercions.slug(self._attribute_name(one)),
                 "option": coercions.text(one.get("option"))}
                for one in found if self._attribute_name(one).casefold() in declared]

    def _attribute_name(self, given: Row) -> str:
        known = self.store.attributes.get(coercions.whole(given.get("id")))
        return known["name"] if known else coercions.text(given.get("name"))


def amount(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def is_on_sale(row: Row) -> bool:
    moment = clock.now()
    begins, ends = row["date_on_sale_from"], row["date_on_sale_to"]
    return bool(row["sale_price"]) and not (begins and begins > moment) and not (
        ends and ends < moment)


def merged_meta(stored: list[Row], sent: list[Any], next_id: Callable[[], int]) -> list[Row]:
    """Entries by id, else by key; null takes one away."""
    result = [dict(one) for one in stored]
    for one in sent:
        if not isinstance(one, dict) or not one.get("key"):
            continue
        known = next((old for old in result if old["id"] == one.get("id")), None) or next(
            (old for old in result if old["key"] == one["key"]), None)
        if known is None and one.get("value") is not None:
            result.append({"id": next_id(), "key": one["key"], "value": one["value"]})
        elif known is not None and one.get("value") is None:
            result.remove(known)
        elif known is not None:
            known["value"] = one["value"]
    return result
