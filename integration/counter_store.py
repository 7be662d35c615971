"""The totals of all processes' counters, in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from integration import sql
from integration.clock import db_now
from integration.counters import Counter, Counts, Key, Sink
from integration.db import SessionScope
from integration.models import MetricCounter, SalesChannel, Tenant

#: Outcomes that take a work item off the queue.
SETTLED = frozenset({"pushed", "unchanged", "skipped"})
#: Settled items of the last minutes by half minute, which tell how fast a lane drains. The total
#: alone does not, and to count work items by time would read all of a lane's.
_RECENT = "settled"
_SLOT_S = 30
#: What was settled in this time tells how fast the queue drains.
RATE_WINDOW_S = 300


@dataclass(frozen=True)
class Total:
    """One series with its value. Ids are 0 where they do not apply."""

    counter: str
    label: str
    tenant_id: int
    channel_id: int
    topic: str
    value: int


def sink_of(scope: SessionScope) -> Sink:
    """Where a process with this database flushes its counters to."""

    def write(counts: Counts) -> None:
        with scope() as session:
            add(session, counts)

    return write


def add(session: Session, counts: Counts) -> None:
    """Add to the totals, in one statement."""
    now = session.scalars(select(db_now())).one()
    sums = {tuple(key): number for key, number in counts.items()}
    for key, number in counts.items():
        if key.counter is Counter.PUSHES and key.label in SETTLED:
            recent = (_RECENT, _slot(now), *key[2:])
            sums[recent] = sums.get(recent, 0) + number
    names = ("counter", *Key._fields[1:], "value")
    # In order, so that two processes that flush at the same time do not lock each other out.
    rows = [dict(zip(names, (*key, sums[key]), strict=True)) for key in sorted(sums)]
    insert = sql.insert(session, MetricCounter).values(rows)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=list(names[:-1]),
            set_={"value": MetricCounter.value + sql.excluded(MetricCounter.value)},
        )
    )


def _slot(at: datetime) -> str:
    """The half minute of a time; sorts as time does."""
    start = at - timedelta(seconds=at.timestamp() % _SLOT_S)
    return start.strftime("%Y-%m-%d %H:%M:%S")


def totals(session: Session) -> Iterable[Total]:
    """Every series that was ever counted."""
    query = select(MetricCounter).where(MetricCounter.counter != _RECENT)
    for row in session.scalars(query):
        yield Total(
            row.counter, row.label, row.tenant_id, row.channel_id, row.topic, int(row.value)
        )


def settled_lately(session: Session, now: datetime) -> dict[tuple[int, str], int]:
    """Items settled within RATE_WINDOW_S, by channel id and short name of the topic."""
    since = _slot(now - timedelta(seconds=RATE_WINDOW_S - _SLOT_S))
    rows = session.execute(
        select(MetricCounter.channel_id, MetricCounter.topic, func.sum(MetricCounter.value))
        .where(MetricCounter.counter == _RECENT, MetricCounter.label >= since)
        .group_by(MetricCounter.channel_id, MetricCounter.topic)
    ).all()
    return {(channel_id, topic): int(number) for channel_id, topic, number in rows}


def forget_old(session: Session) -> None:
    """Remove what is older than the window, and the series of channels and tenants that are gone.

    Failure policy: safe to repeat.
    """
    now = session.scalars(select(db_now())).one()
    since = _slot(now - timedelta(seconds=2 * RATE_WINDOW_S))
    no_channel = MetricCounter.channel_id.not_in(select(SalesChannel.id))
    no_tenant = MetricCounter.tenant_id.not_in(select(Tenant.id))
    session.execute(
        delete(MetricCounter).where(
            or_(
                (MetricCounter.counter == _RECENT) & (MetricCounter.label < since),
                (MetricCounter.channel_id != 0) & no_channel,
                (MetricCounter.tenant_id != 0) & no_tenant,
            )
        )
    )
