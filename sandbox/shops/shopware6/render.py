"""Rows as the API shows them: plain JSON objects, or JSON:API documents.

Only the members asked for with `includes` are computed; that is what keeps read-backs cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from . import categories, inheritance
from .entity import LIVE_VERSION, Entity
from .schema import ENTITIES, PRODUCT, SYSTEM_LANGUAGE
from .store import Row, Store

# Members that list the ids behind an association of a product.
PRODUCT_IDS = {"categoryIds": "categories", "optionIds": "options", "propertyIds": "properties",
               "tagIds": "tags"}


@dataclass(frozen=True)
class View:
    """How to show rows: language, members by entity (None: all), loaded associations, base URL.

    With `inherits`, variants show their parent's values where they have none.
    """

    store: Store
    language: str = SYSTEM_LANGUAGE
    includes: Mapping[str, Any] = field(default_factory=dict)
    associations: Mapping[str, Any] = field(default_factory=dict)
    base_url: str = ""
    inherits: bool = False
    # Filters, sorts and cuts the rows of an association as its own criteria say.
    refine: Callable[[View, Entity, list[Row], Mapping[str, Any]], list[Row]] | None = None

    def row(self, entity: Entity, row: Row, associations: Mapping[str, Any] | None = None) -> Row:
        """One row as plain JSON."""
        loaded = self.associations if associations is None else associations
        row = self.effective(entity, row)
        wanted = self.includes.get(entity.name)
        names = entity.names if wanted is None else [n for n in wanted if n in entity.names]
        shown = {name: self._member(entity, row, name, loaded) for name in names}
        shown["apiAlias"] = entity.name
        return shown

    def effective(self, entity: Entity, row: Row) -> Row:
        """The row with what it inherits, if that is asked for."""
        if self.inherits and entity.name == "product":
            return inheritance.merged(self.store, row)
        return row

    def related(self, entity: Entity, row: Row, name: str) -> tuple[Entity, list[Row]]:
        """The rows behind an association, inherited ones too, and their entity."""
        target, rows = related(self.store, entity, row, name)
        if not rows and self.inherits and entity.name == "product" and (
                name in inheritance.ASSOCIATIONS):
            parent = inheritance.parent_of(self.store, row)
            return related(self.store, entity, parent, name) if parent else (target, rows)
        return target, rows

    def document(self, entity: Entity, rows: list[Row], *, is_list: bool, meta: Row) -> Row:
        """Rows as a JSON:API document, with the rows that are always loaded in `included`."""
        included: dict[tuple[str, str], Row] = {}
        resources = [self._resource(entity, row, included) for row in rows]
        path = f"search/{entity.route}" if is_list else f"{entity.route}/{rows[0]['id']}"
        shown: Row = {"data": resources if is_list else resources[0],
                      "included": list(included.values()),
                      "links": {"self": f"{self.base_url}/api/{path}"}}
        return {**shown, "meta": meta, "aggregations": []} if is_list else shown

    def text(self, row: Row, name: str) -> Any:
        """A translated value in the language asked for, else in those behind it."""
        for language in self.languages:
            own = _texts(row, language).get(name)
            if own is not None:
                return own
        return None

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The language asked for, the one it derives from, and the system's."""
        above = (self.store.get("language", self.language) or {}).get("parentId")
        chain = (self.language, above, SYSTEM_LANGUAGE)
        return tuple(dict.fromkeys(one for one in chain if one is not None))

    def _member(self, entity: Entity, row: Row, name: str, loaded: Mapping[str, Any]) -> Any:
        computed = _COMPUTED.get((entity.name, name))
        if computed is not None:
            return computed(self, row, name)
        if name in entity.translated:
            return _texts(row, self.language).get(name)
        if name in entity.associations:
            return self._association(entity, row, name, loaded)
        special = _MEMBERS.get(name)
        if special is not None:
            return special(self, entity, row, name)
        value = row.get(name)
        if value is not None:
            return _prices(value) if entity.fields.get(name) == "price" else value
        return entity.constants.get(name)

    def _association(self, entity: Entity, row: Row, name: str, loaded: Mapping[str, Any]) -> Any:
        if name not in loaded and name not in entity.autoload:
            return None
        criteria = loaded.get(name) or {}
        inner = criteria.get("associations") or {}
        target, rows = self.related(entity, row, name)
        if self.refine is not None and criteria.keys() & {"filter", "sort", "limit"}:
            rows = self.refine(self, target, rows, criteria)
        shown = [self.row(target, found, inner) for found in rows]
        return (shown[0] if shown else None) if name in entity.alone else shown

    def _resource(self, entity: Entity, row: Row, included: dict[tuple[str, str], Row]) -> Row:
        wanted, row = self.includes.get(entity.name), self.effective(entity, row)
        skipped = {"extensions", "_uniqueIdentifier", "translations", "id", *entity.associations}
        attributes = {name: self._member(entity, row, name, {}) for name in entity.names
                      if name not in skipped and (wanted is None or name in wanted)}
        own_url = f"{self.base_url}/api/{entity.route}/{row['id']}"
        relationships = {}
        for name in entity.associations:
            target, found = self.related(entity, row, name)
            is_loaded = name in self.associations or name in entity.autoload
            data = [{"type": target.name, "id": one["id"]} for one in found if is_loaded]
            relationships[name] = {
                "data": (data[0] if data else None) if name in entity.alone else data,
                "links": {"related": f"{own_url}/{_dashed(name)}"}}
            for one in found if is_loaded else ():
                if (target.name, one["id"]) not in included:
                    included[target.name, one["id"]] = self._resource(target, one, included)
        return {"id": row["id"], "type": entity.name, "attributes": attributes,
                "links": {"self": own_url}, "relationships": relationships, "meta": None}


