"""Order status: tracking numbers and states of deliveries, moved through the shop's state machine.

Shopware knows no shipment of its own: an order has a delivery with one state and a list of tracking
numbers, which a write replaces as a whole (shopware6.md 8). So the list that is there is read
first, what earlier writes of the same document put into it makes room for what this one says, and
everything else stays. The numbers of a batch go in one request, then each delivery takes its steps:
the mail of a step shows the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration.connectors.base import Payload, Receipt
from integration.connectors.batches import one_by_one
from integration.connectors.shopware6 import batch, order_steps
from integration.connectors.shopware6.batch import Row, Verdict
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.ids import is_id
from integration.connectors.shopware6.order_steps import Step
from integration.connectors.shopware6.refusals import Refused
from integration.documents import DeliveryDocument, OrderState
from integration.errors import Busy, IntegrationError, Rejected
from integration.topology import Topic

#: Entities of one batch; about half of them are shipments, which end before the shop. A step took
#: 0.06 to 0.63 s (recorded), so that the others stay below the limit of a stage, and the request
#: more per batch, for the numbers, is 3 % of its writes.
MAX_BATCH = 60

_INCLUDES = {
    "order": [
        "id",
        "orderNumber",
        "salesChannelId",
        "primaryOrderDeliveryId",
        "stateMachineState",
        "deliveries",
    ],
    "order_delivery": [
        "id",
        "trackingCodes",
        "shippingMethodId",
        "shippingCosts",
        "createdAt",
        "stateMachineState",
    ],
    "state_machine_state": ["technicalName"],
}
_ASSOCIATIONS: dict[str, Any] = {
    "stateMachineState": {},
    "deliveries": {"associations": {"stateMachineState": {}}},
}


def payload_of(document: DeliveryDocument, external_id: str | None) -> Payload:
    """The body of one document. Shopware needs no carrier: the delivery has its way to ship from
    the order, and another one only where the channel maps the carrier to it."""
    body: dict[str, Any] = {
        "orders": [{"order": one.shop_order, "state": one.state.value} for one in document.orders],
        "trackingCodes": list(document.tracking_numbers),
        "isCancelled": document.is_cancelled,
    }
    methods = [one.shop_carrier for one in document.parcels if one.shop_carrier]
    if methods and not document.is_cancelled:
        body["shippingMethodId"] = methods[0]
    return {
        "article_id": document.document_id,
        "number": ", ".join(one.shop_order for one in document.orders),
        "external_id": external_id,
        "body": body,
    }


@dataclass
class _Delivery:
    """A delivery of the shop as it is, and as it becomes while the batch goes on."""

    id: str
    state: str
    codes: list[str]
    method: str | None
    order_id: str
    order_number: str
    order_state: str
    wanted_codes: list[str] = field(default_factory=list)
    wanted_method: str | None = None

    def values(self) -> dict[str, Any]:
        """What has to be written of it besides its state."""
        values: dict[str, Any] = {}
        if self.wanted_codes != self.codes:
            values["trackingCodes"] = self.wanted_codes
        if self.wanted_method not in (None, self.method):
            values["shippingMethodId"] = self.wanted_method
        return values


@dataclass
class _Job:
    """One payload, the deliveries that it is about, and why it cannot go."""

    payload: Payload
    deliveries: list[tuple[_Delivery, OrderState]] = field(default_factory=list)
    error: IntegrationError | None = None

    def receipt(self) -> Receipt:
        document_id = self.payload["article_id"]
        if self.error is not None:
            return Receipt(document_id, error=self.error)
        external_id = self.deliveries[0][0].id
        return Receipt(document_id, external_id=external_id, recorded=(Topic.ORDER_STATUS,))


def push(client: Client, payloads: Sequence[Payload], *, sends_mails: bool) -> list[Receipt]:
    """Write a batch; one receipt per payload, same order.

    Failure policy: at least once. Numbers are absolute, and a step to a state that is there changes
    nothing. Raises: IntegrationError if nothing was settled; ChannelError and ClaimLost always.
    """
    jobs = _jobs(payloads, _deliveries(client, payloads))
    has_written = _write_values(client, jobs)
    one_by_one(
        jobs, lambda job: _move(client, job, sends_mails=sends_mails), has_written=has_written
    )
    return [job.receipt() for job in jobs]


def _deliveries(client: Client, payloads: Sequence[Payload]) -> dict[str, list[_Delivery]]:
    """What the shop has of the orders of a batch, by number and by id; one request."""
    wanted = sorted({str(part["order"]) for one in payloads for part in one["body"]["orders"]})
    ids = [one for one in wanted if is_id(one)]
    by_number = {"type": "equalsAny", "field": "orderNumber", "value": wanted}
    either = [by_number, {"type": "equalsAny", "field": "id", "value": ids}] if ids else [by_number]
    rows = client.search(
        "order",
        filter=[{"type": "multi", "operator": "or", "queries": either}],
        includes=_INCLUDES,
        associations=_ASSOCIATIONS,
    )
    found: dict[str, list[_Delivery]] = {}
    # Ours first: where number ranges are per sales channel, a number may be there twice.
    own = client.settings.sales_channel_id
    for row in sorted(rows, key=lambda one: one.get("salesChannelId") != own):
        delivery = _delivery(row)
        for key in {str(row.get("orderNumber")).casefold(), str(row.get("id"))}:
            found.setdefault(key, [])
            if delivery is not None:
                found[key].append(delivery)
    return found


def _delivery(order: Mapping[str, Any]) -> _Delivery | None:
    """The delivery that carries the goods: the primary one, or the first with costs (a discount on
    shipping is a delivery of its own with negative costs), or the oldest."""
    deliveries = [one for one in order.get("deliveries") or () if isinstance(one, dict)]
    deliveries.sort(key=lambda one: str(one.get("createdAt") or ""))
    primary = order.get("primaryOrderDeliveryId")
    chosen = (
        [one for one in deliveries if primary is not None and one.get("id") == primary]
        or [one for one in deliveries if _costs(one) > 0]
        or [one for one in deliveries if _costs(one) == 0]
        or deliveries
    )
    if not chosen:
        return None
    one = chosen[0]
    codes = [str(code) for code in one.get("trackingCodes") or ()]
    return _Delivery(
        id=str(one["id"]),
        state=_state(one),
        codes=codes,
        method=one.get("shippingMethodId"),
        order_id=str(order["id"]),
        order_number=str(order.get("orderNumber")),
        order_state=_state(order),
        wanted_codes=list(codes),
    )


def _costs(delivery: Mapping[str, Any]) -> float:
    costs = delivery.get("shippingCosts")
    total = costs.get("totalPrice") if isinstance(costs, dict) else None
    return float(total) if total is not None else 0.0


def _state(row: Mapping[str, Any]) -> str:
    return str((row.get("stateMachineState") or {}).get("technicalName") or "unknown")


def _jobs(payloads: Sequence[Payload], found: Mapping[str, list[_Delivery]]) -> list[_Job]:
    """The payloads with their deliveries, whose numbers are what all of them together want."""
    jobs = [_Job(payload) for payload in payloads]
    for job in jobs:
        for part in job.payload["body"]["orders"]:
            key = str(part["order"])
            known = found.get(key.casefold())
            if not known:
                job.error = Rejected(_nothing_found(key, known))
                break
            job.deliveries.append((known[0], OrderState(part["state"])))
        if job.error is None:
            for delivery, _ in job.deliveries:
                _want(delivery, job.payload)
    return jobs


def _nothing_found(key: str, known: list[_Delivery] | None) -> str:
    if known is not None:
        return f"order {key} has no delivery in the shop"
    return (
        f"the shop has no order {key}; if its orders have another number or id in the ERP, "
        "`channel set CHANNEL order_key=...` names the field"
    )


def _want(delivery: _Delivery, payload: Payload) -> None:
    body = payload["body"]
    earlier = payload["earlier"]["tracking_numbers"] if "earlier" in payload else []
    codes = body["trackingCodes"]
    kept = [one for one in delivery.wanted_codes if one not in earlier or one in codes]
    delivery.wanted_codes = [*kept, *(one for one in codes if one not in kept)]
    delivery.wanted_method = body.get("shippingMethodId") or delivery.wanted_method


def _write_values(client: Client, jobs: Sequence[_Job]) -> bool:
    """Numbers and ways to ship of all deliveries at once; whether anything was settled by it."""
    by_id = {one.id: one for job in jobs if job.error is None for one, _ in job.deliveries}
    rows = [
        Row(position, {"id": one.id, **values}, ())
        for position, one in enumerate(by_id.values())
        if (values := one.values())
    ]
    if not rows:
        return False
    verdicts = batch.write(
        rows, lambda sent: client.upsert("order_delivery", [row.values for row in sent])
    )
    refused = dict(_refused(rows, verdicts))
    for job in jobs:
        for delivery, _ in job.deliveries:
            if delivery.id in refused and job.error is None:
                job.error = refused[delivery.id]
    return True


def _refused(
    rows: Sequence[Row], verdicts: Sequence[Verdict]
) -> Iterator[tuple[str, IntegrationError]]:
    for row, verdict in zip(rows, verdicts, strict=True):
        if verdict.has_vanished:
            yield row.id, Rejected("the delivery was deleted in the shop meanwhile")
        elif verdict.error is not None:
            yield row.id, verdict.error


def _move(client: Client, job: _Job, *, sends_mails: bool) -> None:
    """Take a document's steps. Raises: IntegrationError."""
    try:
        _take_steps(client, job, sends_mails=sends_mails)
    except Refused as refused:
        raise Rejected(f"order {job.payload['number']}: {refused}") from refused


