"""Which column of the ERP holds which field, and who is asked for the rest.

Only few columns of `article.shopListing` are attested; the others are asked for by field discovery.
A field that the ERP offers as a column comes with the query, a hundred articles at a time; what is
missing is read article by article. So is what a channel's check found to differ
(integration.column_checks). Source: docs/sources.md#erp-columns.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integration.connectors.base import FactStore
from integration.erp.client import ErpClient
from integration.erp.vql import Column
from integration.errors import Gone, Held
from integration.topology import Topic

SHOP_LISTING = "article.shopListing"
CHANNEL_PATH = "listings.salesChannel.id"
FIELDS_PATH = "/cmn/computed-queries/article/shopListing/fields"
OFFERED_FACT = "columns:article.shopListing"
#: Rows whose column is gone are held for this reason, with its path.
HELD_COLUMN = "erp-column:"
_WORDS_FOR_COLUMN = "columns?|fields?|attributes?|property|properties|paths?"
#: What the query itself is made of: no REST read takes their place.
NEEDED = ("id", CHANNEL_PATH)

#: REST reads of one article, by name of what they answer.
ARTICLE, LISTING, PRICE, STOCK = "article", "listing", "price", "stock"
PRODUCT = "product"
#: All price records of one article.
PRICES = "prices"
#: What each storage location has of one article.
STORAGES = "storages"

#: When anything of the article changed last, where the ERP says so in a column.
CHANGED_AT = "changed_at"
#: How often the article's images have changed, where the ERP says so in a column.
MEDIA_REVISION = "media_revision"
#: Nothing was ever on the article's media shelf.
NO_REVISION = "0"

#: The code of the currency that net and gross are in.
CURRENCY = "price_currency"

#: Reads whose columns are compared with their REST answer before they are believed, with the
#: fields that count: nobody says that the columns are the channel's (docs/decisions/0015).
COMPARED = {PRICE: ("net", "gross"), STOCK: ("stock",)}

#: What a check found, by read: ``{"columns": [...], "agrees": bool, ...}``.
Findings = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Field:
    """A field of our rows: its columns in order of preference, and the REST read that has it too.

    `is_optional`: its absence among the columns is no reason for a REST read.
    """

    name: str
    columns: tuple[str, ...]
    read: str
    is_optional: bool = False


_FIELDS = (
    Field("number", ("number",), ARTICLE),
    Field("name", ("name",), ARTICLE),
    Field("description", ("description",), ARTICLE),
    Field("active", ("active",), ARTICLE),
    Field("product_type", ("productType",), ARTICLE),
    Field("sellable_without_stock", ("sellableWithoutStock",), ARTICLE),
    Field("manufacturer", ("manufacturer.label",), ARTICLE),
    Field("weight", ("grossMetric.weight",), ARTICLE),
    Field("weight_unit", ("grossMetric.weightUnit.abbreviation",), ARTICLE),
    Field("identifier_name", ("identifiers.name",), ARTICLE),
    Field("identifier_value", ("identifiers.value",), ARTICLE),
    Field("identifier_default", ("identifiers.defaultArticleIdentifier",), ARTICLE, True),
    Field("manufacturer_number", ("manufacturerArticleNumber",), ARTICLE, True),
    Field("size_x", ("grossMetric.sizeX",), ARTICLE, True),
    Field("size_y", ("grossMetric.sizeY",), ARTICLE, True),
    Field("size_z", ("grossMetric.sizeZ",), ARTICLE, True),
    Field("size_unit", ("grossMetric.sizeUnit.abbreviation",), ARTICLE, True),
    Field("tax_schema", ("taxSchema.id",), ARTICLE),
    Field("listing_id", ("listings.id",), LISTING),
    Field("listed", ("listings.listed",), LISTING),
    Field("listing_state", ("listings.listingState",), LISTING),
    Field("listing_name", ("listings.name", "listings.name.value"), LISTING),
    Field("listing_description", ("listings.description", "listings.description.value"), LISTING),
    # The row is one listing, so these are the channel's values. A column below `listings.` says
    # so by its name and goes first.
    Field("net", ("listings.netSalesPrice", "netSalesPrice"), PRICE),
    Field("gross", ("listings.grossSalesPrice", "grossSalesPrice"), PRICE),
    Field(CURRENCY, ("salesPriceCurrency.isoCode", "currency.isoCode"), PRICE, True),
    Field("stock", ("listings.stockAvailable", "stockAvailable"), STOCK),
    # What it says has no read.
    Field(MEDIA_REVISION, ("media.revision",), "", is_optional=True),
)
#: What a channel with price details asks for besides; no column is known for price records.
_DETAIL_FIELDS = (
    Field("prices", (), PRICES),
    Field("custom_lowest_net", ("listings.customLowestPriceNet",), LISTING),
    Field("custom_lowest_gross", ("listings.customLowestPriceGross",), LISTING),
    Field("proposed_lowest_net", ("listings.proposedLowestPriceNet",), LISTING),
    Field("proposed_lowest_gross", ("listings.proposedLowestPriceGross",), LISTING),
)
#: No field of a document: it only says which articles are to be looked at.
_CHANGED_AT = Field(CHANGED_AT, ("updatedAt", "info.updatedAt"), "", is_optional=True)
_FIELD_BY_NAME = {field.name: field for field in (*_FIELDS, *_DETAIL_FIELDS, _CHANGED_AT)}

#: What every row says, whatever its topic.
_HEAD = ("number", "active", "product_type", "listing_id", "listed", "listing_state")
_PRICE = ("net", "gross", CURRENCY, "tax_schema")
_STOCK = ("sellable_without_stock", "stock")

_NAMES_BY_TOPIC = {
    Topic.ARTICLE: tuple(field.name for field in _FIELDS),
    Topic.PRICE: _HEAD + _PRICE,
    Topic.STOCK: _HEAD + _STOCK,
    Topic.MEDIA: (*_HEAD, MEDIA_REVISION),
}


@dataclass(frozen=True)
class Plan:
    """How the rows of a topic are fetched.

    `columns` come by VQL under our own field names; `reads` are the REST reads that remain.
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    reads: frozenset[str]


