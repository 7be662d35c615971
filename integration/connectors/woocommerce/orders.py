"""Order status: tracking first, then the status, whose mail shows the tracking.

WooCommerce knows no order of states and no status for a part: what is shipped in part stays as it
is, with its tracking. Where tracking goes is the affair of `tracking`; the statuses of a batch go
together, as rows of products do. Source: docs/sources.md#woocommerce-orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration.connectors.base import Context, Payload, Receipt
from integration.connectors.batches import exact, one_by_one
from integration.connectors.woocommerce import batch
from integration.connectors.woocommerce.answers import RefusesAll
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.client import Row as Answer
from integration.connectors.woocommerce.rows import Row
from integration.connectors.woocommerce.tracking import Order, Tracker, Wanted
from integration.documents import DeliveryDocument, OrderState
from integration.errors import IntegrationError, Rejected, TransientError
from integration.topology import Topic

#: Entities of one batch; about half of them are shipments, which end before the shop. Each other
#: one costs a look and a write or two for its tracking, 0.13 s each (recorded).
MAX_BATCH = 40

COMPLETED, CANCELLED, PROCESSING = "completed", "cancelled", "processing"
#: Nothing more is to be done with such an order, whatever the ERP says of its delivery.
_PAST = ("refunded",)

_FIELDS = "id,number,status,line_items"
_LONGEST_ID = 18


def payload_of(document: DeliveryDocument, external_id: str | None) -> Payload:
    """The body of one document."""
    return {
        "article_id": document.document_id,
        "number": ", ".join(one.shop_order for one in document.orders),
        "external_id": external_id,
        "body": {
            "orders": [
                {
                    "order": one.shop_order,
                    "state": one.state.value,
                    "lines": [[line.article_number, exact(line.quantity)] for line in one.lines],
                }
                for one in document.orders
            ],
            "parcels": [
                {
                    "number": one.tracking_number,
                    "url": one.tracking_url,
                    "carrier": one.shop_carrier,
                    "label": one.carrier_label,
                }
                for one in document.parcels
            ],
            "isCancelled": document.is_cancelled,
        },
    }


@dataclass
class _Job:
    """One payload, the orders that it is about, and why it cannot go."""

    payload: Payload
    orders: list[tuple[Order, Mapping[str, Any]]] = field(default_factory=list)
    external_id: str | None = None
    error: IntegrationError | None = None

    def receipt(self) -> Receipt:
        document_id = self.payload["article_id"]
        if self.error is not None:
            return Receipt(document_id, error=self.error)
        return Receipt(document_id, external_id=self.external_id, recorded=(Topic.ORDER_STATUS,))


def push(
    client: Client, context: Context, payloads: Sequence[Payload], tracker: Tracker
) -> list[Receipt]:
    """Write a batch; one receipt per payload, same order.

    Failure policy: at least once. What an earlier write left is looked for before each one.
    Raises: IntegrationError if nothing was settled; ChannelError and ClaimLost always.
    """
    jobs = _jobs(payloads, _orders(client, payloads))
    one_by_one(jobs, lambda job: _track(job, tracker, context.namespace))
    _write_statuses(client, jobs)
    return [job.receipt() for job in jobs]


def _track(job: _Job, tracker: Tracker, namespace: str) -> None:
    body = job.payload["body"]
    earlier = job.payload["earlier"]["tracking_numbers"] if "earlier" in job.payload else []
    for order, part in job.orders:
        wanted = Wanted(
            mark=f"{namespace}/{job.payload['article_id']}",
            parcels=() if body["isCancelled"] else tuple(body["parcels"]),
            lines=tuple((number, quantity) for number, quantity in part["lines"]),
            is_cancelled=body["isCancelled"],
            gone=tuple(sorted(set(earlier) - {one["number"] for one in body["parcels"]})),
        )
        made = tracker.bring(order, wanted) if wanted.says_something else None
        job.external_id = job.external_id or made or str(order.id)


def _orders(client: Client, payloads: Sequence[Payload]) -> dict[str, Order]:
    """What the shop has of the orders of a batch, by number or id as asked for.

    Where a plugin numbers orders otherwise, the number goes before an id that looks like it.
    """
    keys = sorted({str(part["order"]) for one in payloads for part in one["body"]["orders"]})
    ids = [one for one in keys if one.isascii() and one.isdigit() and len(one) <= _LONGEST_ID]
    rows: list[Answer] = []
    if ids:
        query = {"include": ",".join(ids), "_fields": _FIELDS}
        rows = list(client.pages("/orders", **query))
    by_id = {str(row["id"]): row for row in rows}
    by_number = {str(row.get("number")): row for row in rows}
    for key in keys:
        if key not in by_number:
            found = client.pages("/orders", search=key, _fields=_FIELDS)
            by_number.update((key, row) for row in found if str(row.get("number")) == key)
    chosen = {key: by_number.get(key) or by_id.get(key) for key in keys}
    order_by_id = {row["id"]: _order(row) for row in chosen.values() if row is not None}
    return {key: order_by_id[row["id"]] for key, row in chosen.items() if row is not None}


def _order(row: Answer) -> Order:
    lines = [one for one in row.get("line_items") or () if isinstance(one, dict)]
    return Order(
        id=int(row["id"]),
        number=str(row.get("number")),
        status=str(row.get("status")),
        lines=tuple((int(one["id"]), str(one.get("sku") or ""), one["quantity"]) for one in lines),
    )


def _jobs(payloads: Sequence[Payload], found: Mapping[str, Order]) -> list[_Job]:
    jobs = [_Job(payload) for payload in payloads]
    for job in jobs:
        for part in job.payload["body"]["orders"]:
            order = found.get(str(part["order"]))
            if order is None:
                job.error = Rejected(
                    f"the shop has no order {part['order']}; if its orders have another number or "
                    "id in the ERP, `channel set CHANNEL order_key=...` names the field"
                )
                break
            job.orders.append((order, part))
    return jobs


def _write_statuses(client: Client, jobs: Sequence[_Job]) -> None:
    """The statuses of all orders whose tracking is there, together; the last one counts."""
    status_by_id: dict[int, str] = {}
    for job in jobs:
        if job.error is None:
            job.error = _plan(job, status_by_id)
    if not status_by_id:
        return
    error_by_id = _errors(client, status_by_id)
    for job in jobs:
        for order, _ in job.orders:
            if order.id in error_by_id and job.error is None:
                job.error = error_by_id[order.id]


def _errors(client: Client, status_by_id: Mapping[int, str]) -> dict[int, IntegrationError]:
    """Write these statuses; why some of them are not there."""
    # The time for requests begins here, behind the tracking: some statuses go in any case.
    pace = client.pace(Topic.ORDER_STATUS.value)
    rows = [
        Row(place, str(order_id), {"status": status}, ())
        for place, (order_id, status) in enumerate(status_by_id.items())
    ]
    try:
        verdicts = batch.write(client, rows, pace, path="/orders")
    except RefusesAll as refusal:
        return dict.fromkeys(status_by_id, Rejected(f"the statuses are refused: {refusal}"))
    except TransientError as error:
        return dict.fromkeys(status_by_id, error)
    return {
        order_id: _of_order(order_id, verdict.error)
        for order_id, verdict in zip(status_by_id, verdicts, strict=True)
        if verdict.error is not None
    }


def _of_order(order_id: int, error: IntegrationError) -> IntegrationError:
    """A delivery may be about several orders."""
    return Rejected(f"order {order_id}: {error}") if isinstance(error, Rejected) else error


def _plan(job: _Job, status_by_id: dict[int, str]) -> IntegrationError | None:
    body = job.payload["body"]
    was_begun = "earlier" in job.payload and job.payload["earlier"]["was_withdrawn"]
    for order, part in job.orders:
        before = status_by_id.get(order.id, order.status)
        state = OrderState(part["state"])
        wanted = next_status(state, before, is_withdrawal=body["isCancelled"], was_begun=was_begun)
        if wanted not in (None, COMPLETED, CANCELLED, PROCESSING):
            return Rejected(f"order {order.number}: {wanted}")
        if wanted is not None and wanted != order.status:
            status_by_id[order.id] = wanted
        elif wanted is not None:
            status_by_id.pop(order.id, None)
    return None


def next_status(
    state: OrderState, status: str, *, is_withdrawal: bool, was_begun: bool
) -> str | None:
    """The status that follows, None for none, or in other words why there is none. Pure.

    `is_withdrawal`: a delivery that was sent is cancelled; `was_begun`: an attempt at it was begun.
    """
    if status in _PAST:
        return None
    if state is OrderState.CANCELLED:
        if status == COMPLETED and not (is_withdrawal or was_begun):
            return "it is cancelled in the ERP, but done in the shop; refund or reopen it there"
        return None if status == CANCELLED else CANCELLED
    if state is OrderState.SHIPPED:
        if status == CANCELLED:
            return (
                "it is cancelled in the shop, but the ERP has shipped it; set it to processing "
                "there, then `vario-relay queue retry`"
            )
        return None if status == COMPLETED else COMPLETED
    # Open or shipped in part: only what we have called done ourselves is taken back.
    return PROCESSING if status == COMPLETED and is_withdrawal else None
