"""The migrated schema in an empty database, in one go.

The first database of each kind is migrated by Alembic, and what that sent is kept; every further
one of the process gets the same statements at once. A migration run costs half a second, and most
tests need a database of their own.
"""

from __future__ import annotations

from typing import Any

from alembic import command
from sqlalchemy import Engine, event

from integration import schema
from integration.db import build_engine

_statements_by_dialect: dict[str, list[str]] = {}
#: What a migration does; the rest of what Alembic sends are questions.
_CHANGES = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE")


def migrate(engine: Engine) -> None:
    """As `vario-relay db upgrade` on an empty database."""
    statements = _statements_by_dialect.get(engine.dialect.name)
    if statements is None:
        _statements_by_dialect[engine.dialect.name] = _migrate_slowly(engine)
        return
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for statement in statements:
                connection.exec_driver_sql(statement)
        else:
            connection.exec_driver_sql(";\n".join(statements))


def migrate_at(url: str) -> None:
    """The same where nobody needs a connection afterwards."""
    engine = build_engine(url)
    migrate(engine)
    engine.dispose()


def _migrate_slowly(engine: Engine) -> list[str]:
    sent: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.lstrip().startswith(_CHANGES):
            assert not parameters, f"a migration with parameters cannot be repeated: {statement}"
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        command.upgrade(schema.alembic_config(engine), "head")
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    return sent
