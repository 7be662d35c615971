"""A shop that fails is let alone, tried again, and costs nobody an attempt or a turn."""

from __future__ import annotations

import contextlib

import pytest
from sqlalchemy import update

from integration import dispatching, health_view, pacing, shop_health
from integration.clock import db_now
from integration.dispatching import PROBE_ROWS, Chain, Limits
from integration.errors import Busy, CredentialsRefused, Throttled, TransientError
from integration.models import Priority, RateBucket, SalesChannel, ShopHealth, WorkItemState
from integration.rota import DueLane
from integration.token_bucket import Rate
from integration.topology import Topic
from tests.integration.relay import Relay
from tests.integration.support import Database, together

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK
SERVED = (STOCK, PRICE, ARTICLE)
LIMITS = Limits(chains_per_lane=2, coalesce_s=0.0, lease_s=60.0)
AWAY = "shop.example did not answer (ReadTimeout)"


def fails(relay: Relay, times: int, **more) -> None:
    relay.shop.failures.extend(TransientError(AWAY, **more) for _ in range(times))


def fail_until_open(relay: Relay) -> None:
    """Three batches in a row meet a shop that does not answer."""
    fails(relay, 3)
    for _ in range(3):
        relay.retries_are_due()
        relay.drain()


def rest_is_over(relay: Relay) -> None:
    with relay.runtime.scope() as session:
        session.execute(update(ShopHealth).values(retry_at=db_now(-1)))
    relay.retries_are_due()


def health(relay: Relay) -> shop_health.Health:
    with relay.runtime.scope() as session:
        return shop_health.by_channel(session)[relay.channel_id]


def sentence(relay: Relay) -> str | None:
    with relay.runtime.scope() as session:
        return health_view.sentences(session).get(relay.channel_id)


def open_breakers(relay: Relay) -> set[int]:
    with relay.runtime.scope() as session:
        return health_view.open_breakers(session)


def test_three_failures_in_a_row_open_the_breaker_and_no_lane_is_claimed(relay):
    relay.hint(ARTICLE, *relay.for_sale())
    fail_until_open(relay)
    relay.retries_are_due()

    assert open_breakers(relay) == {relay.channel_id}
    assert relay.claim() is None
    assert relay.shop.writes == []


def test_the_failures_before_cost_an_attempt_and_the_rest_costs_none(relay):
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    fail_until_open(relay)
    assert relay.row(ARTICLE, article).attempts == 2

    fails(relay, 5)
    for _ in range(5):
        rest_is_over(relay)
        relay.drain()

    row = relay.row(ARTICLE, article)
    assert (row.attempts, row.state) == (2, WorkItemState.QUEUED)
    assert row.last_error.startswith(AWAY)
    assert health(relay).breaker.failures == 8


def test_after_the_rest_one_small_batch_tries_the_shop_and_its_success_drains_the_rest(relay):
    articles = relay.for_sale()
    relay.hint(ARTICLE, *articles)
    fail_until_open(relay)
    rest_is_over(relay)

    first = relay.claim()
    assert relay.claim() is None
    relay.run(first)
    relay.drain()

    sizes = [len(ids) for ids in relay.writes(ARTICLE)]
    assert sizes == [PROBE_ROWS, len(articles) - PROBE_ROWS]
    assert open_breakers(relay) == set()
    assert sentence(relay) is None


def test_rows_of_a_probe_that_failed_let_others_try_next(relay):
    first, *others = relay.for_sale()
    relay.hint(ARTICLE, first)
    fail_until_open(relay)
    relay.hint(ARTICLE, *others[:PROBE_ROWS])
    fails(relay, 1)
    with relay.runtime.scope() as session:
        session.execute(update(ShopHealth).values(retry_at=db_now(-1)))
    relay.drain()  # whoever was due first

    assert relay.shop.writes == []
    failed = [one for one in (first, *others[:PROBE_ROWS]) if relay.row(ARTICLE, one).error_class]
    retry_at = health(relay).breaker.retry_at
    assert health(relay).rests
    assert all(relay.row(ARTICLE, one).due_at >= retry_at for one in failed[1:])


