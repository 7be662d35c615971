"""Engines that tests of one process share, one after the other, and what they execute.

SQLAlchemy keeps with an engine every statement it has compiled, which takes most tests longer than
to run them. Whoever takes one disposes of its connections at the end, as of any other.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Engine, event

from integration.db import IDLE_S, build_engine


@cache
def engine_at(url: str, idle_s: float = IDLE_S) -> Engine:
    return build_engine(url, idle_s=idle_s)


class Executed(NamedTuple):
    statement: str
    values: Any


@contextmanager
def executed(engine: Engine) -> Iterator[list[Executed]]:
    """What is executed in the block; that a transaction begins is left out."""
    seen: list[Executed] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(Executed(statement, values))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
