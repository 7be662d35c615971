"""From the ERP's answers to uniform rows: one per article, the same keys whichever way they came.

Shape of a row: JSON with Decimal; None where the ERP states nothing. Money and stock in the ERP's
own units, `weight` in `weight_unit`, `tax_rate` in percent. `listed` is false too when the ERP is
about to delete the listing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from integration.errors import Throttled, TransientError
from integration.topics.gtin import is_gtin

Row = dict[str, Any]

#: States of a listing that shall not be offered (docs/sources.md#erp-listing-state).
UNLISTED_STATES = frozenset({"DISABLED", "NEED_DELETION", "QUEUED_FOR_DELETION"})

_LOWEST = (
    "custom_lowest_net",
    "custom_lowest_gross",
    "proposed_lowest_net",
    "proposed_lowest_gross",
)
_SIDES = ("size_x", "size_y", "size_z")
_DECIMALS = frozenset({"weight", "net", "gross", "stock", "tax_rate", *_SIDES, *_LOWEST})
_TEXTS = frozenset(
    {
        "number",
        "name",
        "description",
        "listing_name",
        "listing_description",
        "weight_unit",
        "manufacturer",
        "manufacturer_number",
        "size_unit",
        "product_type",
        "price_currency",
    }
)
_IDS = frozenset({"listing_id", "tax_schema", "tax_type", "media_revision"})
#: What has to be a text where it is stated.
_WORDS = _TEXTS | _IDS | {"listing_state"}
#: Columns of a collection: of several records of an article, all values count.
_COLLECTED = ("categories",)
_TRUTHS = frozenset({"active", "listed", "sellable_without_stock"})
#: Powers of ten that a price, a stock and a weight may have.
LARGEST_POWER = 15


def postponed(entity_id: str, error: TransientError) -> Row:
    """The row of what could not be read yet; `topics.noted` knows it."""
    seconds = error.retry_after_s if isinstance(error, Throttled) else None
    return {
        "id": entity_id,
        "postponed": {"message": error.message, "retry_after_s": seconds},
    }


def id_text(value: Any) -> str | None:
    """An id as text: the ERP writes numbers in some answers and strings in others."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    return str(value)


def decimal(value: Any) -> Decimal | None:
    """An exact number; None for nothing and for what is no number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def truth(value: Any, default: bool) -> bool:
    """A truth value, also from text; `default` for nothing."""
    if value is None:
        return default
    return value.strip().lower() == "true" if isinstance(value, str) else bool(value)


def group(records: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Records by article id, in order of appearance.

    An article may come as several records (one per identifier or listing): the first value of
    each column counts, identifiers are collected under `identifiers` as (name, value, default).
    """
    by_id: dict[str, dict[str, Any]] = {}
    for record in records:
        article_id = id_text(record.get("id"))
        if article_id is None:
            continue
        merged = by_id.setdefault(article_id, {"identifiers": []})
        merged["identifiers"].extend(_identifiers(record))
        for name, value in record.items():
            if name in _COLLECTED:
                merged[name] = [*merged.get(name, ()), *_as_list(value)]
            elif name not in ("id", "identifiers"):
                merged.setdefault(name, value)
    return by_id


def _identifiers(record: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    """Identifiers of one record: flat columns, columns of lists, or a nested collection."""
    names = _as_list(record.get("identifier_name"))
    values = _as_list(record.get("identifier_value"))
    defaults = _as_list(record.get("identifier_default"))
    defaults += [None] * (len(values) - len(defaults))
    yield from zip(names, values, defaults, strict=False)
    for entry in _as_list(record.get("identifiers")):
        if isinstance(entry, Mapping):
            yield (
                entry.get("name") or entry.get("identifiers.name"),
                entry.get("value") or entry.get("identifiers.value"),
                entry.get("defaultArticleIdentifier"),
            )


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def ean_of(identifiers: Iterable[tuple[Any, Any, Any]]) -> str | None:
    """The one EAN of an article: a right one before a wrong one, the default before others.

    The last key is the text itself, so that the choice does not depend on the ERP's order.
    """
    eans = [
        (str(value).strip(), truth(is_default, False))
        for name, value, is_default in identifiers
        if value is not None and str(name).strip().upper().startswith(("EAN", "GTIN"))
    ]
    ranked = sorted(eans, key=lambda ean: (not is_gtin(ean[0]), not ean[1], ean[0]))
    return ranked[0][0] if ranked else None


def uniform(article_id: str, fields: Mapping[str, Any], names: Iterable[str]) -> Row:
    """The row of one article with the keys that belong to `names`."""
    row: Row = {"id": article_id}
    for name in names:
        value = fields.get(name)
        if name in _DECIMALS:
            row[name] = decimal(value)
        elif name in _IDS:
            row[name] = id_text(value)
        elif name in _TEXTS:
            row[name] = None if value is None else _clean(str(value))
        elif name in _TRUTHS and name != "listed":
            row[name] = truth(value, False)
        elif name == "listed":
            # A listing is listed unless it says otherwise (the ERP's default).
            state = fields.get("listing_state")
            is_doomed = isinstance(state, str) and state in UNLISTED_STATES
            row[name] = truth(value, True) and not is_doomed
        elif name == "identifier_value":
            row["ean"] = ean_of(fields.get("identifiers", ()))
        elif name in ("prices", "storages"):
            row[name] = list(value or ())
    if row.get("weight", 0) is None and "weight_unit" in row:
        row["weight_unit"] = None  # a unit of nothing
    return row


def unusable(fields: Mapping[str, Any], names: Iterable[str]) -> str:
    """What is stated in a way that cannot be read, as the end of a sentence; empty: nothing.

    To take it for "not stated" would withdraw a product, or create it without its weight.
    """
    for name in names:
        value = fields.get(name)
        if value is None or value == "":
            continue
        if name in _DECIMALS and not _is_number(value):
            return f"{name} is no usable number"
        if name in _WORDS and not _is_text(value):
            return f"{name} is no text"
        if name in _TRUTHS and not _is_truth(value):
            return f"{name} is neither true nor false"
    return ""


def _is_text(value: Any) -> bool:
    return isinstance(value, (str, int, Decimal)) and not isinstance(value, bool)


def _is_truth(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "false")
    return isinstance(value, (bool, int)) and value in (0, 1)


def _is_number(value: Any) -> bool:
    """Not NaN, not infinite, and no larger than a shop, or smaller than money, can be."""
    number = decimal(value)
    return number is not None and (not number or abs(number.adjusted()) <= LARGEST_POWER)


def _clean(text: str) -> str:
    """Half of a surrogate pair is no character: neither a hash nor a shop takes it."""
    return text.encode("utf-8", "replace").decode("utf-8")
