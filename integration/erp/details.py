"""What only some channels want of an article: texts per language, categories, custom fields, its
place among variants, and its stock by storage location. A channel that wants none of it costs no
request more.

Source: vario-erp.md 4.5, 5, 8.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integration.connectors.base import FactStore
from integration.erp import catalogue, reads, vql
from integration.erp.catalogue import ARTICLE, LISTING, PRODUCT, STORAGES, Field
from integration.erp.client import ErpClient
from integration.erp.families import AMOUNTS, Families, amounts_of
from integration.erp.rows import Row, group, id_text, uniform
from integration.topics.rows import MAIN_ARTICLE
from integration.topics.wants import Wants

_LISTING_CUSTOM = "listings.custom."
_PRODUCT_ID, _MAIN_PRODUCT_ID = "product.id", "product.mainVariantProduct.id"
#: What is asked of the articles around a variant.
_HEAD = ("listed", "listing_state", "active", "product_type")


def fields_of(wants: Wants) -> tuple[Field, ...]:
    """The fields that these wants add to an article's row."""
    found = []
    if wants.categories:
        found.append(Field("categories", ("listings.categoryRefs.id",), LISTING))
    for name, path in _custom_names(wants).items():
        found.append(Field(name, (path,), LISTING if path.startswith(_LISTING_CUSTOM) else ARTICLE))
    if wants.variants:
        found.append(Field("main_product", (_MAIN_PRODUCT_ID,), PRODUCT))
        found.append(Field("product", (_PRODUCT_ID,), PRODUCT, is_optional=True))
    if wants.storages:
        found.append(Field("storages", (), STORAGES))
    return tuple(found)


def _custom_names(wants: Wants) -> dict[str, str]:
    """Paths by the name of their column: a path has points, and a name must not."""
    return {f"custom_{place}": path for place, path in enumerate(sorted(wants.custom_fields))}


