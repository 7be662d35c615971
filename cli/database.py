"""`vario-relay db`: the schema of the database. Needs no secret key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.shared import Here, json_option, pass_here, print_json, say

if TYPE_CHECKING:
    from sqlalchemy import Engine

#: Advisory locks are numbers; any one that nothing else on the server uses.
LOCK = 0x7641_5249_4F52


@click.group()
def db() -> None:
    """The schema of the database."""


@db.command()
@pass_here
def upgrade(here: Here) -> None:
    """Bring the database to the schema of this version."""
    from integration import schema

    before = schema.current(here.engine)
    upgrade_schema(here.engine)
    after = schema.current(here.engine)
    say(f"the database is at {after}" + (" already" if before == after else ""))


@db.command()
@json_option
@pass_here
def current(here: Here, as_json: bool) -> None:
    """Show the revision of the database and the one this version needs."""
    from integration import schema

    found, needed = schema.current(here.engine), schema.head()
    if as_json:
        print_json({"current": found, "needed": needed, "is_current": found == needed})
    else:
        click.echo(f"at {found or 'nothing'}, needed {needed}")


@db.command()
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The SQLite database; nobody may have it open.",
)
@json_option
@pass_here
def copy(here: Here, file: Path, as_json: bool) -> None:
    """Copy a SQLite database into the empty one of RELAY_DATABASE_URL.

    The way from `vario-relay up` to several processes. The file is left as it is.
    """
    from integration import database_copy

    with database_copy.locked(file) as source:
        counts = database_copy.copy_all(source, here.engine)
    if as_json:
        print_json(counts)
        return
    filled = ", ".join(f"{count} {table}" for table, count in counts.items() if count)
    say(f"copied from {file}: {filled or 'nothing, it is empty'}; start the service on the new one")


def upgrade_schema(engine: Engine) -> None:
    """Migrate `engine` to the newest revision; safe to call from several processes at once.

    Raises: UsageError on a schema that a newer version wrote.
    """
    from alembic import command

    from integration import schema

    with _alone(engine):
        found = schema.current(engine)
        if found is not None and found not in schema.revisions():
            schema.require_current(engine)
        command.upgrade(schema.alembic_config(engine), "head")


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Nobody else migrates meanwhile.

    On SQLite the migration itself does it: its transaction begins IMMEDIATE, before it looks at
    the revision, and holds the only write lock to its end.
    """
    if engine.dialect.name == "sqlite":
        yield
        return
    from sqlalchemy import text

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        try:
            yield
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
