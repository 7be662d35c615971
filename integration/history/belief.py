"""What we believed at a time: the content that the shop held by its receipts until then.

The last accepted content counts until the product vanished. A write without an answer leaves it in
doubt until the next accepted one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from integration.history.entries import ACCEPTED, FIRST_WRITES, PUSHED, VANISHED
from integration.history.reading import bodies_of, body_of
from integration.models import HistoryEntry, WorkItem
from integration.topology import Topic


@dataclass(frozen=True)
class Belief:
    """The content of one topic at a time.

    `since`: the receipt it rests on; None: nothing of the kind is recorded up to that time.
    `is_known` False: the shop may have held something, but the record does not reach back so far.
    `content_hash` None with `is_known`: the shop held nothing of ours. `sent`: the body, masked;
    None: not kept any more. `doubted_since`: a write without an answer that came after it, whose
    body is `doubted`.
    """

    topic: Topic
    since: datetime | None = None
    content_hash: str | None = None
    sent: Any = None
    is_known: bool = True
    doubted_since: datetime | None = None
    doubted: Any = None


def at(
    session: Session,
    channel_id: int,
    entity_id: str,
    moment: datetime,
    topics: Collection[Topic],
) -> list[Belief]:
    """What we believed of an entity, topic by topic."""
    return [_of_topic(session, channel_id, entity_id, moment, topic) for topic in topics]


def _of_topic(
    session: Session, channel_id: int, entity_id: str, moment: datetime, topic: Topic
) -> Belief:
    until = _entries(channel_id, entity_id, topic).where(HistoryEntry.at <= moment)
    receipt = session.scalar(until.where(HistoryEntry.kind.in_([*ACCEPTED, VANISHED])).limit(1))
    if receipt is None:
        belief = _before_the_record(session, channel_id, entity_id, moment, topic)
    elif receipt.kind == VANISHED:
        belief = Belief(topic, receipt.at)
    else:
        body = _body(session, receipt)
        if body is None:
            body = _sent_before(session, until, receipt)
        belief = Belief(topic, receipt.at, receipt.content_hash, body)
    return _with_doubt(session, until, belief)


def _entries(channel_id: int, entity_id: str, topic: Topic) -> Select[HistoryEntry]:
    """The latest first."""
    return (
        select(HistoryEntry)
        .where(
            HistoryEntry.channel_id == channel_id,
            HistoryEntry.entity_id == entity_id,
            HistoryEntry.topic == topic.value,
        )
        .order_by(HistoryEntry.at.desc(), HistoryEntry.id.desc())
    )


def _sent_before(session: Session, until: Select[HistoryEntry], receipt: HistoryEntry) -> Any:
    """The body of content that a later receipt only found to be there still."""
    same = until.where(
        HistoryEntry.kind == PUSHED, HistoryEntry.content_hash == receipt.content_hash
    )
    sent = session.scalar(same.limit(1))
    return None if sent is None else _body(session, sent)


def _body(session: Session, entry: HistoryEntry) -> Any:
    return body_of(entry, bodies_of(session, {entry.batch_id}))


def _before_the_record(
    session: Session, channel_id: int, entity_id: str, moment: datetime, topic: Topic
) -> Belief:
    """Without a receipt in the record the work item knows, if it was not sent since."""
    row = session.execute(
        select(WorkItem.pushed_at, WorkItem.pushed_hash).where(
            WorkItem.channel_id == channel_id,
            WorkItem.topic == topic.value,
            WorkItem.entity_id == entity_id,
        )
    ).one_or_none()
    if row is None or row.pushed_at is None:
        return Belief(topic)
    if row.pushed_at <= moment:
        is_known = row.pushed_hash is not None
        return Belief(topic, row.pushed_at, row.pushed_hash, is_known=is_known)
    later = _entries(channel_id, entity_id, topic).where(HistoryEntry.kind.in_(ACCEPTED))
    next_one = session.scalar(
        later.order_by(None).order_by(HistoryEntry.at, HistoryEntry.id).limit(1)
    )
    # Before its first write the shop held nothing of ours; before any other we cannot know.
    return Belief(topic, is_known=next_one is not None and next_one.words in FIRST_WRITES)


def _with_doubt(session: Session, until: Select[HistoryEntry], belief: Belief) -> Belief:
    doubts = until.where(HistoryEntry.is_in_doubt.is_(True))
    if belief.since is not None:
        doubts = doubts.where(HistoryEntry.at >= belief.since)
    doubt = session.scalar(doubts.limit(1))
    if doubt is None:
        return belief
    return replace(belief, doubted_since=doubt.at, doubted=_body(session, doubt))
