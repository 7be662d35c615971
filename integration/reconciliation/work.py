"""What our own records say of articles that are compared: their work items and holds by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from integration import sql
from integration.models import ArticleHold, WorkItem, WorkItemState
from integration.topology import Topic

#: Why a difference is no drift.
WAITS, HELD, SENT_SINCE = "waits", "held", "sent since"

Key = tuple[str, Topic]


@dataclass(frozen=True)
class Item:
    """What counts of one work item. `on_its_way`: why a difference of it is no drift, or None."""

    generation: int = 0
    on_its_way: str | None = None
    pushed_hash: str | None = None


NO_ITEM = Item()


def items_of(
    session: Session,
    channel_id: int,
    article_ids: Collection[str],
    topics: Iterable[Topic],
    since: datetime,
) -> Mapping[Key, Item]:
    """Work items by (article, topic); one that is held by hand counts without a row, too.

    `since`: what was written to the shop from then on is not what was compared.
    """
    names = [topic.value for topic in topics]
    rows = session.execute(
        select(
            WorkItem.entity_id,
            WorkItem.topic,
            WorkItem.state,
            WorkItem.hold_reason,
            WorkItem.generation,
            WorkItem.pushed_hash,
            func.coalesce(WorkItem.pushed_at >= since, False).label("is_sent_since"),
        ).where(
            WorkItem.channel_id == channel_id,
            WorkItem.topic.in_(names),
            sql.is_one_of_texts(session, WorkItem.entity_id, article_ids),
        )
    ).all()
    items = {
        (row.entity_id, Topic(row.topic)): Item(row.generation, _on_its_way(row), row.pushed_hash)
        for row in rows
    }
    held = session.execute(
        select(ArticleHold.article_id, ArticleHold.topic).where(
            ArticleHold.channel_id == channel_id,
            ArticleHold.topic.in_(names),
            sql.is_one_of_texts(session, ArticleHold.article_id, article_ids),
        )
    ).all()
    for row in held:
        key = row.article_id, Topic(row.topic)
        known = items.get(key, NO_ITEM)
        items[key] = Item(known.generation, HELD, known.pushed_hash)
    return items


def _on_its_way(row: Any) -> str | None:
    if row.hold_reason is not None:
        return HELD
    if row.state in (WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value):
        return WAITS
    return SENT_SINCE if row.is_sent_since else None
