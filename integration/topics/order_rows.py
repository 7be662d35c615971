"""The ERP's documents as the topic order status takes them, checked by marshmallow.

`integration.erp.orders` makes the rows. What a malformed one says is never repeated: it may be
what a customer wrote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from integration.errors import Held, Invalid
from integration.topics.noted import raise_noted

#: What order statuses wait for whose documents the ERP does not let the app read.
NO_RIGHT = "erp-right:documents"


@dataclass(frozen=True)
class OrderLine:
    """How much of a line was ordered and is delivered by now, by all deliveries together."""

    article: str | None
    quantity: Decimal
    committed: Decimal | None
    complete: bool


@dataclass(frozen=True)
class OrderRow:
    """An order. `keys`: what its fields say the shop calls it."""

    id: str
    channel: str | None
    state: str | None
    keys: Mapping[str, str | None]
    lines: list[OrderLine]


@dataclass(frozen=True)
class DeliveredLine:
    order: str | None
    order_line: str | None
    number: str | None
    quantity: Decimal


@dataclass(frozen=True)
class ParcelRow:
    state: str | None
    tracking: str | None
    url: str | None
    carrier: str | None
    carrier_label: str | None


@dataclass(frozen=True)
class DeliveryRow:
    """One document. `waits_s`: how long it may still wait for tracking numbers; 0: not any more."""

    id: str
    category: str | None
    channel: str | None
    state: str | None
    lines: list[DeliveredLine]
    orders: list[OrderRow]
    parcels: list[ParcelRow]
    waits_s: float


class _Checked(Schema):
    class Meta:
        unknown = EXCLUDE


def _text() -> fields.String:
    return fields.String(load_default=None, allow_none=True)


class _OrderLine(_Checked):
    article = _text()
    quantity = fields.Decimal(required=True, allow_nan=False)
    committed = fields.Decimal(load_default=None, allow_none=True, allow_nan=False)
    complete = fields.Boolean(load_default=False)

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> OrderLine:
        return OrderLine(**values)


class _Order(_Checked):
    id = fields.String(required=True)
    channel, state = _text(), _text()
    keys = fields.Dict(keys=fields.String(), values=fields.String(allow_none=True), required=True)
    lines = fields.List(fields.Nested(_OrderLine), required=True)

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> OrderRow:
        return OrderRow(**values)


class _DeliveredLine(_Checked):
    order, order_line, number = _text(), _text(), _text()
    quantity = fields.Decimal(required=True, allow_nan=False)

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> DeliveredLine:
        return DeliveredLine(**values)


class _Parcel(_Checked):
    state, tracking, url, carrier, carrier_label = _text(), _text(), _text(), _text(), _text()

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> ParcelRow:
        return ParcelRow(**values)


class _Delivery(_Checked):
    id = fields.String(required=True)
    category, channel, state = _text(), _text(), _text()
    lines = fields.List(fields.Nested(_DeliveredLine), required=True)
    orders = fields.List(fields.Nested(_Order), required=True)
    parcels = fields.List(fields.Nested(_Parcel), required=True)
    waits_s = fields.Float(load_default=0.0)

    @post_load
    def _build(self, values: dict[str, Any], **_: Any) -> DeliveryRow:
        return DeliveryRow(**values)


_SCHEMA = _Delivery()


def load(row: Mapping[str, Any]) -> DeliveryRow:
    """The checked row.

    Raises: Invalid for a malformed row; what the fetch noted instead of fields: Rejected for
    `refusal`, Held for `forbidden`; Throttled or TransientError for `postponed`.
    """
    if "forbidden" in row:
        raise Held(NO_RIGHT, str(row["forbidden"]))
    raise_noted(row)
    try:
        loaded: DeliveryRow = _SCHEMA.load(row)
    except ValidationError as error:
        # marshmallow's words name the field and never repeat its value
        sentence = f"document {row.get('id')}: the ERP's answer is malformed: {error}"
        raise Invalid(sentence) from error
    return loaded