def _take_steps(client: Client, job: _Job, *, sends_mails: bool) -> None:
    """Move each delivery to where the ERP says that it is. Raises: Refused, IntegrationError."""
    for delivery, state in job.deliveries:
        steps = order_steps.plan(
            state,
            delivery=delivery.state,
            order=delivery.order_state,
            is_withdrawal=job.payload["body"]["isCancelled"],
            was_begun="earlier" in job.payload and job.payload["earlier"]["was_withdrawn"],
        )
        if isinstance(steps, str):
            job.error = Rejected(f"order {delivery.order_number}: {steps}")
            return
        for step in steps:
            _take(client, delivery, step, sends_mails=sends_mails)


def _take(client: Client, delivery: _Delivery, step: Step, *, sends_mails: bool) -> None:
    row_id = delivery.order_id if step.entity == "order" else delivery.id
    body = {"sendMail": sends_mails and step.tells_customer}
    reached = _patiently(client, step, row_id, body)
    if reached != step.reaches:
        raise Rejected(
            f"order {delivery.order_number}: the shop answered {step.action} with the state "
            f"{reached}, not {step.reaches}"
        )
    if step.entity == "order":
        delivery.order_state = reached
    else:
        delivery.state = reached


def _patiently(client: Client, step: Step, row_id: str, body: dict[str, Any]) -> str | None:
    """A deadlock ends when the other writer is done, which takes milliseconds."""
    for _ in range(batch.LOCK_REPEATS):
        try:
            return client.take_step(step.entity, row_id, step.action, body)
        except Busy:
            continue
    return client.take_step(step.entity, row_id, step.action, body)
