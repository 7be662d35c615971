"""Is the shop what the ERP says? Read over HTTP from both sandboxes, judged by code of its own.

Shares nothing with the product: a comparer that used the product's transform would agree with its
mistakes. The rules are restated from the ERP's contract and the platforms' pages.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import requests

from sandbox import order_comparison

#: Fields that must be equal, in the order in which a difference is named.
FIELDS = (
    "number",
    "name",
    "description",
    "ean",
    "weight_kg",
    "tax_rate",
    "active",
    "net",
    "gross",
    "stock",
    "size_mm",
)
#: What a main article leaves to its variants.
OF_VARIANTS = {"net", "gross", "stock"}
MAIN_ARTICLE = "VARIANT_MAIN_ARTICLE"
PAGE = 500
TIMEOUT_S = 30


@dataclass
class Verdict:
    """Articles of the ERP, how many of them the shop shows rightly, orders, and what differs."""

    articles: int = 0
    identical: int = 0
    orders: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def is_ok(self) -> bool:
        return not self.differences and self.articles == self.identical


def compare(erp_url: str, shop_url: str, *, variants: bool = False) -> Verdict:
    """Compare every article of the ERP with the shop's product of the same number, and its orders
    with those of the shop. `variants`: the channel wants them below their main articles; otherwise
    each is a product of its own."""
    products = {str(one["number"]): one for one in all_rows(shop_url, "products")}
    articles = list(all_rows(erp_url, "articles"))
    mains = {one["id"]: one for one in articles if variants and one["product_type"] == MAIN_ARTICLE}
    verdict = Verdict()
    for article in articles:
        verdict.articles += 1
        product = products.pop(str(article["number"]), None)
        differences = _differences(article, product, mains)
        verdict.differences += differences
        verdict.identical += not differences
    verdict.orders, differing = order_comparison.differences(erp_url, shop_url)
    verdict.differences += differing
    verdict.differences += [
        f"product {number} is in the shop but not in the ERP" for number in sorted(products)
    ]
    return verdict


def all_rows(base_url: str, key: str) -> Iterator[dict[str, Any]]:
    """Every row of a sandbox's state, page by page; `key` is ``articles`` or ``products``."""
    after = ""
    while True:
        answer = requests.get(
            f"{base_url}/_sandbox/state", params={"after": after, "limit": PAGE}, timeout=TIMEOUT_S
        )
        answer.raise_for_status()
        rows = json.loads(answer.text, parse_float=Decimal)[key]
        yield from rows
        if len(rows) < PAGE:
            return
        after = str(rows[-1]["id"])


def _differences(article: dict[str, Any], product: dict[str, Any] | None,
                 mains: dict[str, dict[str, Any]]) -> list[str]:
    name, is_main = f"article {article['number']}", article["id"] in mains
    if not _is_for_sale(article, is_main):
        if product is None or not product["active"]:
            return []
        return [f"{name}: must be absent or inactive in the shop, but is active"]
    if product is None:
        return [f"{name}: is not in the shop"]
    wanted = _as_in_shop(article)
    found = [
        f"{name}: {one} is {product[one]!r} in the shop, {wanted[one]!r} in the ERP"
        for one in FIELDS
        if not (is_main and one in OF_VARIANTS)
        and _is_kept(product, one) and _read(product, product[one]) != _read(product, wanted[one])
    ]
    found += _differences_of_manufacturer(name, article, product)
    if mains:
        found += _differences_of_place(name, article, product, mains)
    return found + _differences_of_images(name, article, product)


def _differences_of_manufacturer(name: str, article: dict[str, Any],
                                 product: dict[str, Any]) -> list[str]:
    """The shop finds them by name, in any case. One that has brands calls them so, in HTML, and a
    variation of it has its product's."""
    if "brands" in product and not product["parent"]:
        found = html.unescape(", ".join(product["brands"]))
    elif "manufacturer" in product:
        found = str(product["manufacturer"] or "")
    else:
        return []
    wanted = str(article["manufacturer"] or "").strip()
    if found.casefold() == wanted.casefold():
        return []
    return [f"{name}: manufacturer is {found!r} in the shop, {wanted!r} in the ERP"]


