"""What stages do otherwise for order statuses, whose entities are documents and not articles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from integration import carriers, fulfilments, work_items
from integration.channel_view import ChannelView
from integration.connectors.base import Connector, Earlier, ListingView, Payload, Receipt
from integration.connectors.besides import TakesDeliveries
from integration.documents import OrderState
from integration.errors import UsageError
from integration.models import Listing
from integration.runtime import Runtime
from integration.topics import order_status
from integration.topology import Topic
from integration.work_items import Settled

if TYPE_CHECKING:
    from integration.stages import Work

NO_DOCUMENT = "the ERP has no such document"


def fetched(runtime: Runtime, work: Work, rows: dict[str, Any]) -> list[str]:
    """The documents that go on; shipments end here, and their documents are hinted.

    A document of the same claim was read after its shipment, so that it knows what happened.
    """
    patience_s = order_status.grace_s(work.channel)
    items = work.claim.item_by_entity
    shipments = {one: row["documents"] for one, row in rows.items() if "documents" in row}
    wanted = [one for one in items if one not in shipments]
    elsewhere = {one for ids in shipments.values() for one in ids if one not in items}
    with runtime.scope() as session:
        # Of an order of ours; of the others nothing is kept.
        ours = [one for one in wanted if rows.get(one, {}).get("orders")]
        waits = fulfilments.first_seen(session, work.channel.id, ours, patience_s)
        # Committed before the shipments are settled: nothing is lost between the two.
        work_items.hint(
            session,
            work.channel.id,
            Topic.ORDER_STATUS,
            elsewhere,
            priority=work.claim.priority,
        )
    with runtime.scope() as session:
        carriers.note(session, work.channel.tenant_id, carriers.named(rows[one] for one in ours))
    with runtime.scope() as session:
        work_items.settle(
            session,
            work.claim,
            [Settled(items[one].id, skip_reason=_led_to(ids)) for one, ids in shipments.items()],
        )
    for document_id, seconds in waits.items():
        rows[document_id]["waits_s"] = seconds
    return wanted


def _led_to(documents: list[str]) -> str:
    return f"see document {documents[0]}" if documents else "belongs to no document"


def payload_or_reason(
    channel: ChannelView, connector: Connector, known: ListingView, row: Mapping[str, Any] | None
) -> Payload | str:
    """What goes to the shop of one document, or why nothing has to.

    Raises: as `order_status.delivery_document` and `TakesDeliveries.delivery_payload`.
    """
    if row is None:
        return NO_DOCUMENT
    if not isinstance(connector, TakesDeliveries):
        raise UsageError(f"platform {channel.platform} does not take deliveries")
    was_sent = _earlier(known)["was_sent"]
    document = order_status.delivery_document(row, channel, was_sent=was_sent)
    if isinstance(document, str):
        return document
    payload = connector.delivery_payload(document, known.external_id)
    payload["tracking_numbers"] = list(document.tracking_numbers)
    payload["is_withdrawal"] = document.is_cancelled
    payload["returned_articles"] = [
        article_id
        for one in document.orders
        if one.state is OrderState.CANCELLED
        for article_id in one.article_ids
    ]
    return payload


def begin(runtime: Runtime, work: Work, payloads: Sequence[Payload]) -> None:
    """Tell the connector what was sent before, and note what is about to be.

    What was sent is what this stage found when it took the claim over: one that runs again after a
    crash knows of the write that it had begun.
    """
    for payload in payloads:
        payload["earlier"] = _earlier(work.listing(payload["article_id"]))
    with runtime.scope() as session:
        fulfilments.begin(session, work.channel.id, payloads)


def written(
    runtime: Runtime, work: Work, payloads: Sequence[Payload], receipts: Sequence[Receipt]
) -> None:
    """Have the stock of cancelled orders sent again: a shop gives it back by itself, on top of the
    stock that the ERP had counted before or after that.

    In a transaction of its own, because stocks are locked before order statuses, and before the
    orders are settled, so that it cannot be lost.
    """
    ids = {
        article_id
        for payload, receipt in zip(payloads, receipts, strict=True)
        if receipt.error is None
        for article_id in payload.get("returned_articles", ())
    }
    with runtime.scope() as session:
        known = session.scalars(
            select(Listing.article_id).where(
                Listing.channel_id == work.channel.id, Listing.article_id.in_(ids)
            )
        ).all()
        work_items.hint(session, work.channel.id, Topic.STOCK, known, forgets_hash=True)


def _earlier(known: ListingView) -> Earlier:
    nothing = Earlier(was_sent=False, was_withdrawn=False, tracking_numbers=[])
    return Earlier(**{**nothing, **known.notes})  # type: ignore[typeddict-item]
