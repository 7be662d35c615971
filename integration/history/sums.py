"""What became of all changes of a channel that arrived in a time: the proof that none was lost.

A change begins with the first event that is not in the shop and ends when something was accepted or
nothing had to be sent. Those that ended stand in the history, those that did not in the queue, so
the sum of what became of them is the number that arrived, whatever is asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from integration.history.entries import PUSHED, SKIPPED, UNCHANGED
from integration.models import HistoryEntry, WorkItem, WorkItemState
from integration.topology import Topic

ACCEPTED, REFUSED, WAITING = "accepted", "refused", "waiting"
_OUTCOME_BY_KIND = {PUSHED: ACCEPTED, UNCHANGED: UNCHANGED, SKIPPED: SKIPPED}


@dataclass(frozen=True)
class Sum:
    """Changes of one topic that arrived in a time, by what became of them until now.

    `refused`: FAILED now. `waiting`: on their way, held ones among them.
    """

    topic: Topic
    accepted: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: int = 0
    waiting: int = 0

    @property
    def arrived(self) -> int:
        return self.accepted + self.unchanged + self.skipped + self.refused + self.waiting


def of_channel(
    session: Session,
    channel_id: int,
    begin: datetime,
    end: datetime,
    topics: Collection[Topic] = tuple(Topic),
) -> Sequence[Sum]:
    """One sum for each topic of which something arrived from `begin` until before `end`.

    A pass over the catalogue that found the shop's content unchanged is no arrival.
    """
    counts: dict[Topic, Counter[str]] = {topic: Counter() for topic in topics}
    rows = [*_ended(session, channel_id, begin, end), *_open(session, channel_id, begin, end)]
    for topic, outcome, number in rows:
        if Topic(topic) in counts:
            counts[Topic(topic)][outcome] += number
    return [Sum(topic, **found) for topic, found in counts.items() if found]


def _ended(
    session: Session, channel_id: int, begin: datetime, end: datetime
) -> Sequence[tuple[str, str, int]]:
    rows = session.execute(
        select(HistoryEntry.topic, HistoryEntry.kind, func.count().label("number"))
        .where(
            HistoryEntry.channel_id == channel_id,
            HistoryEntry.began_at.is_not(None),
            HistoryEntry.began_at >= begin,
            HistoryEntry.began_at < end,
        )
        .group_by(HistoryEntry.topic, HistoryEntry.kind)
    )
    return [(row.topic, _OUTCOME_BY_KIND[row.kind], row.number) for row in rows]


def _open(
    session: Session, channel_id: int, begin: datetime, end: datetime
) -> Sequence[tuple[str, str, int]]:
    outcome = case((WorkItem.state == WorkItemState.FAILED.value, REFUSED), else_=WAITING)
    rows = session.execute(
        select(WorkItem.topic, outcome.label("outcome"), func.count().label("number"))
        .where(
            WorkItem.channel_id == channel_id,
            WorkItem.state != WorkItemState.COMPLETED.value,
            WorkItem.first_unsent_at >= begin,
            WorkItem.first_unsent_at < end,
        )
        .group_by(WorkItem.topic, outcome)
    )
    return [(row.topic, row.outcome, row.number) for row in rows]
