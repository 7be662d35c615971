"""What brakes do to work items: hold them back, stop them for good, let them go.

Like work_items and work_outcomes it writes the state of work items. Everybody locks a brake before
its work items.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from integration import brake_rules, sql, telling
from integration.claims import Claim
from integration.clock import db_now
from integration.history import entries, recording
from integration.models import Brake, WorkItem, WorkItemState
from integration.topology import Topic
from integration.work_items import RELEASED, held_rows, is_current, locking, update_items

#: Changes that an alert and a list of holds show.
EXAMPLES = 3

#: What a log line says of a row.
_TOLD = (WorkItem.id, WorkItem.channel_id, WorkItem.topic, WorkItem.entity_id)
_REASONS = {
    topic: (brake_rules.braked(topic), brake_rules.undecided(topic)) for topic in brake_rules.TOPICS
}
_ALL_REASONS = tuple(reason for both in _REASONS.values() for reason in both)


def locked(session: Session, channel_id: int, topic: Topic) -> Brake:
    """The brake of a topic, made where there is none yet."""
    mine = and_(Brake.channel_id == channel_id, Brake.topic == topic.value)

    def new() -> Any:
        return sql.insert(session, Brake).values(channel_id=channel_id, topic=topic.value)

    (found,) = sql.locked_or_new(session, select(Brake).where(mine).with_for_update(), new)
    brake: Brake = found
    return brake


def lock_all(session: Session, channel_id: int) -> Sequence[Brake]:
    """All brakes of a channel; before its work items are."""
    return session.scalars(
        select(Brake)
        .where(Brake.channel_id == channel_id)
        .order_by(sql.lock_order(session, Brake.topic))
        .with_for_update()
    ).all()


def lock_rows(session: Session, brake: Brake, item_ids: Collection[int]) -> None:
    """These work items and all that wait for the decision, in the one order."""
    _, undecided = _REASONS[Topic(brake.topic)]
    waits = and_(WorkItem.channel_id == brake.channel_id, WorkItem.hold_reason == undecided)
    mine = sql.is_one_of(session, WorkItem.id, item_ids)
    session.execute(locking(session, select(WorkItem.id).where(or_(waits, mine))))


def hold_back(
    session: Session,
    held: Claim,
    brake: Brake,
    reason: str,
    change_by_item: Mapping[int, tuple[str | None, str]],
) -> None:
    """Hold these rows of a claim, by the value that the shop has and the one it would get.

    One that was hinted meanwhile is queued: the new state may be harmless.
    """
    rows = held_rows(session, held, list(change_by_item))
    values = {row.id: change_by_item[row.id][1] for row in rows}
    words = {
        item: brake_rules.shown(held.topic, *change) for item, change in change_by_item.items()
    }
    counted = {
        **RELEASED,
        "state": WorkItemState.QUEUED.value,
        "due_at": db_now(),
        "braked_value": sql.looked_up(session, values, WorkItem.id),
        "braked_in": brake.window_number,
    }
    kept = [row.id for row in rows if is_current(row)]
    update_items(
        session,
        kept,
        **counted,
        hold_reason=reason,
        error_class="NeedsConfirmation",
        last_error=sql.looked_up(session, words, WorkItem.id),
        fingerprint=None,
    )
    changed = [row.id for row in rows if not is_current(row)]
    update_items(session, changed, **counted, attempts=0)
    by_id = held.item_by_id
    recording.moved(session, entries.HELD, kept, words=reason)
    # Not for anybody to look at: the one alert is `brake.tripped`.
    told = [by_id[one] for one in kept]
    telling.became(session, held, "held", told, level=logging.INFO, reason=reason)
    telling.became(session, held, "requeued", [by_id[one] for one in changed])


def let_pass(session: Session, value_by_item: Mapping[int, str]) -> None:
    """Remember of rows that go on that they may, should their write fail and come again."""
    update_items(
        session,
        list(value_by_item),
        braked_value=sql.looked_up(session, value_by_item, WorkItem.id),
        braked_in=None,
    )


def stop(session: Session, brake: Brake) -> int:
    """Let everything that waits for the decision wait for a person; how many now do."""
    stopped, undecided = _REASONS[Topic(brake.topic)]
    rows = _waiting(session, brake, undecided)
    ids = [row.id for row in rows]
    update_items(session, ids, hold_reason=stopped)
    recording.moved(session, entries.HELD, ids, words=stopped)
    brake.tripped_at = now(session)
    brake.waiting_since = None
    return (
        session.scalar(
            select(func.count())
            .select_from(WorkItem)
            .where(WorkItem.channel_id == brake.channel_id, WorkItem.hold_reason == stopped)
        )
        or 0
    )


def go_on(session: Session, brake: Brake) -> None:
    """Let everything go that waits for the decision: it is a day's business."""
    _, undecided = _REASONS[Topic(brake.topic)]
    rows = _waiting(session, brake, undecided)
    ids = [row.id for row in rows]
    update_items(session, ids, hold_reason=None, braked_in=None, due_at=db_now())
    recording.moved(session, entries.UNHELD, ids, words=undecided)
    telling.moved(session, "unheld", rows, reason=undecided)
    brake.waiting_since = None


