"""What becomes of work items that could not be finished: one decision per error class.

Together with work_items the only writer of a work item's state.
"""

from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from integration import doubts, retry, telling
from integration.clock import db_now
from integration.errors import (
    ChannelError,
    Held,
    HeldFor,
    IntegrationError,
    TenantError,
    Throttled,
    TransientError,
)
from integration.fingerprints import fingerprint
from integration.history import entries, recording
from integration.models import Listing, WorkItem, WorkItemState
from integration.topology import TOGGLE_BY_TOPIC, Topic
from integration.work_items import (
    RELEASED,
    Claim,
    held_rows,
    hint,
    is_current,
    locked_rows,
    locking,
    rehint,
    update_items,
)

#: A row waits for its article to be created; the article's settle lets it go.
NOT_IN_SHOP = "article-not-in-shop"
#: Why a change waits whose topic the channel's platform is not given: it goes with a version that
#: does.
TOPIC_NOT_SERVED = "topic-not-served"

BUG = "bug"

#: Rows of a newly carried topic that are let go in one transaction; the next sweep goes on.
RELEASED_AT_ONCE = 10_000

#: What a log line says of a row.
_TOLD = (WorkItem.id, WorkItem.channel_id, WorkItem.topic, WorkItem.entity_id)


def record_errors(
    session: Session,
    held: Claim,
    error_by_item: Mapping[int, Exception],
    uniform: Callable[[float, float], float] = random.uniform,
    *,
    written: Collection[int] = (),
) -> dict[int, str]:
    """Move each row on by the class of its error; the verb that was chosen, by item id.

    Rows that are not held any more are left alone, but for those `written` whose settle is still
    to come: their write may have been late, whatever the error says, and they go again. A hint
    that came meanwhile beats a permanent failure and a hold: the new state may be fine.
    """
    verbs: dict[int, str] = {}
    lost: list[int] = []
    # All in one statement and order: none can be lost between the two questions.
    for row in locked_rows(session, {*error_by_item, *written}):
        if row.holder == held.holder:
            if row.id in error_by_item:
                if recording.is_outcome_known(error_by_item[row.id]):
                    doubts.restore(session, held, [row.id])
                verbs[row.id] = _record_one(session, row, error_by_item[row.id], uniform)
        elif row.id in written:
            lost.append(row.id)
    rehint(session, lost)
    recording.failed(session, held, error_by_item, verbs)
    if lost:
        telling.lost(session, held, "late", len(lost))
    telling.failed(session, held, error_by_item, verbs)
    return verbs


def _record_one(
    session: Session, row: Any, error: Exception, uniform: Callable[[float, float], float]
) -> str:
    if isinstance(error, TransientError):
        return _postpone(session, row, error, uniform)
    if isinstance(error, (ChannelError, TenantError)):
        # The channel is held, not the row: nothing is burnt (design.md 4).
        _requeue(session, row, 0.0, error)
        return "released"
    if not is_current(row):
        _requeue(session, row, 0.0, error, attempts=0)
        return "requeued"
    if isinstance(error, Held):
        seconds = error.seconds if isinstance(error, HeldFor) else 0.0
        _requeue(session, row, seconds, error, hold_reason=error.reason)
        return "held"
    _bury(session, row, error)
    return "buried"


def _postpone(
    session: Session,
    row: Any,
    error: TransientError,
    uniform: Callable[[float, float], float],
) -> str:
    extra: dict[str, Any] = {}
    if error.outcome_unknown:
        extra = {"generation": row.generation + 1, "pushed_hash": None}
    delay = retry.delay_s(row.attempts, error, uniform)
    if delay is None and is_current(row):
        _bury(session, row, error)
        return "buried"
    costs_attempt = not isinstance(error, Throttled)
    # A hint during the last attempt: the schedule is used up, the new event starts it again.
    attempts = 0 if delay is None else row.attempts + int(costs_attempt)
    _requeue(session, row, delay or 0.0, error, attempts=attempts, **extra)
    return "postponed"


def _requeue(session: Session, row: Any, delay_s: float, error: Exception, **values: Any) -> None:
    update_items(
        session,
        [row.id],
        **RELEASED,
        state=WorkItemState.QUEUED.value,
        due_at=db_now(delay_s),
        **_described(error),
        **values,
    )


def _bury(session: Session, row: Any, error: Exception) -> None:
    update_items(
        session,
        [row.id],
        **RELEASED,
        state=WorkItemState.FAILED.value,
        attempts=row.attempts + 1,
        **_described(error),
    )


