"""Time as the database sees it, the same on SQLite and Postgres.

Leases and due times of several machines are compared with one clock, the database's
(design.md 4). `db_now(offset_s)` is that clock inside a statement.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BindParameter, Float, String, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import DateTime, TypeDecorator

#: Text form on SQLite: fixed width, so that it sorts and compares as time.
SQLITE_FORMAT = "%Y-%m-%d %H:%M:%S.%f"


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time: TIMESTAMPTZ on Postgres, fixed-width text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(26))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without zone has no place in the database")
        utc = value.astimezone(UTC)
        return utc.strftime(SQLITE_FORMAT) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.strptime(value, SQLITE_FORMAT).replace(tzinfo=UTC)
        result: datetime = value.astimezone(UTC)
        return result


class db_now(FunctionElement[datetime]):
    """The database's clock plus `offset_s` seconds, or as many as a parameter says."""

    type = UtcDateTime()
    inherit_cache = True
    name = "db_now"

    def __init__(self, offset_s: float | BindParameter[float] = 0.0) -> None:
        if not isinstance(offset_s, BindParameter):
            offset_s = bindparam(None, float(offset_s), type_=Float(), unique=True)
        super().__init__(offset_s)


@compiles(db_now, "postgresql")
def _postgres_now(element: db_now, compiler: Any, **kwargs: Any) -> str:
    # clock_timestamp, not now(): a lease counts from this moment, not from the transaction's start
    offset = compiler.process(element.clauses, **kwargs)
    # A subselect, because it is evaluated once and then serves as the bound of an index.
    return f"(SELECT clock_timestamp() + make_interval(secs => {offset}))"


@compiles(db_now, "sqlite")
def _sqlite_now(element: db_now, compiler: Any, **kwargs: Any) -> str:
    # %f gives milliseconds; the zeros pad to the microseconds of SQLITE_FORMAT
    offset = compiler.process(element.clauses, **kwargs)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {offset} || ' seconds')"


def utc_now() -> datetime:
    """This machine's clock; only for what is shown or logged, never for leases."""
    return datetime.now(UTC)
