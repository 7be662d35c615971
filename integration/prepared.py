"""Statements that are written out once instead of at every execution.

For the one statement that runs for every webhook. Postgres also plans it once per connection:
planning costs three times its execution (0.65 of 0.95 ms, Postgres 15, 2 cores, 2026-11-25), and
psycopg2 prepares nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg2.extensions import AsIs
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

#: The session behind our connection changed: a pooler hands out another one for each statement.
_OTHER_SESSION = ("26000", "42P05")  # statement does not exist; exists already
_REFUSED = "prepared-refused"


def execute(
    connection: Connection, name: str, statement: Any, texts: Mapping[str, str | None]
) -> Sequence[Any]:
    """The rows of `statement`, in autocommit.

    `name`: one per statement. `texts`: the values of its parameters that differ from run to run,
    all of them texts; what else is bound in it is a constant.
    Behind a pooler that changes sessions it runs unprepared.
    """
    if connection.dialect.name != "postgresql":
        return _written(connection, name, statement, texts)
    if _REFUSED not in connection.info:
        try:
            return _prepared(connection, name, statement, texts)
        except DBAPIError as error:
            if getattr(error.orig, "pgcode", None) not in _OTHER_SESSION:
                raise
            connection.info[_REFUSED] = True
    return connection.execute(statement, dict(texts)).all()


def _written(
    connection: Connection, name: str, statement: Any, texts: Mapping[str, str | None]
) -> Sequence[Any]:
    """On SQLite, whose driver keeps what it has parsed."""
    compiled = connection.info.get(name)
    if compiled is None:
        compiled = connection.info[name] = statement.compile(dialect=connection.dialect)
    values = {**compiled.params, **texts}
    return connection.exec_driver_sql(
        compiled.string, tuple(values[one] for one in compiled.positiontup)
    ).all()


def _prepared(
    connection: Connection, name: str, statement: Any, texts: Mapping[str, str | None]
) -> Sequence[Any]:
    """On Postgres; `info` lives as long as the connection to the server."""
    run = connection.info.get(name)
    if run is None:
        connection.exec_driver_sql(
            f"PREPARE {name} AS {_written_out(connection, statement, texts)}"
        )
        run = f"EXECUTE {name} ({', '.join(f'%({one})s' for one in texts)})"
        connection.info[name] = run
    return connection.exec_driver_sql(run, dict(texts)).all()


def _written_out(connection: Connection, statement: Any, texts: Mapping[str, str | None]) -> str:
    """The statement with its constants in place and $1, $2, ... for what differs."""
    compiled = statement.compile(dialect=connection.dialect)
    places = {one: AsIs(f"${place}::text") for place, one in enumerate(texts, start=1)}
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor:
        text: bytes = cursor.mogrify(str(compiled), {**compiled.params, **places})
    # The driver reads the result once more, and would take a percent sign for a parameter.
    return text.decode().replace("%", "%%")
