"""The migrations build the tables of the models, up and down, on SQLite and on Postgres."""

import os
import re
from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, inspect, text

from integration import schema
from integration.db import build_engine
from integration.errors import UsageError
from integration.models import Base

REVISIONS = [
    one.revision for one in reversed(list(ScriptDirectory(str(schema.MIGRATIONS)).walk_revisions()))
]
PARTIAL_INDEXES = {
    index.name: str(index.dialect_options["postgresql"]["where"])
    for table in Base.metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}


@pytest.fixture
def engine(bare_database_url: str) -> Iterator[Engine]:
    engine = build_engine(bare_database_url)
    yield engine
    engine.dispose()


def upgrade(engine: Engine, revision: str = "head") -> None:
    command.upgrade(schema.alembic_config(engine), revision)


def differences(engine: Engine) -> list[object]:
    """What autogenerate would still have to do."""
    options = {"compare_type": True, "compare_server_default": True}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, Base.metadata)


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def partial_indexes(engine: Engine) -> dict[str, str]:
    """Condition by index, in the words of the models."""
    catalogue = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index'",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    }
    with engine.connect() as connection:
        rows = connection.execute(text(catalogue[engine.dialect.name])).all()
    conditions = {
        name: sql.split(" WHERE ", 1)[1] for name, sql in rows if sql and " WHERE " in sql
    }
    return {name: plain(condition) for name, condition in conditions.items()}


def plain(condition: str) -> str:
    """A condition without the casts and brackets that Postgres writes into it."""
    return re.sub(r"::(text|character varying)|[()]", "", condition)


def test_files_are_named_after_their_revisions():
    assert REVISIONS[0] == "0001"
    assert tuple(REVISIONS) == schema.revisions()


def test_the_migrated_schema_is_that_of_the_models(engine):
    upgrade(engine)

    assert differences(engine) == []


def test_tables_leave_as_much_room_in_their_pages_as_the_models_say(bare_postgres_url):
    engine = build_engine(bare_postgres_url)
    upgrade(engine)

    with engine.connect() as connection:
        stored = connection.execute(
            text("SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL")
        )
        found = {row.relname: row.reloptions for row in stored if row.relname in tables(engine)}
    engine.dispose()
    wanted = {
        table.name: [f"{key}={value}" for key, value in options.items()]
        for table in Base.metadata.tables.values()
        if (options := table.dialect_options["postgresql"]["with"])
    }
    assert found == wanted != {}
    assert tables(engine) == set(Base.metadata.tables)


def test_indexes_and_constraints_have_the_names_of_the_models(engine, tmp_path):
    upgrade(engine)
    built = MetaData()
    built.reflect(engine)

    for name, table in Base.metadata.tables.items():
        assert {one.name for one in built.tables[name].indexes} == {
            str(one.name) for one in table.indexes
        }


def test_partial_indexes_are_partial(engine):
    upgrade(engine)

    assert set(PARTIAL_INDEXES) == {
        "ix_work_item_claimable",
        "ix_work_item_claimed",
        "ix_work_item_held_for",
        "ix_work_item_open",
        "ix_listing_main_article",
        "ix_work_item_held",
        "ix_history_entry_ended",
    }
    assert partial_indexes(engine) == PARTIAL_INDEXES


def test_every_revision_goes_up_down_and_up_again(engine):
    config = schema.alembic_config(engine)
    for revision in REVISIONS:
        command.upgrade(config, revision)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
        assert schema.current(engine) == revision

    assert differences(engine) == []


def test_all_the_way_down_leaves_nothing(engine):
    upgrade(engine)

    command.downgrade(schema.alembic_config(engine), "base")

    assert tables(engine) == set()
    assert schema.current(engine) is None


def test_an_upgrade_of_the_current_schema_changes_nothing(engine):
    upgrade(engine)
    upgrade(engine)

    assert differences(engine) == []


# Is it the right one?


def test_the_current_schema_is_accepted(engine):
    upgrade(engine)

    schema.require_current(engine)


def test_an_empty_database_is_too_old_and_says_what_to_run(engine):
    with pytest.raises(UsageError) as refused:
        schema.require_current(engine)

    assert str(refused.value) == (
        f"the database schema is too old (at nothing, needed {schema.head()}); "
        "run `vario-relay db upgrade`"
    )


def test_a_schema_of_a_later_version_is_too_new_and_says_so(engine):
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(UsageError) as refused:
        schema.require_current(engine)

    assert str(refused.value) == (
        f"the database schema is too new (at 9999, this version needs {schema.head()}); "
        "install the newer vario-relay that wrote it, `vario-relay db current` shows both"
    )


def test_asking_does_not_change_an_empty_database(engine):
    assert schema.current(engine) is None
    assert inspect(engine).get_table_names() == []


def test_migrations_are_found_from_any_folder(engine, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    upgrade(engine)

    assert schema.current(engine) == schema.head()
    assert [name for name in os.listdir(tmp_path) if not name.startswith("relay.db")] == []
