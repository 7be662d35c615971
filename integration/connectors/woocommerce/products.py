"""What the shop has already: products by number, and all of them in pages."""

from __future__ import annotations

import heapq
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import quote

from integration.connectors.base import RemoteRecord
from integration.connectors.woocommerce import details, terms, weights
from integration.connectors.woocommerce.answers import NoRoute
from integration.connectors.woocommerce.client import PAGE_SIZE, Client
from integration.connectors.woocommerce.facts import STANDARD
from integration.connectors.woocommerce.payloads import SHOWN

#: What a product carries that we made; it tells our own from those we find.
MARK = "_vario_relay_article"
#: Characters of all numbers in one address; web servers refuse addresses from 8,000 on.
LOOKUP_LENGTH = 4_000

_FOUND_FIELDS = "id,sku,type,status,catalog_visibility,meta_data,categories,parent_id"
_SHOP_FIELDS = {
    "name": ("name",),
    "is_active": ("status",),
    "is_visible": ("catalog_visibility",),
    "net": ("regular_price", "sale_price"),
    "gross": ("regular_price", "sale_price"),
    "stock": ("stock_quantity",),
    "description": ("description",),
    "ean": ("global_unique_id",),
    "weight_kg": ("weight",),
    "tax": ("tax_class",),
    "tax_rate": ("tax_class",),
}
#: Where a product is found that nobody lists: by its address only. Where else it is found is the
#: merchant's to choose.
HIDDEN = "hidden"
#: What a hidden product becomes: in listings and in the search.
FOUND = {"catalog_visibility": "visible"}
#: A variation's class that is its product's.
_OF_PRODUCT = "parent"


class Reading(NamedTuple):
    """How to read a product: the side of a price that the shop keeps, whether sale prices are
    ours, the unit of weights, and the rate in percent by class of those that charge one."""

    keeps_gross: bool
    carries_offers: bool = False
    weight_unit: str = "kg"
    rate_by_class: Mapping[str, Decimal] = MappingProxyType({})


@dataclass(frozen=True)
class Found:
    """A product of the shop; `mark` is what we wrote into it, if we made it."""

    id: str
    number: str
    kind: str
    mark: str | None
    categories: frozenset[str] = frozenset()
    #: The product that a variation lies below.
    parent: str | None = None
    is_hidden: bool = False
    is_in_trash: bool = False


def find_products(
    client: Client, numbers: Iterable[str], *, status: str = "any"
) -> dict[str, list[Found]]:
    """Products and variations by the number asked for, the oldest first.

    The shop compares numbers without regard to case. Those in the trash are found only with their
    own `status`.
    """
    found: dict[str, list[Found]] = {}
    for chunk in _chunks([one for one in dict.fromkeys(numbers) if one]):
        query = {"sku": ",".join(chunk), "status": status, "_fields": _FOUND_FIELDS}
        by_folded: dict[str, list[Found]] = {}
        for row in sorted(client.pages("/products", **query), key=lambda row: int(row["id"])):
            one = _found(row)
            by_folded.setdefault(one.number.casefold(), []).append(one)
        for number in chunk:
            if number.casefold() in by_folded:
                found[number] = by_folded[number.casefold()]
    return found


def find_owners(client: Client, id_by_number: Mapping[str, str | None]) -> dict[str, list[Found]]:
    """Products and variations of numbers that the shop calls taken, by number, the oldest first.

    A look-up may be older than the refusal, which says the owner's id, but of one in the trash.
    """
    found = find_products(client, id_by_number)
    named = {number: one for number, one in id_by_number.items() if one and number not in found}
    by_id = _find_by_id(client, named.values()) if named else {}
    for number, owner in named.items():
        # It may have got another number meanwhile.
        if owner in by_id and by_id[owner].number.casefold() == number.casefold():
            found[number] = [by_id[owner]]
    missing = [one for one in id_by_number if one not in found]
    return found | find_products(client, missing, status="trash")


def _find_by_id(client: Client, ids: Iterable[str]) -> dict[str, Found]:
    query = {"include": ",".join(ids), "status": "any", "_fields": _FOUND_FIELDS}
    rows = chain(client.pages("/products", **query), _variations(client, **query))
    return {str(row["id"]): _found(row) for row in rows}


def _chunks(numbers: Sequence[str]) -> Iterator[list[str]]:
    """Numbers of one query each. One with a comma has its own: commas part the numbers of a query,
    whose whole text counts as a number, too."""
    yield from ([one] for one in numbers if "," in one)
    chunk: list[str] = []
    length = 0
    for number in (one for one in numbers if "," not in one):
        needed = len(quote(number)) + 3
        if chunk and (len(chunk) == PAGE_SIZE or length + needed > LOOKUP_LENGTH):
            yield chunk
            chunk, length = [], 0
        chunk.append(number)
        length += needed
    if chunk:
        yield chunk


def _found(row: dict[str, Any]) -> Found:
    mark = details.meta_value(row, MARK)
    return Found(
        id=str(row["id"]),
        number=str(row.get("sku") or ""),
        kind=str(row.get("type") or "simple"),
        mark=None if mark is None else str(mark),
        categories=terms.categories_of(row),
        parent=str(row["parent_id"]) if row.get("parent_id") else None,
        is_hidden=row.get("catalog_visibility") == HIDDEN,
        is_in_trash=row.get("status") == "trash",
    )


