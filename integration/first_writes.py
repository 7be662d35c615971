"""What a product has after the first write of its article: price and stock, which this write put
there or found.

Like work_items and work_outcomes it writes work items.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import claim_rows, sql
from integration.clock import db_now
from integration.models import WorkItem, WorkItemState
from integration.topology import Topic


def lock(session: Session, channel_id: int, article_ids: Collection[str]) -> None:
    """Lock the prices and stocks that several statements are going to change, each in an order of
    its own: somebody who asks for the same articles would wait for them, and they for him."""
    rows = select(WorkItem.id).where(
        WorkItem.channel_id == channel_id,
        WorkItem.topic.in_([Topic.PRICE.value, Topic.STOCK.value]),
        sql.is_one_of_texts(session, WorkItem.entity_id, sorted(article_ids)),
    )
    session.execute(claim_rows.locking(session, rows)).all()


def remember_pushed(
    session: Session,
    channel_id: int,
    topic: Topic,
    hash_by_entity: Mapping[str, str],
    values: Mapping[str, str | None] | None = None,
) -> None:
    """Note content, and its values, that a first write of the article put there for another topic.

    A row that is being worked on keeps its hash forgotten: its own write may come later. So does
    one with an earlier write that may still come.
    """
    if not hash_by_entity:
        return
    table = WorkItem.__table__
    insert = sql.insert(session, table).values(
        channel_id=channel_id,
        topic=topic.value,
        state=WorkItemState.COMPLETED.value,
        generation=1,
        pushed_at=db_now(),
        last_event_at=db_now(),
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["channel_id", "topic", "entity_id"],
            set_={
                "pushed_hash": insert.excluded.pushed_hash,
                "pushed_value": insert.excluded.pushed_value,
                "pushed_at": db_now(),
            },
            where=(table.c.state != WorkItemState.PROCESSING.value) & table.c.doubt_until.is_(None),
        ),
        [
            {"entity_id": one, "pushed_hash": content, "pushed_value": (values or {}).get(one)}
            for one, content in sorted(hash_by_entity.items())
        ],
    )


def remember_found(
    session: Session, channel_id: int, topic: Topic, value_by_entity: Mapping[str, str]
) -> None:
    """Note what the shop shows of a topic that nobody sent yet, for the brakes to compare with."""
    if not value_by_entity:
        return
    insert = sql.insert(session, WorkItem.__table__).values(
        channel_id=channel_id,
        topic=topic.value,
        state=WorkItemState.COMPLETED.value,
        generation=1,
        last_event_at=db_now(),
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["channel_id", "topic", "entity_id"],
            set_={"pushed_value": insert.excluded.pushed_value},
        ),
        [
            {"entity_id": one, "pushed_value": found}
            for one, found in sorted(value_by_entity.items())
        ],
    )
