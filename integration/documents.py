"""Platform-neutral documents: what topics produce and connectors take. Complete and absolute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from integration.mapping_kinds import Kind


@dataclass(frozen=True)
class Amount:
    """Money both ways; the currency is the document's."""

    net: Decimal
    gross: Decimal


@dataclass(frozen=True)
class PriceStep:
    """What each piece costs from a quantity on; `list_price` is the regular one during an offer,
    `lowest` the lowest one of the 30 days before, if the ERP states it."""

    from_quantity: int
    amount: Amount
    list_price: Amount | None = None
    lowest: Amount | None = None


@dataclass(frozen=True)
class PriceList:
    """Prices by quantity, the first for one piece, for everybody or for a customer group.

    `group` is the ERP's, a customer group or a price group, as `kind` says; `shop_group` the
    shop's customer group by its mapping; None: there is none.
    """

    steps: tuple[PriceStep, ...]
    group: str | None = None
    group_label: str = ""
    shop_group: str | None = None
    kind: Kind = Kind.CUSTOMER_GROUP


@dataclass(frozen=True)
class PriceDocument:
    """Sales price of one listing, as the ERP states it; net and gross are both its own values.

    While a special offer runs, `list_price` is the regular price and `lowest` the lowest one of
    the 30 days before. `lists` None: the channel does not carry prices by quantity and customer
    group, and what the shop has of them stays; an empty one takes them away. `offer_since` and
    `offer_until` (UTC): when the running offer began and ends, None where the ERP states no day.
    """

    article_id: str
    net: Decimal
    gross: Decimal
    currency: str
    tax_rate: Decimal
    list_price: Amount | None = None
    lowest: Amount | None = None
    lists: tuple[PriceList, ...] | None = None
    offer_since: datetime | None = None
    offer_until: datetime | None = None


@dataclass(frozen=True)
class StockLocation:
    """What a storage location of the ERP has for the channel: whole sales units, never negative.

    `shop_location` is the shop's by its mapping; None: there is none.
    """

    location: str
    quantity: int
    label: str = ""
    shop_location: str | None = None


@dataclass(frozen=True)
class StockDocument:
    """Sellable quantity of one listing: whole sales units, never negative.

    `is_tracked` is false for services and the like; `sells_without_stock` means backorder.
    `locations`: where it lies, for shops that keep stock by location; None: the channel does not,
    and what the shop has of them stays.
    """

    article_id: str
    quantity: int
    is_tracked: bool = True
    sells_without_stock: bool = False
    locations: tuple[StockLocation, ...] | None = None


@dataclass(frozen=True)
class SizeDocument:
    """Outer measures in millimetres; None for a side that the ERP does not state."""

    length: Decimal | None
    width: Decimal | None
    height: Decimal | None


@dataclass(frozen=True)
class TextsDocument:
    """Name and description in one language; None where the ERP has none in it."""

    name: str | None
    description: str | None


@dataclass(frozen=True)
class OptionDocument:
    """What makes a variant what it is on one axis: ids and labels of the ERP."""

    attribute: str
    attribute_label: str
    value: str
    label: str


@dataclass(frozen=True)
class VariantDocument:
    """An article's place below its main article.

    `parent_id` is the shop's product of the main article; None until the stage has put it there.
    """

    main_article_id: str
    options: tuple[OptionDocument, ...]
    main_is_active: bool = True
    parent_id: str | None = None


@dataclass(frozen=True)
class ArticleDocument:
    """Master data of one listing, with the price and stock a new product is created with.

    `tax_rate` in percent. `tax` is the ERP's value that a mapping is set for (the id of its type),
    `shop_tax` the shop's tax by this mapping; None: there is none, the rate says which.
    `manufacturer` is the ERP's name, for which a mapping may name the shop's `shop_manufacturer`.
    `texts` by the shop's language, of the languages that are mapped. `categories` are the shop's;
    None: they are not ours to assign. `custom_fields` by the shop's name, None where the ERP
    states nothing. `is_main`: variants may lie below it; `variant`: it lies below one.
    `was_main`: what its product in the shop has of price and stock is no article's own, because it
    is a main article there. `ends_at_zero`: not for sale without stock, as its stock says, too: no
    event of the stock tells that this changed.
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
    shop_manufacturer: str | None = None
    manufacturer_number: str | None = None
    size: SizeDocument | None = None
    texts: Mapping[str, TextsDocument] = field(default_factory=dict)
    categories: tuple[str, ...] | None = None
    custom_fields: Mapping[str, Any] = field(default_factory=dict)
    is_main: bool = False
    variant: VariantDocument | None = None
    was_main: bool = False
    ends_at_zero: bool = True


@dataclass(frozen=True)
class WithdrawalDocument:
    """The article is no longer offered on this channel: inactive in the shop, never deleted."""

    article_id: str


class OrderState(StrEnum):
    """What became of a whole order, after everything that its deliveries say."""

    OPEN = "open"
    PARTLY_SHIPPED = "partly-shipped"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class ParcelDocument:
    """One parcel with its label. `carrier` is the ERP's value that a mapping is set for, None if
    the ERP states none; `shop_carrier` the shop's by this mapping."""

    tracking_number: str
    tracking_url: str | None = None
    carrier: str | None = None
    carrier_label: str | None = None
    shop_carrier: str | None = None


@dataclass(frozen=True)
class ShippedLine:
    """What a delivery ships of one line of an order. `quantity` in the order's own units."""

    order_line_id: str
    article_number: str | None
    quantity: Decimal


@dataclass(frozen=True)
class OrderPart:
    """One order of a delivery. `shop_order` is what the shop calls it: its number or its id;
    `article_ids` are those of all its lines."""

    order_id: str
    shop_order: str
    state: OrderState
    lines: tuple[ShippedLine, ...] = ()
    article_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeliveryDocument:
    """What one document of the ERP says about orders of the shop.

    A delivery has its lines and parcels, and more than one order if it is a collective one;
    `is_cancelled`: it ships nothing any more. An order itself, cancelled or closed, has neither.
    """

    document_id: str
    orders: tuple[OrderPart, ...]
    parcels: tuple[ParcelDocument, ...] = ()
    is_cancelled: bool = False

    @property
    def tracking_numbers(self) -> tuple[str, ...]:
        """Of what is on its way: none of a cancelled delivery."""
        if self.is_cancelled:
            return ()
        return tuple(dict.fromkeys(parcel.tracking_number for parcel in self.parcels))


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
