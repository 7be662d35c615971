"""One line of the table, and the few things all measurements need."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from integration.db import build_engine, session_scope
from integration.models import Base, SalesChannel, Tenant


@dataclass(frozen=True)
class Figure:
    """A result with its unit, and in words how it came about."""

    database: str
    measure: str
    result: str
    how: str


@contextmanager
def fresh_database(url: str) -> Iterator[tuple[Engine, int]]:
    """An engine on empty tables with one running channel, and the channel's id."""
    engine = build_engine(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with session_scope(engine) as session:
        tenant = Tenant(subdomain="acme")
        session.add(tenant)
        session.flush()
        channel = SalesChannel(
            tenant_id=tenant.id, erp_id="42", platform="memory", is_paused=False
        )
        session.add(channel)
        session.flush()
        channel_id = channel.id
    try:
        yield engine, channel_id
    finally:
        engine.dispose()


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Appends the seconds the block took."""
    taken: list[float] = []
    started = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - started)
