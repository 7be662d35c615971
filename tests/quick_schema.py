"""The migrated schema in an empty database, in one go.

The first database of each kind is migrated by Alembic, and what that sent is kept; every further
one of the process gets the same statements at once. A migration run costs half a second, and most
tests need a database of their own.
"""

from __future__ import annotations

from alembic import command
from sqlalchemy import Engine

from integration import schema
from integration.db import build_engine
from tests.engines import executed

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
    with executed(engine) as sent:
        command.upgrade(schema.alembic_config(engine), "head")
    changes = [one for one in sent if one.statement.lstrip().startswith(_CHANGES)]
    for statement, values in changes:
        assert not values, f"a migration with parameters cannot be repeated: {statement}"
    return [one.statement for one in changes]
