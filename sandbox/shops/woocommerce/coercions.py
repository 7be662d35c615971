"""How WooCommerce bends values without a word: what is stored is not what was sent (recorded)."""

from __future__ import annotations

import html
import re
from decimal import Decimal
from typing import Any

_LEADING_NUMBER = re.compile(r"\s*[+-]?\d+")
# Of several points the last one stays; everything but digits, point and minus goes.
_NO_PRICE = re.compile(r"\.(?![^.]+$)|[^0-9.\-]")
_TAG = re.compile(r"<(/?)([a-zA-Z][\w-]*)([^<>]*)>")
_ALLOWED_TAGS = {"p", "br", "b", "strong", "i", "em", "u", "ul", "ol", "li", "a", "h1", "h2", "h3",
                 "h4", "h5", "h6", "table", "thead", "tbody", "tr", "td", "th", "span", "div",
                 "img", "blockquote", "code", "pre", "hr", "small", "sub", "sup", "figure"}
_HANDLER = re.compile(r"""\s+on\w+\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(r"&(?!(?:[a-zA-Z][a-zA-Z0-9]{1,31}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)")


def price(value: Any) -> str:
    """`"abc"` is no price, `"1.234,56"` is `1.23456`, a number is taken."""
    return _NO_PRICE.sub("", text(value))


def whole(value: Any) -> int:
    """`"viele"` is 0, 2.7 is 2."""
    if isinstance(value, (int, float, Decimal)):
        return int(value)
    found = _LEADING_NUMBER.match(value) if isinstance(value, str) else None
    return int(found[0]) if found else 0


def truth(value: Any) -> bool:
    """`"nein"` is false; only what PHP code calls yes is true."""
    if isinstance(value, str):
        return value.lower() in ("yes", "true", "1", "on")
    return value is True or value == 1


def gtin(value: Any) -> str:
    """`"40AB"` is `40`."""
    return re.sub(r"[^0-9\-]", "", text(value))


def markup(value: Any) -> str:
    """HTML as the shop keeps it: tags that could harm go, their text stays; `&` is spelt out."""
    kept = _TAG.sub(_allowed, text(value))
    return _BARE_AMPERSAND.sub("&amp;", kept).strip()


def slug(value: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", html.unescape(value).lower()).strip("-")


def text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return "1" if value else ""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _allowed(tag: re.Match[str]) -> str:
    if tag[2].lower() not in _ALLOWED_TAGS:
        return ""
    return f"<{tag[1]}{tag[2]}{_HANDLER.sub('', tag[3])}>"
