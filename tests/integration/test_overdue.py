"""What counts as overdue: only what somebody should have settled by now."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from integration import channels, pacing, served, shop_health, toggles, work_outcomes
from integration.clock import db_now
from integration.errors import Held, Rejected, TenantError, TransientError
from integration.models import RateBucket, SalesChannel, ShopHealth, WorkItem
from integration.overdue import Overdue, overdue
from integration.toggles import SERVED_TOPICS
from integration.topology import Topic
from tests.integration.support import Database
from tests.platforms import leave_out

STOCK, PRICE = Topic.STOCK, Topic.PRICE
LIMIT_S = 60.0
LONG_AGO_S = 1_000.0


@pytest.fixture
def waiting(database: Database) -> Database:
    """A stock has been due for long."""
    database.hint(STOCK, "1")
    let_wait(database)
    assert lanes(database) == [STOCK]
    return database


def let_wait(database: Database, seconds: float = LONG_AGO_S) -> None:
    database.change(due_at=db_now(-seconds), first_unsent_at=db_now(-seconds))


def found(database: Database, max_age_s: float = LIMIT_S) -> list[Overdue]:
    with database.scope() as session:
        return overdue(session, SERVED_TOPICS, max_age_s)


def lanes(database: Database) -> list[Topic]:
    return [one.topic for one in found(database)]


def change_channel(database: Database, **values: object) -> None:
    with database.scope() as session:
        session.execute(update(SalesChannel).values(**values))


def end_with(database: Database, error: Exception) -> None:
    held = database.hold(STOCK)
    with database.scope() as session:
        work_outcomes.record_errors(session, held, {held.items[0].id: error})


def test_an_empty_queue_is_well(database):
    assert found(database) == []


@pytest.mark.pitfall(8)
def test_what_nobody_settles_is_named_with_its_lane_and_age(waiting):
    (one,) = found(waiting)

    assert (one.tenant, one.channel, one.topic) == ("acme", "42", STOCK)
    assert LONG_AGO_S <= one.age_s < LONG_AGO_S + 60


def test_what_is_younger_is_well(waiting):
    assert found(waiting, max_age_s=LONG_AGO_S + 60) == []


def test_the_oldest_lane_comes_first(waiting):
    other = waiting.add_channel("43")
    waiting.hint(PRICE, "1", channel=other)
    waiting.change(WorkItem.topic == PRICE.value, due_at=db_now(-2 * LONG_AGO_S))

    assert [(one.channel, one.topic) for one in found(waiting)] == [("43", PRICE), ("42", STOCK)]


def test_what_a_worker_holds_and_does_not_settle_counts(waiting):
    waiting.hold(STOCK)

    assert lanes(waiting) == [STOCK]


@pytest.mark.pitfall(8)
def test_what_loses_its_worker_again_and_again_counts_from_its_first_event(waiting):
    """The sweep takes it back each time, and it is due anew: messages go out and nobody works."""
    waiting.claim(STOCK)
    waiting.end_leases()
    with waiting.scope() as session:
        work_outcomes.recover_expired(session)

    assert lanes(waiting) == [STOCK]


def test_once_settled_all_is_well(waiting):
    waiting.push(STOCK, "7 pieces")

    assert found(waiting) == []


def test_what_waits_for_its_next_attempt_is_not_due(waiting):
    end_with(waiting, TransientError("the shop stumbles"))

    assert found(waiting) == []


def test_a_later_attempt_counts_from_when_it_was_due(waiting):
    end_with(waiting, TransientError("the shop stumbles"))
    waiting.retries_are_due()
    assert found(waiting) == []

    waiting.change(due_at=db_now(-LIMIT_S - 1))

    assert lanes(waiting) == [STOCK]


@pytest.mark.parametrize("error", [Held("no-price", "no price"), Rejected("no")])
def test_what_waits_for_a_person_does_not_count(waiting, error):
    end_with(waiting, error)

    assert found(waiting) == []


def test_a_switched_off_topic_does_not_count(waiting):
    with waiting.scope() as session:
        toggles.switch(session, waiting.channel, STOCK, False)

    assert found(waiting) == []


def test_a_topic_that_the_platform_is_not_given_does_not_count(database, monkeypatch):
    leave_out(monkeypatch, "woocommerce", Topic.MEDIA)
    change_channel(database, platform="woocommerce")
    database.hint(Topic.MEDIA, "1")
    let_wait(database)
    with database.scope() as session:
        served.follow(session, SERVED_TOPICS)

    assert found(database) == []


def test_a_paused_channel_does_not_count(waiting):
    change_channel(waiting, is_paused=True)

    assert found(waiting) == []


def test_after_a_pause_it_counts_from_its_end(waiting):
    change_channel(waiting, is_paused=True, paused_until=db_now(-1))
    assert found(waiting) == []

    change_channel(waiting, paused_until=db_now(-LIMIT_S - 1))

    assert lanes(waiting) == [STOCK]


def test_held_channels_and_tenants_do_not_count(waiting):
    with waiting.scope() as session:
        channels.hold(session, waiting.channel, "the shop refuses the password")
    assert found(waiting) == []
    change_channel(waiting, held_reason=None)
    assert lanes(waiting) == [STOCK]

    with waiting.scope() as session:
        channels.hold_tenant(session, waiting.tenant, TenantError("reconnect the app"))

    assert found(waiting) == []


def test_a_shop_that_fails_and_is_let_alone_is_not_blamed_on_us(waiting):
    with waiting.scope() as session:
        for _ in range(3):
            shop_health.record_failure(session, waiting.channel, "no answer", took_s=1.0)
    assert found(waiting) == []

    with waiting.scope() as session:
        session.execute(update(ShopHealth).values(retry_at=db_now(-LIMIT_S - 1)))
    assert lanes(waiting) == [STOCK]  # it should have been tried again long ago


@pytest.mark.parametrize("who", ["shop", "erp"])
def test_who_asked_for_rest_is_not_blamed_on_us(waiting, who):
    names = {
        "shop": pacing.shop_bucket_name(waiting.channel),
        "erp": pacing.erp_bucket_name(waiting.tenant),
    }
    with waiting.scope() as session:
        session.add(
            RateBucket(name=names[who], tokens=0.0, filled_at=db_now(), paused_until=db_now(30))
        )
    assert found(waiting) == []

    with waiting.scope() as session:
        session.execute(update(RateBucket).values(paused_until=db_now(-1)))
    assert found(waiting) == []  # it may move for a second only

    with waiting.scope() as session:
        session.execute(update(RateBucket).values(paused_until=db_now(-LIMIT_S - 1)))
    assert lanes(waiting) == [STOCK]
