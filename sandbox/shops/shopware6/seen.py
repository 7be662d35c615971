"""A product as a customer sees it: what a variant leaves empty comes from its parent."""

from __future__ import annotations

from typing import Any

from . import inheritance, media
from .schema import DEFAULT_CURRENCY, SYSTEM_LANGUAGE
from .seed import STOREFRONT
from .store import Row, Store

# Of a visibility: in the search and by direct link. Below, a customer needs the link.
IN_SEARCH = 20


class Seen:
    """One product of the store with what it inherits, if it is a variant."""

    def __init__(self, store: Store, row: Row) -> None:
        self._store, self._id = store, row["id"]
        self.parent: Row = inheritance.parent_of(store, row) or {}
        self.row = inheritance.merged(store, row) if self.parent else row
        self.texts = _texts(self.row)
        # The price in the shop's own currency; empty if there is none.
        self.price = _default_price(self.row)
        self.tax: Row = store.get("tax", self.row.get("taxId")) or {}

    @property
    def is_visible(self) -> bool:
        """Whether who looks for it in the storefront finds it."""
        return any(one["salesChannelId"] == STOREFRONT and one["visibility"] >= IN_SEARCH
                   for one in self._own_or_inherited_rows("product_visibility"))

    @property
    def categories(self) -> list[str]:
        table = self._store.table("category")
        return sorted(_texts(table[link["categoryId"]])["name"]
                      for link in self._own_or_inherited_rows("product_category"))

    @property
    def translations(self) -> dict[str, Row]:
        """By locale, the texts that the product has in that language itself."""
        found = {}
        for language_id, texts in self.row["translations"].items():
            language = self._store.get("language", language_id) or {}
            locale = self._store.get("locale", language.get("localeId")) or {}
            found[locale.get("code", language_id)] = {name: text for name, text in texts.items()
                           if text is not None and name != "customFields"}
        return found

    def name_of(self, table: str, foreign: str) -> str | None:
        """The name of the row that the product refers to."""
        row_id = self.row.get(foreign)
        return None if row_id is None else _texts(self._store.table(table)[row_id]).get("name")

    @property
    def images(self) -> list[Row]:
        """The product's images in the order it shows them, with what is known of their files."""
        links = self._own_or_inherited_rows("product_media")
        links.sort(key=lambda link: link.get("position") or 0)
        return [{"id": link["id"], "media_id": link["mediaId"],
                 **media.summary(self._store.table("media")[link["mediaId"]]),
                 "cover": link["id"] == self.row.get("coverId")} for link in links]

    @property
    def prices(self) -> dict[str, dict[str, Any]]:
        """Net and gross by ISO code, of the currencies that have a price of their own."""
        currencies = self._store.table("currency")
        return {currencies[one["currencyId"]]["isoCode"]: {"net": one["net"], "gross": one["gross"]}
                for one in self.row.get("price") or () if one["currencyId"] in currencies}

    @property
    def tiers(self) -> list[Row]:
        """The rows that price so many pieces under a rule, by rule and number of pieces."""
        rows = self._own_or_inherited_rows("product_price")
        rules = self._store.table("rule")
        rows.sort(key=lambda row: (rules[row["ruleId"]]["name"], row["quantityStart"]))
        return [{"id": row["id"], "rule": rules[row["ruleId"]]["name"],
                 "customer_groups": self._customer_groups(row["ruleId"]),
                 "from": row["quantityStart"], "to": row.get("quantityEnd"),
                 **_shown(_default_price(row))}
                for row in rows]

    def _customer_groups(self, rule_id: str) -> list[str]:
        """The names of the groups that a rule is about; none if it is about other things."""
        groups = [group for one in self._store.children("rule_condition", "ruleId", rule_id)
                  if one["type"] == "customerCustomerGroup"
                  for group in (one.get("value") or {}).get("customerGroupIds", ())]
        table = self._store.table("customer_group")
        return [_texts(table[one])["name"] for one in groups if one in table]

    @property
    def warehouses(self) -> dict[str, int]:
        """By warehouse, the pieces that lie there."""
        table = self._store.table("warehouse")
        return {table[one["warehouseId"]]["name"]: one["stock"]
                for one in self._store.children("product_warehouse", "productId", self._id)}

    @property
    def warehouse_groups(self) -> list[str]:
        table = self._store.table("warehouse_group")
        links = self._store.children("product_warehouse_group", "productId", self._id)
        return sorted(table[one["warehouseGroupId"]]["name"] for one in links)

    @property
    def options(self) -> dict[str, str]:
        """By group, the options that make a variant what it is."""
        return dict(self._named(link["optionId"])
                    for link in self._store.children("product_option", "productId", self._id))

    @property
    def properties(self) -> dict[str, list[str]]:
        """By group, what the shop's filters find the product by."""
        found: dict[str, list[str]] = {}
        for link in self._own_or_inherited_rows("product_property"):
            group, option = self._named(link["optionId"])
            found[group] = sorted([*found.get(group, ()), option])
        return found

    @property
    def axes(self) -> dict[str, list[str]]:
        """By group, the options that the product's variants differ in, in their order."""
        found: dict[str, list[str]] = {}
        settings = self._store.children("product_configurator_setting", "productId", self._id)
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
        rows = self._store.children(table, "productId", self._id)
        if not rows and self.parent:
            rows = self._store.children(table, "productId", self.parent["id"])
        return rows


def state(store: Store, row: Row, writes: int) -> Row:
    """A product as the admin's state lists it."""
    seen = Seen(store, row)
    own = seen.row
    return {"id": row["id"], "number": row["productNumber"], "name": seen.texts.get("name"),
            "description": seen.texts.get("description"), "ean": own.get("ean"),
            "weight_kg": own.get("weight"), "tax_rate": seen.tax.get("taxRate"),
            "active": bool(own.get("active")), **_shown(seen.price), "stock": row.get("stock"),
            "warehouses": seen.warehouses, "warehouse_groups": seen.warehouse_groups,
            "visible": seen.is_visible, "images": seen.images,
            "parent": seen.parent.get("productNumber"), "options": seen.options, "axes": seen.axes,
            "prices": seen.prices, "tiers": seen.tiers,
            "manufacturer": seen.name_of("product_manufacturer", "manufacturerId"),
            "unit": seen.name_of("unit", "unitId"), "categories": seen.categories,
            "properties": seen.properties, "translations": seen.translations,
            "custom_fields": seen.texts.get("customFields") or {},
            "size_mm": [own.get(name) for name in ("length", "width", "height")],
            "closeout": bool(own.get("isCloseout")), "writes": writes}


def _texts(row: Row) -> Row:
    return (row.get("translations") or {}).get(SYSTEM_LANGUAGE) or {}


def _shown(price: Row) -> Row:
    """A price with what the shop shows beside it; all None without one."""
    return {"net": price.get("net"), "gross": price.get("gross"),
            "list_gross": (price.get("listPrice") or {}).get("gross"),
            "regulation_gross": (price.get("regulationPrice") or {}).get("gross")}


def _default_price(row: Row) -> Row:
    for one in row.get("price") or ():
        if one["currencyId"] == DEFAULT_CURRENCY:
            return one
    return {}
