"""Writes whose outcome nobody recorded: their sender died, or nobody got an answer.

Such a write may still reach the shop, after newer ones, and nobody is left to notice. So the check
before each write leaves a mark at its rows, and settle takes it away. Whoever finds the mark of
somebody else writes as usual, and once more when the earlier write cannot come any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import false, func, select, update
from sqlalchemy.orm import Session

from integration.claims import Claim
from integration.clock import db_now
from integration.hints import hint
from integration.models import Priority, WorkItem
from integration.topology import Topic

#: A write is sent within a lease of the check before it or not at all (connectors.http), and a
#: shop applies what was sent to it within another lease or not at all.
LEASES = 2

#: Column of a SELECT: may an earlier write still come?
IS_OPEN = func.coalesce(WorkItem.doubt_until > db_now(), false()).label("is_doubtful")


def restore(session: Session, held: Claim, item_ids: Sequence[int]) -> None:
    """The holder's own writes of these rows are accounted for; earlier ones may not be."""
    by_time: dict[datetime | None, list[int]] = {}
    for item_id in item_ids:
        by_time.setdefault(held.item_by_id[item_id].doubt_until, []).append(item_id)
    for doubt_until, ids in by_time.items():
        session.execute(
            update(WorkItem)
            .where(WorkItem.id.in_(ids))
            .values(doubt_until=doubt_until)
            .execution_options(synchronize_session=False)
        )


def spread(session: Session, held: Claim, item_ids: Sequence[int]) -> None:
    """Send prices and stocks again whose article had such a write: it may have been a product's
    first one, which carries the price and the stock of its time."""
    items = [held.item_by_id[one] for one in item_ids]
    doubted = [one.entity_id for one in items if one.doubt_until is not None]
    if held.topic is not Topic.ARTICLE:
        return
    for topic in (Topic.PRICE, Topic.STOCK):
        hint(session, held.channel_id, topic, doubted, priority=held.priority, forgets_hash=True)


def rehint(session: Session, item_ids: Sequence[int]) -> None:
    """Send rows again whose write may have been late: generation + 1, hash forgotten.

    The first write of an article carries its price and stock, so theirs are in doubt too.
    """
    if not item_ids:
        return
    identities = session.execute(
        select(WorkItem.channel_id, WorkItem.topic, WorkItem.entity_id, WorkItem.priority).where(
            WorkItem.id.in_(item_ids)
        )
    ).all()
    entities: dict[tuple[int, str, int], list[str]] = {}
    for row in identities:
        entities.setdefault((row.channel_id, row.topic, row.priority), []).append(row.entity_id)
    for (channel_id, topic, priority), ids in sorted(entities.items()):
        doubtful = [Topic(topic)]
        if topic == Topic.ARTICLE:
            doubtful += [Topic.PRICE, Topic.STOCK]
        for one in doubtful:
            hint(session, channel_id, one, ids, priority=Priority(priority), forgets_hash=True)
