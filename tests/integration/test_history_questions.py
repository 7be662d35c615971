"""What the history answers and how long it lasts, on the queue alone."""

from __future__ import annotations

import itertools
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from integration import work_items, work_outcomes
from integration.clock import db_now
from integration.errors import Rejected, Throttled, TransientError
from integration.history import belief, contents, reading, retention, sums
from integration.history.sums import Sum
from integration.models import HistoryBatch, HistoryContent, HistoryEntry
from integration.topology import Topic
from integration.work_items import Settled
from tests.integration.support import open_database

STOCK, PRICE = Topic.STOCK, Topic.PRICE
BASE = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
DAY = 86_400.0


def turn(database, topic, *, push=None, skip=None, error=None):
    """Work on all that is due of a topic, with one outcome."""
    held = database.hold(topic)
    if skip is None:
        database.begin_write(held)
    for item in held.items:
        held.notes.bodies.setdefault(topic.value, {})[item.entity_id] = {"content": push}
        held.notes.hashes[item.entity_id] = push or "never"
    held.notes.has_written = push is not None or error is not None
    with database.scope() as session:
        if error is None:
            evidence = [Settled(one.id, push, skip) for one in held.items]
            work_items.settle(session, held, evidence)
        else:
            work_outcomes.record_errors(session, held, {one.id: error for one in held.items})


def of_last(database, **values):
    """Change the youngest entry: what time does to it."""
    with database.scope() as session:
        last = select(func.max(HistoryEntry.id)).scalar_subquery()
        session.execute(update(HistoryEntry).where(HistoryEntry.id == last).values(**values))


def count(database, model):
    with database.scope() as session:
        return session.scalar(select(func.count()).select_from(model))


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory, sqlite_template):
    file = shutil.copy(sqlite_template, tmp_path_factory.mktemp("belief") / "relay.db")
    database = open_database(f"sqlite:///{file}")
    yield database
    database.engine.dispose()


#: What may become of a turn: accepted content, the same content again, refused, no answer.
OUTCOMES = st.one_of(
    st.sampled_from(["a", "b", "c"]).map(lambda content: ("push", content)),
    st.just(("same", None)),
    st.just(("refused", None)),
    st.just(("no answer", None)),
)
_entities = itertools.count(1)


@settings(max_examples=25)
@given(outcomes=st.lists(OUTCOMES, min_size=1, max_size=6), place=st.integers(0, 6))
def test_the_belief_at_a_time_is_the_last_content_accepted_before_it(on_sqlite, outcomes, place):
    entity, accepted = str(next(_entities)), []
    for step, (outcome, content) in enumerate(outcomes):
        on_sqlite.hint(STOCK, entity)
        known = on_sqlite.row(STOCK, entity).pushed_hash
        if outcome == "same" and known is None:
            continue  # only what the shop holds for sure is found unchanged
        if outcome == "push":
            turn(on_sqlite, STOCK, push=content)
            accepted.append((step, content))
        elif outcome == "same":
            turn(on_sqlite, STOCK, skip="unchanged")
            accepted.append((step, known))
        elif outcome == "refused":
            turn(on_sqlite, STOCK, error=Rejected("no"))
        else:
            turn(on_sqlite, STOCK, error=TransientError("no answer", outcome_unknown=True))
            on_sqlite.change(due_at=db_now(-1), doubt_until=None)
            turn(on_sqlite, STOCK, error=Rejected("no"))
        with on_sqlite.scope() as session:
            session.execute(
                update(HistoryEntry)
                .where(HistoryEntry.entity_id == entity, HistoryEntry.at > BASE + timedelta(days=1))
                .values(at=BASE + timedelta(seconds=step))
            )
    moment = BASE + timedelta(seconds=place - 0.5)
    on_sqlite.change(pushed_at=BASE + timedelta(hours=1))

    with on_sqlite.scope() as session:
        (found,) = belief.at(session, on_sqlite.channel, entity, moment, [STOCK])

    before = [content for step, content in accepted if step < place]
    assert found.content_hash == (before[-1] if before else None)