def plan(
    topic: Topic,
    offered: frozenset[str],
    findings: Findings | None = None,
    more: Collection[Field] = (),
    *,
    has_price_details: bool = False,
) -> Plan:
    """The cheapest way to all fields of `topic` and to `more`, when the ERP offers these columns.

    `findings` of the channel's check decide which columns are believed; None: it was never
    checked, and they are. `has_price_details`: the channel's prices are offers, quantities and
    customer groups too.
    """
    names = _NAMES_BY_TOPIC[topic]
    if has_price_details and topic in (Topic.ARTICLE, Topic.PRICE):
        names += tuple(field.name for field in _DETAIL_FIELDS)
    fields = {name: _FIELD_BY_NAME[name] for name in names}
    fields.update({field.name: field for field in more})
    names = tuple(fields)
    trusted = believed(offered, findings)
    column_by_name = {
        name: column
        for name, field in fields.items()
        if (column := _first_offered(field, trusted)) is not None
    }
    reads = frozenset(
        field.read
        for field in fields.values()
        if field.name not in column_by_name and not field.is_optional
    )
    if PRICE in reads:
        # Net and gross belong together: never one from a column and one from a price record.
        for name in ("net", "gross", CURRENCY):
            column_by_name.pop(name, None)
    # id is attested; without it there would be no query at all
    columns = (Column("id"), *(Column(path, name) for name, path in column_by_name.items()))
    return Plan(names, columns, reads)


def columns_of(names: Collection[str], offered: frozenset[str]) -> list[Column]:
    """The columns of these fields, as far as the ERP offers them."""
    found = {name: _first_offered(_FIELD_BY_NAME[name], offered) for name in names}
    return [Column(path, name) for name, path in found.items() if path is not None]


def column_of(name: str, offered: frozenset[str]) -> str | None:
    """The column of one field; None: the ERP offers none."""
    return _first_offered(_FIELD_BY_NAME[name], offered)


def compared_columns(read: str, offered: frozenset[str]) -> dict[str, str]:
    """The columns by field that stand for a read, and that of the currency if there is one; empty
    when one of the read's own is not offered."""
    names = (*COMPARED[read], CURRENCY) if read == PRICE else COMPARED[read]
    columns = {name: _first_offered(_FIELD_BY_NAME[name], offered) for name in names}
    found = {name: column for name, column in columns.items() if column is not None}
    return found if found.keys() >= set(COMPARED[read]) else {}


