"""The ERP's articles, listings and prices in memory, and the index that finds articles fast.

Ids are derived from each other (`listing_id`, `price_id`), so that any of them leads back to its
article without a second index.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sandbox.catalogue import GROSS, TAX_RATES, CatalogueArticle, round_cents
from sandbox.erp.price_records import PriceRecord, running_offer

DEFAULT_CHANNEL, SHOP_CHANNEL, SECOND_CHANNEL = 1, 42, 43
FIRST_ARTICLE_ID = 1001
_LISTING_BASE, _PRICE_BASE, _PRODUCT_BASE = 10_000_000_000, 20_000_000_000, 30_000_000_000
RULE_BASE = 5_000_000_000  # ids of price rules, below those that lead back to an article
_CHANNELS_PER_ARTICLE = 1000
CATALOGUE_TIME = datetime(2026, 1, 1, tzinfo=UTC)
LANGUAGE = "de"  # of the article's own texts
_id = attrgetter("id")
MM_PER_UNIT = {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000)}
GRAMS_PER_UNIT = {"kg": Decimal(1000), "g": Decimal(1)}


@dataclass(frozen=True, slots=True)
class Price:
    """One price record; immutable, so that net and gross are always read as a pair."""

    net: Decimal
    gross: Decimal
    base: str

    @classmethod
    def of(cls, amount: Decimal, base: str, tax: str) -> Price:
        """`amount` is the authoritative side; the other follows from the tax rate."""
        factor = 1 + TAX_RATES[tax] / 100
        if base == GROSS:
            return cls(round_cents(amount / factor), round_cents(amount), base)
        return cls(round_cents(amount), round_cents(amount * factor), base)

    def times(self, factor: Decimal, tax: str) -> Price:
        """The authoritative amount multiplied, at least a cent."""
        amount = self.gross if self.base == GROSS else self.net
        return Price.of(max(amount * factor, Decimal("0.01")), self.base, tax)

    def taxed(self, tax: str) -> Price:
        """The same authoritative amount under another tax."""
        return Price.of(self.gross if self.base == GROSS else self.net, self.base, tax)


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A price record that names no article: what a whole product group, or everything, costs."""

    id: int
    percent: Decimal  # of the price there was
    product_group: str | None


@dataclass(slots=True)
class Listing:
    """An article on one sales channel. None in an override means "as in the article"."""

    channel: int
    listed: bool = True
    state: str = "SYNCHRONIZED"
    state_changed_at: datetime = CATALOGUE_TIME
    name: str | None = None
    description: str | None = None
    price: Price | None = None
    stock: Decimal | None = None
    lowest: dict[str, Decimal | None] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    categories: tuple[str, ...] = ()
    version: int = 1
    updated_at: datetime = CATALOGUE_TIME


@dataclass(frozen=True, slots=True)
class Size:
    """Outer measures; `unit` is mm, cm, m or whatever else a merchant writes."""

    x: Decimal | None
    y: Decimal | None
    z: Decimal | None
    unit: str


@dataclass(slots=True)
class Article:
    id: int
    number: str
    name: str
    description: str
    ean: str | None
    weight: Decimal | None
    weight_unit: str
    tax: str
    active: bool
    price: Price | None
    stock: Decimal
    sellable_without_stock: bool
    manufacturer: str
    product_group: str
    #: Pieces by storage, of an article that was put into several; `stock` is what is for sale.
    storages: dict[str, Decimal] | None = None
    price_records: tuple[PriceRecord, ...] = ()
    listings: dict[int, Listing] = field(default_factory=dict)
    custom: dict[str, Any] = field(default_factory=dict)
    #: By language other than German, name and description.
    texts: dict[str, dict[str, str | None]] = field(default_factory=dict)
    manufacturer_number: str = ""
    size: Size | None = None
    product_type: str = "WITH_STOCK"
    #: Of a variant: the id of its main article, and its value by attribute.
    main: int | None = None
    variant_values: dict[str, str] = field(default_factory=dict)
    media_revision: int = 0  # nothing was ever on its shelf
    #: By channel, the one that it takes its prices from; the same for all articles of a tenant.
    price_sources: dict[int, int] = field(default_factory=dict)
    version: int = 1
    updated_at: datetime = CATALOGUE_TIME

    def text_in(self, language: str, name: str) -> str | None:
        """Its name or description in a language; None if there is none."""
        if language == LANGUAGE:
            return getattr(self, name)
        return self.texts.get(language, {}).get(name)

    def name_on(self, listing: Listing | None) -> str:
        override = listing.name if listing else None
        return self.name if override is None else override

    def description_on(self, listing: Listing | None) -> str:
        override = listing.description if listing else None
        return self.description if override is None else override

    def price_on(self, listing: Listing | None) -> Price | None:
        """What one piece costs today, special offers included."""
        offer = self.offer_on(listing)
        if offer is None or offer.net is None or offer.gross is None:
            return self.regular_on(listing)
        return Price(offer.net, offer.gross, offer.base)

    def regular_on(self, listing: Listing | None) -> Price | None:
        return self.priced_by(listing)[1]

    def priced_by(self, listing: Listing | None) -> tuple[int, Price | None]:
        """The regular price and the channel whose record it is; 0: the article's own.

        Without a price on the article a channel's record still counts.
        """
        for channel in self._price_channels(listing):
            own = self.listings.get(channel)
            if own is not None and own.price is not None:
                return channel, own.price
        return 0, self.price

    def _price_channels(self, listing: Listing | None) -> list[int]:
        """The channel, and those that it takes its prices from, one after the other."""
        found = [] if listing is None else [listing.channel]
        while found and (after := self.price_sources.get(found[-1])) not in (None, *found):
            found.append(after)
        return found

    def offer_on(self, listing: Listing | None) -> PriceRecord | None:
        """The running offer, if it costs less than the regular price."""
        if not self.price_records:
            return None
        regular = self.regular_on(listing)
        offer = running_offer(self.price_records, self._price_channels(listing))
        is_dear = offer is not None and regular is not None and regular.gross <= (offer.gross or 0)
        return None if is_dear else offer

    def stock_on(self, listing: Listing | None) -> Decimal:
        override = listing.stock if listing else None
        return self.stock if override is None else override

    def reserved(self) -> Decimal:
        """Pieces that lie in the warehouse but are not for sale."""
        return Decimal(self.id % 4)

    def weight_kg(self) -> Decimal | None:
        if self.weight is None:
            return None
        return self.weight * GRAMS_PER_UNIT[self.weight_unit] / 1000

    def size_mm(self) -> list[float | None] | None:
        """Length, width and height; None without a size or in a unit that is none of length."""
        if self.size is None or self.size.unit not in MM_PER_UNIT:
            return None
        factor = MM_PER_UNIT[self.size.unit]
        return [None if side is None else float(side * factor)
                for side in (self.size.x, self.size.y, self.size.z)]

    def add(self, listing: Listing) -> None:
        # A new dict each time: readers hold no lock and go on with the one they have.
        self.listings = {**self.listings, listing.channel: listing}

    def drop(self, channel: int) -> None:
        self.listings = {key: own for key, own in self.listings.items() if key != channel}


