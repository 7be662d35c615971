"""Where a category stands in the tree: what the shop works out and clients only read."""

from __future__ import annotations

from typing import Any

from .store import Row, Store


def above(store: Store, row: Row) -> list[Row]:
    """The categories above one, from the root down."""
    found: list[Row] = []
    parent = store.get("category", row.get("parentId"))
    while parent is not None and parent not in found:
        found.insert(0, parent)
        parent = store.get("category", parent.get("parentId"))
    return found


def path(view: Any, row: Row, _name: str) -> str | None:
    """`|root|middle|`, or nothing for a root."""
    ids = [one["id"] for one in above(view.store, row)]
    return f"|{'|'.join(ids)}|" if ids else None


def breadcrumb(view: Any, row: Row, _name: str) -> list[str]:
    """The names from the root down, in the language asked for."""
    return [view.text(one, "name") for one in (*above(view.store, row), row)]


def tree_of_product(view: Any, row: Row, _name: str) -> list[str] | None:
    """The ids of a product's categories and of those above them."""
    ids: dict[str, None] = {}
    for link in view.store.children("product_category", "productId", row["id"]):
        category = view.store.table("category")[link["categoryId"]]
        ids.update(dict.fromkeys(one["id"] for one in (*above(view.store, category), category)))
    return list(ids) or None
