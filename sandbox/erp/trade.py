"""Orders, what is delivered of them, and the parcels: the documents an employee works with.

Simple on purpose: deliveries do not move stock, and there are no returns or partial invoices.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.erp.events import Event
from sandbox.erp.model import Article

ORDER, DELIVERY = "CUSTOMER_ORDER", "CUSTOMER_DELIVERY_DOCUMENT"
COMBINED = "CUSTOMER_DELIVERY_INVOICE"
FIRST_ID = 500_000  # above the first article's id, so that an article is no document


class TradeError(ValueError):
    """What was asked for cannot be done; the message says why."""


@dataclass
class Line:
    """`of` is the order's line that a delivery's line delivers."""

    id: int
    article: Article | None  # None for shipping costs
    quantity: Decimal
    of: Line | None = None
    delivered: Decimal = Decimal(0)

    @property
    def open(self) -> Decimal:
        return self.quantity - self.delivered


@dataclass
class Document:
    id: int
    category: str
    channel: int
    reference: str | None  # what the shop calls its order; only orders have one
    lines: list[Line]
    order: Document | None = None
    state: str = "ACCEPTED"
    custom: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)  # texts that a client has written
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    version: int = 1

    @property
    def number(self) -> str:
        letters = {ORDER: "AB", DELIVERY: "LS", COMBINED: "LR"}[self.category]
        return f"{letters}-{self.id}"

    def event(self, transition: str, identifier: int | None = None) -> Event:
        return f"document.{self.category.lower()}.{transition}", {"id": identifier or self.id}


@dataclass
class Parcel:
    id: int
    state: str = "OPEN"
    tracking: str | None = None


@dataclass
class Shipment:
    id: int
    document: Document
    parcels: list[Parcel]

    @property
    def state(self) -> str:
        states = {parcel.state for parcel in self.parcels}
        return "COMPLETED" if states == {"COMPLETED"} else (
            "IN_PROCESS" if "COMPLETED" in states else "OPEN")


class Trade:
    """The documents and shipments of one tenant."""

    def __init__(self, first_article: int) -> None:
        self._ids = itertools.count(first_article + FIRST_ID)
        self.documents: dict[int, Document] = {}
        self.shipments: dict[int, Shipment] = {}

    def order(self, channel: int, lines: Iterable[tuple[Article, Decimal]],
              reference: str | None) -> tuple[Document, list[Event]]:
        """An order as an import from the shop leaves it; without a reference it is no shop's."""
        ordered = [Line(next(self._ids), article, quantity) for article, quantity in lines]
        ordered.append(Line(next(self._ids), None, Decimal(1)))
        document = self._kept(Document(next(self._ids), ORDER, channel, reference, ordered))
        return document, [document.event("create")]

    def deliver(self, order: Document, quantities: dict[int, Decimal] | None, *,
                combined: bool, parcels: int) -> tuple[Shipment, list[Event]]:
        """Deliver by order line id (None: all that is open), on one document, in open parcels."""
        if order.category != ORDER or order.state != "ACCEPTED":
            raise TradeError(f"document {order.id} is no order that can be delivered")
        wanted = {line.id: line.open for line in order.lines if line.article and line.open > 0}
        if quantities is not None:
            if too_many := [key for key, amount in quantities.items()
                            if not 0 < amount <= wanted.get(key, Decimal(0))]:
                raise TradeError(f"lines {too_many} have not that much left to deliver")
            wanted = quantities
        if not wanted:
            raise TradeError(f"nothing is left to deliver of order {order.id}")
        delivered = [self._delivered(line, wanted[line.id])
                     for line in order.lines if line.id in wanted]
        category = COMBINED if combined else DELIVERY
        document = self._kept(Document(next(self._ids), category, order.channel, None, delivered,
                                       order))
        shipment = Shipment(next(self._ids), document,
                            [Parcel(next(self._ids)) for _parcel in range(parcels)])
        self.shipments[shipment.id] = shipment
        transition = "order_to_deliveryinvoice" if combined else "order_to_delivery"
        return shipment, [document.event(transition)]

    def complete(self, shipment: Shipment, parcel: Parcel) -> list[Event]:
        """The label is printed: from now on there is a tracking number."""
        if parcel.state != "OPEN":
            raise TradeError(f"parcel {parcel.id} is {parcel.state}")
        parcel.state, parcel.tracking = "COMPLETED", f"00340{parcel.id:015d}"
        return [("shipment.parcel.completed", {"shipmentId": shipment.id, "parcelId": parcel.id})]

    def cancel(self, document: Document) -> list[Event]:
        if document.state != "ACCEPTED":
            raise TradeError(f"document {document.id} is {document.state}")
        document.state = "CANCELLED"
        for line in document.lines:
            if line.of is not None:
                line.of.delivered -= line.quantity
        for parcel in (one for shipment in self.shipments_of(document) for one in shipment.parcels):
            parcel.state = "CANCELLED"
        return [document.event("cancel_accepted")]

    def close(self, order: Document) -> list[Event]:
        """Nothing more will be delivered of the order."""
        if order.category != ORDER or order.state != "ACCEPTED":
            raise TradeError(f"document {order.id} is no open order")
        order.state = "CLOSED"
        return [order.event("order_close_remaining")]

    def document(self, identifier: int) -> Document:
        """Raises TradeError."""
        if identifier not in self.documents:
            raise TradeError(f"there is no document {identifier}")
        return self.documents[identifier]

    def parcel(self, identifier: int) -> tuple[Shipment, Parcel]:
        """Raises TradeError."""
        for shipment in self.shipments.values():
            for parcel in shipment.parcels:
                if parcel.id == identifier:
                    return shipment, parcel
        raise TradeError(f"there is no parcel {identifier}")

    def shipments_of(self, document: Document) -> list[Shipment]:
        return [one for one in list(self.shipments.values()) if one.document is document]

    def _delivered(self, line: Line, quantity: Decimal) -> Line:
        line.delivered += quantity
        return Line(next(self._ids), line.article, quantity, line, quantity)

    def _kept(self, document: Document) -> Document:
        self.documents[document.id] = document
        return document
