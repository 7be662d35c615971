"""Platform-neutral documents: what topics produce and connectors take. Complete and absolute."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class PriceDocument:
    """Sales price of one listing, as the ERP states it; net and gross are both its own values."""

    article_id: str
    net: Decimal
    gross: Decimal
    currency: str
    tax_rate: Decimal


@dataclass(frozen=True)
class StockDocument:
    """Sellable quantity of one listing: whole sales units, never negative.

    `is_tracked` is false for services and the like; `sells_without_stock` means backorder.
    """

    article_id: str
    quantity: int
    is_tracked: bool = True
    sells_without_stock: bool = False


@dataclass(frozen=True)
class ArticleDocument:
    """Master data of one listing, with the price and stock a new product is created with.

    `tax_rate` in percent. `tax` is the ERP's value that a mapping is set for (the id of its type),
    `shop_tax` the shop's tax by this mapping; None: there is none, the rate says which.
    """

    article_id: str
    number: str
    name: str
    description: str
    ean: str | None
    weight_kg: Decimal | None
    manufacturer: str | None
    tax_rate: Decimal
    tax: str
    is_active: bool
    price: PriceDocument | None
    stock: StockDocument | None
    shop_tax: str | None = None


@dataclass(frozen=True)
class WithdrawalDocument:
    """The article is no longer offered on this channel: inactive in the shop, never deleted."""

    article_id: str


@dataclass(frozen=True)
class Image:
    """A picture of an article. `ref` names its file for `Context.open_file`; `ref` and `revision`
    together change whenever the content does.

    `file_name` is without its extension, `extension` lower-case without a dot. `size` in bytes,
    None where the ERP does not state it. `alt`: (language code of the ERP, text).
    """

    ref: str
    revision: str
    file_name: str
    extension: str
    media_type: str
    size: int | None = None
    alt: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ImagesDocument:
    """All images of an article that a shop shows, in their order; the first one is the cover."""

    article_id: str
    images: tuple[Image, ...]


Document = ArticleDocument | PriceDocument | StockDocument | WithdrawalDocument | ImagesDocument
