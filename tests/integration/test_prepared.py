"""Hints in one statement that is written out once, and what takes a session away from it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import Engine, select, text, update

from integration import db, hints
from integration.models import WorkItem
from integration.topology import Topic
from tests.integration.support import Database, open_database


@pytest.fixture
def intake(postgres: Database) -> Iterator[Engine]:
    """One hint after the other makes one connection, which every statement of a test gets."""
    engine = db.build_intake_engine(postgres.engine)
    yield engine
    engine.dispose()


def take(engine: Engine, article_id: str = "5", channel: str | None = None) -> int:
    return hints.hint_channels(engine, "acme", channel, Topic.ARTICLE, article_id)


def generations(database: Database) -> dict[str, int]:
    with database.scope() as session:
        rows = session.execute(select(WorkItem.entity_id, WorkItem.generation))
        return {row.entity_id: row.generation for row in rows}


def run(engine: Engine, statement: str) -> list:
    with engine.connect() as connection:
        result = connection.execute(text(statement))
        return result.all() if result.returns_rows else []


def test_a_hint_is_planned_once_per_connection(postgres, intake):
    for article_id in ("5", "6", "5"):
        assert take(intake, article_id) == 1
    take(intake, channel="42")

    prepared = run(intake, "SELECT name, generic_plans + custom_plans FROM pg_prepared_statements")

    assert sorted(map(tuple, prepared)) == [("hint_4_0", 3), ("hint_5_0", 1)]
    assert generations(postgres) == {"5": 3, "6": 1}


def test_a_quote_in_a_value_stays_a_value(database):
    engine = db.build_intake_engine(database.engine)
    assert hints.hint_channels(engine, "acme' OR 'a' = 'a", None, Topic.ARTICLE, "5") == 0
    assert take(engine, "it's 100 %s") == 1
    engine.dispose()

    assert generations(database) == {"it's 100 %s": 1}


def test_on_sqlite_a_hint_waits_for_the_transaction_under_way(sqlite_url):
    """Whoever may not write yet is told so by the driver at once, if it asks in the wrong way."""
    database = open_database(sqlite_url)
    engine = db.build_intake_engine(database.engine)
    assert take(engine, "5") == 1
    with ThreadPoolExecutor(4) as pool:
        with database.scope() as session:
            session.execute(update(WorkItem).values(attempts=1))
            waiting = [pool.submit(take, engine, "5") for _ in range(4)]
            assert not wait(waiting, timeout=0.1).done
        assert [one.result(timeout=30) for one in waiting] == [1] * 4

    assert generations(database) == {"5": 5}
    engine.dispose()
    database.engine.dispose()


@pytest.mark.parametrize(
    "trick",
    [
        # another session, which never heard of our statement
        "DEALLOCATE ALL",
        # another session, where a process like ours prepared it: told when we prepare it
        "PREPARE hint_5_0 AS SELECT 1",
    ],
)
def test_behind_a_pooler_that_changes_sessions_a_hint_is_recorded_unprepared(
    postgres, intake, trick
):
    take(intake)
    run(intake, trick)

    assert (take(intake), take(intake, channel="42")) == (1, 1)

    assert generations(postgres) == {"5": 3}


def test_a_connection_that_the_server_closed_is_replaced_and_the_hint_recorded(postgres, intake):
    take(intake)
    run(
        postgres.engine,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )

    assert take(intake) == 1

    assert generations(postgres) == {"5": 2}