def related(store: Store, entity: Entity, row: Row, name: str) -> tuple[Entity, list[Row]]:
    """The rows behind an association, and their entity."""
    if name in entity.one:
        target = ENTITIES[entity.foreign[entity.one[name]]]
        found = store.get(target.name, row.get(entity.one[name]))
        return target, [] if found is None else [found]
    if name in entity.many:
        table, foreign = entity.many[name]
        return ENTITIES[table], store.children(table, foreign, row["id"])
    link = entity.linked[name]
    rows = [store.get(link.entity, one[link.other])
            for one in store.children(link.table, link.own, row["id"])]
    return ENTITIES[link.entity], [found for found in rows if found is not None]


def available_stock(store: Store, row: Row) -> Any:
    """The stock as the index knows it; nothing for a product that it does not know yet."""
    return (store.index.seen(row) or {}).get("stock")


def is_available(row: Row) -> bool:
    """Closeout items sell only from stock; everything else is available even below zero."""
    return not row.get("isCloseout") or (row.get("stock") or 0) >= (row.get("minPurchase") or 1)


def _texts(row: Row, language: str) -> Row:
    return (row.get("translations") or {}).get(language) or {}


def _translated(view: View, entity: Entity, row: Row, _name: str) -> Any:
    if not entity.translated:
        return []
    shown = {name: view.text(row, name) for name in entity.translated}
    if shown.get("customFields") is None:
        shown["customFields"] = {}
    if entity.name == "category":
        shown["breadcrumb"] = categories.breadcrumb(view, row, "breadcrumb")
    return shown


def _translations(view: View, entity: Entity, row: Row, _name: str) -> Any:
    if "translations" not in view.associations:
        return None
    alias = f"{entity.name}_translation"
    wanted = view.includes.get(alias)
    shown = []
    for language, texts in (row.get("translations") or {}).items():
        full = {**{name: texts.get(name) for name in entity.translated},
                "languageId": language, entity.id_name: row["id"]}
        kept = full if wanted is None else {n: full[n] for n in wanted if n in full}
        shown.append({**kept, "apiAlias": alias})
    return shown


def _prices(value: list[Row]) -> list[Row]:
    return [_price(entry) for entry in value]


def _price(entry: Row) -> Row:
    inner = {name: _price({"currencyId": entry["currencyId"], **entry[name]})
             if entry.get(name) else None for name in ("listPrice", "regulationPrice")}
    return {"extensions": [], "currencyId": entry["currencyId"], "net": entry["net"],
            "gross": entry["gross"], "linked": entry["linked"],
            "percentage": _saved(entry, entry.get("listPrice")), **inner, "apiAlias": "price"}


def _saved(entry: Row, before: Row | None) -> Row | None:
    """By how many per cent a price is below its list price."""
    if not before:
        return None
    return {name: round(100 - Decimal(entry[name]) / Decimal(before[name]) * 100, 2)
            if before[name] > 0 else 0 for name in ("net", "gross")}


def _linked_ids(view: View, row: Row, name: str) -> list[str] | None:
    return [one["id"] for one in view.related(PRODUCT, row, PRODUCT_IDS[name])[1]] or None


def _dashed(name: str) -> str:
    return "".join("-" + c.lower() if c.isupper() else c for c in name)


_MEMBERS = {
    "extensions": lambda view, entity, row, name: {"foreignKeys": {
        "extensions": [], "apiAlias": f"{entity.name}_foreign_keys_extension"}},
    "_uniqueIdentifier": lambda view, entity, row, name: row["id"],
    "versionId": lambda view, entity, row, name: LIVE_VERSION if entity.versioned else None,
    "translated": _translated,
    "translations": _translations,
}
_COMPUTED = {
    **{("product", name): _linked_ids for name in PRODUCT_IDS},
    ("product", "availableStock"): lambda view, row, name: available_stock(view.store, row),
    ("product", "available"): lambda view, row, name: is_available(
        view.store.index.seen(row) or row),
    ("product", "sales"): lambda view, row, name: row.get("sales", 0),
    ("product", "states"): lambda view, row, name: ["is-physical"],
    ("product", "childCount"): lambda view, row, name: len(
        view.store.child_keys("product", "parentId", row["id"])),
    ("product", "categoryTree"): categories.tree_of_product,
    ("category", "breadcrumb"): categories.breadcrumb,
    ("category", "path"): categories.path,
    ("category", "level"): lambda view, row, name: len(categories.above(view.store, row)) + 1,
    ("category", "childCount"): lambda view, row, name: len(
        view.store.child_keys("category", "parentId", row["id"])),
}
