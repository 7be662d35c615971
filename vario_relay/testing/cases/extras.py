"""Images and order statuses, each sent twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import requests

from vario_relay import (
    DeliveryDocument,
    OrderPart,
    OrderState,
    ParcelDocument,
    ShippedLine,
    Topic,
    dumps,
)
from vario_relay.testing.cases.case import Case
from vario_relay.testing.goods import images
from vario_relay.testing.holdings import ask_sandbox, state_rows
from vario_relay.testing.stand import Stand
from vario_relay.testing.verdicts import Duplicated, Lost, NotSupported, Wrong


def media_twice(stand: Stand) -> str:
    stand.require(Topic.MEDIA)
    (article,) = stand.goods.articles(1)
    stand.have([article])
    document, before = images(article, "front", "back"), dict(stand.listings)
    known = len(stand.opened)

    for _ in range(2):
        # As after a worker that died before it could note what the first one brought.
        stand.listings.update(before)
        sent = stand.send(Topic.MEDIA, [document])
        if (error := sent.error_of(document)) is not None:
            raise Wrong(f"images are not accepted: {error}")
        shown = _images(stand, article.number)
        if shown is not None and shown < 2:
            raise Lost(f"accepted two images, the shop shows {shown}")
        if shown is not None and shown > 2:
            raise Duplicated(f"two images came twice, the shop shows {shown}")
    fetched = stand.opened[known:]
    if sorted(fetched) != ["back", "front"]:
        raise Wrong(f"two images were fetched {len(fetched)} times")
    return "" if shown is not None else "judged by receipts and files fetched"


def _images(stand: Stand, number: str) -> int | None:
    """How many images a sandbox shows of a product; None if nobody tells."""
    if stand.target.state_url is None:
        return None
    for row in state_rows(stand.target.state_url):
        if row["number"] == number and "images" in row:
            return len(row["images"])
    return None


def fulfilment_twice(stand: Stand) -> str:
    stand.require(Topic.ORDER_STATUS)
    number, _, article = (stand.target.order or "").partition(":")
    if stand.target.has_address and not number:
        raise NotSupported("no order was given with --relay-order")
    tracking = f"RK{stand.goods.run}"
    document = _delivery(stand, number or "1", article, tracking)

    ids = [_accepted(stand, document)]
    there = _count(stand, number, tracking)
    # As after a worker that died before it could note what the first one brought.
    known = stand.listings[document.document_id]
    stand.listings[document.document_id] = replace(known, external_id=None)
    ids += [_accepted(stand, document), _accepted(stand, document)]

    if len(set(ids)) > 1:
        raise Duplicated(f"one delivery is the fulfilments {', '.join(map(str, ids))}")
    if there is None:
        return "judged by receipts"
    if there == 0:
        raise Lost("accepted, and the order does not have the tracking number")
    if (now := _count(stand, number, tracking)) != there:
        raise Duplicated(f"the order had the tracking number {there} times, now {now} times")
    return ""


def _delivery(stand: Stand, number: str, article: str, tracking: str) -> DeliveryDocument:
    lines = (ShippedLine("relay-kit-1", article, Decimal(1)),) if article else ()
    order = OrderPart("relay-kit-order", number, OrderState.SHIPPED, lines)
    return DeliveryDocument(f"relay-kit-{stand.goods.run}", (order,), (ParcelDocument(tracking),))


def _accepted(stand: Stand, document: DeliveryDocument) -> str | None:
    """What the shop calls the fulfilment."""
    sent = stand.send(Topic.ORDER_STATUS, [document])
    receipt = sent.receipts.get(document.document_id)
    if receipt is None or receipt.error is not None:
        why = receipt.error if receipt else sent.errors[-1]
        raise Wrong(f"the delivery is not accepted: {why}")
    return receipt.external_id


def _count(stand: Stand, number: str, tracking: str) -> int | None:
    """How often a sandbox's order has the tracking number; None if nobody tells."""
    if stand.target.state_url is None:
        return None
    try:
        orders = ask_sandbox(stand.target.state_url, "orders", number=number)["orders"]
    except requests.HTTPError:
        return None  # it shows no orders
    return sum(dumps(_without_history(one)).count(tracking) for one in orders)


def _without_history(order: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name != "writes"}


CASES = (
    Case("media-twice", "the images of an article come twice", media_twice),
    Case("fulfilment-twice", "a delivery with a tracking number comes twice", fulfilment_twice),
)