def _differences_of_place(name: str, article: dict[str, Any], product: dict[str, Any],
                          mains: dict[str, dict[str, Any]]) -> list[str]:
    """A variant lies below the product of its main article, with the options that tell it from the
    others, if the channel offers the main article; any other product lies below none."""
    main = mains.get(article["variant_of"])
    if main is None or not (main["listed"] and main["active"]):
        wanted: tuple[str | None, dict[str, str]] = (None, {})
    else:
        wanted = (main["number"], article["variant_values"])
    found = (product["parent"], product["options"])
    words = [f"below {parent} as {options}" for parent, options in (found, wanted)]
    return [] if found == wanted else [f"{name}: is {words[0]} in the shop, {words[1]} in the ERP"]


def _differences_of_images(
    name: str, article: dict[str, Any], product: dict[str, Any]
) -> list[str]:
    """The same files in the same order with the same texts, and the first one is the cover. Shops
    that tell of no images are not asked."""
    if "images" not in article or "images" not in product:
        return []
    in_erp = [one["sha256"] for one in article["images"]]
    in_shop = [one["hash"] for one in product["images"]]
    if in_shop != in_erp:
        shown = [[one[:8] for one in hashes] for hashes in (in_shop, in_erp)]
        return [f"{name}: images are {shown[0]} in the shop, {shown[1]} in the ERP"]
    covers = [place for place, one in enumerate(product["images"]) if one["cover"]]
    if in_erp and covers != [0]:
        return [f"{name}: the cover is not the first of its images"]
    pairs = zip(product["images"], article["images"], strict=True)
    return [f"{name}: an image says {shown['alt']!r} in the shop, {wanted['alt']!r} in the ERP"
            for shown, wanted in pairs if (shown["alt"] or "") != (wanted["alt"] or "")]


def _is_kept(product: dict[str, Any], field_name: str) -> bool:
    """Some shops keep one side of a price, and reckon the other one with the tax; what a variant
    takes from its product is no field of its own; measures are carried to shops whose sandbox shows
    them."""
    if field_name in product.get("of_parent", ()):
        return False
    if field_name == "size_mm":
        return field_name in product
    sides = {"net", "gross"}
    return not ("kept" in product and field_name in sides - {product["kept"]})


def _read(product: dict[str, Any], value: Any) -> Any:
    """Where texts are HTML, `&` and `&amp;` are the same to whoever reads them."""
    plain = _plain(value)
    is_html = product.get("markup") == "html" and isinstance(plain, str)
    return html.unescape(plain).strip() if is_html else plain


def _is_for_sale(article: dict[str, Any], is_main: bool) -> bool:
    """Listed, active and with a price: a product without one is never created. That of a main
    article has the prices of its variants."""
    return bool(article["listed"] and article["active"] and (is_main or article["gross"]))


def _as_in_shop(article: dict[str, Any]) -> dict[str, Any]:
    stock = Decimal(str(article["stock"] or 0)).to_integral_value(ROUND_FLOOR)
    ean = article["ean"]
    return {
        **{one: article[one] for one in FIELDS},
        "stock": max(0, int(stock)),
        "size_mm": article["size_mm"] or [None] * 3,
        "ean": ean if ean and has_right_check_digit(str(ean)) else None,
    }


def has_right_check_digit(ean: str) -> bool:
    """GTIN-8, -12, -13 or -14 whose digits, weighted 3 and 1 from the right, end in 0."""
    if not ean.isascii() or not ean.isdigit() or len(ean) not in (8, 12, 13, 14):
        return False
    weighted = [int(digit) * (3 if i % 2 else 1) for i, digit in enumerate(reversed(ean))]
    return sum(weighted) % 10 == 0


def _plain(value: Any) -> Any:
    """Numbers by value, an empty text like no text."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, Decimal)):
        return Decimal(value).normalize()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value or None
