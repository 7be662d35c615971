"""The rules of a work item (design.md 4), one sentence each, on SQLite and on Postgres."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from integration import (
    first_writes,
    retry,
    shop_health,
    shop_products,
    sync_runs,
    work_items,
    work_outcomes,
)
from integration.errors import (
    ChannelError,
    ClaimLost,
    MappingMissing,
    Rejected,
    Throttled,
    TransientError,
)
from integration.models import Listing, Priority, WorkItem
from integration.topology import Topic
from integration.work_items import ClaimedItem, Settled
from tests.claims import claim_due
from tests.engines import executed
from tests.integration.support import LEASE_S, PATIENCE_S, Database, together

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK
LIVE, BACKFILL = Priority.LIVE, Priority.BACKFILL
TIMED_OUT = TransientError("no answer within 45 s", outcome_unknown=True)
#: The schedule without its jitter.
EXACT = {"uniform": lambda low, high: 1.0}


def record(database: Database, held: work_items.Claim, error: Exception, **options) -> set[str]:
    """Fail every row of the claim; the verbs that were chosen."""
    with database.scope() as session:
        errors = {item.id: error for item in held.items}
        return set(work_outcomes.record_errors(session, held, errors, **EXACT, **options).values())


def seconds_until(row) -> float:
    return (row.due_at - row.now).total_seconds()


def state(row) -> tuple[str, str | None, int]:
    return row.state, row.hold_reason, row.attempts


# The hint


@pytest.mark.contract("10.11")
@pytest.mark.pitfall(13)
def test_5000_hints_on_one_entity_are_one_row(database):
    with database.scope() as session:
        for _ in range(5_000):
            work_items.hint(session, database.channel, STOCK, ["1"])

    row = database.row(STOCK, "1")
    assert database.count() == 1
    assert (row.generation, row.state) == (5_000, "QUEUED")


def test_5000_hints_of_one_call_are_one_row_each(database):
    database.hint(STOCK, *(str(n) for n in range(5_000)))

    assert database.count() == 5_000


def test_an_entity_named_twice_in_one_call_counts_once(database):
    database.hint(STOCK, "1", "1")

    assert database.row(STOCK, "1").generation == 1


def test_a_hint_of_nothing_does_nothing(database):
    database.hint(STOCK)

    assert database.count() == 0


def test_ids_of_any_characters_arrive_as_they_are(database):
    ids = ["ä", "'", '"', "\\", "%s", ":x", "日本"]

    database.hint(STOCK, *ids)

    assert sorted(database.states(STOCK)) == sorted(ids)


def test_channels_topics_and_entities_have_rows_of_their_own(database):
    other = database.add_channel("43")

    for channel in (database.channel, other):
        for topic in (STOCK, PRICE):
            database.hint(topic, "1", "2", channel=channel)

    assert database.count() == 8


def test_while_queued_the_more_urgent_priority_stays(database):
    database.hint(STOCK, "1", priority=BACKFILL)
    database.hint(STOCK, "2", priority=LIVE)

    database.hint(STOCK, "1", "2", priority=LIVE)
    database.hint(STOCK, "1", "2", priority=BACKFILL)

    assert [database.row(STOCK, one).priority for one in "12"] == [LIVE, LIVE]


def test_while_queued_the_earlier_due_time_stays(database):
    database.hint(STOCK, "1", "2")
    soon = database.row(STOCK, "1").now - timedelta(hours=1)
    late = soon + timedelta(hours=2)
    database.change(WorkItem.entity_id == "1", due_at=soon)
    database.change(WorkItem.entity_id == "2", due_at=late)

    database.hint(STOCK, "1", "2")

    assert database.row(STOCK, "1").due_at == soon
    assert soon < database.row(STOCK, "2").due_at < late


def test_a_hint_starts_the_retry_schedule_of_a_row_again(database):
    """Otherwise eight events within an outage of minutes would use up 8.7 hours of attempts."""
    database.hint(STOCK, "1")
    record(database, database.hold(STOCK), TransientError("network"))

    database.hint(STOCK, "1")

    row = database.row(STOCK, "1")
    assert state(row) == ("QUEUED", None, 0)
    assert seconds_until(row) <= 0


def test_freshness_counts_from_the_first_event_that_is_not_in_the_shop(database):
    database.hint(STOCK, "1")
    first = database.row(STOCK, "1").first_unsent_at

    database.hint(STOCK, "1")

    row = database.row(STOCK, "1")
    assert row.first_unsent_at == first
    assert row.last_event_at >= first


@pytest.mark.contract("10.11")
def test_a_hint_during_work_moves_only_the_generation(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    before = database.row(STOCK, "1")

    database.hint(STOCK, "1", priority=BACKFILL)

    after = database.row(STOCK, "1")
    changed = {"generation", "events", "last_event_at", "next_unsent_at", "now"}
    assert after.generation == before.generation + 1
    assert {name for name in after._fields if after._mapping[name] != before._mapping[name]} <= (
        changed
    )
    assert database.take_over(held.id).items == held.items


def test_a_live_change_during_a_backfill_goes_on_as_live(database):
    database.hint(STOCK, "1", priority=BACKFILL)
    held = database.hold(STOCK, priority=BACKFILL)

    database.hint(STOCK, "1", priority=LIVE)
    database.settle(held, pushed="a")

    row = database.row(STOCK, "1")
    assert (row.state, row.priority) == ("QUEUED", LIVE)


def test_a_hint_on_a_failed_row_queues_it_with_no_attempts(database):
    database.hint(STOCK, "1")
    record(database, database.hold(STOCK), Rejected("the name is too long"))
    assert state(database.row(STOCK, "1")) == ("FAILED", None, 1)

    database.hint(STOCK, "1")

    row = database.row(STOCK, "1")
    assert state(row) == ("QUEUED", None, 0)
    assert seconds_until(row) <= 0


def test_a_hint_on_a_held_row_queues_it_with_no_attempts(database):
    database.hint(STOCK, "1")
    record(database, database.hold(STOCK), TransientError("network"))
    database.retries_are_due()
    record(database, database.hold(STOCK), MappingMissing("mapping:tax:19", "tax 19"))
    assert state(database.row(STOCK, "1")) == ("QUEUED", "mapping:tax:19", 1)
    assert database.claim(STOCK) is None

    database.hint(STOCK, "1")

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 0)
    assert database.claim(STOCK) is not None


def test_a_hint_with_a_run_names_it_and_one_without_leaves_it(database):
    with database.scope() as session:
        run = sync_runs.start(session, database.channel, "initial", ["stock"])
    database.hint(STOCK, "1", sync_run_id=run)

    database.hint(STOCK, "1")

    assert database.row(STOCK, "1").sync_run_id == run


# The claim


def test_a_claim_takes_due_rows_of_its_lane_in_the_order_they_fell_due(database):
    database.hint(STOCK, "1", "2", "3")
    database.hint(PRICE, "4")
    database.hint(STOCK, "5", priority=BACKFILL)
    now = database.row(STOCK, "1").now
    for entity_id, minutes in (("1", 1), ("2", 3), ("3", 2)):
        due_at = now - timedelta(minutes=minutes)
        database.change(WorkItem.entity_id == entity_id, due_at=due_at)

    held = database.hold(STOCK, limit=2)

    assert [item.entity_id for item in held.items] == ["2", "3"]
    assert (held.topic, held.priority, held.channel_id) == (STOCK, LIVE, database.channel)


def test_what_is_not_due_yet_is_not_claimed(database):
    database.hint(STOCK, "1")
    later = database.row(STOCK, "1").now + timedelta(seconds=30)
    database.change(due_at=later)

    assert database.claim(STOCK) is None


def test_a_stage_that_starts_fences_the_earlier_holder_out(database):
    database.hint(STOCK, "1")
    first = database.hold(STOCK)

    second = database.take_over(first.id)

    with pytest.raises(ClaimLost):
        database.begin_write(first)
    assert database.settle(first, pushed="old").refused == (first.items[0].id,)
    database.begin_write(second)
    assert database.settle(second, pushed="new").completed == (second.items[0].id,)
    assert database.row(STOCK, "1").pushed_hash == "new"


def test_a_claim_that_is_settled_cannot_be_taken_over(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.settle(held, pushed="a")

    with pytest.raises(ClaimLost):
        database.take_over(held.id)


def test_taking_over_brings_what_is_left_of_a_claim(database):
    database.hint(STOCK, "1", "2")
    held = database.hold(STOCK)
    with database.scope() as session:
        work_items.settle(session, held, [Settled(held.items[0].id, "a")])

    rest = database.take_over(held.id)

    assert rest.items == (ClaimedItem(held.items[1].id, "2", None, 0),)


def test_each_stage_and_each_write_prolongs_the_lease(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK, lease_s=5)
    assert database.row(STOCK, "1").lease_until > database.row(STOCK, "1").now + timedelta(
        seconds=50
    )
    database.change(lease_until=database.row(STOCK, "1").now + timedelta(seconds=1))

    database.begin_write(held)

    row = database.row(STOCK, "1")
    assert row.lease_until > row.now + timedelta(seconds=50)


def test_a_write_needs_all_of_its_rows(database):
    database.hint(STOCK, "1", "2")
    held = database.hold(STOCK)
    with database.scope() as session:
        work_items.release(session, held, [held.items[0].id])

    with pytest.raises(ClaimLost):
        database.begin_write(held)


def test_a_released_row_is_as_it_was_but_due_later(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)

    with database.scope() as session:
        work_items.release(session, held, [held.items[0].id], delay_s=30)

    row = database.row(STOCK, "1")
    assert state(row) == ("QUEUED", None, 0)
    assert 20 < seconds_until(row) <= 30


def test_a_claim_whose_chain_could_not_be_sent_is_due_again_at_once(database):
    database.hint(STOCK, "1")
    claim_id = database.claim(STOCK)

    with database.scope() as session:
        work_items.release_unsent(session, claim_id)

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 0)
    assert database.claim(STOCK) is not None


# Settle and the pushed hash


def test_settle_completes_a_row_with_its_evidence(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.begin_write(held)

    result = database.settle(held, pushed="a")

    row = database.row(STOCK, "1")
    assert result.completed == (held.items[0].id,)
    assert (row.state, row.pushed_hash, row.skip_reason) == ("COMPLETED", "a", None)
    assert (row.claim_id, row.holder, row.lease_until, row.first_unsent_at) == (None,) * 4
    assert row.pushed_at is not None


def test_each_row_of_a_settle_keeps_its_own_evidence(database):
    database.hint(STOCK, "1", "2", "3")
    held = database.hold(STOCK)
    one, two, three = (item.id for item in held.items)

    with database.scope() as session:
        work_items.settle(
            session,
            held,
            [Settled(one, "a"), Settled(two, "b"), Settled(three, skip_reason="not listed")],
        )

    rows = [database.row(STOCK, entity_id) for entity_id in "123"]
    assert [row.pushed_hash for row in rows] == ["a", "b", None]
    assert [row.skip_reason for row in rows] == [None, None, "not listed"]
    assert [row.pushed_at is None for row in rows] == [False, False, True]


def test_a_skip_keeps_the_hash_of_what_the_shop_holds(database):
    database.hint(STOCK, "1")
    database.push(STOCK, "a")
    database.hint(STOCK, "1")

    database.settle(database.hold(STOCK), skip_reason="unchanged")

    row = database.row(STOCK, "1")
    assert (row.state, row.pushed_hash, row.skip_reason) == ("COMPLETED", "a", "unchanged")


def test_success_clears_what_earlier_failures_left(database):
    database.hint(STOCK, "1")
    record(database, database.hold(STOCK), TransientError("network"))
    database.retries_are_due()

    database.push(STOCK, "a")

    row = database.row(STOCK, "1")
    assert (row.attempts, row.error_class, row.last_error, row.fingerprint) == (0, None, None, None)


@pytest.mark.contract("10.11")
def test_a_row_hinted_during_its_write_goes_again_and_its_hash_stays_forgotten(database):
    database.hint(STOCK, "1")
    database.push(STOCK, "a")
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.begin_write(held)
    database.hint(STOCK, "1")
    hinted_at = database.row(STOCK, "1").next_unsent_at

    result = database.settle(held, pushed="b")

    row = database.row(STOCK, "1")
    assert result.requeued == (held.items[0].id,)
    assert state(row) == ("QUEUED", None, 0)
    assert (row.pushed_hash, row.first_unsent_at) == (None, hinted_at)
    assert seconds_until(row) <= 0


def test_a_write_forgets_the_hash_until_settle(database):
    database.hint(STOCK, "1")
    database.push(STOCK, "a")
    assert database.row(STOCK, "1").pushed_hash == "a"
    database.hint(STOCK, "1")
    held = database.hold(STOCK)

    database.begin_write(held)

    assert held.items[0].pushed_hash == "a"
    assert database.row(STOCK, "1").pushed_hash is None


def test_back_to_the_old_value_after_a_crash_is_not_taken_for_unchanged(database):
    # A pushed; B pushed, crash before settle; the ERP is back at A: the shop still holds B.
    database.hint(STOCK, "1")
    database.push(STOCK, "a")
    database.hint(STOCK, "1")
    database.begin_write(database.hold(STOCK))
    database.end_leases()
    with database.scope() as session:
        work_outcomes.recover_expired(session)
    database.hint(STOCK, "1")

    held = database.hold(STOCK)

    assert held.items[0].pushed_hash is None


def test_a_refused_settle_sends_the_row_again_with_its_hash_forgotten(database):
    database.hint(STOCK, "1", priority=BACKFILL)
    frozen = database.hold(STOCK, priority=BACKFILL)
    database.begin_write(frozen)
    second = database.take_over(frozen.id)
    database.begin_write(second)
    database.settle(second, pushed="new")
    result = database.settle(frozen, pushed="old")
    before = database.row(STOCK, "1")
    assert seconds_until(before) > 60

    with database.scope() as session:
        work_items.rehint(session, result.refused)

    row = database.row(STOCK, "1")
    assert (row.state, row.pushed_hash, row.priority) == ("QUEUED", None, BACKFILL)
    assert row.generation == before.generation + 1
    assert seconds_until(row) <= 0


def test_a_late_write_of_an_article_puts_its_price_and_stock_in_doubt(database):
    # A first write carries both: it may have undone newer ones.
    for topic in (ARTICLE, PRICE, STOCK):
        database.hint(topic, "1")
        database.push(topic, "a")
    with database.scope() as session:
        work_items.rehint(session, [database.row(ARTICLE, "1").id])

    rows = [database.row(topic, "1") for topic in (ARTICLE, PRICE, STOCK)]

    assert [(row.state, row.pushed_hash) for row in rows] == [("QUEUED", None)] * 3


@pytest.mark.parametrize(
    "error",
    [
        TIMED_OUT,
        Throttled("the second part of the batch", 30.0),
        Rejected("the second part of the batch"),
        RuntimeError("the answer is not JSON"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_late_write_that_ends_in_an_error_goes_again(database, error):
    """A frozen sender wakes, writes an old value, and never gets to its settle."""
    database.hint(STOCK, "1")
    frozen = database.hold(STOCK)
    database.begin_write(frozen)
    second = database.take_over(frozen.id)
    database.begin_write(second)
    database.settle(second, pushed="new")

    verbs = record(database, frozen, error, written=[frozen.items[0].id])

    row = database.row(STOCK, "1")
    assert verbs == set()
    assert (row.state, row.pushed_hash, row.attempts) == ("QUEUED", None, 0)


def test_an_error_before_any_write_leaves_rows_of_another_holder_alone(database):
    database.hint(STOCK, "1")
    fenced_out = database.hold(STOCK)
    database.take_over(fenced_out.id)
    before = database.row(STOCK, "1")

    assert record(database, fenced_out, TIMED_OUT) == set()

    after = database.row(STOCK, "1")
    assert [value for value in after[:-1]] == [value for value in before[:-1]]


# What an error does


@pytest.mark.parametrize("attempt", range(len(retry.RETRY_SCHEDULE_S)))
def test_a_transient_error_is_tried_again_by_the_schedule(database, attempt):
    database.hint(STOCK, "1")
    database.change(attempts=attempt)

    assert record(database, database.hold(STOCK), TransientError("network")) == {"postponed"}

    row = database.row(STOCK, "1")
    delay = retry.RETRY_SCHEDULE_S[attempt]
    assert state(row) == ("QUEUED", None, attempt + 1)
    assert delay - 5 < seconds_until(row) <= delay
    assert (row.error_class, row.last_error) == ("TransientError", "network")


def test_the_eighth_attempt_is_the_last(database):
    database.hint(STOCK, "1")
    database.change(attempts=7)

    assert record(database, database.hold(STOCK), TransientError("network")) == {"buried"}

    assert state(database.row(STOCK, "1")) == ("FAILED", None, 8)


@pytest.mark.pitfall(29)
def test_throttling_costs_no_attempt_however_often(database):
    database.hint(STOCK, "1")
    database.change(attempts=7)

    for _ in range(3):
        database.retries_are_due()
        assert record(database, database.hold(STOCK), Throttled("slow", 30.0)) == {"postponed"}

    row = database.row(STOCK, "1")
    assert state(row) == ("QUEUED", None, 7)
    assert 20 < seconds_until(row) <= 30


def test_an_unknown_outcome_counts_as_a_change_and_forgets_the_hash(database):
    database.hint(STOCK, "1")
    database.push(STOCK, "a")
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    before = database.row(STOCK, "1")

    assert record(database, held, TIMED_OUT) == {"postponed"}

    row = database.row(STOCK, "1")
    assert (row.generation, row.pushed_hash) == (before.generation + 1, None)


def test_a_permanent_error_fails_the_row_at_once_in_the_words_of_the_platform(database):
    database.hint(STOCK, "1", "2")
    held = database.hold(STOCK)
    first, second = held.items

    with database.scope() as session:
        verbs = work_outcomes.record_errors(
            session, held, {first.id: Rejected("name 'x' too long")}
        )

    row = database.row(STOCK, "1")
    assert verbs == {first.id: "buried"}
    assert (row.state, row.error_class, row.last_error) == (
        "FAILED",
        "Rejected",
        "name 'x' too long",
    )
    assert database.row(STOCK, "2").state == "PROCESSING"
    assert second.entity_id == "2"


def test_a_bug_fails_the_row_with_its_traceback(database):
    database.hint(STOCK, "1")

    record(database, database.hold(STOCK), KeyError("price"))

    row = database.row(STOCK, "1")
    assert (row.state, row.error_class) == ("FAILED", "bug")
    assert row.last_error.startswith("KeyError: 'price'\n")


def test_a_channel_error_burns_nothing(database):
    database.hint(STOCK, "1")
    database.change(attempts=7)

    assert record(database, database.hold(STOCK), ChannelError("wrong currency")) == {"released"}

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 7)


@pytest.mark.parametrize(
    "error",
    [Rejected("no"), MappingMissing("mapping:tax:19", "tax 19"), RuntimeError("bug")],
    ids=lambda error: type(error).__name__,
)
def test_a_hint_during_work_beats_a_permanent_failure_and_a_hold(database, error):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.hint(STOCK, "1")

    assert record(database, held, error) == {"requeued"}

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 0)


def test_a_hint_during_the_last_attempt_starts_the_schedule_again(database):
    database.hint(STOCK, "1")
    database.change(attempts=7)
    held = database.hold(STOCK)
    database.hint(STOCK, "1")

    assert record(database, held, TransientError("network")) == {"postponed"}

    row = database.row(STOCK, "1")
    assert state(row) == ("QUEUED", None, 0)
    assert seconds_until(row) <= 0


# Leases


@pytest.mark.pitfall(3)
def test_a_row_whose_lease_ended_goes_again_and_has_used_an_attempt(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.end_leases()

    with database.scope() as session:
        assert work_outcomes.recover_expired(session) == 1

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 1)
    with pytest.raises(ClaimLost):
        database.begin_write(held)


def test_a_lease_that_lasts_is_left_alone(database):
    database.hint(STOCK, "1")
    database.hold(STOCK)

    with database.scope() as session:
        assert work_outcomes.recover_expired(session) == 0

    assert database.row(STOCK, "1").state == "PROCESSING"


@pytest.mark.pitfall(2)
def test_a_row_that_killed_eight_workers_is_failed(database):
    database.hint(STOCK, "1")
    for _ in range(retry.MAX_ATTEMPTS):
        database.hold(STOCK)
        database.end_leases()
        with database.scope() as session:
            work_outcomes.recover_expired(session)

    row = database.row(STOCK, "1")
    assert state(row) == ("FAILED", None, 8)
    assert row.last_error == "its worker died 8 times while it was worked on"


def test_a_hint_while_the_eighth_worker_died_queues_the_row(database):
    database.hint(STOCK, "1")
    database.change(attempts=7)
    database.hold(STOCK)
    database.hint(STOCK, "1")
    database.end_leases()

    with database.scope() as session:
        work_outcomes.recover_expired(session)

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 0)


def test_what_no_worker_ever_took_waits_and_is_not_failed(database):
    database.hint(STOCK, "1")
    for _ in range(retry.MAX_ATTEMPTS + 1):
        database.claim(STOCK)
        database.end_leases()
        with database.scope() as session:
            work_outcomes.recover_expired(session)

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 0)


# Replay and holds


@pytest.mark.pitfall(14)
def test_a_replay_queues_failed_rows_of_one_cause(database):
    for entity_id, message in (("1", "name 'a' too long"), ("2", "name 'b' too long"), ("3", "x")):
        database.hint(STOCK, entity_id)
        record(database, database.hold(STOCK), Rejected(message))
    cause = database.row(STOCK, "1").fingerprint

    with database.scope() as session:
        assert work_outcomes.replay(session, database.channel, STOCK, cause) == 2

    assert database.states(STOCK) == {"1": "QUEUED", "2": "QUEUED", "3": "FAILED"}
    assert database.row(STOCK, "1").attempts == 0


def test_a_replay_is_of_one_channel_and_topic(database):
    other = database.add_channel("43")
    for channel in (database.channel, other):
        for topic in (PRICE, STOCK):
            database.hint(topic, "1", channel=channel)
    database.change(state="FAILED")

    with database.scope() as session:
        assert work_outcomes.replay(session, other, PRICE) == 1


def test_releasing_a_hold_lets_all_its_rows_go_and_no_others(database):
    database.hint(STOCK, "1", "2", "3")
    database.change(WorkItem.entity_id.in_(["1", "2"]), hold_reason="no-price", attempts=3)
    database.change(WorkItem.entity_id == "3", hold_reason="mapping:tax:19")

    with database.scope() as session:
        assert work_outcomes.release_holds(session, database.channel, "no-price") == 2

    assert state(database.row(STOCK, "1")) == ("QUEUED", None, 0)
    assert state(database.row(STOCK, "3")) == ("QUEUED", "mapping:tax:19", 0)


# Articles that are not in the shop yet


def test_a_stock_without_a_product_waits_for_its_article(database):
    database.hint(STOCK, "1", "2", priority=BACKFILL)
    held = database.hold(STOCK, priority=BACKFILL)
    first = held.items[0]

    with database.scope() as session:
        work_outcomes.wait_for_articles(session, held, [first.id])

    assert state(database.row(STOCK, "1")) == ("QUEUED", "article-not-in-shop", 0)
    assert database.row(STOCK, "2").state == "PROCESSING"
    article = database.row(ARTICLE, "1")
    assert (article.state, article.priority) == ("QUEUED", BACKFILL)


def test_the_settle_of_an_article_lets_only_its_own_rows_go(database):
    for topic in (PRICE, STOCK):
        database.hint(topic, "1", "2")
    database.change(hold_reason=work_outcomes.NOT_IN_SHOP)

    with database.scope() as session:
        reason = work_outcomes.NOT_IN_SHOP
        assert work_outcomes.release_holds(session, database.channel, reason, ["1"]) == 2

    assert database.row(STOCK, "1").hold_reason is None
    assert database.row(STOCK, "2").hold_reason == work_outcomes.NOT_IN_SHOP


def test_an_article_that_is_not_offered_ends_the_waiting_with_its_reason(database):
    for topic in (PRICE, STOCK):
        database.hint(topic, "1", "2")
    database.change(WorkItem.entity_id == "1", hold_reason=work_outcomes.NOT_IN_SHOP)

    with database.scope() as session:
        reasons = {"1": "not listed", "2": "not listed"}
        work_outcomes.complete_waiting(session, database.channel, reasons)

    for topic in (PRICE, STOCK):
        row = database.row(topic, "1")
        assert (row.state, row.hold_reason, row.skip_reason) == ("COMPLETED", None, "not listed")
        assert database.row(topic, "2").state == "QUEUED"


def test_a_first_write_notes_the_hash_of_what_it_carried(database):
    database.hint(STOCK, "1", "2")
    held = database.hold(STOCK, limit=1)

    with database.scope() as session:
        hashes = {"1": "a", "2": "b", "3": "c"}
        first_writes.remember_pushed(session, database.channel, STOCK, hashes)

    assert held.items[0].entity_id == "1"
    assert database.row(STOCK, "1").pushed_hash is None  # being worked on: its write may be later
    assert database.row(STOCK, "2").pushed_hash == "b"
    assert (database.row(STOCK, "2").state, database.row(STOCK, "3").state) == (
        "QUEUED",
        "COMPLETED",
    )


def test_products_in_the_shop_are_noted_with_as_many_statements_for_one_as_for_a_hundred(database):
    def products(count: int, **changes: Any) -> list[dict[str, Any]]:
        fixed = {"is_active": True, "was_adopted": False, **changes}
        return [
            {"article_id": str(n), "external_id": f"p{n}", "number": f"A-{n}", **fixed}
            for n in range(count)
        ]

    def remember(listings: list[dict[str, Any]]) -> tuple[set[str], int]:
        with database.scope() as session, executed(database.engine) as statements:
            found = shop_products.remember(session, database.channel, listings)
        return found.new, len(statements)

    assert remember(products(1)) == ({"0"}, 2)
    assert remember(products(100)) == ({str(n) for n in range(1, 100)}, 2)
    assert remember(products(100)) == (set(), 1)

    changed = [*products(99), *products(100, is_active=False, number="B-99")[-1:]]
    assert remember(changed) == (set(), 2)
    with database.scope() as session:
        rows = {row.article_id: row for row in session.scalars(select(Listing))}
    assert len(rows) == 100
    assert (rows["99"].number, rows["99"].is_active) == ("B-99", False)
    assert (rows["98"].number, rows["98"].is_active) == ("A-98", True)


def test_a_vanished_product_is_forgotten_with_all_its_hashes(database):
    with database.scope() as session:
        for article_id in "12":
            listing = Listing(
                channel_id=database.channel,
                article_id=article_id,
                external_id=f"p{article_id}",
                number=article_id,
            )
            session.add(listing)
    for topic in (ARTICLE, STOCK):
        database.hint(topic, "1", "2")
        database.push(topic, "a")

    with database.scope() as session:
        work_outcomes.forget_vanished(session, database.channel, ["1"])

    with database.scope() as session:
        assert session.scalars(select(Listing.article_id)).all() == ["2"]
    assert [database.row(STOCK, one).pushed_hash for one in "12"] == [None, "a"]
    assert [database.row(ARTICLE, one).pushed_hash for one in "12"] == [None, "a"]


# Two at the same time


@pytest.mark.pitfall(12)
def test_concurrent_claimers_never_get_the_same_row(database):
    database.hint(STOCK, *(str(n) for n in range(300)))

    def take_all() -> list[str]:
        found = []
        while (claim_id := database.claim(STOCK, limit=7)) is not None:
            found += [item.entity_id for item in database.take_over(claim_id).items]
        return found

    found = together([take_all] * 4)

    taken = [entity_id for one in found for entity_id in one]
    assert sorted(taken) == sorted(str(n) for n in range(300))


@pytest.mark.pitfall(12)
def test_hints_of_8_threads_on_50_entities_leave_exactly_50_rows(database):
    ids = [str(n) for n in range(50)]

    def hint_all() -> None:
        for start in range(10):
            # 5 calls of 10 entities, each thread in another order
            for n in range(5):
                database.hint(STOCK, *ids[(start + n) % 5 * 10 :][:10])

    together([hint_all] * 8)

    assert database.count() == 50
    assert {database.row(STOCK, one).generation for one in ids} == {80}  # 8 threads x 10 times


def test_of_two_stages_that_start_at_once_one_may_write(database):
    database.hint(STOCK, "1")
    claim_id = database.claim(STOCK)

    holders = together([lambda: database.take_over(claim_id)] * 2)

    written = 0
    for held in holders:
        try:
            database.begin_write(held)
            written += 1
        except ClaimLost:
            pass
    assert written == 1


def waits_for_a_lock(database: Database) -> bool:
    with database.scope() as session:
        return bool(
            session.connection()
            .exec_driver_sql(
                "SELECT count(*) FROM pg_locks WHERE NOT granted"
                " AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
            )
            .scalar()
        )


def test_a_hint_that_meets_a_settle_is_not_lost(postgres):
    """The hint waits for the settle's transaction, and then finds the row COMPLETED."""
    postgres.hint(STOCK, "1")
    held = postgres.hold(STOCK)
    hinting = threading.Thread(target=lambda: postgres.hint(STOCK, "1"))

    with postgres.scope() as session:
        work_items.settle(session, held, [Settled(held.items[0].id, "a")])
        session.flush()
        hinting.start()
        until(lambda: waits_for_a_lock(postgres))
    hinting.join(PATIENCE_S)

    row = postgres.row(STOCK, "1")
    assert (row.state, row.generation) == ("QUEUED", 2)


