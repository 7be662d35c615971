"""Changes of topics that a platform is not given: held without noise, and let go once it is.

What the platform of a channel does not carry waits for a version that does, instead of being due
for ever.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from integration import telling, work_outcomes
from integration.connectors import registry
from integration.errors import UsageError
from integration.history import entries, recording
from integration.models import SalesChannel, WorkItem, WorkItemState
from integration.topology import Topic
from integration.work_items import locking, update_items


def follow(session: Session, topics: Collection[Topic]) -> None:
    """Hold and let go by what this version (`topics`) and the platform of each channel carry."""
    for name in session.scalars(select(SalesChannel.platform).distinct()).all():
        given = carried(name)
        if given is None:
            continue  # its channels are held
        own = select(SalesChannel.id).where(SalesChannel.platform == name)
        work_outcomes.release_served(session, [one for one in topics if one in given], own)
        _hold(session, [one for one in topics if one not in given], own)


def carried(platform: str) -> Collection[Topic] | None:
    """The topics that the platform is given; None for one that is not installed here."""
    try:
        return registry.platform(platform).capabilities.max_batch
    except UsageError:
        return None


def carries(platform: str, topic: Topic) -> bool:
    """Whether the platform is given the topic; one that is not installed here is given none."""
    return topic in (carried(platform) or ())


def _hold(session: Session, topics: Collection[Topic], channel_ids: Select[Any]) -> None:
    if not topics:
        return
    due = select(WorkItem.id, WorkItem.channel_id, WorkItem.topic, WorkItem.entity_id).where(
        WorkItem.channel_id.in_(channel_ids),
        WorkItem.topic.in_([topic.value for topic in topics]),
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason.is_(None),
    )
    statement = locking(session, due.limit(work_outcomes.RELEASED_AT_ONCE))
    rows = session.execute(statement).all()
    ids = [row.id for row in rows]
    reason = work_outcomes.TOPIC_NOT_SERVED
    update_items(session, ids, hold_reason=reason)
    recording.moved(session, entries.HELD, ids, words=reason)
    telling.moved(session, "held", rows, reason=reason)
