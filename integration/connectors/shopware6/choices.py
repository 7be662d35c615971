"""What a shop has of each kind that can be mapped: taxes, categories, languages and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

from integration.connectors.base import Choice
from integration.connectors.shopware6 import facts
from integration.connectors.shopware6.client import PAGE_SIZE, Client
from integration.mapping_kinds import Kind


def offered(client: Client, kind: Kind) -> list[Choice] | None:
    """The shop's choices by label; None for kinds that it cannot list.

    Units of weight are not the shop's: it counts in kilograms. Warehouses exist only in a
    commercial plan (shopware6.md 6).
    """
    ask = _ASK_BY_KIND.get(kind)
    found = None if ask is None else ask(client)
    return None if found is None else sorted(found, key=lambda one: (one.label, one.id))


def _taxes(client: Client) -> list[Choice]:
    return [
        Choice(one.id, f"{one.name} ({one.rate} %)".strip(), one.rate)
        for one in facts.taxes(client)
    ]


def _categories(client: Client) -> list[Choice]:
    includes = ["id", "name", "translated", "breadcrumb"]
    return [
        Choice(str(row["id"]), " > ".join(_path(row)) or "without a name")
        for row in _all(client, "category", includes={"category": includes})
    ]


def _path(row: Mapping[str, Any]) -> list[str]:
    """The names from the root to the category; a shop that does not tell them has its name."""
    translated = row.get("translated") or {}
    names = translated.get("breadcrumb") or row.get("breadcrumb") or [name_of(row)]
    return [str(one) for one in (names.values() if isinstance(names, dict) else names) if one]


def _languages(client: Client) -> list[Choice]:
    rows = _all(
        client,
        "language",
        includes={"language": ["id", "name", "locale"], "locale": ["code"]},
        associations={"locale": {}},
    )
    return [
        Choice(str(row["id"]), name_of(row), (row.get("locale") or {}).get("code")) for row in rows
    ]


def _named(entity: str) -> Callable[[Client], list[Choice]]:
    def ask(client: Client) -> list[Choice]:
        includes = {entity.replace("-", "_"): ["id", "name", "translated"]}
        return [
            Choice(str(row["id"]), name_of(row)) for row in _all(client, entity, includes=includes)
        ]

    return ask


def _warehouses(client: Client) -> list[Choice] | None:
    rows = client.search_plugin("warehouse", includes={"warehouse": ["id", "name"]})
    return None if rows is None else [Choice(str(row["id"]), name_of(row)) for row in rows]


def name_of(row: Mapping[str, Any]) -> str:
    """What a row is called in the language of the request."""
    return str((row.get("translated") or {}).get("name") or row.get("name") or "without a name")


def _all(client: Client, entity: str, **criteria: Any) -> Iterator[dict[str, Any]]:
    """All rows, page by page; one more than once is one choice, so pages by number will do."""
    seen: set[str] = set()
    for page in count(1):
        rows = client.search(
            entity, page=page, limit=PAGE_SIZE, sort=[{"field": "id", "order": "ASC"}], **criteria
        )
        yield from (row for row in rows if str(row["id"]) not in seen)
        seen.update(str(row["id"]) for row in rows)
        if len(rows) < PAGE_SIZE:
            return


_ASK_BY_KIND: Mapping[Kind, Callable[[Client], list[Choice] | None]] = {
    Kind.TAX: _taxes,
    Kind.CATEGORY: _categories,
    # Its customers have one group each, whatever prices the ERP has for them.
    Kind.CUSTOMER_GROUP: _named("customer-group"),
    Kind.PRICE_GROUP: _named("customer-group"),
    Kind.CARRIER: _named("shipping-method"),
    Kind.LANGUAGE: _languages,
    Kind.STORAGE_LOCATION: _warehouses,
    Kind.MANUFACTURER: _named("product-manufacturer"),
}
