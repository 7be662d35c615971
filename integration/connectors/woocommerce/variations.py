"""Variations: what a body says of an article's place among variants, and the attributes that a
variable product has to offer before variations choose from them.

A variation is a row of its own below its product, with an id of its own, so an article that becomes
one or is one no more gets another row: the old one gives its number up and is hidden, because
orders and links hang on it. Attributes and options that an employee added stay.
Sources: docs/sources.md#woocommerce-variations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from integration.connectors.base import ListingView, Payload
from integration.connectors.woocommerce.client import Client
from integration.documents import ArticleDocument

#: Notes: the product that a variation lies below, and that a product is a variable one.
PARENT, MAIN = "parent", "variable"
#: What a row is given that another one takes the place of.
GIVEN_UP = {"sku": "", "global_unique_id": "", "status": "private"}
#: Fields of a product that a variation does not have.
_OF_PRODUCTS = ("name", "categories", "manufacturer", "brandId")

Attribute = dict[str, Any]


def add_to(body: dict[str, Any], document: ArticleDocument) -> None:
    """Put the place of an article among variants into its body."""
    if document.is_main:
        body["isMain"] = True
    if document.variant is not None:
        for name in _OF_PRODUCTS:
            body.pop(name, None)
        body["parentId"] = document.variant.parent_id
        body["mainArticle"] = document.variant.main_article_id
        body["options"] = [[one.attribute_label, one.label] for one in document.variant.options]


def is_another_row(body: Mapping[str, Any], listing: ListingView) -> bool:
    """Whether the article's product in the shop is not of the kind that it has to be now, so that
    it is written with all that a creation needs."""
    return listing.external_id is not None and (
        body.get("parentId") != listing.notes.get(PARENT)
        or ("isMain" in body) != (MAIN in listing.notes)
    )


def parent_of(payload: Payload) -> str | None:
    """The product that the known row of a payload lies below."""
    parent = payload.get("notes", {}).get(PARENT)
    return None if parent is None else str(parent)


def values_of(body: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says of its place."""
    if "parentId" in body:
        return {"attributes": [{"name": name, "option": one} for name, one in body["options"]]}
    if "isMain" in body:
        return {"type": "variable"}
    return {"type": "simple"} if MAIN in notes else {}


def notes_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What to note of a row once it is written."""
    if "parentId" in body:
        return {PARENT: body["parentId"]}
    return {MAIN: True} if "isMain" in body else {}


def path_of(parent: str | None) -> str:
    """Where rows below this product are written; None: products."""
    return "/products" if parent is None else f"/products/{parent}/variations"


def attributes_of(client: Client, parents: Iterable[str]) -> dict[str, list[Attribute]]:
    """The attributes of those products that the shop has."""
    wanted = sorted(set(parents))
    if not wanted:
        return {}
    query = {"include": ",".join(wanted), "status": "any", "_fields": "id,attributes"}
    return {
        str(row["id"]): [one for one in row.get("attributes") or () if isinstance(one, dict)]
        for row in client.pages("/products", **query)
    }


def extended(
    there: Sequence[Attribute], wanted: Iterable[Mapping[str, str]]
) -> list[Attribute] | None:
    """The attributes of a product with these options to choose from; None if it has them all."""
    found = [{**one, "options": list(one.get("options") or ())} for one in there]
    by_name = {str(one.get("name")).casefold(): one for one in found}
    is_changed = False
    for choice in wanted:
        name, option = choice["name"], choice["option"]
        if name.casefold() not in by_name:
            by_name[name.casefold()] = {"name": name, "visible": True, "options": []}
            found.append(by_name[name.casefold()])
        attribute = by_name[name.casefold()]
        if option not in attribute["options"] or attribute.get("variation") is not True:
            is_changed = True
            attribute["variation"] = True
            attribute["options"] += [option] if option not in attribute["options"] else []
    return found if is_changed else None