def test_a_stage_that_starts_or_writes_while_a_hint_comes_waits_and_keeps_its_row(postgres):
    """And a stage that starts sees that the hint made it forget the hash."""
    postgres.hint(STOCK, "1")
    postgres.push(STOCK, "a")
    postgres.hint(STOCK, "1")
    claim_id = postgres.claim(STOCK)

    held = meeting_a_hint(postgres, lambda: postgres.take_over(claim_id))
    assert [item.pushed_hash for item in held.items] == [None]

    meeting_a_hint(postgres, lambda: postgres.begin_write(held))
    assert postgres.row(STOCK, "1").doubt_until is not None
    assert postgres.settle(held, pushed="b").requeued == (held.items[0].id,)


def meeting_a_hint(postgres: Database, step) -> Any:
    """What `step` gave, which began while the transaction of a hint was open."""
    with ThreadPoolExecutor(1) as pool:
        with postgres.scope() as session:
            work_items.hint(session, postgres.channel, STOCK, ["1"], forgets_hash=True)
            begun = pool.submit(step)
            until(lambda: waits_for_a_lock(postgres))
        return begun.result(PATIENCE_S)


def test_a_settle_that_meets_a_hint_sends_the_row_again(postgres):
    """The settle waits for the hint's transaction, and then sees its generation."""
    postgres.hint(STOCK, "1")
    held = postgres.hold(STOCK)
    settling = threading.Thread(target=lambda: postgres.settle(held, pushed="a"))

    with postgres.scope() as session:
        work_items.hint(session, postgres.channel, STOCK, ["1"])
        settling.start()
        until(lambda: waits_for_a_lock(postgres))
    settling.join(PATIENCE_S)

    row = postgres.row(STOCK, "1")
    assert (row.state, row.pushed_hash) == ("QUEUED", None)


