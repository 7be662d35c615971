"""update.orderStatus: what a delivery, or an order that has ended, means to the shop."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from integration.channel_view import ChannelView
from integration.documents import (
    DeliveryDocument,
    OrderPart,
    OrderState,
    ParcelDocument,
    ShippedLine,
)
from integration.errors import ChannelError, HeldFor
from integration.mapping_kinds import Kind
from integration.topics.order_rows import DeliveryRow, OrderRow, ParcelRow, load

#: Channel parameter: fields of the ERP's order that may hold the shop's number or id of it; the
#: first that is filled counts. Which one an order import fills is its own affair.
ORDER_KEY = "order_key"
KEY_FIELDS = ("externalIdentifier", "externalNumber", "referencedOrderNumber")
#: Channel parameter: minutes that a delivery waits for its tracking numbers before it is sent
#: without them (vario-erp.md 8.5).
GRACE = "tracking_wait_min"
DEFAULT_GRACE_MIN = "60"

#: What such a delivery waits for; ends by the next event of its parcels, or with the time.
AWAITS_TRACKING = "awaiting-tracking"

NOT_OURS = "of another sales channel"
NO_DELIVERY = "neither a delivery nor an order"
NO_SHOP_ORDER = "not an order of the shop"
NOTHING_HAPPENED = "nothing of the order is delivered or cancelled"
NEVER_SENT = "cancelled before it was sent"

ORDER = "CUSTOMER_ORDER"
#: Documents by which goods leave the house; a tenant has the one or the other.
DELIVERIES = ("CUSTOMER_DELIVERY_DOCUMENT", "CUSTOMER_DELIVERY_INVOICE")

# The keys of states are not documented (vario-erp.md 5): what they have in common is a guess.
_CANCELLED = re.compile(r"CANCEL|STORNO", re.IGNORECASE)
#: Nothing more comes of an order.
_ENDED = re.compile(r"CANCEL|STORNO|CLOSE", re.IGNORECASE)
#: Parcels that never travel.
_DROPPED = frozenset({"CANCELLED", "ERROR"})


def delivery_document(
    row: Mapping[str, Any], channel: ChannelView, *, was_sent: bool
) -> DeliveryDocument | str:
    """The document, or why the shop has nothing to be told.

    `was_sent`: an earlier write of it may have reached the shop.
    Raises: HeldFor while tracking numbers are awaited; what `order_rows.load` raises; ChannelError
    for a wrong `order_key`.
    """
    delivery = load(row)
    if delivery.channel not in (None, channel.erp_id):
        return NOT_OURS
    if delivery.category != ORDER and delivery.category not in DELIVERIES:
        return NO_DELIVERY
    is_cancelled = _is(_CANCELLED, delivery.state) and delivery.category != ORDER
    if is_cancelled and not was_sent:
        return NEVER_SENT
    parts = tuple(_parts(delivery, channel, is_cancelled))
    if not parts:
        return NO_SHOP_ORDER
    if delivery.category == ORDER and all(one.state is OrderState.OPEN for one in parts):
        return NOTHING_HAPPENED
    document = DeliveryDocument(
        document_id=delivery.id,
        orders=parts,
        parcels=() if is_cancelled else tuple(_parcels(delivery, channel)),
        is_cancelled=is_cancelled,
    )
    # An ended order has no parcels of its own; the others of its kind stand for a delivery.
    is_over = is_cancelled or (delivery.category == ORDER and _is(_ENDED, delivery.state))
    if not (is_over or was_sent or _are_labelled(delivery)) and delivery.waits_s > 0:
        raise HeldFor(
            AWAITS_TRACKING,
            f"document {delivery.id}: its parcels have no tracking numbers yet, it goes with them "
            f"or without them {grace_s(channel) / 60:g} min after it was first seen",
            delivery.waits_s,
        )
    return document


def order_keys(channel: ChannelView) -> list[str]:
    """The fields to try, in their order. Raises: ChannelError for one that orders do not have."""
    text = channel.parameters.get(ORDER_KEY, "").strip() or ",".join(KEY_FIELDS)
    if (what := wrong_order_key(text)) is not None:
        raise ChannelError(
            f"channel {channel.label}: {ORDER_KEY} {what}; "
            f"`vario-relay channel set {channel.label} {ORDER_KEY}={KEY_FIELDS[0]}` corrects it"
        )
    return _named(text)


def wrong_order_key(text: str) -> str | None:
    """What is wrong with an `order_key`, as the end of a sentence; None: nothing."""
    names = _named(text)
    if names and set(names) <= set(KEY_FIELDS):
        return None
    return f"names something else than {', '.join(KEY_FIELDS)}"


def grace_s(channel: ChannelView) -> float:
    """Seconds that a delivery may wait for tracking numbers. Raises: ChannelError."""
    text = channel.parameters.get(GRACE, "").strip() or DEFAULT_GRACE_MIN
    if (what := wrong_minutes(text)) is not None:
        raise ChannelError(
            f"channel {channel.label}: {GRACE} {what}; "
            f"`vario-relay channel set {channel.label} {GRACE}={DEFAULT_GRACE_MIN}` corrects it"
        )
    return int(text) * 60.0


def wrong_minutes(text: str) -> str | None:
    """What is wrong with a `tracking_wait_min`, as the end of a sentence; None: nothing."""
    is_right = text.isascii() and text.isdigit() and int(text) <= 10_080
    return None if is_right else "is not a number of minutes from 0 to 10080 (a week)"


def has_ended(state: str | None) -> bool:
    """Whether a document of this state was cancelled or closed."""
    return _is(_ENDED, state)


def _named(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _is(pattern: re.Pattern[str], state: str | None) -> bool:
    return state is not None and pattern.search(state) is not None


def _parts(delivery: DeliveryRow, channel: ChannelView, is_cancelled: bool) -> Iterator[OrderPart]:
    """The orders of the shop among those of the document."""
    for order in delivery.orders:
        key = next((text for one in order_keys(channel) if (text := _key(order, one))), None)
        if key is None or order.channel not in (None, channel.erp_id):
            continue
        lines = tuple(_shipped(delivery, order.id))
        is_shipping = delivery.category in DELIVERIES and not is_cancelled
        yield OrderPart(
            order_id=order.id,
            shop_order=key,
            state=_state(order, is_shipping),
            lines=() if is_cancelled else lines,
            article_ids=tuple(dict.fromkeys(one.article for one in order.lines if one.article)),
        )


def _key(order: OrderRow, field: str) -> str:
    return (order.keys.get(field) or "").strip()


def _shipped(delivery: DeliveryRow, order_id: str) -> Iterator[ShippedLine]:
    """Quantities by the order's line: a delivery may split one over several of its own."""
    quantity_by_line: dict[tuple[str, str | None], Decimal] = {}
    for line in delivery.lines:
        if line.order == order_id and line.order_line is not None:
            key = (line.order_line, line.number)
            quantity_by_line[key] = quantity_by_line.get(key, Decimal(0)) + line.quantity
    for (order_line, number), quantity in quantity_by_line.items():
        yield ShippedLine(order_line, number, quantity)