def listing_id(article_id: int, channel: int) -> int:
    return _LISTING_BASE + article_id * _CHANNELS_PER_ARTICLE + channel


def of_listing_id(identifier: int) -> tuple[int, int]:
    """Article id and channel id of a listing id."""
    return divmod(identifier - _LISTING_BASE, _CHANNELS_PER_ARTICLE)


def product_id(article_id: int) -> int:
    """The id of the article's product."""
    return _PRODUCT_BASE + article_id


def price_id(article_id: int, channel: int = 0) -> int:
    """The id of the article's own price record, or of its record for one channel."""
    return _PRICE_BASE + article_id * _CHANNELS_PER_ARTICLE + channel


def of_price_id(identifier: int) -> tuple[int, int]:
    """Article id and channel id (0 for the article's own record) of a price id."""
    return divmod(identifier - _PRICE_BASE, _CHANNELS_PER_ARTICLE)


class Articles:
    """All articles of a tenant: by id, by number, and in the numeric order of their ids."""

    def __init__(self, catalogue: Iterable[CatalogueArticle], first_id: int,
                 channels: Iterable[int]) -> None:
        shops = tuple(channels)
        self.price_sources: dict[int, int] = {}
        self._by_id = {first_id + place: _article(first_id + place, entry, shops,
                                                  self.price_sources)
                       for place, entry in enumerate(catalogue)}
        self._by_number = {article.number: article for article in self._by_id.values()}
        self._ordered = list(self._by_id.values())  # ids ascend with the place in the catalogue

    def get(self, article_id: int) -> Article | None:
        return self._by_id.get(article_id)

    def by_number(self, number: str) -> Article | None:
        return self._by_number.get(number)

    def between(self, after: int | None = None, upto: int | None = None) -> list[Article]:
        """Articles with `after` < id <= `upto`, in order; a list of the caller's own."""
        ordered = self._ordered
        start = 0 if after is None else bisect.bisect_right(ordered, after, key=_id)
        end = len(ordered) if upto is None else bisect.bisect_right(ordered, upto, key=_id)
        return ordered[start:end]

    def renumber(self, article: Article, number: str) -> None:
        """Raises ValueError if another article has the number."""
        if self._by_number.setdefault(number, article) is not article:
            raise ValueError(f"the number {number!r} is taken")
        if number != article.number:
            del self._by_number[article.number]
            article.number = number

    def remove(self, article: Article) -> None:
        self._ordered = [known for known in self._ordered if known is not article]
        del self._by_id[article.id]
        del self._by_number[article.number]


def _article(article_id: int, entry: CatalogueArticle, channels: tuple[int, ...],
             price_sources: dict[int, int]) -> Article:
    price = None if entry.price is None else Price.of(entry.price, entry.price_base, entry.tax)
    article = Article(
        id=article_id, number=entry.number, name=entry.name, description=entry.description,
        ean=entry.ean, weight=entry.weight, weight_unit=entry.weight_unit, tax=entry.tax,
        active=entry.active, price=price, stock=entry.stock,
        sellable_without_stock=entry.sellable_without_stock, manufacturer=entry.manufacturer,
        product_group=entry.product_group, price_sources=price_sources)
    article.listings[DEFAULT_CHANNEL] = Listing(DEFAULT_CHANNEL)
    if entry.has_listing:
        for channel in channels:
            article.listings[channel] = Listing(
                channel, listed=entry.listed, name=entry.channel_name,
                description=entry.channel_description)
    return article
