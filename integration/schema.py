"""Is the database at the schema of this version? Asked by web, workers and `up` at start."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from integration.errors import UsageError

#: The migrations are a package of their own beside this one, also in the wheel.
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def alembic_config(engine: Engine) -> Config:
    """Alembic's configuration without an ini file; migrations/env.py takes the engine from it."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["engine"] = engine
    return config


@cache
def head() -> str:
    """The revision that this version needs; all migrations are read for it, so once per process."""
    script = ScriptDirectory(str(MIGRATIONS))
    found = script.get_current_head()
    if found is None:
        raise UsageError("this installation has no migrations; install vario-relay again")
    return found


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for an empty one."""
    with engine.connect() as connection:
        return current_of(connection)


def current_of(connection: Connection) -> str | None:
    """As `current`, over a connection that is open already."""
    return MigrationContext.configure(connection).get_current_revision()


def require_current(engine: Engine) -> None:
    """Raises UsageError, naming the command to run, on a schema too old or too new."""
    found, needed = current(engine), head()
    if found == needed:
        return
    if found is None or _is_known(found):
        raise UsageError(
            f"the database schema is too old (at {found or 'nothing'}, needed {needed}); "
            "run `vario-relay db upgrade`"
        )
    raise UsageError(
        f"the database schema is too new (at {found}, this version needs {needed}); "
        "install the newer vario-relay that wrote it, `vario-relay db current` shows both"
    )


def _is_known(revision: str) -> bool:
    script = ScriptDirectory(str(MIGRATIONS))
    return any(one.revision == revision for one in script.walk_revisions())