def believed(offered: frozenset[str], findings: Findings | None) -> frozenset[str]:
    """The columns to live on: without those of reads that are not believed."""
    distrusted = distrusted_reads(offered, findings)
    doubted = [one.columns for one in _FIELD_BY_NAME.values() if one.read in distrusted]
    return offered.difference(*doubted)


def distrusted_reads(offered: frozenset[str], findings: Findings | None) -> frozenset[str]:
    """The reads whose columns are offered and not believed.

    Columns that came after the check were not compared, and are not believed either.
    """
    if findings is None:
        return frozenset()
    columns_by_read = {read: list(compared_columns(read, offered).values()) for read in COMPARED}
    return frozenset(
        read
        for read, columns in columns_by_read.items()
        if columns and not _agrees(findings.get(read), columns)
    )


def _agrees(finding: Mapping[str, Any] | None, columns: list[str]) -> bool:
    return finding is not None and finding["agrees"] and finding["columns"] == columns


def _first_offered(field: Field, offered: frozenset[str]) -> str | None:
    return next((column for column in field.columns if column in offered), None)


def discover(
    client: ErpClient, facts: FactStore, path: str = FIELDS_PATH, fact: str = OFFERED_FACT
) -> frozenset[str]:
    """The columns that this tenant's ERP offers, asked once a day and kept as `fact`.

    Failure policy: an ERP without field discovery offers nothing beyond what is attested.
    """
    known = facts.get(fact)
    if isinstance(known, list):
        return frozenset(known)
    return rediscover(client, facts, path, fact)


def rediscover(
    client: ErpClient, facts: FactStore, path: str = FIELDS_PATH, fact: str = OFFERED_FACT
) -> frozenset[str]:
    """Like `discover`, asking now."""
    try:
        offered = frozenset(_paths(client.get(path)))
    except Gone:
        offered = frozenset()
    facts.put(fact, sorted(offered))
    return offered


def without_refused(
    client: ErpClient, facts: FactStore, used: Plan, refusal: str
) -> frozenset[str]:
    """The columns to go on with after a query of `used` was refused in these words.

    Asks for the columns anew, because an update of the ERP may have taken some away; what the
    refusal names is not used either, although the ERP still offers it, until the next discovery.
    Raises: Held ``erp-column:<path>`` when the query cannot do without what is gone; Rejected
    when the discovery is refused too.
    """
    offered = rediscover(client, facts)
    asked_for = (*NEEDED, *(one.path for one in used.columns))
    refused = {path for path in asked_for if _is_named(path, refusal)}
    for path in NEEDED:
        if path in refused and path not in offered:
            raise Held(
                HELD_COLUMN + path,
                f"{refusal}; the ERP does not offer the column {path} of {SHOP_LISTING} any more "
                "and nothing takes its place; ask VARIO for it",
            )
    kept = offered - refused.difference(NEEDED)
    if kept != offered:
        facts.put(OFFERED_FACT, sorted(kept))
    return kept


def _is_named(path: str, refusal: str) -> bool:
    """Whether a refusal speaks of this column. One that is a common word, as `name`, counts only
    in quotes or right behind a word for a column."""
    is_word = path.isalpha() and path.islower()
    before = rf"(?:['\"`]|\b(?:{_WORDS_FOR_COLUMN})\W{{1,3}})" if is_word else r"(?<![\w.])"
    return re.search(rf"{before}{re.escape(path)}(?![\w.]*\w)", refusal, re.IGNORECASE) is not None


def _paths(answer: Any) -> Iterator[str]:
    """The attribute paths of a field discovery.

    Shape: a list of column descriptions, or an object that holds it; a nested collection has a
    `definition` of its own and its columns under `value`.
    """
    if isinstance(answer, list):
        for entry in answer:
            yield from _paths(entry)
    elif isinstance(answer, dict):
        if answer.get("resultable") is False:
            return
        path = answer.get("attribute") or answer.get("path")
        if isinstance(path, str):
            yield path
        for inner in ("fields", "data", "definition", "value"):
            yield from _paths(answer.get(inner))
