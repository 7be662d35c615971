"""Edits of what only some articles have: texts in other languages, measures, categories, custom
fields, and what makes an article a variant of another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.erp.dto import hashed_id
from sandbox.erp.model import LANGUAGE, Article, Listing, Size
from sandbox.erp.tenants import Tenant

MAIN_ARTICLE, SIMPLE_ARTICLE = "VARIANT_MAIN_ARTICLE", "WITH_STOCK"
PRODUCT_TYPES = (SIMPLE_ARTICLE, "WITHOUT_STOCK", "SERVICE_ARTICLE", "SERVICE_CONTINGENT",
                 "ASSEMBLY_GROUP", "JUMBO", "SHIPPING_COSTS", MAIN_ARTICLE)


def checked(name: str, value: Any) -> Any:
    """Raises ValueError with a sentence that says what the value should be."""
    return _CHECKS[name](value)


def apply(tenant: Tenant, article: Article, values: Mapping[str, Any],
          channel: int | None) -> list[tuple[str, dict[str, Any]]]:
    """Make the changes; the webhooks that are about nothing but them.

    Raises ValueError, with nothing changed.
    """
    main = _main_of(tenant, values)
    if "texts" in values:
        texts = {**article.texts, **values["texts"]}
        article.texts = {language: one for language, one in texts.items() if one is not None}
    if "size" in values:
        article.size = values["size"]
    if "manufacturer_number" in values:
        article.manufacturer_number = values["manufacturer_number"] or ""
    if "product_type" in values:
        article.product_type = values["product_type"]
    if "variant_of" in values:
        article.main = main
    if "variant_values" in values:
        article.variant_values = dict(values["variant_values"])
    if "custom" in values:
        owner = article if channel is None else article.listings[channel]
        owner.custom = _with_custom(owner.custom, values["custom"])
    caused = []
    if "categories" in values:
        for own in article.listings.values() if channel is None else (article.listings[channel],):
            caused += _assign(tenant, own, values["categories"])
    return caused


def _main_of(tenant: Tenant, values: Mapping[str, Any]) -> int | None:
    wanted = values.get("variant_of")
    if wanted is None:
        return None
    found = tenant.articles.by_number(wanted)
    if found is None:
        raise ValueError(f"there is no article {wanted!r} to be a variant of")
    return found.id


def _assign(tenant: Tenant, own: Listing, labels: list[str]) -> list[tuple[str, dict[str, Any]]]:
    wanted = {hashed_id(label): label for label in labels}
    tenant.categories.update(wanted)
    before, own.categories = set(own.categories), tuple(wanted)
    own.version += 1
    return [(f"listing.category-{change}", {"id": one})
            for change, ids in (("added", set(wanted) - before), ("removed", before - set(wanted)))
            for one in sorted(ids)]


def _with_custom(custom: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    changed = {group: dict(inside) for group, inside in custom.items()}
    for path, value in values.items():
        group, _, name = path.partition(".")
        changed.setdefault(group, {})[name] = value
    return changed


# --- checks --------------------------------------------------------------------------------------


def _texts(value: Any) -> Any:
    sentence = 'texts are by language, as {"en": {"name": "Lamp", "description": "..."}}'
    if not isinstance(value, dict) or LANGUAGE in value:
        raise ValueError(f"{sentence}; {LANGUAGE} is the article's own name and description")
    for one in value.values():
        if one is not None and (not isinstance(one, dict) or set(one) - {"name", "description"}):
            raise ValueError(sentence)
    return value


def _size(value: Any) -> Size | None:
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) - {"x", "y", "z", "unit"}:
        raise ValueError('size is {"x": 1, "y": 2, "z": 3, "unit": "cm"} or null')
    try:
        sides = [None if value.get(one) is None else Decimal(str(value[one])) for one in "xyz"]
    except InvalidOperation:
        raise ValueError("the sides of a size are numbers") from None
    return Size(*sides, str(value.get("unit", "cm")))


def _labels(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise ValueError("categories are a list of names")
    return value


def _custom(value: Any) -> Any:
    if not isinstance(value, dict) or not all("." in path for path in value):
        raise ValueError('custom is by group and attribute, as {"shop.material": "Holz"}')
    return value


def _product_type(value: Any) -> str:
    if value not in PRODUCT_TYPES:
        raise ValueError(f"product_type is one of {', '.join(PRODUCT_TYPES)}")
    return str(value)


def _text_or_none(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError("manufacturer_number and variant_of are texts or null")
    return value


def _values(value: Any) -> Any:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise ValueError('variant_values are by attribute, as {"Größe": "M"}')
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "texts": _texts,
    "size": _size,
    "manufacturer_number": _text_or_none,
    "categories": _labels,
    "custom": _custom,
    "product_type": _product_type,
    "variant_of": _text_or_none,
    "variant_values": _values,
}
NAMES = frozenset(_CHECKS)
