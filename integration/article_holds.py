"""Articles that a person keeps back, and what people decide about held changes.

`article_hold` says what is kept back. Rows that wait for it carry the reason ``by-hand``, so that a
claim need not ask: a hint marks its row, `add` those that wait already, and a fetch those that were
under way meanwhile. Like work_items and work_outcomes it writes the state of work items.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, select
from sqlalchemy.orm import Session

from integration import brake_rows, sql, telling, variants
from integration.clock import db_now
from integration.history import entries, recording
from integration.models import BY_HAND, ArticleHold, WorkItem, WorkItemState
from integration.topology import Topic
from integration.work_items import RELEASED, Claim, held_rows, locking, update_items

#: Topics whose work items are articles; an order status is about a document.
HOLDABLE = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK, Topic.MEDIA)

#: What a log line says of a row, and the reason it was held for.
_TOLD = (WorkItem.id, WorkItem.channel_id, WorkItem.topic, WorkItem.entity_id, WorkItem.hold_reason)
#: As long as the column of skip reasons.
_LONGEST_SKIP_REASON = 60


def add(
    session: Session,
    channel_id: int,
    article_id: str,
    topics: Collection[Topic] = HOLDABLE,
    *,
    reason: str,
    by: str,
) -> int:
    """Keep these topics of an article back from now on; how many changes of it wait.

    What is being sent at this moment may still arrive. An earlier hold gets the new reason.
    """
    for topic in topics:
        values = {"reason": reason, "held_by": by[:80]}
        insert = sql.insert(session, ArticleHold).values(
            channel_id=channel_id,
            topic=topic.value,
            article_id=article_id,
            held_since=db_now(),
            **values,
        )
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["channel_id", "topic", "article_id"], set_=values
            )
        )
    rows = _waiting(session, channel_id, article_id, topics, WorkItem.hold_reason.is_(None))
    ids = [row.id for row in rows]
    update_items(session, ids, hold_reason=BY_HAND)
    recording.moved(session, entries.HELD, ids, words=BY_HAND)
    for topic in topics:
        words = f"queue hold add: {reason}"
        recording.command(session, channel_id, words, by, entity_id=article_id, topic=topic)
    telling.moved(session, "held", rows, reason=BY_HAND)
    by_hand = _waiting(session, channel_id, article_id, topics, WorkItem.hold_reason == BY_HAND)
    return len(by_hand)


def release(
    session: Session,
    channel_id: int,
    *,
    article_id: str | None = None,
    reason: str | None = None,
    topics: Collection[Topic] | None = None,
    by: str | None = None,
) -> int:
    """Let held changes go: of one article, whatever holds them, or all that wait for one reason.

    Ends the holds by hand among them. What still lacks something is held again, and what no
    version carries yet goes on waiting for one. `by`: the person. How many go.
    """
    brakes = brake_rows.lock_all(session, channel_id)
    if reason in (None, BY_HAND):
        ended = delete(ArticleHold).where(
            ArticleHold.channel_id == channel_id,
            ArticleHold.topic.in_(_names(article_id, topics)),
        )
        if article_id is not None:
            ended = ended.where(ArticleHold.article_id == article_id)
        session.execute(ended.execution_options(synchronize_session=False))
    rows = _waiting(session, channel_id, article_id, topics, _is_held(reason))
    variants.confirm(session, channel_id, {row.entity_id: row.hold_reason for row in rows})
    brake_rows.permit(session, rows)
    number = _unhold(session, rows, by)
    brake_rows.end_where_over(session, brakes)
    return number


def discard(
    session: Session,
    channel_id: int,
    *,
    article_id: str | None = None,
    reason: str | None = None,
    topics: Collection[Topic] | None = None,
    by: str | None = None,
) -> int:
    """Drop held changes: done, not sent, with that reason; how many.

    What the shop holds stays known, so the next event or pass sends the newest state if it differs.
    A hold by hand goes on. `by`: the person.
    """
    brakes = brake_rows.lock_all(session, channel_id)
    rows = _waiting(session, channel_id, article_id, topics, _is_held(reason))
    for cause in sorted({row.hold_reason for row in rows}):
        ids = [row.id for row in rows if row.hold_reason == cause]
        skipped = f"discarded, was held: {cause}"[:_LONGEST_SKIP_REASON]
        recording.moved(session, entries.SKIPPED, ids, words=skipped, person=by, ends=True)
        update_items(
            session,
            ids,
            state=WorkItemState.COMPLETED.value,
            events=0,
            hold_reason=None,
            skip_reason=skipped,
            error_class=None,
            last_error=None,
            fingerprint=None,
            attempts=0,
            first_unsent_at=None,
            braked_value=None,
            braked_in=None,
        )
    brake_rows.end_where_over(session, brakes)
    telling.moved(session, "settled", rows, reason="discarded by hand")
    return len(rows)


def keep_back(session: Session, held: Claim) -> set[str]:
    """Give those rows of a claim back whose article is held by hand; their entities.

    They were on their way when the hold came.
    """
    wanted = [item.entity_id for item in held.items]
    kept = set(
        session.scalars(
            select(ArticleHold.article_id).where(
                ArticleHold.channel_id == held.channel_id,
                ArticleHold.topic == held.topic.value,
                sql.is_one_of_texts(session, ArticleHold.article_id, wanted),
            )
        )
    )
    if not kept:
        return kept
    items = [item for item in held.items if item.entity_id in kept]
    rows = {row.id for row in held_rows(session, held, [item.id for item in items])}
    update_items(
        session,
        sorted(rows),
        **RELEASED,
        state=WorkItemState.QUEUED.value,
        due_at=db_now(),
        hold_reason=BY_HAND,
    )
    recording.moved(session, entries.HELD, rows, words=BY_HAND)
    telling.became(
        session, held, "held", [item for item in items if item.id in rows], reason=BY_HAND
    )
    return kept


def let_go(session: Session) -> int:
    """Release rows that are marked, but whose article nobody holds any more; how many.

    A hint or a fetch that began before the release marks them after it.
    """
    is_held = exists().where(
        ArticleHold.channel_id == WorkItem.channel_id,
        ArticleHold.topic == WorkItem.topic,
        ArticleHold.article_id == WorkItem.entity_id,
    )
    left_over = select(*_TOLD).where(WorkItem.hold_reason == BY_HAND, ~is_held)
    rows = session.execute(left_over.with_for_update(skip_locked=True)).all()
    return _unhold(session, rows)


def _names(article_id: str | None, topics: Collection[Topic] | None) -> list[str]:
    """Topics that are meant; without a choice all, of an article those that are about articles."""
    everything = tuple(Topic) if article_id is None else HOLDABLE
    return [topic.value for topic in (topics or everything)]


def _is_held(reason: str | None) -> ColumnElement[bool]:
    return WorkItem.hold_reason.is_not(None) if reason is None else WorkItem.hold_reason == reason


def _waiting(
    session: Session,
    channel_id: int,
    article_id: str | None,
    topics: Collection[Topic] | None,
    condition: ColumnElement[bool],
) -> Sequence[Any]:
    wanted = select(*_TOLD).where(
        and_(condition, WorkItem.state == WorkItemState.QUEUED.value),
        WorkItem.channel_id == channel_id,
        WorkItem.topic.in_(_names(article_id, topics)),
    )
    if article_id is not None:
        wanted = wanted.where(WorkItem.entity_id == article_id)
    return session.execute(locking(session, wanted)).all()


def _unhold(session: Session, rows: Sequence[Any], by: str | None = None) -> int:
    """How many go."""
    update_items(session, [row.id for row in rows], hold_reason=None, attempts=0, due_at=db_now())
    for cause in sorted({row.hold_reason for row in rows}):
        released = [row for row in rows if row.hold_reason == cause]
        ids = [row.id for row in released]
        recording.moved(session, entries.UNHELD, ids, words=cause, person=by)
        telling.moved(session, "unheld", released, reason=cause)
    return len(rows)
