"""What a variant shows of its parent when a client asks for it with `sw-inheritance`.

A field that is null comes from the parent; rows below a product come from it if there is none of
the variant's own. Number, stock, options and what belongs to the parent's role never do.
"""

from __future__ import annotations

from .schema import PRODUCT
from .store import Row, Store

NOT_INHERITED = {"productNumber", "stock", "parentId", "variantRestrictions"}
FIELDS = [*(name for name in PRODUCT.fields if name not in NOT_INHERITED), "ratingAverage"]
ASSOCIATIONS = {"prices", "media", "visibilities", "categories", "properties"}


def parent_of(store: Store, row: Row) -> Row | None:
    return store.get("product", row.get("parentId"))


def merged(store: Store, row: Row) -> Row:
    """A product with its parent's values where it has none; itself if it has no parent."""
    parent = parent_of(store, row)
    if parent is None:
        return row
    inherited = {name: parent.get(name) for name in FIELDS if row.get(name) is None}
    return {**row, **inherited, "translations": _texts(parent, row)}


def _texts(parent: Row, row: Row) -> Row:
    texts = dict(parent["translations"])
    for language, own in row["translations"].items():
        above = texts.get(language) or {}
        texts[language] = {**above,
                           **{name: value for name, value in own.items() if value is not None}}
        fields = {**(above.get("customFields") or {}), **(own.get("customFields") or {})}
        if fields:
            texts[language]["customFields"] = fields
    return texts
