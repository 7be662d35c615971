"""Lists of ids in one parameter, the same on SQLite and Postgres."""

import gc
from collections.abc import Callable

import pytest
from sqlalchemy import select

from integration import counter_store, sql
from integration.counters import Counter, Key
from integration.models import WorkItem
from integration.topology import Topic
from integration.work_items import hint


@pytest.fixture
def ids(database) -> dict[str, int]:
    """Row id by entity of three work items."""
    with database.scope() as session:
        hint(session, database.channel, Topic.STOCK, ["5", "it's", "{7},8"])
        return {row.entity_id: row.id for row in session.scalars(select(WorkItem))}


@pytest.mark.parametrize("wanted", [[], ["5"], ["5", "it's", "{7},8"]])
def test_rows_are_found_by_their_numbers(database, ids, wanted):
    with database.scope() as session:
        is_wanted = sql.is_one_of(session, WorkItem.id, [ids[one] for one in wanted])
        found = session.scalars(select(WorkItem.entity_id).where(is_wanted)).all()

    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize("wanted", [[], ["5"], ["5", "it's", "{7},8"]])
def test_rows_are_found_by_their_texts(database, ids, wanted):
    with database.scope() as session:
        is_wanted = sql.is_one_of_texts(session, WorkItem.entity_id, [*wanted, "unknown"])
        found = session.scalars(select(WorkItem.entity_id).where(is_wanted)).all()

    assert sorted(found) == sorted(wanted)


def test_the_number_of_ids_does_not_change_the_statement(database):
    with database.scope() as session:
        one, many = (
            select(WorkItem).where(sql.is_one_of(session, WorkItem.id, numbers))
            for numbers in ([1], [1, 2, 3])
        )
        dialect = session.get_bind().dialect

    assert str(one.compile(dialect=dialect)) == str(many.compile(dialect=dialect))


def left_behind(ask: Callable[[], object]) -> int:
    """Objects that only the garbage collector frees, of doing this ten times."""
    ask()  # what is compiled once, and the collector's own first time
    gc.collect()
    gc.disable()
    try:
        for _time in range(10):
            ask()
        return gc.collect()
    finally:
        gc.enable()


@pytest.mark.parametrize("is_listed", [sql.is_one_of, sql.is_one_of_texts])
def test_a_list_of_ids_is_gone_when_nobody_has_it_any_more(database, is_listed):
    column = WorkItem.id if is_listed is sql.is_one_of else WorkItem.entity_id
    with database.scope() as session:

        def ask() -> None:
            session.execute(select(WorkItem.id).where(is_listed(session, column, [1]))).all()

        assert left_behind(ask) < 10


def test_counts_that_are_written_every_other_second_leave_little_behind(database):
    with database.scope() as session:

        def write() -> None:
            counter_store.add(session, {Key(Counter.REQUESTS, "200"): 1})

        assert left_behind(write) < 100
