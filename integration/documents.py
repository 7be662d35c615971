"""Platform-neutral documents: what topics produce and connectors take. Complete and absolute."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


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


Document = ArticleDocument | PriceDocument | StockDocument | WithdrawalDocument
