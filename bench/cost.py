"""Cost per work item, claim to settle, while the table grows: it must not.

One database per size, and the repetitions go round through them, so that a busy moment of the
machine meets all sizes alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, text

from bench.results import Result
from bench.service import Bench
from bench.targets import SIZES
from integration import claim_rows, work_items
from integration.db import build_engine, session_scope
from integration.models import Base, Priority, SalesChannel, Tenant
from integration.topology import Topic
from integration.work_items import Settled
from tests.real_servers import empty_database

BATCH = 100
LEASE_S = 60.0
FILL_STEP = 10_000
#: The smallest as in the full run: half of it must be more than a batch.
QUICK_SIZES = (1_000, 5_000, 25_000)


@dataclass(frozen=True)
class Table:
    """So many work items, of which half wait and half are done."""

    engine: Engine
    channel_id: int


def measure(bench: Bench) -> list[Result]:
    """Costs at the larger sizes, each divided by that at the smallest in the same repetition."""
    sizes = QUICK_SIZES if bench.is_quick else SIZES
    batches, repetitions = bench.pick(50, 5), bench.pick(7, 3)
    with ExitStack() as stack:
        urls = [stack.enter_context(empty_database(bench.postgres_url)) for _ in sizes]
        postgres = _costs(urls, sizes, batches, repetitions)
    names = [f"sqlite:///{bench.folder}/cost-{size}.db" for size in sizes]
    sqlite = _costs(names, sizes, batches, repetitions)
    return [
        _row("cost.postgres.medium", postgres, 1, sizes),
        _row("cost.postgres.large", postgres, 2, sizes),
        _row("cost.sqlite.large", sqlite, 2, sizes),
    ]


def _row(key: str, costs: Sequence[Sequence[float]], place: int, sizes: Sequence[int]) -> Result:
    small, large = costs[0], costs[place]
    times = [one / other for one, other in zip(large, small, strict=True)]
    micro = [statistics.median(one) * 1e6 for one in (small, large)]
    return Result(
        key,
        times,
        baseline=f"{micro[0]:.0f} us per item at {sizes[0]:,}; {micro[1]:.0f} us here",
        note=f"at {sizes[place]:,}: one process, batches of {BATCH}, half of the items wait",
    )


def _costs(
    urls: Sequence[str], sizes: Sequence[int], batches: int, repetitions: int
) -> list[list[float]]:
    """Seconds per item, by size and repetition."""
    with ExitStack() as stack:
        tables = [
            stack.enter_context(_filled(url, size)) for url, size in zip(urls, sizes, strict=True)
        ]
        for table in tables:
            _cost(table, batches)  # caches and plans
        rounds = [[_cost(table, batches) for table in tables] for _ in range(repetitions)]
    return [list(costs) for costs in zip(*rounds, strict=True)]


def _cost(table: Table, batches: int) -> float:
    """Seconds per item from claim to settle; what puts it back in the queue is not counted."""
    seconds, items = 0.0, 0
    for _ in range(batches):
        began = time.perf_counter()
        settled = _work(table)
        seconds += time.perf_counter() - began
        items += len(settled)
        with session_scope(table.engine) as session:
            work_items.hint(session, table.channel_id, Topic.STOCK, settled)
    return seconds / items


def _work(table: Table) -> list[str]:
    """What the stages do to the rows of a batch; the entities."""
    with session_scope(table.engine) as session:
        claim_id, items = claim_rows.claim(
            session,
            table.channel_id,
            Topic.STOCK,
            priority=Priority.LIVE,
            limit=BATCH,
            lease_s=LEASE_S,
        )
    if not items:
        raise RuntimeError("nothing was due although half of the items wait")
    for _stage in ("fetch", "transform", "push"):
        with session_scope(table.engine) as session:
            held = work_items.take_over(session, claim_id, lease_s=LEASE_S)
    ids = [item.id for item in held.items]
    with session_scope(table.engine) as session:
        work_items.begin_write(session, held, ids, lease_s=LEASE_S)
    with session_scope(table.engine) as session:
        work_items.settle(session, held, [Settled(one, "0" * 64) for one in ids])
    return [item.entity_id for item in held.items]


@contextmanager
def _filled(url: str, size: int) -> Iterator[Table]:
    engine = build_engine(url)
    Base.metadata.create_all(engine)
    with session_scope(engine) as session:
        tenant = Tenant(subdomain="acme")
        session.add(tenant)
        session.flush()
        channel = SalesChannel(tenant_id=tenant.id, erp_id="42", platform="memory", is_paused=False)
        session.add(channel)
        session.flush()
        channel_id = channel.id
        for start in range(0, size, FILL_STEP):
            ids = [str(one) for one in range(start, min(start + FILL_STEP, size))]
            work_items.hint(session, channel_id, Topic.STOCK, ids)
        session.execute(
            text(
                "UPDATE work_item SET state = 'COMPLETED', first_unsent_at = NULL WHERE id % 2 = 0"
            )
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # What a server does by itself sooner or later; SQLite has nothing to clear away.
        is_postgres = engine.dialect.name == "postgresql"
        connection.execute(text("VACUUM ANALYZE" if is_postgres else "ANALYZE"))
    try:
        yield Table(engine, channel_id)
    finally:
        engine.dispose()
