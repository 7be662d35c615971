"""Reads the history of one entity, the oldest first; each question by an index."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from integration.clock import db_now
from integration.history import contents
from integration.history.contents import Bodies
from integration.history.entries import AWAITING, Logged
from integration.models import HistoryBatch, HistoryContent, HistoryEntry, WorkItem
from integration.topology import Topic

#: Entries that are shown at most, the latest ones; an article that changes each minute has 43,000.
SHOWN = 1_000


def entries(
    session: Session,
    channel_id: int,
    entity_id: str,
    *,
    topics: Collection[Topic] = tuple(Topic),
    since: datetime | None = None,
    limit: int = SHOWN,
    with_channel: bool = False,
) -> list[Logged]:
    """The latest entries of an entity, from a time on, the oldest first.

    `with_channel`: with what was done to the whole channel.
    """
    wanted = [entity_id, ""] if with_channel else [entity_id]
    query = (
        select(HistoryEntry, HistoryBatch.fetched_at, HistoryBatch.fetched)
        .outerjoin(HistoryBatch, HistoryBatch.id == HistoryEntry.batch_id)
        .where(
            HistoryEntry.channel_id == channel_id,
            HistoryEntry.entity_id.in_(wanted),
            or_(
                HistoryEntry.topic.in_([topic.value for topic in topics]),
                HistoryEntry.topic.is_(None),
            ),
        )
        .order_by(HistoryEntry.at.desc(), HistoryEntry.id.desc())
        .limit(limit)
    )
    if since is not None:
        query = query.where(HistoryEntry.at >= since)
    rows = session.execute(query).all()
    bodies = bodies_of(session, {row.HistoryEntry.batch_id for row in rows})
    return [_logged(*row, bodies) for row in reversed(rows)]


def bodies_of(session: Session, batch_ids: Collection[int | None]) -> Mapping[int, Bodies]:
    """What batches sent, as far as it is kept."""
    ids = sorted(one for one in batch_ids if one is not None)
    rows = session.execute(
        select(HistoryContent.batch_id, HistoryContent.body).where(HistoryContent.batch_id.in_(ids))
    )
    return {row.batch_id: contents.unpacked(row.body) for row in rows}


def body_of(entry: HistoryEntry, bodies: Mapping[int, Bodies]) -> Any:
    """The body that an entry speaks of; None: it is not kept, or nothing was sent."""
    if entry.batch_id is None or entry.topic is None or entry.content_hash is None:
        return None
    return bodies.get(entry.batch_id, {}).get(entry.topic, {}).get(entry.entity_id)


def _logged(
    entry: HistoryEntry,
    fetched_at: datetime | None,
    fetched: str | None,
    bodies: Mapping[int, Bodies],
) -> Logged:
    return Logged(
        at=entry.at,
        kind=entry.kind,
        topic=None if entry.topic is None else Topic(entry.topic),
        events=entry.events,
        last_event_at=entry.last_event_at,
        hinted_by=entry.hinted_by,
        content_hash=entry.content_hash,
        is_in_doubt=entry.is_in_doubt,
        words=entry.words,
        person=entry.person,
        fetched_at=fetched_at,
        fetched=fetched,
        sent=body_of(entry, bodies),
    )


def awaiting(
    session: Session, channel_id: int, entity_id: str, topics: Collection[Topic]
) -> list[Logged]:
    """What arrived for an entity and no entry tells of yet, as entries of now."""
    rows = session.execute(
        select(
            WorkItem.topic,
            WorkItem.events,
            WorkItem.last_event_at,
            WorkItem.hinted_by,
            db_now().label("now"),
        ).where(
            WorkItem.channel_id == channel_id,
            WorkItem.topic.in_([topic.value for topic in topics]),
            WorkItem.entity_id == entity_id,
            WorkItem.events > 0,
        )
    )
    return [
        Logged(row.now, AWAITING, Topic(row.topic), row.events, row.last_event_at, row.hinted_by)
        for row in rows
    ]