class Details:
    """The details of the articles of one fetch."""

    def __init__(
        self, client: ErpClient, facts: FactStore, channel_erp_id: str, wants: Wants
    ) -> None:
        self._client, self._facts = client, facts
        self._channel, self._wants = channel_erp_id, wants

    @property
    def reads_articles(self) -> bool:
        """Whether some of it is read article by article, whatever the ERP offers as columns."""
        return bool(self._wants.languages or self._wants.variants)

    def add(self, row: Row, fields: Mapping[str, Any]) -> None:
        """Put the details of one article into its row. Raises: what the client raises.

        Of what is not listed here only the product counts: its variants are products of their own.
        """
        if not row["listed"]:
            if self._wants.variants:
                row["product"] = id_text(fields.get("product"))
            return
        if self._wants.languages:
            row["texts"] = self._texts(row)
        if self._wants.categories:
            ids = {id_text(one) for one in fields.get("categories") or ()}
            row["categories"] = sorted(one for one in ids if one is not None)
        if self._wants.custom_fields:
            row["custom"] = self._custom(fields)
        if self._wants.variants:
            self._add_variant(row, fields)

    def _texts(self, row: Row) -> dict[str, dict[str, str | None]]:
        default = reads.default_language(self._client, self._facts, row["id"])
        found = {}
        for language in sorted(self._wants.languages):
            if language == default:
                found[language] = {
                    name: row.get(f"listing_{name}") or row.get(name)
                    for name in ("name", "description")
                }
            else:
                found[language] = reads.texts(self._client, row["id"], self._channel, language)
        return found

    def _custom(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        values = {}
        for name, path in _custom_names(self._wants).items():
            value = fields.get(name)
            if value is None:
                of_listing = path.startswith(_LISTING_CUSTOM)
                custom = fields.get("listing_custom" if of_listing else "article_custom") or {}
                group_key, attribute = path.split(".")[-2:]
                inside = custom.get(group_key)
                value = inside.get(attribute) if isinstance(inside, dict) else None
            values[path] = _settled(value)
        return values

    def _add_variant(self, row: Row, fields: Mapping[str, Any]) -> None:
        if row.get("product_type") == MAIN_ARTICLE:
            row["product"] = id_text(fields.get("product"))
            if row["product"] is None:
                row["product"] = id_text(reads.article(self._client, row["id"])["product"])
            return
        main = id_text(fields.get("main_product"))
        if main is None:
            return
        values = fields.get("variant_values")
        if values is None:
            values = reads.product(self._client, row["id"])["variant_values"]
        row["variant"] = {"main_product": main, "values": values}

    def complete(self, rows: Mapping[str, Row], offered: frozenset[str]) -> None:
        """Find the main articles of variants, and a price for those that have none of their own.

        One query for all of the batch each, where there are columns. Raises: what the client
        raises.
        """
        if not self._wants.variants:
            return
        families = None
        if not {_PRODUCT_ID, _MAIN_PRODUCT_ID} <= offered:
            families = Families(self._client, self._facts, self._channel, rows)
        variants = [row for row in rows.values() if row.get("variant")]
        if variants:
            self._find_main_articles(variants, offered, families)
        bare = [
            row
            for row in rows.values()
            if row.get("product_type") == MAIN_ARTICLE
            and row["listed"]
            and row.get("product")
            and row.get("gross") is None
        ]
        if families is not None:
            for row in bare:
                row.update(families.lowest_price_of(row["product"]))
        elif bare:
            self._lend_prices(bare, offered)

    def _find_main_articles(
        self, variants: Sequence[Row], offered: frozenset[str], families: Families | None
    ) -> None:
        products = sorted({row["variant"]["main_product"] for row in variants})
        mains: dict[str | None, dict[str, Any] | None] = {}
        if _PRODUCT_ID in offered:
            mains.update(dict.fromkeys(products))
            heads = self._around(_PRODUCT_ID, products, offered, _HEAD)
            mains |= {id_text(found["product"]): found for found in heads if _is_listed_main(found)}
        elif families is not None:
            mains.update(families.mains_of(products))
        for row in variants:
            product, values = row["variant"]["main_product"], row["variant"]["values"]
            row["variant"] = _place(mains, product, values)

    def _lend_prices(self, bare: Sequence[Row], offered: frozenset[str]) -> None:
        """The lowest price of its variants: a shop creates no product without a price, and shows
        nobody that of a main article."""
        products = sorted({row["product"] for row in bare})
        cheapest: dict[str | None, dict[str, Any]] = {}
        for found in self._around(_MAIN_PRODUCT_ID, products, offered, AMOUNTS):
            amounts = self._amounts(found)
            known = cheapest.get(id_text(found["product"]))
            if amounts["gross"] and (known is None or amounts["gross"] < known["gross"]):
                cheapest[id_text(found["product"])] = amounts
        for row in bare:
            row.update(cheapest.get(row["product"], {}))

    def _amounts(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Net, gross and currency, from the columns if they are there, else as REST states it."""
        stated: Mapping[str, Any] = found
        if "net" not in found or "gross" not in found:
            stated = reads.price(self._client, str(found["id"]), self._channel)
        return amounts_of(stated)

    def _around(
        self, path: str, products: Sequence[str], offered: frozenset[str], names: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The listed articles whose `path` is one of these products, with these fields."""
        wanted = [one for one in products if vql.is_id(one)]
        if not wanted:
            return []
        columns = catalogue.columns_of(names, offered)
        statement = vql.select(
            [vql.Column("id"), vql.Column(path, "product"), *columns],
            catalogue.SHOP_LISTING,
            where=(
                vql.equals_id(catalogue.CHANNEL_PATH, self._channel),
                vql.in_ids(path, wanted),
            ),
            order_by=("id",),
        )
        found = group(self._client.vql_all(statement))
        return [{**fields, "id": article_id} for article_id, fields in found.items()]


def _place(
    mains: Mapping[str | None, dict[str, Any] | None], product: str, values: Any
) -> dict[str, Any] | None:
    """What a row says of a variant; None: a main article that this channel does not list leaves
    products of their own."""
    if product not in mains:
        # `lacks` is for workers of an earlier version, which hold the row by it.
        return {"unknown_main": product, "lacks": _PRODUCT_ID}
    main = mains[product]
    if main is None or not _is_listed_main(main):
        return None
    return {
        "main": main["id"],
        "main_is_active": uniform("", main, _HEAD)["active"] or "active" not in main,
        "values": values,
    }


def _is_listed_main(found: Mapping[str, Any]) -> bool:
    """An article above variants that the channel lists; an ERP that tells no types is believed."""
    row = uniform("", found, _HEAD)
    return bool(row["listed"]) and row["product_type"] in (None, MAIN_ARTICLE)


def _settled(value: Any) -> Any:
    """A custom value whose hash does not depend on how its number was written."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value.normalize()
    return None if value == "" else value