def _described(error: Exception) -> dict[str, str]:
    if isinstance(error, IntegrationError):
        name, message = type(error).__name__, str(error)
    else:
        # Nobody planned for it: the traceback is what the developer needs.
        name = BUG
        message = f"{type(error).__name__}: {error}\n" + "".join(traceback.format_exception(error))
    return {
        "error_class": name,
        # A shop may say anything, Postgres takes no NUL.
        "last_error": message[:8_000].replace("\x00", ""),
        "fingerprint": fingerprint(name, message),
    }


def wait_for_articles(session: Session, held: Claim, item_ids: Sequence[int]) -> None:
    """Hold rows whose product is not in the shop yet, and ask for their articles.

    The article is hinted first: its settle must come after this hold, otherwise nobody would let
    the row go; and everybody locks articles before prices and stocks.
    """
    wanted = {item.id: item.entity_id for item in held.items if item.id in set(item_ids)}
    hint(session, held.channel_id, Topic.ARTICLE, wanted.values(), priority=held.priority)
    rows = [row.id for row in held_rows(session, held, list(wanted))]
    update_items(
        session,
        rows,
        **RELEASED,
        state=WorkItemState.QUEUED.value,
        due_at=db_now(),
        error_class=None,
        last_error=None,
        hold_reason=NOT_IN_SHOP,
    )
    recording.moved(session, entries.HELD, rows, words=NOT_IN_SHOP, only_live=True)
    waiting = [item for item in held.items if item.id in rows]
    # Goes by itself: nobody has to look.
    telling.became(session, held, "held", waiting, level=logging.INFO, reason=NOT_IN_SHOP)


def release_holds(
    session: Session, channel_id: int, reason: str, entity_ids: Sequence[str] | None = None
) -> int:
    """Let rows go that were held for `reason`; the number of rows."""
    wanted = select(*_TOLD).where(
        WorkItem.channel_id == channel_id,
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason == reason,
    )
    if entity_ids is not None:
        wanted = wanted.where(WorkItem.entity_id.in_(entity_ids))
    rows = session.execute(locking(session, wanted)).all()
    return _let_go(session, rows, reason, attempts=0, due_at=db_now())


def release_served(
    session: Session, topics: Collection[Topic], channel_ids: Select[Any] | None = None
) -> int:
    """Let rows of these topics go that came when nobody carried them; the number of rows.

    `channel_ids`: of these channels alone.
    """
    wanted = select(*_TOLD).where(
        WorkItem.hold_reason == TOPIC_NOT_SERVED,
        WorkItem.topic.in_([topic.value for topic in topics]),
        WorkItem.state == WorkItemState.QUEUED.value,
    )
    if channel_ids is not None:
        wanted = wanted.where(WorkItem.channel_id.in_(channel_ids))
    rows = session.execute(locking(session, wanted.limit(RELEASED_AT_ONCE))).all()
    return _let_go(session, rows, TOPIC_NOT_SERVED, due_at=db_now())


def release_awaited(session: Session, reason: str) -> int:
    """Let rows go that were held for a time (HeldFor) which is over; the number of rows."""
    over = select(*_TOLD).where(
        WorkItem.hold_reason == reason,
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.due_at <= db_now(),
    )
    rows = session.execute(over.with_for_update(skip_locked=True)).all()
    return _let_go(session, rows, reason)


def _let_go(session: Session, rows: Sequence[Any], reason: str, **values: Any) -> int:
    ids = [row.id for row in rows]
    update_items(session, ids, hold_reason=None, **values)
    # A pass that came to a product before its article is no news.
    recording.moved(session, entries.UNHELD, ids, words=reason, only_live=reason == NOT_IN_SHOP)
    telling.moved(session, "unheld", rows, reason=reason)
    return len(rows)


def complete_waiting(
    session: Session, channel_id: int, reason_by_article: Mapping[str, str]
) -> None:
    """End the waiting for articles that are not offered: nothing has to be sent, and why.

    A later event on such a row queues it again.
    """
    waiting = select(*_TOLD).where(
        WorkItem.channel_id == channel_id,
        WorkItem.topic.in_([Topic.PRICE.value, Topic.STOCK.value, Topic.MEDIA.value]),
        WorkItem.entity_id.in_(reason_by_article),
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason == NOT_IN_SHOP,
    )
    rows = session.execute(locking(session, waiting)).all()
    for reason in sorted(set(reason_by_article.values())):
        ids = [row.id for row in rows if reason_by_article[row.entity_id] == reason]
        recording.moved(session, entries.SKIPPED, ids, words=reason, ends=True)
        update_items(
            session,
            ids,
            state=WorkItemState.COMPLETED.value,
            due_at=db_now(),
            events=0,
            hold_reason=None,
            skip_reason=reason,
            first_unsent_at=None,
        )
    telling.moved(session, "settled", rows, reason="its article is not offered")


