"""The life of a sync run: begun once, driven by one, ended when its work is."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update

from integration import catch_ups, channels, sync_runs
from integration.clock import db_now
from integration.models import Priority, SyncCursor, SyncRun, SyncRunState, WorkItem
from integration.sync_runs import CATCH_UP, NIGHTLY, STOCK_PASS, Counts
from integration.topology import Topic
from tests.integration.support import Database, together

BERLIN = ZoneInfo("Europe/Berlin")


def runs(database: Database) -> list[SyncRun]:
    with database.scope() as session:
        return list(session.scalars(select(SyncRun).order_by(SyncRun.id)))


def start(database: Database, kind: str = "initial", **options) -> int:
    with database.scope() as session:
        run_id = sync_runs.start(session, database.channel, kind, ["stock"], **options)
        assert run_id is not None
        return run_id


def ask_for_pass(database: Database) -> None:
    with database.scope() as session:
        sync_runs.request_stock_pass(session, database.channel)


def take_wheel(database: Database, run_id: int, driver: str) -> bool:
    with database.scope() as session:
        return sync_runs.take_wheel(session, run_id, driver)


def change(database: Database, run_id: int, **values) -> None:
    with database.scope() as session:
        session.execute(update(SyncRun).where(SyncRun.id == run_id).values(**values))


def seconds_until_due(database: Database, run_id: int) -> float:
    with database.scope() as session:
        row = session.execute(
            select(SyncRun.due_at, db_now().label("now")).where(SyncRun.id == run_id)
        ).one()
    return (row.due_at - row.now) / timedelta(seconds=1)


def due(database: Database) -> list[int]:
    with database.scope() as session:
        return sync_runs.due_runs(session)


# Passes that events ask for


def test_a_hundred_events_ask_for_one_pass(database):
    for _ in range(100):
        ask_for_pass(database)

    (run,) = runs(database)
    assert (run.kind, run.topics, run.state) == (STOCK_PASS, "stock", "RUNNING")
    assert due(database) == [run.id]


def test_events_at_the_same_moment_ask_for_one_pass(database):
    together([lambda: ask_for_pass(database)] * 8)

    assert len(runs(database)) == 1


def test_an_event_after_a_pass_began_asks_for_another_a_minute_later(database):
    ask_for_pass(database)
    (first,) = runs(database)
    take_wheel(database, first.id, "a")

    for _ in range(10):
        ask_for_pass(database)

    _, second = runs(database)
    assert 40 < seconds_until_due(database, second.id) <= 60
    assert second.id not in due(database)


def test_an_event_long_after_the_last_pass_is_served_at_once(database):
    ask_for_pass(database)
    (first,) = runs(database)
    take_wheel(database, first.id, "a")
    change(database, first.id, due_at=db_now(-61), state=SyncRunState.DONE.value)

    ask_for_pass(database)

    _, second = runs(database)
    assert due(database) == [second.id]


def test_a_catch_up_compares_everything_and_is_asked_for_once(database):
    for _ in range(3):
        with database.scope() as session:
            catch_ups.compare(session, database.channel, "a test")

    (run,) = runs(database)
    assert (run.kind, run.topics) == (CATCH_UP, "article,price,stock")
    assert due(database) == [run.id]


def test_a_catch_up_that_began_does_not_stand_for_a_later_one(database):
    for _ in range(2):
        with database.scope() as session:
            catch_ups.compare(session, database.channel, "a test")
        take_wheel(database, runs(database)[0].id, "a")

    assert len(runs(database)) == 2


def test_price_and_stock_passes_do_not_wait_for_each_other(database):
    ask_for_pass(database)
    with database.scope() as session:
        sync_runs.request_price_pass(session, database.channel)

    assert [run.topics for run in runs(database)] == ["stock", "price"]
    assert len(due(database)) == 2


# Nightly


def start_nightly(database: Database, hour: int) -> list[int]:
    with database.scope() as session:
        return sync_runs.start_nightly(session, BERLIN, hour)


def hour_now(database: Database) -> int:
    with database.scope() as session:
        return session.scalars(select(db_now())).one().astimezone(BERLIN).hour


@pytest.mark.contract("10.14")
def test_a_night_begins_one_run_per_running_channel(database):
    other, paused = database.add_channel("43"), database.add_channel("44", is_paused=True)
    held = database.add_channel("45")
    with database.scope() as session:
        channels.hold(session, held, "the currency is wrong")
    hour = hour_now(database)

    found = [start_nightly(database, hour) for _ in range(3)]

    begun = [(run.channel_id, run.kind, run.topics) for run in runs(database)]
    assert sorted(begun) == [
        (channel, NIGHTLY, "article,price,stock") for channel in (database.channel, other)
    ]
    assert paused not in [run.channel_id for run in runs(database)]
    assert [len(one) for one in found] == [2, 0, 0]


@pytest.mark.pitfall(32)
@pytest.mark.contract("10.20")
def test_two_beats_begin_one_night(database):
    hour = hour_now(database)

    found = together([lambda: start_nightly(database, hour)] * 4)

    assert sorted(len(one) for one in found) == [0, 0, 0, 1]


def test_by_day_nothing_begins(database):
    assert start_nightly(database, (hour_now(database) + 2) % 24) == []
    assert runs(database) == []


# The wheel


def test_a_run_is_driven_by_one_at_a_time(database):
    run_id = start(database)

    assert take_wheel(database, run_id, "a")
    assert take_wheel(database, run_id, "a")
    assert not take_wheel(database, run_id, "b")
    assert due(database) == []


@pytest.mark.contract("10.20")
def test_of_several_drivers_that_come_together_one_drives(database):
    run_id = start(database)

    found = together([lambda name=name: take_wheel(database, run_id, name) for name in "abcd"])

    assert sorted(found) == [False, False, False, True]


@pytest.mark.pitfall(11)
def test_a_driver_that_died_is_succeeded(database):
    run_id = start(database)
    take_wheel(database, run_id, "a")
    change(database, run_id, driver_until=db_now(-1))

    assert due(database) == [run_id]
    assert take_wheel(database, run_id, "b")


def test_a_driver_that_leaves_makes_room_and_only_for_itself(database):
    run_id = start(database)
    take_wheel(database, run_id, "a")
    with database.scope() as session:
        sync_runs.leave_wheel(session, run_id, "b")
    assert due(database) == []

    with database.scope() as session:
        sync_runs.leave_wheel(session, run_id, "a")

    assert due(database) == [run_id]


def test_runs_of_a_held_channel_wait(database):
    run_id = start(database)
    with database.scope() as session:
        channels.hold(session, database.channel, "the currency is wrong")

    assert due(database) == []
    assert take_wheel(database, run_id, "a")  # by command it may go on


@pytest.mark.parametrize("state", ["DONE", "RED"])
def test_a_run_that_is_over_is_never_due(database, state):
    change(database, start(database), state=state)

    assert due(database) == []


def test_the_unfinished_run_of_a_kind_is_found_to_be_continued(database):
    start(database, NIGHTLY)
    first, second = start(database), start(database)

    with database.scope() as session:
        found = sync_runs.open_run(session, database.channel, "initial")
        assert found is not None
        assert found.id == second
    for run_id in (first, second):
        change(database, run_id, state="DONE")
    with database.scope() as session:
        assert sync_runs.open_run(session, database.channel, "initial") is None


def test_a_run_begins_with_a_cursor_and_a_second_one_of_its_key_not_at_all(database):
    run_id = start(database, unique_key="once")

    with database.scope() as session:
        again = sync_runs.start(session, database.channel, "initial", ["stock"], unique_key="once")
        assert again is None
        cursors = session.scalars(select(SyncCursor)).all()
        assert [(one.sync_run_id, one.position) for one in cursors] == [(run_id, "")]


# Counts and the end


def with_items(database: Database, run_id: int) -> None:
    """One work item of each kind of outcome, named after it."""
    outcomes = {
        "open": {},
        "working": {"state": "PROCESSING"},
        "pushed": {"state": "COMPLETED"},
        "unchanged": {"state": "COMPLETED", "skip_reason": "unchanged"},
        "skipped": {"state": "COMPLETED", "skip_reason": "not listed on this channel"},
        "held": {"hold_reason": "no-price"},
        "failed": {"state": "FAILED"},
    }
    database.hint(Topic.STOCK, *outcomes, priority=Priority.BACKFILL, sync_run_id=run_id)
    for entity_id, values in outcomes.items():
        if values:
            database.change(WorkItem.entity_id == entity_id, **values)


def test_a_run_counts_what_became_of_its_items(database):
    run_id = start(database)
    with_items(database, run_id)
    database.hint(Topic.STOCK, "of nobody")

    with database.scope() as session:
        counts = sync_runs.counts(session, run_id)

    assert counts == Counts(open=2, pushed=1, unchanged=1, skipped=1, held=1, failed=1)
    assert counts.ended == 5


def test_a_run_without_items_counts_nothing(database):
    run_id = start(database)

    with database.scope() as session:
        assert sync_runs.counts(session, run_id) == Counts()


def test_a_run_ends_when_nothing_of_it_is_open(database):
    run_id = start(database)
    with_items(database, run_id)
    change(database, run_id, state="DRAINING", expected=7, seen=7)
    with database.scope() as session:
        assert not sync_runs.end_if_drained(session, run_id)
    database.change(WorkItem.entity_id.in_(["open", "working"]), state="COMPLETED")

    with database.scope() as session:
        assert sync_runs.end_if_drained(session, run_id)

    (run,) = runs(database)
    assert (run.state, run.pushed, run.unchanged, run.failed) == ("DONE", 3, 1, 1)
    assert run.ended_at is not None


def test_a_run_that_pages_is_not_over(database):
    run_id = start(database)

    with database.scope() as session:
        assert not sync_runs.end_if_drained(session, run_id)


def test_a_run_that_saw_too_little_is_red_and_says_so(database):
    run_id = start(database)
    change(database, run_id, state="DRAINING", expected=7, seen=6)

    with database.scope() as session:
        assert sync_runs.end_if_drained(session, run_id)

    (run,) = runs(database)
    assert run.state == "RED"
    assert "counts 7 listed articles but showed only 6" in run.message


def test_runs_are_kept_for_30_days_after_their_end(database):
    old, young, open_ = start(database), start(database), start(database)
    day = 86_400
    change(database, old, ended_at=db_now(-30 * day - 60))
    change(database, young, ended_at=db_now(-30 * day + 60))

    with database.scope() as session:
        sync_runs.forget_old(session)

    assert [run.id for run in runs(database)] == [young, open_]
    with database.scope() as session:
        assert session.scalar(select(func.count()).select_from(SyncCursor)) == 2
