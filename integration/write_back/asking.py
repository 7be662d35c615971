"""Asks for product ids to be written into the ERP: where they become known, and for all at once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from integration import toggles, work_outcomes
from integration.hints import hint
from integration.models import Listing, Priority, SalesChannel, TenantFact
from integration.topology import Topic
from integration.write_back import facts


def ask(session: Session, channel_id: int, article_ids: Iterable[str]) -> None:
    """Record that these articles have a product id that the ERP may not know yet.

    Last of what a transaction does to work items, because everybody locks them in this order.
    Failure policy: part of the caller's transaction; once committed, it cannot be lost.
    """
    ids = list(article_ids)
    if ids and toggles.is_written_back(session, channel_id):
        hint(session, channel_id, Topic.WRITE_BACK, ids, priority=Priority.WRITE_BACK)


def ask_for_all(session: Session, channel_id: int) -> None:
    """Ask for every product of a channel. Those that the ERP knows already cost a hundredth of a
    request each."""
    known = session.scalars(select(Listing.article_id).where(Listing.channel_id == channel_id))
    ask(session, channel_id, known)


def begin_anew(session: Session, tenant_id: int) -> None:
    """The app was installed (again), so the ERP has the field now: let go what waited for it, and
    ask for all products that are in the tenant's shops.

    Of a channel that the ERP deleted nobody ever does anything again, though its products are
    remembered for a while.
    """
    session.execute(
        delete(TenantFact).where(
            TenantFact.tenant_id == tenant_id, TenantFact.name.in_(facts.OUTDATED_BY_INSTALL)
        )
    )
    channel_ids = session.scalars(
        select(SalesChannel.id)
        .where(SalesChannel.tenant_id == tenant_id, SalesChannel.deleted_at.is_(None))
        .order_by(SalesChannel.id)
    ).all()
    for channel_id in channel_ids:
        work_outcomes.release_holds(session, channel_id, facts.NO_FIELD)
        ask_for_all(session, channel_id)