@pytest.mark.parametrize(
    "error",
    [
        Busy("locked", 0.0),
        Throttled("slower", 1.0),
        TransientError(AWAY),
        CredentialsRefused("the shop refuses the password"),
        ZeroDivisionError("a bug"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_however_a_call_ends_it_has_ended(relay, error):
    relay.hint(ARTICLE, relay.for_sale()[0])
    relay.shop.failures.append(error)
    claim_id = relay.claim()
    with contextlib.suppress(ZeroDivisionError):
        relay.run(claim_id)

    with relay.runtime.scope() as session:
        assert session.get_one(ShopHealth, relay.channel_id).call_began_at is None


def test_an_unknown_outcome_of_a_probe_stays_unknown(relay):
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    fail_until_open(relay)
    generation = relay.row(ARTICLE, article).generation
    rest_is_over(relay)
    fails(relay, 1, outcome_unknown=True)
    relay.drain()

    assert relay.row(ARTICLE, article).generation == generation + 1


def test_an_answer_of_any_kind_is_no_failure(relay):
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    for error in (Busy("locked", 0.0), Throttled("slower", 1.0)):
        relay.shop.failures.append(error)
        relay.retries_are_due()
        relay.drain()

    assert health(relay).breaker.failures == 0
    assert relay.row(ARTICLE, article).attempts == 0


def test_refused_credentials_hold_the_channel_and_leave_its_breaker_alone(relay):
    relay.hint(ARTICLE, relay.for_sale()[0])
    relay.shop.failures.append(CredentialsRefused("the shop refuses the password"))
    relay.drain()

    with relay.runtime.scope() as session:
        assert session.get_one(SalesChannel, relay.channel_id).held_reason == (
            "the shop refuses the password"
        )
    assert open_breakers(relay) == set()


def test_a_failing_shop_is_described_in_one_sentence(relay):
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    fails(relay, 1)
    relay.drain()
    assert sentence(relay) == f"the last call of the shop failed: {AWAY}"

    fails(relay, 2)
    for _ in range(2):
        relay.retries_are_due()
        relay.drain()
    told = sentence(relay)
    assert told.startswith("the shop failed 3 times in a row, it is tried at ")
    assert told.endswith(f"UTC: {AWAY}")

    rest_is_over(relay)
    assert sentence(relay) == f"the shop failed 3 times in a row, it is tried now: {AWAY}"


def test_a_shop_that_asked_for_a_pause_says_until_when_and_why(relay):
    relay.hint(ARTICLE, relay.for_sale()[0])
    relay.shop.failures.append(Throttled("shop.example is in maintenance (503)", 90.0))
    relay.drain()

    told = sentence(relay)
    assert told.startswith("the shop asked for a pause until ")
    assert told.endswith(": shop.example is in maintenance (503)")
    with relay.runtime.scope() as session:
        session.execute(update(RateBucket).values(paused_until=db_now(-1)))
    assert sentence(relay) is None


def test_a_slow_shop_is_said_to_be_slow_until_it_is_fast_again(database):
    def took(seconds: float) -> str | None:
        with database.scope() as session:
            shop_health.record_success(session, database.channel, seconds)
        with database.scope() as session:
            return health_view.sentences(session).get(database.channel)

    assert took(30.0) == "the shop is slow, a batch takes 30 s; it gets one at a time"
    assert [took(0.4) is None for _ in range(3)] == [False, False, True]


# At most one chain on a shop that failed or is slow


def lane(database: Database, topic: Topic) -> DueLane:
    return DueLane(database.channel, topic, Priority.LIVE, "memory", None)


def claim(database: Database, topic: Topic) -> Chain | None:
    with database.scope() as session:
        sizes = dict.fromkeys(SERVED, 5)
        return dispatching.claim_next(session, lane(database, topic), sizes, LIMITS)


def fail(database: Database, times: int = 1) -> None:
    for _ in range(times):
        with database.scope() as session:
            shop_health.record_failure(session, database.channel, AWAY, 45.0)


@pytest.mark.parametrize("failures", [1, 2])
def test_after_a_failure_one_chain_at_a_time_is_on_the_channel(database, failures):
    for topic in SERVED:
        database.hint(topic, *(str(n) for n in range(20)))
    fail(database, failures)

    claims = together([lambda topic=topic: claim(database, topic) for topic in SERVED * 2])

    assert sum(one is not None for one in claims) == 1


def test_dispatchers_that_come_together_send_one_probe(database):
    for topic in SERVED:
        database.hint(topic, *(str(n) for n in range(20)))
    fail(database, 3)
    with database.scope() as session:
        session.execute(update(ShopHealth).values(retry_at=db_now(-1)))

    claims = together([lambda topic=topic: claim(database, topic) for topic in SERVED * 2])

    assert sum(one is not None for one in claims) == 1


def test_a_slow_shop_gets_one_batch_at_a_time(database):
    with database.scope() as session:
        shop_health.record_success(session, database.channel, 30.0)
    for topic in SERVED:
        database.hint(topic, "1")

    assert [claim(database, topic) is not None for topic in SERVED] == [True, False, False]


def test_a_shop_that_has_not_answered_for_seconds_gets_no_second_batch(database):
    for topic in SERVED:
        database.hint(topic, "1")
    with database.scope() as session:
        shop_health.note_call(session, database.channel)

    def call_began(seconds_ago: float) -> None:
        with database.scope() as session:
            session.execute(update(ShopHealth).values(call_began_at=db_now(-seconds_ago)))

    assert claim(database, STOCK) is not None
    call_began(3)
    assert claim(database, PRICE) is None
    with database.scope() as session:
        told = health_view.sentences(session)[database.channel]
        assert shop_health.chains_of_slow_shops(session) == 1
    assert told == "the shop has not answered a batch for some seconds"

    call_began(61)  # nobody waits for so long: the worker died in the call
    assert claim(database, PRICE) is not None


def test_an_answer_ends_the_call(database):
    with database.scope() as session:
        shop_health.note_call(session, database.channel)
        shop_health.record_success(session, database.channel, 3.0)
        assert session.get_one(ShopHealth, database.channel).call_began_at is None


def test_a_resting_shop_is_no_due_lane_and_stops_nobody_else(database):
    other = database.add_channel("43")
    for channel in (database.channel, other):
        database.hint(STOCK, "1", channel=channel)
    fail(database, 3)

    with database.scope() as session:
        found = [one.channel_id for one in dispatching.rota(session, SERVED)]
    assert found == [other]
    assert claim(database, STOCK) is None


def test_forgetting_lets_the_shop_be_tried_at_once(database):
    database.hint(STOCK, "1")
    fail(database, 5)
    with database.scope() as session:
        shop_health.forget(session, database.channel)

    assert claim(database, STOCK) is not None


def test_pauses_name_their_shops(database):
    with database.scope() as session:
        pacing.pause_shop(session, 7, 60)
        pacing.Bucket(database.scope, "erp:1", Rate(30, 6.0))
    with database.scope() as session:
        assert pacing.shops_of(pacing.paused_until(session)) == [7]
