"""Articles of the kit: complete, unlike any that a shop has, and told apart by the run's mark."""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

from vario_relay import ArticleDocument, Image, ImagesDocument, PriceDocument, StockDocument

#: All numbers of the kit begin so.
PREFIX = "RELAY-KIT-"

_CENT = Decimal("0.01")


class Goods:
    """Makes the documents of one run. `currency` and `tax_rate` are those of the shop."""

    def __init__(self, currency: str, tax_rate: Decimal) -> None:
        self.currency, self.tax_rate = currency, tax_rate
        self.run = secrets.token_hex(3).upper()
        self.prefix = f"{PREFIX}{self.run}-"
        self._next = count(1)
        self._first_ean = secrets.randbelow(10**7) * 1000

    def article(self, **changes: Any) -> ArticleDocument:
        """A new article with price and stock."""
        position = next(self._next)
        article_id = f"{self.run}{position}"
        values: dict[str, Any] = {
            "article_id": article_id,
            "number": f"{self.prefix}{position}",
            "name": f"Relay kit {self.run} {position}",
            "description": "An article of the conformance kit, to be deleted.",
            "ean": _gtin(self._first_ean + position),
            "weight_kg": Decimal("0.25"),
            "manufacturer": None,
            "tax_rate": self.tax_rate,
            "tax": "relay-kit",
            "is_active": True,
            "price": self.price(article_id, Decimal(10)),
            "stock": StockDocument(article_id, 5),
        }
        return ArticleDocument(**{**values, **changes})

    def articles(self, wanted: int) -> list[ArticleDocument]:
        return [self.article() for _ in range(wanted)]

    def price(self, article_id: str, net: Decimal) -> PriceDocument:
        """A price, its gross side rounded as an ERP does.

        Tens have no cent to round: a shop that tells both sides and keeps one shows the same.
        """
        gross = (net * (100 + self.tax_rate) / 100).quantize(_CENT)
        return PriceDocument(article_id, net.quantize(_CENT), gross, self.currency, self.tax_rate)

    def priced(self, article: ArticleDocument, net: str) -> ArticleDocument:
        return replace(article, price=self.price(article.article_id, Decimal(net)))


def stocked(article: ArticleDocument, quantity: int) -> ArticleDocument:
    """The same article with another stock."""
    return replace(article, stock=StockDocument(article.article_id, quantity))


def images(article: ArticleDocument, *refs: str) -> ImagesDocument:
    """Images of an article; `refs` name files of `FILES`."""
    shown = (
        Image(
            ref,
            "1",
            f"{article.number.lower()}-{ref}",
            "png",
            "image/png",
            size=len(FILES[ref]),
        )
        for ref in refs
    )
    return ImagesDocument(article.article_id, tuple(shown))


def _gtin(position: int) -> str:
    """A number of 13 digits from the range for a shop's own use, with its check digit."""
    digits = f"29{position:010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _png(colour: bytes) -> bytes:
    """A picture of one pixel."""
    header = (1).to_bytes(4, "big") * 2 + bytes((8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(b"\0" + colour)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + checksum


#: What `Context.open_file` gives, by the `ref` of an image.
FILES: Mapping[str, bytes] = {"front": _png(b"\x20\x60\xa0"), "back": _png(b"\xa0\x60\x20")}
