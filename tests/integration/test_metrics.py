"""Counters of several processes in one database, and what a scrape makes of the queue."""

from __future__ import annotations

import math

import pytest
from prometheus_client import generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import delete, select, update

from integration import (
    availability,
    counter_store,
    counters,
    metrics,
    pacing,
    queue_report,
    shop_health,
    toggles,
    work_items,
    work_outcomes,
)
from integration.channel_stops import SWITCHED_OFF
from integration.clock import db_now
from integration.counters import Counter, Key
from integration.errors import ClaimLost, Rejected, TransientError
from integration.models import MetricCounter, SalesChannel, Tenant
from integration.topology import Topic
from tests.integration.support import together
from tests.scraped import Scraped

STOCK = Topic.STOCK
LANE = {"tenant": "acme", "channel": "42", "topic": "stock"}


class _Families(Collector):
    def __init__(self, families):
        self._families = families

    def collect(self):
        return self._families


def scrape(database) -> Scraped:
    """What /metrics shows after this process flushed."""
    counters.PROCESS.flush(counter_store.sink_of(database.scope))
    with database.scope() as session:
        families = list(metrics.families(session))
    return Scraped(generate_latest(_Families(families)).decode())


def record(database, held, error):
    with database.scope() as session:
        errors = {item.id: error for item in held.items}
        work_outcomes.record_errors(session, held, errors)


# --- counters ------------------------------------------------------------------------------------


def test_what_several_processes_count_is_one_sum(database):
    keys = [
        Key(Counter.HINTS, channel_id=database.channel, topic=topic)
        for topic in ("stock", "price", "article")
    ]
    sink = counter_store.sink_of(database.scope)

    def process(order):
        def flush_often():
            for _ in range(20):
                sink(dict.fromkeys(order, 1))

        return flush_often

    together([process(keys), process(keys[::-1]), process(keys), process(keys[::-1])])

    scraped = scrape(database)
    assert scraped("relay_hints_total", **LANE) == 80
    assert scraped("relay_hints_total") == 240


def test_a_hint_counts_when_it_is_committed_and_not_before(database):
    def hint_and_fail() -> None:
        with database.scope() as session:
            work_items.hint(session, database.channel, STOCK, ["1", "2"])
            raise RuntimeError("the transaction is rolled back")

    with pytest.raises(RuntimeError):
        hint_and_fail()
    assert scrape(database)("relay_hints_total") == 0

    database.hint(STOCK, "1", "2", "2")

    assert scrape(database)("relay_hints_total", **LANE) == 2


def test_every_outcome_of_a_row_is_counted_once(database):
    database.hint(STOCK, "1", "2")
    database.push(STOCK, "content")
    database.hint(STOCK, "3")
    database.settle(database.hold(STOCK), skip_reason=work_items.UNCHANGED)
    database.hint(STOCK, "4")
    database.settle(database.hold(STOCK), skip_reason="not listed on this channel")
    database.hint(STOCK, "5")
    record(database, database.hold(STOCK), TransientError("no answer"))
    database.hint(STOCK, "6")
    record(database, database.hold(STOCK), Rejected("no such tax"))
    database.hint(STOCK, "7")
    changed = database.hold(STOCK)
    database.hint(STOCK, "7")
    database.settle(changed, pushed="content")

    pushes = {
        dict(labels)["outcome"]: value
        for labels, value in scrape(database).series("relay_pushes_total", **LANE).items()
    }

    assert pushes == {
        "pushed": 2,
        "unchanged": 1,
        "skipped": 1,
        "postponed": 1,
        "buried": 1,
        "requeued": 1,
        "released": 0,
        "held": 0,
    }


def test_a_claim_whose_lease_ended_is_lost_once_however_many_rows_it_has(database):
    database.hint(STOCK, "1", "2", "3")
    database.hold(STOCK)
    database.end_leases()
    with database.scope() as session:
        work_outcomes.recover_expired(session)

    scraped = scrape(database)

    assert scraped("relay_claims_lost_total", **LANE, cause="expired") == 1
    assert scraped("relay_claims_lost_total") == 1


def test_a_write_that_came_too_late_is_a_lost_claim(database):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)
    database.begin_write(held)
    database.take_over(held.id)

    with database.scope() as session:
        work_outcomes.record_errors(session, held, {}, written=[held.items[0].id])

    assert scrape(database)("relay_claims_lost_total", **LANE, cause="late") == 1
    with pytest.raises(ClaimLost):
        database.begin_write(held)


def test_series_of_what_is_gone_are_forgotten_and_the_others_stay(database):
    sink = counter_store.sink_of(database.scope)
    sink(
        {
            Key(Counter.HINTS, channel_id=database.channel, topic="stock"): 1,
            Key(Counter.HINTS, channel_id=4_711, topic="stock"): 1,
            Key(Counter.REQUESTS, "erp:200", tenant_id=database.tenant): 1,
            Key(Counter.REQUESTS, "erp:200", tenant_id=4_711): 1,
            Key(Counter.PUSHES, "pushed", channel_id=database.channel, topic="stock"): 1,
        }
    )
    with database.scope() as session:
        session.execute(
            update(MetricCounter)
            .where(MetricCounter.counter == "settled")
            .values(label="2026-01-01 00:00:00")
        )

        counter_store.forget_old(session)

        left = session.execute(
            select(MetricCounter.counter, MetricCounter.tenant_id, MetricCounter.channel_id)
        ).all()
    assert sorted(tuple(row) for row in left) == [
        ("hints", 0, database.channel),
        ("pushes", 0, database.channel),
        ("requests", database.tenant, 0),
    ]