def _state(order: OrderRow, is_shipping: bool) -> OrderState:
    """What the order's own lines say; a delivery that ships makes it partly shipped at least."""
    delivered = [line.complete or (line.committed or Decimal(0)) > 0 for line in order.lines]
    is_done = [line.complete or (line.committed or 0) >= line.quantity for line in order.lines]
    if _is(_ENDED, order.state):
        # What was delivered is all that comes; without anything the order is off.
        return OrderState.SHIPPED if any(delivered) or is_shipping else OrderState.CANCELLED
    if order.lines and all(is_done):
        return OrderState.SHIPPED
    return OrderState.PARTLY_SHIPPED if any(delivered) or is_shipping else OrderState.OPEN


def _parcels(delivery: DeliveryRow, channel: ChannelView) -> Iterator[ParcelDocument]:
    for parcel in delivery.parcels:
        if parcel.tracking is None or parcel.state in _DROPPED:
            continue
        yield ParcelDocument(
            tracking_number=parcel.tracking,
            tracking_url=parcel.url,
            carrier=parcel.carrier,
            carrier_label=parcel.carrier_label,
            shop_carrier=_shop_carrier(parcel, channel),
        )


def _shop_carrier(parcel: ParcelRow, channel: ChannelView) -> str | None:
    return None if parcel.carrier is None else channel.mappings.get(Kind.CARRIER, parcel.carrier)


def _are_labelled(delivery: DeliveryRow) -> bool:
    """Whether each parcel that travels has its number; one without parcels waits for some."""
    travelling = [one for one in delivery.parcels if one.state not in _DROPPED]
    return bool(travelling) and all(one.tracking is not None for one in travelling)