def forget_vanished(session: Session, channel_id: int, article_ids: Sequence[str]) -> None:
    """Products we knew are not in the shop any more: forget them and what they held."""
    items = select(WorkItem.id).where(
        WorkItem.channel_id == channel_id,
        # The index begins with it. What stands in the ERP stands there all the same.
        WorkItem.topic.in_([str(one) for one in TOGGLE_BY_TOPIC if one != Topic.ORDER_STATUS]),
        WorkItem.entity_id.in_(article_ids),
    )
    # Work items before listings, as an article's settle locks them.
    ids = session.scalars(locking(session, items)).all()
    update_items(session, ids, pushed_hash=None, pushed_value=None)
    recording.moved(session, entries.VANISHED, ids)
    session.execute(
        delete(Listing).where(Listing.channel_id == channel_id, Listing.article_id.in_(article_ids))
    )


def end_leases(session: Session) -> None:
    """Let every lease end now, because nobody is left who could work; the sweep recovers them."""
    session.execute(
        update(WorkItem)
        .where(WorkItem.state == WorkItemState.PROCESSING.value)
        .values(lease_until=db_now())
        .execution_options(synchronize_session=False)
    )


def recover_expired(session: Session) -> int:
    """Take rows back whose lease ended. If their worker died, it costs an attempt.

    A row that lost its worker every time is FAILED instead of killing workers for ever; one that
    was hinted meanwhile begins anew. What no worker ever took, because its message was lost or
    nobody serves its queue, was not tried: it goes again as it was.
    """
    expired = (
        select(
            *_TOLD,
            WorkItem.claim_id,
            WorkItem.holder,
            WorkItem.attempts,
            WorkItem.generation,
            WorkItem.claimed_generation,
        )
        .where(WorkItem.state == WorkItemState.PROCESSING.value, WorkItem.lease_until < db_now())
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(expired).all()
    untried = [row.id for row in rows if row.holder is None]
    tried = [row for row in rows if row.holder is not None]
    last = [row for row in tried if row.attempts + 1 >= retry.MAX_ATTEMPTS]
    exhausted = [row.id for row in last if is_current(row)]
    hinted = [row.id for row in last if not is_current(row)]
    back = [row.id for row in tried if row.attempts + 1 < retry.MAX_ATTEMPTS]
    values: dict[str, Any] = {**RELEASED, "attempts": WorkItem.attempts + 1}
    queued: dict[str, Any] = {"state": WorkItemState.QUEUED.value, "due_at": db_now()}
    # Due as before: nobody answered for it, and it is seen how long it waits.
    update_items(session, untried, **RELEASED, state=WorkItemState.QUEUED.value)
    update_items(session, back, **values, **queued)
    update_items(session, hinted, **RELEASED, **queued, attempts=0)
    message = f"its worker died {retry.MAX_ATTEMPTS} times while it was worked on"
    update_items(
        session,
        exhausted,
        **values,
        state=WorkItemState.FAILED.value,
        error_class=BUG,
        last_error=message,
        fingerprint=fingerprint(BUG, message),
    )
    recording.moved(session, "taken_back", [row.id for row in rows])
    telling.taken_back(session, rows)
    return len(rows)


def replay(
    session: Session,
    channel_id: int,
    topic: Topic | None = None,
    fingerprint_: str | None = None,
    *,
    by: str | None = None,
) -> int:
    """Queue FAILED rows again with attempts at 0; the number of rows. `by`: the person."""
    wanted = select(*_TOLD).where(
        WorkItem.channel_id == channel_id, WorkItem.state == WorkItemState.FAILED.value
    )
    if topic is not None:
        wanted = wanted.where(WorkItem.topic == topic.value)
    if fingerprint_ is not None:
        wanted = wanted.where(WorkItem.fingerprint == fingerprint_)
    rows = session.execute(locking(session, wanted)).all()
    ids = [row.id for row in rows]
    update_items(session, ids, state=WorkItemState.QUEUED.value, attempts=0, due_at=db_now())
    recording.moved(session, "replayed", ids, person=by)
    telling.moved(session, "replayed", rows)
    return len(rows)