def test_counts_of_a_removed_channel_are_not_shown(database):
    sink = counter_store.sink_of(database.scope)
    sink({Key(Counter.HINTS, channel_id=4_711, topic="stock"): 1})

    assert scrape(database)("relay_hints_total") == 0


def test_requests_are_shown_by_target_and_status(database):
    sink = counter_store.sink_of(database.scope)
    sink(
        {
            Key(Counter.REQUESTS, "erp:200", tenant_id=database.tenant): 3,
            Key(Counter.REQUESTS, "shop:none", channel_id=database.channel): 2,
        }
    )

    assert scrape(database).series("relay_requests_total") == {
        (("channel", ""), ("status", "200"), ("target", "erp"), ("tenant", "acme")): 3.0,
        (("channel", "42"), ("status", "none"), ("target", "shop"), ("tenant", "acme")): 2.0,
    }


# --- the queue -----------------------------------------------------------------------------------


def test_the_gauges_say_what_queue_status_says(database):
    database.hint(STOCK, "1", "2")
    database.push(STOCK, "content")
    database.hint(STOCK, "3", "4", "5")
    database.change(first_unsent_at=db_now(-100))
    counters.PROCESS.flush(counter_store.sink_of(database.scope))

    with database.scope() as session:
        status = next(one for one in queue_report.statuses(session) if one.topic is STOCK)
    scraped = scrape(database)

    assert status.queued == 3
    assert scraped("relay_work_items", **LANE, state="queued") == 3
    assert scraped("relay_work_items") == 3
    assert scraped("relay_freshness_seconds", **LANE) == pytest.approx(100, abs=10)
    assert status.eta_s == 450.0  # two in five minutes, three are left
    assert scraped("relay_drain_eta_seconds", **LANE) == 450.0


def test_an_empty_queue_is_fresh_and_done(database):
    scraped = scrape(database)

    assert scraped("relay_freshness_seconds") == 0
    assert scraped("relay_drain_eta_seconds") == 0


def test_while_nothing_is_settled_the_end_is_infinitely_far(database):
    database.hint(STOCK, "1")

    assert scrape(database)("relay_drain_eta_seconds", **LANE) == math.inf


def test_what_was_settled_before_the_window_does_not_count_for_the_rate(database):
    database.hint(STOCK, "1")
    database.push(STOCK, "content")
    counters.PROCESS.flush(counter_store.sink_of(database.scope))
    with database.scope() as session:
        now = session.scalars(select(db_now())).one()
        assert sum(counter_store.settled_lately(session, now).values()) == 1
        session.execute(
            update(MetricCounter)
            .where(MetricCounter.counter == "settled")
            .values(label="2026-01-01 00:00:00")
        )

        assert counter_store.settled_lately(session, now) == {}


def test_a_shop_that_failed_three_times_has_an_open_breaker_and_one_that_paused_has_not(database):
    other = database.add_channel("43")
    assert scrape(database)("relay_breaker_open") == 0
    with database.scope() as session:
        pacing.pause_shop(session, database.channel, 60)
        for _ in range(3):
            shop_health.record_failure(session, other, "no answer", took_s=1.0)

    assert scrape(database).series("relay_breaker_open") == {
        (("channel", "42"), ("tenant", "acme")): 0.0,
        (("channel", "43"), ("tenant", "acme")): 1.0,
    }


def test_a_tenant_that_is_let_alone_opens_no_breaker(database):
    with database.scope() as session:
        pacing._pause(session, pacing.erp_bucket_name(database.tenant), 60)

    assert scrape(database)("relay_breaker_open") == 0


def stopped(database):
    return {
        (labels["channel"], labels["topic"]): labels["cause"]
        for labels in map(dict, scrape(database).series("relay_lane_stopped"))
    }


def test_lanes_that_run_are_not_stopped(database):
    assert stopped(database) == {}


def test_a_stopped_lane_says_who_stopped_it(database):
    database.add_channel("43", is_paused=True)
    database.add_channel("44", held_reason="the shop refuses the password")
    with database.scope() as session:
        toggles.switch(session, database.channel, STOCK, False)

    causes = stopped(database)

    assert causes == {
        ("42", "stock"): "switched-off",
        **{("43", topic): "paused" for topic in ("stock", "price", "article", "media")},
        **{("44", topic): "held" for topic in ("stock", "price", "article", "media")},
    }


def test_a_held_tenant_stops_all_its_channels(database):
    with database.scope() as session:
        session.execute(update(Tenant).values(held_reason="reconnect the app"))

    assert set(stopped(database).values()) == {"held"}


def test_what_the_erp_stopped_needs_no_person(database):
    database.add_channel("43", held_reason=SWITCHED_OFF)
    database.add_channel("44", deleted_at=db_now(), is_paused=True)
    assert set(stopped(database).values()) == {"inactive"}
    with database.scope() as session:
        availability.went_offline(session, database.tenant)

    causes = stopped(database)

    assert {channel for channel, _ in causes} == {"42", "43"}
    assert set(causes.values()) == {"offline"}


def test_a_channel_that_was_removed_leaves_no_series(database):
    database.hint(STOCK, "1")
    with database.scope() as session:
        session.execute(delete(SalesChannel))

    assert scrape(database).series("relay_hints_total") == {}