def hidden(client: Client, ids: Sequence[str]) -> frozenset[str]:
    """Those of these products that customers do not find."""
    if not ids:
        return frozenset()
    query = {"include": ",".join(ids), "status": "any", "_fields": "id,catalog_visibility"}
    rows = client.pages("/products", **query)
    return frozenset(str(row["id"]) for row in rows if row.get("catalog_visibility") == HIDDEN)


def mark_of(namespace: str, article_id: str) -> str:
    """What a product of this article carries that we made."""
    return f"{namespace}/{article_id}"


def own_articles(client: Client, ids: Sequence[str], namespace: str) -> dict[str, str]:
    """Article by product, of those of these products that carry our mark.

    The shop gives the mark to copies that an employee makes, too: the oldest is the one we made.
    """
    product_by_article: dict[str, str] = {}
    mark = mark_of(namespace, "")
    for one in _marked(client, ids):
        if one.mark is not None and one.mark.startswith(mark):
            product_by_article.setdefault(one.mark.removeprefix(mark), one.id)
    return {product: article for article, product in product_by_article.items()}


def foreign_marks(client: Client, ids: Sequence[str], namespace: str) -> dict[str, str]:
    """The mark by product, of those of these products that another sales channel made."""
    ours = mark_of(namespace, "")
    return {
        one.id: one.mark
        for one in _marked(client, ids)
        if one.mark is not None and not one.mark.startswith(ours)
    }


def _marked(client: Client, ids: Sequence[str]) -> Iterator[Found]:
    """These products with their marks; of a hundred the oldest first."""
    for start in range(0, len(ids), PAGE_SIZE):
        include = ",".join(ids[start : start + PAGE_SIZE])
        query = {"include": include, "status": "any", "_fields": _FOUND_FIELDS}
        found = [_found(row) for row in client.pages("/products", **query)]
        yield from sorted(found, key=lambda one: int(one.id))


def scan(client: Client, fields: Sequence[str], reading: Reading) -> Iterator[RemoteRecord]:
    """All products and variations, ordered by id. `fields` are names of RemoteRecord; others stay
    None.

    One that is created meanwhile comes last; one that is deleted may hide another until the next
    scan. The shop keeps one side of a price; the other is not told.
    """
    wanted = dict.fromkeys(name for one in fields for name in _SHOP_FIELDS.get(one, ()))
    last = 0
    query = {"orderby": "id", "order": "asc", "_fields": ",".join(["id", "sku", *wanted])}
    both = (client.pages("/products", **query), _variations(client, **query))
    for row in heapq.merge(*both, key=lambda row: int(row["id"])):
        if int(row["id"]) > last:
            last = int(row["id"])
            yield _record(row, reading)


def _variations(client: Client, **query: str) -> Iterator[dict[str, Any]]:
    """Variations of all products; none from a shop before 10.3, which cannot list them. Their name
    is made of their options."""
    try:
        for row in client.pages("/variations", **query):
            yield {**row, "name": None}
    except NoRoute:
        return


def show(client: Client, ids: Sequence[str], reading: Reading) -> list[RemoteRecord]:
    """These products, as far as the shop has them and not in its trash."""
    own = ("id", "sku", "stock_status")
    names = ",".join([*own, *dict.fromkeys(chain.from_iterable(_SHOP_FIELDS.values()))])
    query = {"include": ",".join(ids), "status": "any", "_fields": names}
    rows = [*client.pages("/products", **query)]
    if len(rows) < len(set(ids)):
        rows += _variations(client, **query)
    return [
        replace(_record(row, reading), is_available=_is_not("outofstock", row.get("stock_status")))
        for row in rows
    ]


def _is_not(word: str, state: str | None) -> bool | None:
    return None if state is None else state != word


def _amount(text: str | None) -> Decimal | None:
    """None for what is no amount, as imports leave it ("12,50")."""
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None


def _record(row: dict[str, Any], reading: Reading) -> RemoteRecord:
    # A sale price of an employee says nothing of the price that we send.
    offer = row.get("sale_price") if reading.carries_offers else None
    text = offer or row.get("regular_price")
    price = _amount(text)
    name, status, tax = row.get("name"), row.get("status"), _tax_class(row)
    return RemoteRecord(
        external_id=str(row["id"]),
        number=str(row.get("sku") or ""),
        name=None if name is None else html.unescape(name),
        is_active=None if status is None else status == SHOWN,
        net=None if reading.keeps_gross else price,
        gross=price if reading.keeps_gross else None,
        stock=row.get("stock_quantity"),
        description=row.get("description"),
        # Shops before 9.1 have none.
        ean=row.get("global_unique_id"),
        weight_kg=_weight(row, reading.weight_unit),
        tax=tax,
        tax_rate=None if tax is None else reading.rate_by_class.get(tax),
        # A variation is found with its product.
        is_visible=_is_not(HIDDEN, row.get("catalog_visibility")),
    )


def _weight(row: dict[str, Any], unit: str) -> Decimal | None:
    return None if row.get("weight") is None else weights.kilograms_of(row["weight"], unit)


def _tax_class(row: dict[str, Any]) -> str | None:
    found = row.get("tax_class")
    return None if found in (None, _OF_PRODUCT) else found or STANDARD