def test_what_arrived_in_a_time_is_the_sum_of_what_became_of_it(database):
    database.hint(STOCK, "1", "2")
    turn(database, STOCK, push="a")
    database.hint(STOCK, "3")
    turn(database, STOCK, skip="unchanged")
    database.hint(STOCK, "4")
    turn(database, STOCK, skip="not listed on this channel")
    database.hint(STOCK, "5")
    turn(database, STOCK, error=Rejected("too long"))
    database.hint(STOCK, "6")
    turn(database, STOCK, error=TransientError("HTTP 500"))
    database.hint(STOCK, "7", "7", "8")
    database.hint(PRICE, "1")

    now = database.row(STOCK, "1").now
    hour = timedelta(hours=1)
    with database.scope() as session:
        found = sums.of_channel(session, database.channel, now - hour, now + hour)
        earlier = sums.of_channel(session, database.channel, now - 2 * hour, now - hour)

    by_topic = {one.topic: one for one in found}
    assert by_topic[STOCK] == Sum(STOCK, accepted=2, unchanged=1, skipped=1, refused=1, waiting=3)
    assert by_topic[STOCK].arrived == 8
    assert by_topic[PRICE] == Sum(PRICE, waiting=1)
    assert earlier == []


def test_an_event_that_came_during_the_work_is_left_for_the_next_entry(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.hint(STOCK, "1", by="webhook sales_channel.stockChange")
    database.settle(held, pushed="a")
    assert database.row(STOCK, "1").events == 1
    database.push(STOCK, "b")

    with database.scope() as session:
        first, second = reading.entries(session, database.channel, "1")

    assert (first.events, second.events) == (1, 1)
    assert second.hinted_by == "webhook sales_channel.stockChange"
    assert first.last_event_at < second.last_event_at
    assert database.row(STOCK, "1").events == 0


def test_only_a_pause_that_came_after_a_write_has_an_entry(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    with database.scope() as session:
        work_outcomes.record_errors(session, held, {held.items[0].id: Throttled("slow down")})
    assert count(database, HistoryEntry) == 0

    database.retries_are_due()
    turn(database, STOCK, error=Throttled("slow down", 1.0, True))

    with database.scope() as session:
        (entry,) = reading.entries(session, database.channel, "1")
    assert (entry.kind, entry.is_in_doubt, entry.events) == ("postponed", True, 1)


def test_what_is_old_goes_in_small_steps_and_what_was_sent_goes_first(database, monkeypatch):
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
    for age_days in (31, 31, 31, 8, 6, 0):
        database.hint(STOCK, "1")
        turn(database, STOCK, push="a")
        with database.scope() as session:
            for model in (HistoryEntry, HistoryBatch, HistoryContent):
                key = model.__table__.primary_key.columns[0]
                last = select(func.max(key)).scalar_subquery()
                old = db_now(-age_days * DAY)
                session.execute(update(model).where(key == last).values(at=old))

    removed = retention.forget_old(database.scope)

    counts = [count(database, model) for model in (HistoryEntry, HistoryBatch, HistoryContent)]
    assert counts == [3, 3, 2]
    assert removed == 3 + 3 + 4
    assert retention.forget_old(database.scope) == 0
    with database.scope() as session:
        kept = reading.entries(session, database.channel, "1")
    assert [one.sent for one in kept] == [None, {"content": "a"}, {"content": "a"}]


def test_who_is_asked_to_stop_breaks_off(database):
    database.hint(STOCK, "1")
    turn(database, STOCK, push="a")
    of_last(database, at=db_now(-31 * DAY))

    assert retention.forget_old(database.scope, lambda: True) == 0
    assert count(database, HistoryEntry) == 1


def test_a_hundred_bodies_are_kept_in_a_fraction_of_their_size():
    bodies = {
        "t": {str(one): {"name": f"Lamp {one}", "text": "warm light " * 20} for one in range(100)}
    }

    packed = contents.packed(bodies)

    assert contents.unpacked(packed) == bodies
    assert len(packed) < 0.1 * len(repr(bodies))


def test_a_text_that_looks_like_a_secret_is_masked_wherever_it_stands():
    bodies = {"t": {"1": {"note": "x://host:80", "mail": "a@b", "list": ["password: abc"]}}}

    assert contents.unpacked(contents.packed(bodies)) == {
        "t": {"1": {"note": "x://host:80", "mail": "a@b", "list": ["password: ***"]}}
    }
    hidden = contents.packed({"t": {"1": {"api_secret": "abc"}}})
    assert contents.unpacked(hidden) == {"t": {"1": {"api_secret": "***"}}}
