"""Cost per work item while the table grows: claims and settles must not get slower."""

from __future__ import annotations

from sqlalchemy import Engine, text

from bench.figures import Figure, fresh_database, stopwatch
from integration import work_items
from integration.db import session_scope
from integration.models import Priority
from integration.topology import Topic
from integration.work_items import Settled

BATCH = 100
WORKED = 10_000
SIZES = (10_000, 1_000_000)
LEASE_S = 60.0


def measure(database: str, url: str, scale: int) -> list[Figure]:
    """Rows per second hinted, claimed and settled, with a small and with a large table."""
    worked = WORKED // scale
    rates = []
    for size in SIZES:
        with fresh_database(url) as (engine, channel_id):
            _fill(engine, channel_id, size // scale)
            rates.append(_rate(engine, channel_id, worked))
    small, large = rates
    return [
        Figure(
            database,
            "hint, claim, settle",
            f"{large:,.0f} rows/s",
            f"one process, batches of {BATCH}, {SIZES[1] // scale:,} rows in the table",
        ),
        Figure(
            database,
            "cost of a large table",
            f"{small / large:.2f} times",
            f"per item, {SIZES[1] // scale:,} against {SIZES[0] // scale:,} rows",
        ),
    ]


def _fill(engine: Engine, channel_id: int, rows: int) -> None:
    """Settled rows of other articles, as years of work leave them."""
    with session_scope(engine) as session:
        for start in range(0, rows, 10_000):
            ids = [str(10**9 + one) for one in range(start, min(start + 10_000, rows))]
            work_items.hint(session, channel_id, Topic.STOCK, ids)
        session.execute(text("UPDATE work_item SET state = 'COMPLETED', first_unsent_at = NULL"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _rate(engine: Engine, channel_id: int, rows: int) -> float:
    with stopwatch() as taken:
        for start in range(0, rows, BATCH):
            with session_scope(engine) as session:
                ids = [str(one) for one in range(start, start + BATCH)]
                work_items.hint(session, channel_id, Topic.STOCK, ids)
            _work(engine, channel_id)
    return rows / taken[0]


def _work(engine: Engine, channel_id: int) -> None:
    with session_scope(engine) as session:
        claim_id = work_items.claim(
            session,
            channel_id,
            Topic.STOCK,
            priority=Priority.LIVE,
            limit=BATCH,
            lease_s=LEASE_S,
        )
    if claim_id is None:
        raise RuntimeError("nothing was due right after a hint")
    with session_scope(engine) as session:
        held = work_items.take_over(session, claim_id, lease_s=LEASE_S)
    ids = [item.id for item in held.items]
    with session_scope(engine) as session:
        work_items.begin_write(session, held, ids, lease_s=LEASE_S)
    with session_scope(engine) as session:
        work_items.settle(session, held, [Settled(one, "0" * 64) for one in ids])
