"""Products that were in the shop before their article came: what they show once it is there.

The first write of an article leaves price and stock of such a product as they are, and fields that
the shop keeps (`Payload.on_adoption`). So the shop still shows what it had: the brakes compare the
price and stock that follow with it, and a person is asked where the channel says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from integration import brake_rules, field_ownership, first_writes, shop_edits, work_items
from integration.connectors.base import Connector, Payload, Receipt, RemoteRecord
from integration.connectors.batches import said_when_found
from integration.connectors.besides import ShowsProducts
from integration.errors import PermanentError, TransientError
from integration.topology import Topic

if TYPE_CHECKING:
    from integration.stages import Work

#: What the first write of an article may put into the shop besides it.
_FIRST = (Topic.PRICE, Topic.STOCK)


def is_of_found(payload: Payload, receipt: Receipt) -> bool:
    """Whether the first write of an article met a product that was there."""
    if receipt.error is not None or receipt.has_vanished or payload["external_id"] is not None:
        return False
    return receipt.was_adopted or bool(_not_taken(payload, receipt))


def look(
    connector: Connector, payloads: Sequence[Payload], receipts: Sequence[Receipt]
) -> tuple[list[Receipt], dict[str, RemoteRecord]]:
    """The receipts, and by article what the shop shows of the products that were met.

    Where it does not answer, their rows go again, as nothing must follow that nobody compared; the
    other rows of the batch are settled all the same.
    """
    met = [
        receipt
        for payload, receipt in zip(payloads, receipts, strict=True)
        if is_of_found(payload, receipt)
    ]
    if not met or not isinstance(connector, ShowsProducts):
        return list(receipts), {}
    article_by_id = {str(one.external_id): one.article_id for one in met}
    try:
        records = connector.show(list(article_by_id))
    except (PermanentError, TransientError) as error:
        late = set(article_by_id.values())
        return [replace(r, error=error) if r.article_id in late else r for r in receipts], {}
    found = {article_by_id.get(str(one.external_id)): one for one in records}
    return list(receipts), {article: one for article, one in found.items() if article is not None}


def said(payload: Payload, receipt: Receipt) -> dict[str, Any]:
    """What a first write said to a product that was there, by topic."""
    first = payload.get("first", {})
    bodies = {Topic.ARTICLE.value: said_when_found(payload, is_ours=not receipt.was_adopted)}
    bodies.update((one.value, first[one.value]) for one in receipt.recorded if one.value in first)
    return bodies


def follow(
    session: Session, work: Work, topic: Topic, accepted: Sequence[tuple[Payload, Receipt]]
) -> None:
    """Have a price or stock follow its article, to be compared with what the shop has."""
    left = {p["article_id"]: p for p, r in accepted if topic in _not_taken(p, r)}
    found = {
        one: shown_value(topic, work.found[one], payload.get("values", {}).get(topic.value))
        for one, payload in left.items()
        if one in work.found
    }
    values = {one: value for one, value in found.items() if value is not None}
    first_writes.remember_found(session, work.channel.id, topic, values)
    work_items.hint(
        session, work.channel.id, topic, left, priority=work.claim.priority, forgets_hash=True
    )


def ask(session: Session, work: Work, accepted: Sequence[tuple[Payload, Receipt]]) -> None:
    """Have people asked about what stayed, where the channel says so; the products are remembered
    already. Nothing stayed in one that a creation without an answer left there."""
    shown = {
        payload["article_id"]: (payload.get("sent", {}), work.found[payload["article_id"]])
        for payload, receipt in accepted
        if payload["article_id"] in work.found
        and (receipt.was_adopted or payload.get("was_confirmed"))
    }
    owners = field_ownership.owners_of(work.channel.parameters)
    shop_edits.notice_adopted(session, work.channel.id, owners, shown)


def is_for_sale(work: Work, payload: Payload) -> bool:
    """Whether a product is for sale after a write of its article; one that was met, as it shows."""
    found = work.found.get(payload["article_id"])
    if found is not None and found.is_active is not None:
        return found.is_active
    return payload.get("is_active", True)


def shown_value(topic: Topic, record: RemoteRecord, new: str | None) -> str | None:
    """What a product shows of its price or stock, as the brakes compare it with `new`."""
    if topic is Topic.STOCK:
        return None if record.stock is None else str(record.stock)
    return None if new is None else brake_rules.found_price(new, record.net, record.gross)


def _not_taken(payload: Payload, receipt: Receipt) -> set[Topic]:
    """Topics of a first write that the product was not given with it."""
    first = payload.get("first", {})
    return {topic for topic in _FIRST if topic.value in first and topic not in receipt.recorded}
