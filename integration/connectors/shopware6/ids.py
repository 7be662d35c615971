"""Ids that we choose: an article always gets the same, so a repeated write is the same write.

Shopware takes any 32 lower-case hex digits from its clients and recommends to derive them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable

_ID = re.compile(r"[0-9a-f]{32}")


def is_id(text: str) -> bool:
    """Whether it is an id of Shopware, as texts may be that come from a person or an import."""
    return _ID.fullmatch(text) is not None


def product_id(namespace: str, article_id: str) -> str:
    return _derived(namespace, "product", article_id)


def articles_of(
    namespace: str, product_ids: Collection[str], candidates: Iterable[str]
) -> dict[str, str]:
    """Article by product, of those of these ids that are ours of one of the candidates."""
    wanted = frozenset(product_ids)
    by_product = ((product_id(namespace, one), one) for one in candidates)
    return {product: article for product, article in by_product if product in wanted}


def visibility_id(namespace: str, article_id: str) -> str:
    """Of the row that shows the article's product in the channel of this namespace."""
    return _derived(namespace, "visibility", article_id)


def manufacturer_id(namespace: str, name: str) -> str:
    # The shop compares names without regard to case.
    return _derived(namespace, "manufacturer", name.casefold())


def group_id(namespace: str, attribute: str) -> str:
    """Of the property group that stands for an attribute of variants."""
    return _derived(namespace, "property-group", attribute)


def option_id(namespace: str, attribute: str, value: str) -> str:
    return _derived(namespace, "property-option", f"{attribute}:{value}")


def setting_id(namespace: str, parent_id: str, option: str) -> str:
    """Of the row that says that a variant of the parent has this option."""
    return _derived(namespace, "configurator-setting", f"{parent_id}:{option}")


def rule_id(namespace: str, group: str | None) -> str:
    """Of the rule under which our prices of a customer group of the shop are; None: everybody."""
    return _derived(namespace, "price rule", group or "")


def condition_id(rule: str, part: str) -> str:
    return _derived(rule, "condition", part)


def price_id(namespace: str, article_id: str, rule: str, from_quantity: int) -> str:
    return _derived(namespace, "price", f"{article_id}:{rule}:{from_quantity}")


def product_warehouse_id(namespace: str, product_id: str, warehouse: str) -> str:
    """Of the row that says how many pieces of a product lie in a warehouse."""
    return _derived(namespace, "product warehouse", f"{product_id}:{warehouse}")


def media_id(namespace: str, content: str) -> str:
    """Of a file; `content` is the SHA-256 of its bytes."""
    return _derived(namespace, "media", content)


def image_id(namespace: str, article_id: str, ref: str) -> str:
    """Of the row that shows a document of the ERP at an article's product."""
    return _derived(namespace, "image", f"{article_id}:{ref}")


def _derived(namespace: str, kind: str, key: str) -> str:
    text = f"vario-relay:{namespace}:{kind}:{key}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
