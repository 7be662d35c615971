"""A product as a customer sees it: what a variant leaves empty comes from its parent."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from . import media
from .schema import DEFAULT_CURRENCY, SYSTEM_LANGUAGE
from .seed import STOREFRONT
from .store import Row, Store


class Seen:
    """One product of the store with its parent, if it is a variant."""

    def __init__(self, store: Store, row: Row) -> None:
        self._store, self.row = store, row
        self.parent: Row = store.get("product", row.get("parentId")) or {}

    @cached_property
    def texts(self) -> Row:
        own = {name: text for name, text in _texts(self.row).items() if text is not None}
        return {**_texts(self.parent), **own}

    @cached_property
    def price(self) -> Row:
        """The price in the shop's own currency; empty if there is none."""
        return _default_price(self.row) or _default_price(self.parent)

    @cached_property
    def tax(self) -> Row:
        return self._store.get("tax", self.own_or_inherited("taxId")) or {}

    @property
    def is_active(self) -> bool:
        return bool(self.own_or_inherited("active"))

    @property
    def is_visible(self) -> bool:
        """Whether it has a row for the storefront."""
        return any(one["salesChannelId"] == STOREFRONT
                   for one in self._own_or_inherited_rows("product_visibility"))

    @property
    def images(self) -> list[Row]:
        """The product's images in the order it shows them, with what is known of their files."""
        links = self._own_or_inherited_rows("product_media")
        links.sort(key=lambda link: link.get("position") or 0)
        cover_id = self.own_or_inherited("coverId")
        return [{"id": link["id"], "media_id": link["mediaId"],
                 **media.summary(self._store.table("media")[link["mediaId"]]),
                 "cover": link["id"] == cover_id} for link in links]

    @property
    def prices(self) -> dict[str, dict[str, Any]]:
        """Net and gross by ISO code, of the currencies that have a price of their own."""
        currencies = self._store.table("currency")
        return {currencies[one["currencyId"]]["isoCode"]: {"net": one["net"], "gross": one["gross"]}
                for one in self.own_or_inherited("price") or () if one["currencyId"] in currencies}

    @property
    def tiers(self) -> list[Row]:
        """The rows that price so many pieces under a rule, by rule and number of pieces."""
        rows = self._own_or_inherited_rows("product_price")
        rules = self._store.table("rule")
        rows.sort(key=lambda row: (rules[row["ruleId"]]["name"], row["quantityStart"]))
        return [{"id": row["id"], "rule": rules[row["ruleId"]]["name"],
                 "customer_groups": self._customer_groups(row["ruleId"]),
                 "from": row["quantityStart"], "to": row.get("quantityEnd"),
                 "net": _default_price(row)["net"], "gross": _default_price(row)["gross"]}
                for row in rows]

    def _customer_groups(self, rule_id: str) -> list[str]:
        """The names of the groups that a rule is about; none if it is about other things."""
        groups = [group for one in self._store.children("rule_condition", "ruleId", rule_id)
                  if one["type"] == "customerCustomerGroup"
                  for group in (one.get("value") or {}).get("customerGroupIds", ())]
        table = self._store.table("customer_group")
        return [_texts(table[one])["name"] for one in groups if one in table]

    def options(self, table: str) -> list[tuple[str, str]]:
        """Group and option, by name, of the product's own rows of a table."""
        return [self._named(link["optionId"])
                for link in self._store.children(table, "productId", self.row["id"])]

    @property
    def axes(self) -> dict[str, list[str]]:
        """By group, the options that the product's variants differ in, in their order."""
        found: dict[str, list[str]] = {}
        settings = self._store.children("product_configurator_setting", "productId", self.row["id"])
        for one in sorted(settings, key=lambda setting: setting.get("position") or 0):
            group, option = self._named(one["optionId"])
            found.setdefault(group, []).append(option)
        return found

    def _named(self, option_id: str) -> tuple[str, str]:
        option = self._store.table("property_group_option")[option_id]
        group = self._store.table("property_group")[option["groupId"]]
        return _texts(group)["name"], _texts(option)["name"]

    def _own_or_inherited_rows(self, table: str) -> list[Row]:
        """Rows below the product: any one of its own takes the place of all of the parent's."""
        rows = self._store.children(table, "productId", self.row["id"])
        if not rows and self.parent:
            rows = self._store.children(table, "productId", self.parent["id"])
        return rows

    def own_or_inherited(self, name: str) -> Any:
        own = self.row.get(name)
        return own if own is not None else self.parent.get(name)


def state(store: Store, row: Row, writes: int) -> Row:
    """A product as the admin's state lists it."""
    seen = Seen(store, row)
    return {"id": row["id"], "number": row["productNumber"], "name": seen.texts.get("name"),
            "description": seen.texts.get("description"), "ean": seen.own_or_inherited("ean"),
            "weight_kg": seen.own_or_inherited("weight"), "tax_rate": seen.tax.get("taxRate"),
            "active": seen.is_active, "net": seen.price.get("net"),
            "gross": seen.price.get("gross"), "stock": row.get("stock"),
            "visible": seen.is_visible, "images": seen.images,
            "parent": seen.parent.get("productNumber"),
            "options": dict(seen.options("product_option")), "axes": seen.axes,
            "list_gross": (seen.price.get("listPrice") or {}).get("gross"),
            "regulation_gross": (seen.price.get("regulationPrice") or {}).get("gross"),
            "prices": seen.prices, "tiers": seen.tiers, "writes": writes}


def _texts(row: Row) -> Row:
    return (row.get("translations") or {}).get(SYSTEM_LANGUAGE) or {}


def _default_price(row: Row) -> Row:
    """The price in the shop's own currency; empty if there is none."""
    return next((one for one in row.get("price") or () if one["currencyId"] == DEFAULT_CURRENCY),
                {})