@pytest.mark.parametrize("first", ["the wait", "the settle"])
def test_a_stock_that_waits_while_its_article_settles_is_let_go(postgres, first):
    postgres.hint(ARTICLE, "1")
    postgres.hint(STOCK, "1")
    article, stock = postgres.hold(ARTICLE), postgres.hold(STOCK)

    def wait(session) -> None:
        work_outcomes.wait_for_articles(session, stock, [stock.items[0].id])

    def settle(session) -> None:
        work_items.settle(session, article, [Settled(article.items[0].id, "a")])
        work_outcomes.release_holds(session, postgres.channel, work_outcomes.NOT_IN_SHOP, ["1"])

    steps = [wait, settle] if first == "the wait" else [settle, wait]

    def second() -> None:
        with postgres.scope() as session:
            steps[1](session)

    other = threading.Thread(target=second)
    with postgres.scope() as session:
        steps[0](session)
        other.start()
        until(lambda: waits_for_a_lock(postgres))
    other.join(PATIENCE_S)

    assert postgres.row(ARTICLE, "1").state == "QUEUED"  # it goes once more, and lets the stock go
    article = postgres.hold(ARTICLE)
    with postgres.scope() as session:
        settle(session)
    assert state(postgres.row(STOCK, "1")) == ("QUEUED", None, 0)


