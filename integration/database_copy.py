"""Carries everything from a SQLite database into an empty one: from embedded to distributed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from integration import schema, work_outcomes
from integration.errors import UsageError
from integration.models import Base

#: Rows in memory at a time.
PAGE = 1_000


@contextmanager
def locked(file: Path) -> Iterator[Connection]:
    """A SQLite database that nobody else has open, and nobody can open before the end.

    Raises: UsageError when there is no such file, somebody has it open, or its schema is not that
    of this version.
    """
    if not file.is_file():
        raise UsageError(f"there is no database {file}")
    engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": 1})
    event.listen(engine, "connect", _exclusively)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN EXCLUSIVE"))
    try:
        with _begun(engine, file) as connection:
            _require_current(connection, file)
            yield connection
    finally:
        engine.dispose()


def _begun(engine: Engine, file: Path) -> Connection:
    connection = engine.connect()
    try:
        connection.begin()
    except OperationalError as error:
        connection.close()
        raise UsageError(
            f"{file} cannot be taken alone ({error.orig}); "
            "stop the service and every command that works with it"
        ) from error
    return connection


def _exclusively(connection: Any, _record: Any) -> None:
    # In WAL mode an exclusive transaction alone would not mind readers and idle connections.
    connection.isolation_level = None
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")


def _require_current(connection: Connection, file: Path) -> None:
    found, needed = schema.current_of(connection), schema.head()
    if found != needed:
        raise UsageError(
            f"{file} is at schema {found or 'nothing'}, this version needs {needed}; name it in "
            "RELAY_DATABASE_URL and run `vario-relay db upgrade` first"
        )


def copy_all(source: Connection, target: Engine) -> dict[str, int]:
    """Copy every row into the empty tables of `target`; the number of rows by table.

    Failure policy: one transaction at the target; all or nothing.
    Raises: UsageError when the target is the source, not empty, or at another schema.
    """
    if target.url.database == source.engine.url.database:
        raise UsageError(
            f"RELAY_DATABASE_URL still names {target.url.database}; let it name the new database"
        )
    schema.require_current(target)
    counts = {}
    with Session(target) as session, session.begin():
        connection = session.connection()
        _require_empty(connection)
        for table in Base.metadata.sorted_tables:
            counts[table.name] = _copy_table(source, connection, table)
        # The messages of what was under way died with the process that held them.
        work_outcomes.end_leases(session)
    return counts


def _require_empty(connection: Connection) -> None:
    filled = [
        table.name
        for table in Base.metadata.sorted_tables
        if connection.scalar(select(func.count()).select_from(table))
    ]
    if filled:
        raise UsageError(
            f"the database of RELAY_DATABASE_URL is not empty ({', '.join(filled)}); "
            "only an empty one that `vario-relay db upgrade` made is filled"
        )


def _copy_table(source: Connection, target: Connection, table: Table) -> int:
    count = 0
    rows = source.execution_options(yield_per=PAGE).execute(select(table))
    for page in rows.mappings().partitions():
        target.execute(insert(table), [dict(row) for row in page])
        count += len(page)
    if count and table.autoincrement_column is not None and target.dialect.name == "postgresql":
        _count_on(target, table)
    return count


def _count_on(target: Connection, table: Table) -> None:
    """Let new rows be numbered behind the copied ones."""
    column = table.autoincrement_column
    assert column is not None
    last = target.scalar(select(func.max(column)))
    target.execute(
        text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"),
        {"table": table.name, "column": column.name, "last": last},
    )
