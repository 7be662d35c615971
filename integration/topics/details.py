"""What an article document says beyond what every article has, as far as its channel wants it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from integration.documents import (
    OptionDocument,
    SizeDocument,
    TextsDocument,
    VariantDocument,
)
from integration.errors import Held
from integration.mapping_kinds import LEFT_OUT, Kind, Mappings, missing
from integration.topics.rows import ErpRow
from integration.topics.units import MM_BY_UNIT, millimetres
from integration.topics.wants import Wants

#: Variants whose main article was never fetched, with the ERP's id of its product.
MAIN_UNKNOWN = "main-unknown:"


def size(article: ErpRow, mappings: Mappings) -> SizeDocument | None:
    """Outer measures, None without any: x is the length, y the width, z the height.

    Raises: MappingMissing for a unit other than mm, cm and m that the channel has no mapping for.
    """
    sides = (article.size_x, article.size_y, article.size_z)
    if not any(sides):
        return None
    factor = _millimetres((article.size_unit or "").strip(), mappings)
    if factor is None:
        unit = (article.size_unit or "").strip()
        raise missing(
            Kind.UNIT,
            unit,
            f"{article.label} is measured in {unit or 'no unit'}, and only mm, cm and m are known; "
            "map it to mm, cm, m or its millimetres, or change it in the ERP",
        )
    return SizeDocument(*(None if side is None else side * factor for side in sides))


def _millimetres(unit: str, mappings: Mappings) -> Decimal | None:
    mapped = mappings.get(Kind.UNIT, unit)
    return MM_BY_UNIT.get(unit.lower()) if mapped is None else millimetres(mapped)


def texts(article: ErpRow, wants: Wants) -> dict[str, TextsDocument]:
    """Texts by the shop's language; one that the ERP has no text in is there without."""
    found = article.texts or {}
    return {shop: _texts(found.get(code, {})) for code, shop in wants.languages.items()}


def _texts(texts: Mapping[str, str | None]) -> TextsDocument:
    name, description = (texts.get("name") or "").strip(), texts.get("description") or ""
    return TextsDocument(name or None, description if description.strip() else None)


def categories(article: ErpRow, mappings: Mappings, wants: Wants) -> tuple[str, ...] | None:
    """The shop's categories in the order of their ids; None where the channel wants none.

    One that is left out is no category of the shop.
    Raises: MappingMissing ``mapping:category:<id>`` for one that nobody has decided about.
    """
    if not wants.categories:
        return None
    found = set()
    for one in article.categories or ():
        mapped = mappings.get(Kind.CATEGORY, one)
        if mapped is None:
            raise missing(
                Kind.CATEGORY,
                one,
                f"{article.label} is in the ERP's category {one}, which is mapped to none of the "
                "shop; map it",
            )
        found.add(mapped)
    return tuple(sorted(found - {LEFT_OUT}))


def manufacturer(article: ErpRow, mappings: Mappings) -> tuple[str | None, str | None]:
    """The manufacturer's name, and the shop's manufacturer by its mapping, if there is one.

    One that is left out is none.
    """
    name = (article.manufacturer or "").strip()
    mapped = mappings.get(Kind.MANUFACTURER, name) if name else None
    return (None, None) if mapped == LEFT_OUT else (name or None, mapped)


def custom_fields(article: ErpRow, wants: Wants) -> dict[str, Any]:
    """Values by the shop's field, all that the channel names; None empties one."""
    found = article.custom or {}
    return {name: found.get(path) for path, name in wants.custom_fields.items()}


def variant(article: ErpRow, wants: Wants) -> VariantDocument | None:
    """The article's place below its main article; None for a product of its own.

    Raises: Held ``main-unknown:<product>`` as long as nobody knows which article is the main one,
    and ``erp-column:<path>`` for what a worker fetched that could not find it out.
    """
    found = article.variant
    if not wants.variants or not found:
        return None
    if "unknown_main" in found:
        raise Held(
            f"{MAIN_UNKNOWN}{found['unknown_main']}",
            f"{article.label} is a variant of the product {found['unknown_main']}, and the ERP "
            "does not tell which article that is before it is fetched itself; list the main "
            "article on the channel and sync, or set variants=off",
        )
    if "lacks" in found:  # a worker of an earlier version fetched it
        raise Held(
            f"erp-column:{found['lacks']}",
            f"{article.label} is a variant, and without the column {found['lacks']} the ERP did "
            "not tell of which article; sync the channel once all workers are up to date",
        )
    options = [OptionDocument(**one) for one in found["values"]]
    return VariantDocument(
        main_article_id=str(found["main"]),
        options=tuple(sorted(options, key=lambda one: (one.attribute, one.value))),
        main_is_active=bool(found["main_is_active"]),
    )
