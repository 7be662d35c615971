"""Is the database at the schema of this version? Asked by web, workers and `up` at start."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, inspect, select, table

from integration.errors import UsageError

if TYPE_CHECKING:
    from alembic.config import Config

#: The migrations are a package of their own beside this one, also in the wheel.
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"

#: Alembic's own table, with one row: where the database is.
_VERSION = table("alembic_version", column("version_num"))


def alembic_config(engine: Engine) -> Config:
    """Alembic's configuration without an ini file; migrations/env.py takes the engine from it."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config


@cache
def revisions() -> tuple[str, ...]:
    """All that this version knows, oldest first: what the names of their files begin with.

    Not asked of Alembic: every command and every process looks at the schema when it starts, and an
    eighth of such a start would go into importing Alembic and all migrations.
    """
    files = (MIGRATIONS / "versions").glob("[0-9]*.py")
    return tuple(sorted(one.name.partition("_")[0] for one in files))


def head() -> str:
    """The revision that this version needs."""
    if not revisions():
        raise UsageError("this installation has no migrations; install vario-relay again")
    return revisions()[-1]


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    with engine.connect() as connection:
        return current_of(connection)


def current_of(connection: Connection) -> str | None:
    """As `current`, over a connection that is open already."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(select(_VERSION.c.version_num))


def require_current(engine: Engine) -> None:
    """Raises UsageError, naming the command to run, on a schema too old or too new."""
    found, needed = current(engine), head()
    if found == needed:
        return
    if found is None or found in revisions():
        raise UsageError(
            f"the database schema is too old (at {found or 'nothing'}, needed {needed}); "
            "run `vario-relay db upgrade`"
        )
    raise UsageError(
        f"the database schema is too new (at {found}, this version needs {needed}); "
        "install the newer vario-relay that wrote it, `vario-relay db current` shows both"
    )
