"""Rows below a product: its categories and what makes it a variant. They are added one by one and
go only when we take them away, so it is noted which of them are ours. Pure.

Source: shopware6.md 2 and 3; upserts never remove associations.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from integration.connectors.shopware6 import ids
from integration.connectors.shopware6.details import CATEGORIES, OPTIONS, PARENT


@dataclass(frozen=True)
class Operation:
    """One row more of the same request. `action` is upsert or delete."""

    action: str
    entity: str
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Links:
    """What a product's own row says of its links, what goes with it, and what to note of them."""

    values: Mapping[str, Any]
    also: tuple[Operation, ...]
    notes: Mapping[str, Any]


def categories_to_add(body: Mapping[str, Any], notes: Mapping[str, Any]) -> set[str]:
    """Categories that are not ours yet: an employee may have assigned them already."""
    return set(body.get("categories", ())) - set(notes.get(CATEGORIES, ()))


def links_of(
    namespace: str,
    product_id: str,
    body: Mapping[str, Any],
    notes: Mapping[str, Any],
    assigned: Collection[str] = (),
) -> Links:
    """The links of one product; `assigned` are categories that it has and we have not noted."""
    values: dict[str, Any] = {}
    noted: dict[str, Any] = {}
    also = [
        *_categories(product_id, body, notes, assigned, values, noted),
        *_variant(namespace, product_id, body, notes, values, noted),
    ]
    return Links(values, tuple(also), noted)


def _categories(
    product_id: str,
    body: Mapping[str, Any],
    notes: Mapping[str, Any],
    assigned: Collection[str],
    values: dict[str, Any],
    noted: dict[str, Any],
) -> list[Operation]:
    ours = set(notes.get(CATEGORIES, ()))
    if "categories" not in body:
        # Not wanted any more: what is assigned stays, and stays ours.
        noted.update({CATEGORIES: sorted(ours)} if ours else {})
        return []
    wanted = set(body["categories"])
    values["categories"] = [{"id": one} for one in sorted(wanted)]
    kept = (ours & wanted) | (wanted - ours - set(assigned))
    noted.update({CATEGORIES: sorted(kept)} if kept else {})
    return [
        Operation("delete", "product_category", {"productId": product_id, "categoryId": one})
        for one in sorted(ours - wanted)
    ]


def _variant(
    namespace: str,
    product_id: str,
    body: Mapping[str, Any],
    notes: Mapping[str, Any],
    values: dict[str, Any],
    noted: dict[str, Any],
) -> list[Operation]:
    before = set(notes.get(OPTIONS, ()))
    if "parentId" not in body:
        if PARENT in notes:
            values["parentId"] = None
        return _without_options(product_id, before)
    parent = body["parentId"]
    values["parentId"] = parent
    options = [_option(namespace, one) for one in body["options"]]
    values["options"] = options
    now = {one["id"] for one in options}
    noted.update({PARENT: parent, OPTIONS: sorted(now)})
    settings = [
        Operation(
            "upsert",
            "product_configurator_setting",
            {
                "id": ids.setting_id(namespace, parent, one["id"]),
                "productId": parent,
                "optionId": one["id"],
            },
        )
        for one in options
    ]
    return [*settings, *_without_options(product_id, before - now)]


def _without_options(product_id: str, gone: Collection[str]) -> list[Operation]:
    return [
        Operation("delete", "product_option", {"productId": product_id, "optionId": one})
        for one in sorted(gone)
    ]


def _option(namespace: str, option: list[str]) -> dict[str, Any]:
    attribute, attribute_label, value, label = option
    return {
        "id": ids.option_id(namespace, attribute, value),
        "name": label,
        "group": {"id": ids.group_id(namespace, attribute), "name": attribute_label},
    }
