"""Which work goes next: rounds, limits, order, and who may not move."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from integration import (
    channels,
    claim_rows,
    dispatching,
    pacing,
    shop_health,
    toggles,
    work_items,
)
from integration.clock import db_now
from integration.dispatching import Limits
from integration.errors import TenantError
from integration.models import Lane, Priority, RateBucket, SalesChannel, WorkItem
from integration.rota import DueLane, Rota
from integration.token_bucket import Rate
from integration.topology import Queue, Topic
from tests.engines import executed
from tests.integration.support import Database, together

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK
SERVED = (STOCK, PRICE, ARTICLE)
TO_SHOPS = (Priority.LIVE, Priority.BACKFILL)
#: Longer than any of these tests takes on a busy machine.
WINDOW_S = 40.0
LIMITS = Limits(chains_per_lane=2, coalesce_s=WINDOW_S, lease_s=60.0)
ROUNDS_ONLY = Limits(chains_per_lane=16, coalesce_s=WINDOW_S, lease_s=60.0)
BATCH: Mapping[Topic, int] = dict.fromkeys(SERVED, 10)


def lanes(database: Database, limits: Limits | None = None) -> list[tuple[int, Topic, Priority]]:
    with database.scope() as session:
        found = list(rota_of(session, limits))
    return [(lane.channel_id, lane.topic, lane.priority) for lane in found]


def rota_of(session: Session, limits: Limits | None) -> Rota:
    chains = [] if limits is None else dispatching.chains(session, limits)
    return dispatching.rota(session, SERVED, limits, chains)


def lane(database: Database, topic: Topic, priority: Priority = Priority.LIVE) -> DueLane:
    return DueLane(database.channel, topic, priority, "memory", None)


def dispatch(
    database: Database, topic: Topic, limits: Limits = ROUNDS_ONLY, batch: int = 10, **options
) -> list[str]:
    """Claim the next batch of a lane; its entities."""
    with database.scope() as session:
        next_lane = lane(database, topic, **options)
        sizes = dict.fromkeys(SERVED, batch)
        chain = dispatching.claim_next(session, next_lane, sizes, limits)
    if chain is None:
        return []
    return [item.entity_id for item in database.take_over(chain.claim_id).items]


def age_round(database: Database, seconds: float) -> None:
    """The round began so long ago, and everything queued since is as much older."""
    with database.scope() as session:
        session.execute(update(Lane).values(round_started_at=db_now(-seconds)))


def age_hint(database: Database, entity_id: str, seconds: float) -> None:
    database.change(WorkItem.entity_id == entity_id, due_at=db_now(-seconds))


# Rounds


def test_the_first_hint_after_quiet_goes_at_once(database):
    database.hint(STOCK, "1")

    assert dispatch(database, STOCK) == ["1"]


def test_a_hint_inside_the_window_waits_for_the_next_round(database):
    database.hint(STOCK, "1")
    dispatch(database, STOCK)
    age_round(database, WINDOW_S - 10)
    database.hint(STOCK, "2")

    assert dispatch(database, STOCK) == []

    age_round(database, WINDOW_S)
    assert dispatch(database, STOCK) == ["2"]


def test_a_lane_whose_round_has_taken_everything_is_not_offered_before_the_next_one(database):
    database.hint(STOCK, "1")
    dispatch(database, STOCK)
    age_round(database, WINDOW_S - 10)
    database.hint(STOCK, "2")
    database.hint(STOCK, "3", priority=Priority.BACKFILL)

    assert lanes(database, ROUNDS_ONLY) == [(database.channel, STOCK, Priority.BACKFILL)]

    age_round(database, WINDOW_S)
    assert (database.channel, STOCK, Priority.LIVE) in lanes(database, ROUNDS_ONLY)


def test_a_round_goes_on_with_what_was_due_at_its_start(database):
    database.hint(STOCK, *(str(n) for n in range(5)))
    assert len(dispatch(database, STOCK, batch=3)) == 3
    age_round(database, 2.0)
    database.change(WorkItem.state == "QUEUED", due_at=db_now(-2.5))
    database.hint(STOCK, "new")

    assert lanes(database, ROUNDS_ONLY) == [(database.channel, STOCK, Priority.LIVE)]
    assert sorted(dispatch(database, STOCK, batch=3)) == ["3", "4"]
    assert dispatch(database, STOCK, batch=3) == []


def test_what_comes_between_a_claim_and_its_note_is_the_next_round_s(database, monkeypatch):
    """A batch of its own for the few rows of that moment would be a request more in each burst."""
    claim = claim_rows.claim

    def claim_and_meet_a_hint(session, *arguments, turn, **options):
        found = claim(session, *arguments, turn=turn, **options)
        while session.scalar(select(db_now())) <= turn.at:
            pass  # a clock that shows milliseconds goes on within one
        work_items.hint(session, database.channel, STOCK, ["2"])
        return found

    database.hint(STOCK, "1")
    with monkeypatch.context() as patched:
        patched.setattr(claim_rows, "claim", claim_and_meet_a_hint)
        assert dispatch(database, STOCK) == ["1"]

    assert dispatch(database, STOCK) == []
    age_round(database, WINDOW_S)
    assert dispatch(database, STOCK) == ["2"]


def test_a_storm_on_one_entity_is_one_write_a_round(database):
    rounds = 0
    for _ in range(3):
        for _ in range(20):
            database.hint(STOCK, "1")
            if dispatch(database, STOCK):
                rounds += 1
                database.end_leases()
                database.change(state="QUEUED", claim_id=None, due_at=db_now())
        age_round(database, WINDOW_S)

    assert rounds == 3


def test_backfill_has_no_window(database):
    for entity_id in "12":
        database.hint(STOCK, entity_id, priority=Priority.BACKFILL)
        assert dispatch(database, STOCK, priority=Priority.BACKFILL) == [entity_id]


def test_each_topic_has_rounds_of_its_own(database):
    database.hint(STOCK, "1")
    dispatch(database, STOCK)
    database.hint(PRICE, "1")

    assert dispatch(database, PRICE) == ["1"]


def test_without_a_window_everything_due_goes(database):
    no_window = Limits(chains_per_lane=16, coalesce_s=0.0, lease_s=60.0)
    for entity_id in "12":
        database.hint(STOCK, entity_id)
        assert dispatch(database, STOCK, no_window) == [entity_id]


# Limits


@pytest.mark.pitfall(17)
def test_no_more_chains_than_allowed_are_under_way(database):
    database.hint(STOCK, *(str(n) for n in range(30)))

    found = [len(dispatch(database, STOCK, LIMITS)) for _ in range(3)]

    assert found == [10, 10, 0]


def test_a_chain_that_ends_makes_room_for_the_next(database):
    database.hint(STOCK, *(str(n) for n in range(30)))
    first, _ = (dispatch(database, STOCK, LIMITS) for _ in range(2))
    database.change(WorkItem.entity_id.in_(first), state="COMPLETED")

    assert len(dispatch(database, STOCK, LIMITS)) == 10


def test_concurrent_dispatchers_together_keep_the_limit(database):
    database.hint(STOCK, *(str(n) for n in range(100)))

    found = together([lambda: dispatch(database, STOCK, LIMITS)] * 6)

    assert sorted(len(one) for one in found) == [0, 0, 0, 0, 10, 10]


def test_backfill_does_not_count_against_live_chains(database):
    database.hint(STOCK, *(str(n) for n in range(20)), priority=Priority.BACKFILL)
    for _ in range(2):
        assert len(dispatch(database, STOCK, LIMITS, priority=Priority.BACKFILL)) == 10
    database.hint(STOCK, "live")

    assert dispatch(database, STOCK, LIMITS) == ["live"]


def test_a_backfill_whose_rows_change_meanwhile_does_not_count_as_live(database):
    # Its rows turn live for their next turn; the chain that has them is still backfill.
    database.hint(STOCK, *(str(n) for n in range(20)), priority=Priority.BACKFILL)
    for _ in range(2):
        taken = dispatch(database, STOCK, LIMITS, priority=Priority.BACKFILL)
        database.hint(STOCK, taken[0])
    database.hint(STOCK, "live")

    assert dispatch(database, STOCK, LIMITS) == ["live"]


def test_a_claim_stays_backfill_when_one_of_its_rows_turns_live(database):
    database.hint(STOCK, "1", "2", priority=Priority.BACKFILL)
    held = database.hold(STOCK, priority=Priority.BACKFILL)
    database.hint(STOCK, "1")

    assert database.take_over(held.id).priority is Priority.BACKFILL


def test_live_and_backfill_are_counted_apart_and_two_of_each_are_enough_for_a_shop(database):
    for topic in SERVED:
        for priority in TO_SHOPS:
            database.hint(topic, f"{topic}-{int(priority)}", priority=priority)

    found = [
        bool(dispatch(database, topic, LIMITS, priority=one))
        for one in TO_SHOPS
        for topic in SERVED
    ]

    # Of live and of backfill: stock, price, and no article
    assert found == [True, True, False] * 2


def test_all_slow_shops_together_have_few_chains(database):
    slow = [database.channel, *(database.add_channel(str(erp_id)) for erp_id in (43, 44))]
    fast = database.add_channel("45")
    for channel in (*slow, fast):
        database.hint(STOCK, "1", channel=channel)
    with database.scope() as session:
        for channel in slow:
            shop_health.record_success(session, channel, 30.0)

    claims = []
    for channel in (*slow, fast):
        with database.scope() as session:
            one = DueLane(channel, STOCK, Priority.LIVE, "memory", None)
            claims.append(dispatching.claim_next(session, one, BATCH, LIMITS) is not None)

    assert claims == [True, True, False, True]


def test_channels_that_are_full_are_not_even_asked(database):
    other = database.add_channel("43")
    for channel in (database.channel, other):
        for topic in SERVED:
            database.hint(topic, *(str(n) for n in range(30)), channel=channel)
    for topic in (STOCK, PRICE):
        dispatch(database, topic, LIMITS)

    with database.scope() as session:
        found = {one.channel_id for one in rota_of(session, LIMITS)}

    assert found == {other}


def test_chains_that_no_worker_has_taken_yet_take_up_room(database):
    def room() -> tuple[int, int]:
        with database.scope() as session:
            found = dispatching.room(dispatching.chains(session, LIMITS), LIMITS)
        return found[Queue.LIVE], found[Queue.BACKFILL]

    assert room() == (12, 12)
    database.hint(STOCK, "1")
    database.hint(PRICE, "1", priority=Priority.BACKFILL)
    live = database.claim(STOCK, lease_s=LIMITS.lease_s)
    database.claim(PRICE, priority=Priority.BACKFILL, lease_s=LIMITS.lease_s)
    assert room() == (11, 11)

    database.take_over(live)
    assert room() == (12, 11)

    # Nobody has taken it for longer than ten seconds: it is lost, and stops nobody.
    database.change(state="PROCESSING", lease_until=db_now(LIMITS.lease_s - 11))
    assert room() == (12, 12)


# Order


def test_a_lane_that_is_passed_over_often_enough_goes_first(database):
    """Stock that never ends leaves every lane its turn; what is remembered is in the database."""
    order = []
    for _ in range(60):
        for topic in SERVED:
            database.hint(topic, "1")
            database.hint(topic, "2", priority=Priority.BACKFILL)
        with database.scope() as session:
            rota = dispatching.rota(session, SERVED)
            first = rota.next()
            chain = dispatching.claim_next(session, first, BATCH, ROUNDS_ONLY, rota.rivals(first))
        assert chain is not None
        order.append((first.topic, first.priority))
        database.change(WorkItem.claim_id == chain.claim_id, state="COMPLETED", claim_id=None)
        age_round(database, 60.0)

    shares = {one: order.count(one) for one in order}
    assert order[0] == (STOCK, Priority.LIVE)
    assert set(shares) == {(topic, priority) for topic in SERVED for priority in TO_SHOPS}
    assert shares[STOCK, Priority.LIVE] > shares[PRICE, Priority.LIVE]
    assert shares[PRICE, Priority.LIVE] > shares[ARTICLE, Priority.LIVE]
    assert min(shares.values()) == shares[ARTICLE, Priority.BACKFILL] >= 2


def test_urgent_topics_go_first_and_backfill_last(database):
    for topic in SERVED:
        database.hint(topic, "1")
        database.hint(topic, "2", priority=Priority.BACKFILL)

    found = [(topic, priority) for _, topic, priority in lanes(database)]

    assert found == [
        (topic, priority) for priority in TO_SHOPS for topic in (STOCK, PRICE, ARTICLE)
    ]


@pytest.mark.pitfall(17)
def test_the_channel_that_was_served_longest_ago_goes_first(database):
    others = [database.add_channel(erp_id) for erp_id in ("43", "44")]
    for channel in (database.channel, *others):
        database.hint(STOCK, "1", "2", channel=channel)
    dispatch(database, STOCK, batch=1)
    with database.scope() as session:
        session.add(Lane(channel_id=others[1], topic=STOCK.value, served_at=None))
        session.add(Lane(channel_id=others[0], topic=STOCK.value))
        session.flush()
        session.execute(
            update(Lane).where(Lane.channel_id == others[0]).values(served_at=db_now(-60))
        )

    assert [channel for channel, *_ in lanes(database)] == [others[1], others[0], database.channel]


def test_live_and_backfill_go_by_queues_of_their_own(database):
    assert lane(database, STOCK).queue is Queue.LIVE
    assert lane(database, STOCK, Priority.BACKFILL).queue is Queue.BACKFILL


# Who may not move


def change_channel(database: Database, **values) -> None:
    with database.scope() as session:
        session.execute(
            update(SalesChannel).where(SalesChannel.id == database.channel).values(**values)
        )


@pytest.fixture
def due(database: Database) -> Database:
    database.hint(STOCK, "1")
    assert lanes(database) == [(database.channel, STOCK, Priority.LIVE)]
    return database


def test_what_is_due_later_is_no_work_yet(due):
    due.change(due_at=db_now(60))

    assert lanes(due) == []


def test_held_rows_are_no_work(due):
    due.change(hold_reason="no-price")

    assert lanes(due) == []


def test_topics_that_are_not_served_stay_queued(due):
    due.hint(Topic.MEDIA, "1")

    assert lanes(due) == [(due.channel, STOCK, Priority.LIVE)]


def test_a_switched_off_topic_stays_and_what_changed_meanwhile_goes_afterwards(due):
    due.hint(PRICE, "1")
    with due.scope() as session:
        toggles.switch(session, due.channel, STOCK, False)
    due.hint(STOCK, "1", "2")
    assert lanes(due) == [(due.channel, PRICE, Priority.LIVE)]

    with due.scope() as session:
        toggles.switch(session, due.channel, STOCK, True)

    assert lanes(due) == [
        (due.channel, STOCK, Priority.LIVE),
        (due.channel, PRICE, Priority.LIVE),
    ]
    assert dispatch(due, STOCK) == ["1", "2"]


def test_a_paused_channel_waits(due):
    change_channel(due, is_paused=True)

    assert lanes(due) == []


def test_a_pause_with_an_end_ends_by_itself(due):
    change_channel(due, is_paused=True, paused_until=db_now(60))
    assert lanes(due) == []

    change_channel(due, paused_until=db_now(-1))

    assert lanes(due) == [(due.channel, STOCK, Priority.LIVE)]


@pytest.mark.pitfall(30)
def test_a_held_channel_waits_and_others_go_on(due):
    other = due.add_channel("43")
    due.hint(STOCK, "1", channel=other)
    with due.scope() as session:
        channels.hold(session, due.channel, "the shop refuses the password")

    assert lanes(due) == [(other, STOCK, Priority.LIVE)]


def test_a_held_tenant_stops_all_its_channels(due):
    other = due.add_channel("43")
    due.hint(STOCK, "1", channel=other)
    with due.scope() as session:
        channels.hold_tenant(session, due.tenant, TenantError("reconnect the app"))

    assert lanes(due) == []


def test_a_shop_that_asked_for_rest_gets_it(due):
    with due.scope() as session:
        pacing.pause_shop(session, due.channel, 60)
    assert lanes(due) == []

    with due.scope() as session:
        session.execute(update(RateBucket).values(paused_until=db_now(-1)))

    assert lanes(due) == [(due.channel, STOCK, Priority.LIVE)]


def test_an_erp_that_asked_for_rest_stops_all_channels_of_its_tenant(due):
    other = due.add_channel("43")
    due.hint(STOCK, "1", channel=other)
    name = pacing.erp_bucket_name(due.tenant)

    pacing.Bucket(due.scope, name, Rate(30, 6.0)).pause(60)

    assert lanes(due) == []


def test_a_lane_is_served_when_a_batch_of_it_was_claimed(due):
    dispatch(due, STOCK)
    due.hint(STOCK, "2")

    with due.scope() as session:
        (found,) = dispatching.rota(session, SERVED)
        now = session.scalar(db_now().select())

    assert found.served_at is not None
    assert timedelta(0) <= now - found.served_at < timedelta(seconds=30)


def test_a_claim_and_a_look_for_due_lanes_read_only_what_is_due_however_much_waits(postgres):
    """Retries of hours must not be looked at again and again: due times bound the index."""
    postgres.hint(STOCK, *(str(n) for n in range(5_000)))
    postgres.change(due_at=db_now(3_600))
    with executed(postgres.engine) as seen:
        postgres.claim(STOCK)
        lanes(postgres, ROUNDS_ONLY)

    for mark in ("SKIP LOCKED", "WITH kind"):
        plan = plan_of(postgres, *next(one for one in seen if mark in one.statement))
        bounds = [line for line in plan if "Index Cond" in line and "due_at <=" in line]
        probes = [line for line in plan if "ix_work_item_claimable" in line]
        assert len(bounds) == len(probes) > 0, plan


def plan_of(database: Database, statement: str, values: Mapping[str, object]) -> list[str]:
    with database.scope() as session:
        connection = session.connection()
        connection.exec_driver_sql("ANALYZE work_item")
        return list(connection.exec_driver_sql("EXPLAIN " + statement, values).scalars())


def test_the_look_for_due_lanes_is_written_out_once(database):
    """Each nudge looks twice; one that is written out anew takes ten times as long."""
    written: dict[object, object] = {}

    for _ in range(2):
        with database.scope() as session:
            session.connection(execution_options={"compiled_cache": written})
            session.execute(dispatching.due_lanes(SERVED, 4.0)).all()

    assert len(written) == 1
