"""What the shop has already: products by number, and all of them in pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from typing import Any

from integration.connectors.base import RemoteRecord
from integration.connectors.shopware6 import visibility
from integration.connectors.shopware6.client import PAGE_SIZE, Client
from integration.connectors.shopware6.details import SYSTEM_LANGUAGE
from integration.connectors.shopware6.facts import DEFAULT_CURRENCY
from integration.connectors.shopware6.visibility import Listed

#: Numbers of one search; the query of 100 stays far below any limit of the database.
LOOKUP_SIZE = 100

_SHOP_FIELDS = {
    "name": ("name",),
    "is_active": ("active",),
    "is_visible": ("visibilities", "parentId"),
    "net": ("price",),
    "gross": ("price",),
    "stock": ("stock",),
    "description": ("description",),
    "ean": ("ean",),
    "weight_kg": ("weight", "parentId"),
    "tax": ("taxId",),
    "tax_rate": ("tax",),
}
#: A product's tax is always loaded with it (recorded).
_TAX_FIELDS = {"tax": ["taxRate"]}
#: Of the translations; the languages of a product are few.
_TEXTS = ("name", "description")


@dataclass(frozen=True)
class Found:
    """A product of the shop; `listed`: its row for our sales channel, if it was asked for."""

    id: str
    number: str
    listed: Listed | None = None
    categories: frozenset[str] = frozenset()


def find_products(
    client: Client,
    numbers: Iterable[str],
    *,
    with_visibility: bool = False,
    with_categories: bool = False,
) -> dict[str, Found]:
    """Products by the number asked for.

    The shop compares numbers without regard to case, in its look-ups as in its unique key, so
    ``ab-1`` finds ``AB-1``: a second product could not have that number.
    """
    found: dict[str, Found] = {}
    wanted = list(dict.fromkeys(numbers))
    for start in range(0, len(wanted), LOOKUP_SIZE):
        chunk = wanted[start : start + LOOKUP_SIZE]
        rows = _search(client, chunk, with_visibility, with_categories)
        by_number = {one.number: one for one in rows}
        by_folded = {number.casefold(): one for number, one in by_number.items()}
        for number in chunk:
            one = by_number.get(number) or by_folded.get(number.casefold())
            if one is not None:
                found[number] = one
    return found


def categories_of(client: Client, ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """The categories that these products are assigned to, by product."""
    if not ids:
        return {}
    rows = client.search(
        "product",
        ids=list(ids),
        includes={"product": ["id", "categories"], "category": ["id"]},
        associations={"categories": {}},
    )
    return {str(row["id"]): _categories(row) for row in rows}


def variants_of(client: Client, ids: Sequence[str]) -> dict[str, list[str]]:
    """The numbers of the variants of these products, by product; without products that are gone."""
    if not ids:
        return {}
    rows = client.search(
        "product",
        ids=list(ids),
        includes={"product": ["id", "productNumber", "children"]},
        associations={"children": {}},
    )
    return {
        str(row["id"]): sorted(str(one["productNumber"]) for one in row.get("children") or ())
        for row in rows
    }


def manufacturers_of(client: Client, ids: Sequence[str]) -> dict[str, str]:
    """The manufacturer of these products, by product."""
    if not ids:
        return {}
    rows = client.search("product", ids=list(ids), includes={"product": ["id", "manufacturerId"]})
    return {str(row["id"]): str(row["manufacturerId"]) for row in rows if row.get("manufacturerId")}


def _categories(row: dict[str, Any]) -> frozenset[str]:
    return frozenset(str(one["id"]) for one in row.get("categories") or ())


def _search(
    client: Client, numbers: list[str], with_visibility: bool, with_categories: bool
) -> Iterator[Found]:
    criteria: dict[str, Any] = {
        "filter": [{"type": "equalsAny", "field": "productNumber", "value": numbers}],
        "includes": {"product": ["id", "productNumber"]},
    }
    if with_visibility:
        criteria["includes"]["product"].append("visibilities")
        criteria["includes"] |= visibility.FIELDS
        criteria["associations"] = {"visibilities": visibility.association(client)}
    if with_categories:
        criteria["includes"]["product"].append("categories")
        criteria["includes"]["category"] = ["id"]
        criteria.setdefault("associations", {})["categories"] = {}
    for row in client.search("product", **criteria):
        listed = visibility.listed(row)
        yield Found(str(row["id"]), str(row["productNumber"]), listed, _categories(row))


def scan(client: Client, fields: Sequence[str]) -> Iterator[RemoteRecord]:
    """All products, ordered by id. `fields` are names of RemoteRecord; others stay None.

    Pages are counted, because a range filter on `id` compares the stored bytes with the hex text
    and skips rows: in Shopware's SqlQueryParser, parseRangeFilter converts no ids, unlike
    parseEqualsFilter. A product that is created meanwhile moves rows to the next page, where they
    are recognised; one that is deleted may hide another until the next scan.
    """
    wanted = dict.fromkeys(name for one in fields for name in _SHOP_FIELDS.get(one, ()))
    last = ""
    shape = _shape(client, ["id", "productNumber", *wanted], with_texts="texts" in fields)
    for page in count(1):
        rows = client.search(
            "product",
            page=page,
            limit=PAGE_SIZE,
            sort=[{"field": "id", "order": "ASC"}],
            **shape,
        )
        for row in rows:
            if str(row["id"]) > last:
                last = str(row["id"])
                yield _record(row)
        if len(rows) < PAGE_SIZE:
            return


def show(client: Client, ids: Sequence[str]) -> list[RemoteRecord]:
    """These products, as far as the shop has them."""
    every = dict.fromkeys(name for names in _SHOP_FIELDS.values() for name in names)
    shape = _shape(client, ["id", "productNumber", "available", *every], with_texts=True)
    rows = client.search("product", ids=list(ids), **shape)
    return [replace(_record(row), is_available=row.get("available")) for row in rows]


def _shape(client: Client, names: Sequence[str], *, with_texts: bool) -> dict[str, Any]:
    """Criteria of a search whose rows have these fields, and their texts in all languages of the
    shop."""
    includes = {"product": list(names)}
    associations: dict[str, Any] = {}
    if "tax" in names:
        includes |= _TAX_FIELDS
    if "visibilities" in names:
        includes |= visibility.FIELDS
        associations["visibilities"] = visibility.association(client)
    if with_texts:
        includes["product"].append("translations")
        includes["product_translation"] = ["languageId", *_TEXTS]
        associations["translations"] = {}
    return {"includes": includes, **({"associations": associations} if associations else {})}


def _record(row: dict[str, Any]) -> RemoteRecord:
    price: dict[str, Any] = next(
        (one for one in row.get("price") or () if one.get("currencyId") == DEFAULT_CURRENCY), {}
    )
    return RemoteRecord(
        external_id=str(row["id"]),
        number=str(row.get("productNumber") or ""),
        name=row.get("name"),
        is_active=row.get("active"),
        net=_amount(price.get("net")),
        gross=_amount(price.get("gross")),
        stock=row.get("stock"),
        description=row["description"] or "" if "description" in row else None,
        ean=row["ean"] or "" if "ean" in row else None,
        weight_kg=_weight(row),
        tax=row.get("taxId"),
        tax_rate=_amount((row.get("tax") or {}).get("taxRate")),
        texts={
            f"{name}@{one['languageId']}": one.get(name) or ""
            for one in row.get("translations") or ()
            if one.get("languageId") != SYSTEM_LANGUAGE
            for name in _TEXTS
        },
        is_visible=visibility.is_visible(row),
    )


def _weight(row: dict[str, Any]) -> Decimal | None:
    """A variant without a weight has its main product's."""
    if "weight" not in row or (row["weight"] is None and row.get("parentId")):
        return None
    return _amount(row["weight"] or 0)


def _amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))