class RandomWork:
    """What workers, webhooks, syncs and people do, again and again on the same few articles."""

    ARTICLES = tuple(str(n) for n in range(12))

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.channel, self.dice = database, database.channel, random.Random(seed)

    def __call__(self) -> None:
        steps = (
            self.webhook,
            self.sync_page,
            self.chain,
            self.chain,
            self.chain,
            self.replay,
            self.release,
            self.sweep,
            self.unlisted,
            self.vanished,
        )
        for _ in range(150):
            self.dice.choice(steps)()

    def some(self) -> list[str]:
        return self.dice.sample(self.ARTICLES, 6)

    def topic(self) -> Topic:
        return self.dice.choice((ARTICLE, PRICE, STOCK))

    def webhook(self) -> None:
        self.database.hint(self.topic(), *self.some())

    def sync_page(self) -> None:
        with self.database.scope() as session:
            for topic in (ARTICLE, PRICE, STOCK):
                work_items.hint(session, self.channel, topic, self.ARTICLES, priority=BACKFILL)

    def chain(self) -> None:
        priority = self.dice.choice((LIVE, BACKFILL))
        with self.database.scope() as session:
            shop_health.locked(session, self.channel)
            claim_id = claim_due(
                session, self.channel, self.topic(), priority=priority, limit=5, lease_s=LEASE_S
            )
        if claim_id is None:
            return
        try:
            held = self.database.take_over(claim_id)
            self.write(held)
        except ClaimLost:
            return
        with self.database.scope() as session:
            self.dice.choice((self.settle, self.fail, self.wait))(session, held)

    def write(self, held) -> None:
        with self.database.scope() as session:
            ids = [item.id for item in held.items]
            self.dice.shuffle(ids)
            work_items.begin_write(session, held, ids, lease_s=LEASE_S)
            shop_health.note_call(session, self.channel)

    def settle(self, session, held) -> None:
        done = [Settled(item.id, "a") for item in held.items]
        self.dice.shuffle(done)
        result = work_items.settle(session, held, done)
        names = [item.entity_id for item in held.items]
        if held.topic is ARTICLE:
            work_items.rehint(session, result.refused)
            for topic in (PRICE, STOCK):
                hashes = dict.fromkeys(names, "a")
                first_writes.remember_pushed(session, self.channel, topic, hashes)
            reason = work_outcomes.NOT_IN_SHOP
            work_outcomes.release_holds(session, self.channel, reason, names)
        shop_health.record_success(session, self.channel, 0.1)

    def fail(self, session, held) -> None:
        errors = {item.id: self.dice.choice((TIMED_OUT, Rejected("no"))) for item in held.items}
        work_outcomes.record_errors(session, held, errors, written=list(errors))

    def wait(self, session, held) -> None:
        if held.topic is not ARTICLE:
            work_outcomes.wait_for_articles(session, held, [item.id for item in held.items])

    def replay(self) -> None:
        with self.database.scope() as session:
            work_outcomes.replay(session, self.channel)

    def release(self) -> None:
        with self.database.scope() as session:
            work_outcomes.release_holds(session, self.channel, work_outcomes.NOT_IN_SHOP)

    def sweep(self) -> None:
        with self.database.scope() as session:
            work_outcomes.recover_expired(session)

    def unlisted(self) -> None:
        with self.database.scope() as session:
            reasons = dict.fromkeys(self.some(), "not listed")
            work_outcomes.complete_waiting(session, self.channel, reasons)

    def vanished(self) -> None:
        with self.database.scope() as session:
            work_outcomes.forget_vanished(session, self.channel, self.some())


def test_whoever_works_at_the_same_time_never_locks_the_others_out(postgres):
    together([RandomWork(postgres, seed) for seed in range(6)])

    assert set(postgres.states(STOCK).values()) <= {"QUEUED", "PROCESSING", "COMPLETED", "FAILED"}
    assert postgres.count() == 36  # 12 articles in 3 topics


def until(condition) -> None:
    """Wait for another thread to get where the test wants it."""
    tick = threading.Event()
    for _ in range(PATIENCE_S * 100):
        if condition():
            return
        tick.wait(0.01)
    raise AssertionError("the other thread never waited")
