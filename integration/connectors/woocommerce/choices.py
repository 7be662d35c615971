"""What a shop has of each kind that can be mapped: tax classes, categories and brands."""

from __future__ import annotations

import html

from integration.connectors.base import Choice
from integration.connectors.woocommerce import facts
from integration.connectors.woocommerce.answers import NoRoute
from integration.connectors.woocommerce.client import Client, Row
from integration.connectors.woocommerce.facts import Facts
from integration.mapping_kinds import Kind


def offered(client: Client, known: Facts, kind: Kind) -> list[Choice] | None:
    """The shop's choices by label; None for kinds that it cannot list.

    Languages, customer groups and warehouses are plugins' business, and so are most carriers.
    """
    if kind is Kind.TAX:
        found = [
            Choice(one.slug, f"{one.name} ({one.rate} %)", one.rate)
            for one in facts.tax_classes(client, known.setup.country)
        ]
    elif kind is Kind.CATEGORY:
        found = _terms(client, "/products/categories")
    elif kind is Kind.MANUFACTURER:
        try:
            found = _terms(client, "/products/brands")
        except NoRoute:  # older shops have none
            return None
    else:
        return None
    return sorted(found, key=lambda one: (one.label, one.id))


def _terms(client: Client, path: str) -> list[Choice]:
    query = {"orderby": "id", "_fields": "id,name,parent"}
    row_by_id = {str(row["id"]): row for row in client.pages(path, **query)}
    return [Choice(one, " > ".join(_path(one, row_by_id))) for one in row_by_id]


def _path(term_id: str, row_by_id: dict[str, Row]) -> list[str]:
    """The names from the root to the term."""
    names: list[str] = []
    row = row_by_id.get(term_id)
    while row is not None and len(names) <= len(row_by_id):
        names.insert(0, html.unescape(str(row.get("name") or "without a name")))
        row = row_by_id.get(str(row.get("parent")))
    return names
