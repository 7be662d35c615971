"""Ends the history: small deletes of the oldest rows, so that nobody waits for a lock.

Ids ascend with time, so the oldest rows are the first of the primary key; an index by time would
cost with every entry what it saves once an hour.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from integration.clock import db_now
from integration.db import SessionScope
from integration.models import HistoryBatch, HistoryContent, HistoryEntry

#: A question about a delivery or a price comes within the month of the bill.
ENTRIES_KEPT_S = 30 * 86_400.0
#: What was sent takes most of the room, and a dispute about content is opened within days.
CONTENTS_KEPT_S = 7 * 86_400.0
#: Rows of one transaction: some 50 ms on a small server.
ROWS_AT_ONCE = 2_000
#: Rows of one kind that a run takes at most; the next one goes on in an hour. 24 runs a day take
#: more than ten full syncs of 100,000 articles leave behind.
ROWS_OF_A_RUN = 200_000

_KEPT_S: tuple[tuple[Any, Any, float], ...] = (
    (HistoryContent, HistoryContent.batch_id, CONTENTS_KEPT_S),
    (HistoryBatch, HistoryBatch.id, ENTRIES_KEPT_S),
    (HistoryEntry, HistoryEntry.id, ENTRIES_KEPT_S),
)


def forget_old(scope: SessionScope, is_stopping: Callable[[], bool] = lambda: False) -> int:
    """Remove what is older than it is kept; how many rows. `is_stopping` is asked in between.

    Failure policy: safe to repeat and to break off; what is left goes with the next run.
    """
    removed = 0
    for model, key, kept_s in _KEPT_S:
        for _ in range(0, ROWS_OF_A_RUN, ROWS_AT_ONCE):
            if is_stopping():
                return removed
            with scope() as session:
                step = _forget_some(session, model, key, kept_s)
            removed += step
            if step < ROWS_AT_ONCE:
                break
    return removed


def _forget_some(session: Session, model: Any, key: Any, kept_s: float) -> int:
    first = select(key, model.at).order_by(key).limit(ROWS_AT_ONCE).subquery()
    old = session.scalars(select(first.c[0]).where(first.c.at < db_now(-kept_s))).all()
    if old:
        session.execute(
            delete(model)
            .where(key <= max(old), model.at < db_now(-kept_s))
            .execution_options(synchronize_session=False)
        )
    return len(old)