def _waiting(session: Session, brake: Brake, reason: str) -> Sequence[Any]:
    rows = select(*_TOLD).where(
        WorkItem.channel_id == brake.channel_id,
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason == reason,
    )
    return session.execute(locking(session, rows)).all()


def permit(session: Session, rows: Sequence[Any]) -> None:
    """A person let these held rows go: those that a brake held, go with the same values."""
    update_items(
        session, [row.id for row in rows if row.hold_reason in _ALL_REASONS], braked_in=None
    )


def end_where_over(session: Session, brakes: Sequence[Brake]) -> None:
    """Let brakes count anew that have nothing left to decide about."""
    for brake in brakes:
        is_on = brake.tripped_at is not None or brake.waiting_since is not None
        if is_on and not _has_rows(session, brake):
            begin_window(session, brake)


def begin_window(session: Session, brake: Brake) -> None:
    """Count from 0."""
    brake.window_number += 1
    brake.window_began_at = now(session)
    brake.seen, brake.reference = 0, None
    brake.waiting_since = brake.tripped_at = None


def _has_rows(session: Session, brake: Brake) -> bool:
    """Whether a row is held by the brake, or was and is on its way to be looked at again.

    An event on a held row lets it go until its new value is known.
    """
    reasons = _REASONS[Topic(brake.topic)]
    is_held = exists().where(
        WorkItem.channel_id == brake.channel_id, WorkItem.hold_reason.in_(reasons)
    )
    open_states = (WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value)
    is_coming = exists().where(
        WorkItem.channel_id == brake.channel_id,
        WorkItem.topic == brake.topic,
        WorkItem.state.in_(open_states),
        WorkItem.braked_in == brake.window_number,
    )
    return bool(session.scalar(select(is_held))) or bool(session.scalar(select(is_coming)))


def backlog(
    session: Session,
    brake: Brake,
    *,
    priority: int,
    at_most: int,
    due_by: Any = None,
    without: str | None = None,
) -> int:
    """Changes of the topic that nobody looked at yet, counted up to a number.

    Due by a time (None: now), of a priority or a more urgent one, and those under way in claims
    other than `without`.
    """
    due = WorkItem.due_at <= (db_now() if due_by is None else due_by)
    lane = and_(WorkItem.channel_id == brake.channel_id, WorkItem.topic == brake.topic)
    claimable = select(WorkItem.id).where(
        lane,
        WorkItem.priority <= priority,
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason.is_(None),
        due,
    )
    under_way = select(WorkItem.id).where(
        lane, WorkItem.state == WorkItemState.PROCESSING.value, due
    )
    if without is not None:
        under_way = under_way.where(WorkItem.claim_id != without)
    return sum(
        session.scalar(select(func.count()).select_from(rows.limit(at_most).subquery())) or 0
        for rows in (claimable, under_way)
    )


def examples(session: Session, channel_id: int, reason: str) -> tuple[str, ...]:
    """Some of what a brake holds: article id, what the shop has and what it would get."""
    rows = session.execute(
        select(WorkItem.entity_id, WorkItem.last_error)
        .where(WorkItem.channel_id == channel_id, WorkItem.hold_reason == reason)
        .order_by(WorkItem.id)
        .limit(EXAMPLES)
    )
    return tuple(f"{row.entity_id}: {row.last_error}" for row in rows)


def on_duty(session: Session) -> Sequence[Brake]:
    """Brakes that hold something, but for those that somebody else looks at."""
    return session.scalars(
        select(Brake)
        .where(or_(Brake.waiting_since.is_not(None), Brake.tripped_at.is_not(None)))
        .order_by(Brake.channel_id, sql.lock_order(session, Brake.topic))
        .with_for_update(skip_locked=True)
    ).all()


def now(session: Session) -> datetime:
    """By the database's clock."""
    return session.scalars(select(db_now())).one()
