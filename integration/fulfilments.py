"""Our own record of what was sent about documents of the ERP: one fulfilment per document.

It keeps a delivery that is sent again from becoming a second one, and says what a document may have
put into the shop, so that it can be changed or taken away and nothing else is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from integration import sql
from integration.clock import db_now
from integration.connectors.base import Earlier, ListingView, Payload
from integration.models import Fulfilment

#: A delivery that is cancelled after a year is a case for people.
KEPT_S = 365 * 86_400.0


def views(
    session: Session, channel_id: int, document_ids: Collection[str]
) -> dict[str, ListingView]:
    """What we know of documents in the shop, as a stage asks for it. `notes` is an `Earlier`."""
    rows = session.scalars(_of(session, channel_id, document_ids))
    return {
        row.document_id: ListingView(
            row.document_id,
            external_id=row.external_id,
            notes=Earlier(
                was_sent=row.sent_at is not None,
                was_withdrawn=row.is_withdrawn,
                tracking_numbers=list(row.tracking_numbers),
            ),
        )
        for row in rows
    }


def first_seen(
    session: Session, channel_id: int, document_ids: Collection[str], patience_s: float
) -> dict[str, float]:
    """Note documents that are new; how many seconds each may still wait, 0 for no longer."""
    if not document_ids:
        return {}
    now = session.scalars(select(db_now())).one()
    new = {"channel_id": channel_id, "first_seen_at": now, "tracking_numbers": []}
    session.execute(
        sql.insert(session, Fulfilment.__table__).on_conflict_do_nothing(),
        [{**new, "document_id": one, "is_withdrawn": False} for one in sorted(document_ids)],
    )
    rows = session.execute(
        select(Fulfilment.document_id, Fulfilment.first_seen_at, db_now().label("now")).where(
            Fulfilment.channel_id == channel_id,
            sql.is_one_of_texts(session, Fulfilment.document_id, document_ids),
        )
    )
    return {
        row.document_id: max(0.0, patience_s - (row.now - row.first_seen_at).total_seconds())
        for row in rows
    }


def begin(session: Session, channel_id: int, payloads: Sequence[Payload]) -> None:
    """Note before a write what it may put into the shop; a crash after it must not forget it."""
    by_id = {one["article_id"]: one for one in payloads}
    for row in session.scalars(_of(session, channel_id, by_id).with_for_update()):
        payload = by_id[row.document_id]
        numbers = [*row.tracking_numbers, *payload.get("tracking_numbers", ())]
        row.tracking_numbers = list(dict.fromkeys(numbers))
        row.is_withdrawn = row.is_withdrawn or payload.get("is_withdrawal", False)
        row.sent_at = func.coalesce(Fulfilment.sent_at, db_now())


def remember(
    session: Session, channel_id: int, external_id_by_document: Mapping[str, str | None]
) -> None:
    """Note what the platform calls the fulfilments that it confirmed."""
    for document_id, external_id in sorted(external_id_by_document.items()):
        session.execute(
            update(Fulfilment)
            .where(Fulfilment.channel_id == channel_id, Fulfilment.document_id == document_id)
            .values(external_id=external_id)
        )


def forget_old(session: Session) -> None:
    """Remove what was first seen so long ago that nobody cancels it or adds a parcel any more."""
    session.execute(delete(Fulfilment).where(Fulfilment.first_seen_at < db_now(-KEPT_S)))


def _of(session: Session, channel_id: int, document_ids: Collection[str]) -> Select[Any]:
    return (
        select(Fulfilment)
        .where(
            Fulfilment.channel_id == channel_id,
            sql.is_one_of_texts(session, Fulfilment.document_id, document_ids),
        )
        .order_by(sql.lock_order(session, Fulfilment.document_id))
    )
