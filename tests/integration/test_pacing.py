"""One bucket for all: however many take from it, the rate is kept. No test waits."""

import subprocess
import sys
import time
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select, update

from integration import pacing
from integration.clock import db_now
from integration.errors import Busy, Throttled
from integration.models import RateBucket
from integration.pacing import Bucket
from integration.token_bucket import Rate, Share
from tests.integration.support import Database, together

#: The ERP's: 5 a second, and 7 at once.
ERP = Rate(30, 6.0)
#: Two per hour: nothing flows in during a test.
FROZEN = Rate(30, 54_000.0)
NAME = "erp:1"


@dataclass
class Waits:
    """Stands in for waiting, and notes how long it would have been."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def take_until_refused(bucket: Bucket) -> tuple[int, Throttled]:
    """How many tokens there were, and the refusal."""
    for taken in range(1_000):
        try:
            bucket.take()
        except Throttled as error:
            return taken, error
    raise AssertionError("the bucket is bottomless")


def stored(database: Database) -> RateBucket:
    with database.scope() as session:
        return session.scalars(select(RateBucket)).one()


def change(database: Database, **values) -> None:
    with database.scope() as session:
        session.execute(update(RateBucket).values(**values))


def test_a_quarter_of_the_requests_may_go_at_once(database):
    waits = Waits()
    bucket = Bucket(database.scope, NAME, FROZEN, wait=waits)

    taken, _ = take_until_refused(bucket)

    assert (taken, waits.seconds) == (7, [])  # 30 / 4, in whole requests


def test_a_bucket_holds_at_least_one_token():
    assert Rate(1, 10.0).capacity == 1.0
    assert (ERP.capacity, ERP.per_second) == (7.5, 5.0)


def test_an_empty_bucket_makes_each_taker_wait_for_its_own_token(database):
    waits = Waits()
    bucket = Bucket(database.scope, NAME, ERP, wait=waits)
    bucket.take()
    change(database, tokens=0.0, filled_at=db_now())

    owed = []
    for _ in range(3):
        bucket.take()
        owed.append(-stored(database).tokens)

    # 5 a second: each waits until what is owed with it has flowed in
    assert waits.seconds == pytest.approx([tokens / 5 for tokens in owed])
    assert owed == sorted(owed)


def test_a_wait_of_more_than_two_seconds_is_refused_and_takes_nothing(database):
    waits = Waits()
    bucket = Bucket(database.scope, NAME, Rate(3, 3_600.0), wait=waits)
    bucket.take()
    before = stored(database)

    with pytest.raises(Throttled) as refused:
        bucket.take()

    assert 1_180 < refused.value.retry_after_s <= 1_200
    assert waits.seconds == []
    assert (stored(database).tokens, stored(database).filled_at) == (
        before.tokens,
        before.filled_at,
    )


def test_tokens_flow_in_up_to_the_capacity_and_no_further(database):
    bucket = Bucket(database.scope, NAME, FROZEN)
    take_until_refused(bucket)
    change(database, filled_at=db_now(-1_000_000.0))

    taken, _ = take_until_refused(bucket)

    assert taken == 7


@pytest.mark.pitfall(29)
def test_many_threads_together_never_exceed_the_rate(database):
    def take_all() -> int:
        taken, _ = take_until_refused(Bucket(database.scope, NAME, ERP, wait=Waits()))
        return taken

    began = time.monotonic()
    taken = sum(together([take_all] * 8))
    flowed_in = (time.monotonic() - began) * ERP.per_second

    # 7.5 at once, and what flows in within the 1.6 s that live work reserves ahead: 8
    assert 15 <= taken <= 15.5 + flowed_in


TAKER = """
import sys
from integration.db import build_engine, session_scope
from integration.errors import Throttled
from integration.pacing import Bucket
from integration.token_bucket import Rate, Share
engine = build_engine(sys.argv[1])
bucket = Bucket(lambda: session_scope(engine), "erp:1", Rate(30, 54_000.0))
taken = 0
try:
    while True:
        bucket.take()
        taken += 1
except Throttled:
    print(taken)
"""


@pytest.mark.pitfall(29)
def test_processes_share_one_bucket(database, clean_environ):
    url = database.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", TAKER, url]
    takers = [
        subprocess.Popen(command, env=clean_environ, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    taken = [int(taker.communicate(timeout=60)[0]) for taker in takers]

    assert sum(taken) == 7


def test_backfill_and_write_back_leave_a_reserve_to_who_comes_before_them(database):
    write_back = Bucket(database.scope, NAME, FROZEN, share=Share.WRITE_BACK)
    backfill = Bucket(database.scope, NAME, FROZEN, share=Share.BACKFILL)
    live = Bucket(database.scope, NAME, FROZEN)

    # Of 7.5: the token that is taken, and 60 % or 30 % of the other 6.5 stay.
    assert take_until_refused(write_back)[0] == 3  # 7.5, 6.5, 5.5 >= 4.9
    assert take_until_refused(backfill)[0] == 2  # 4.5, 3.5 >= 2.95
    assert take_until_refused(live)[0] == 2  # 2.5, 1.5


def test_a_taker_that_read_the_clock_before_it_got_the_lock_adds_nothing(database):
    """Otherwise each wait for the lock would fill the bucket twice."""
    bucket = Bucket(database.scope, NAME, ERP, wait=Waits())
    bucket.take()
    change(database, tokens=0.0, filled_at=db_now(30))
    before = stored(database)

    bucket.take()

    assert (stored(database).tokens, stored(database).filled_at) == (-1.0, before.filled_at)


def test_backfill_waits_for_what_live_work_leaves_and_does_not_reserve_it(database):
    waits = Waits()
    backfill = Bucket(database.scope, NAME, ERP, share=Share.BACKFILL, wait=waits)
    Bucket(database.scope, NAME, ERP).take()
    change(database, tokens=1.0, filled_at=db_now(60), backfill_tokens=0.0)

    with pytest.raises(Busy) as refused:
        backfill.take()

    # The clock stands still: 2.95 tokens are there in 0.39 s, asked again and again for two seconds
    assert sum(waits.seconds) <= 2.0
    assert waits.seconds == pytest.approx([0.39] * 5)
    assert refused.value.retry_after_s == pytest.approx(0.39)
    assert stored(database).tokens == 1.0


@pytest.mark.contract("10.6")
def test_during_a_pause_nobody_takes_anything(database):
    bucket = Bucket(database.scope, NAME, ERP)
    bucket.pause(60)

    with pytest.raises(Throttled) as refused:
        bucket.take()

    assert 50 < refused.value.retry_after_s <= 60


def test_a_pause_ends_by_itself_and_the_bucket_fills_from_nothing(database):
    bucket = Bucket(database.scope, NAME, FROZEN)
    bucket.take()
    bucket.pause(60)
    change(database, paused_until=db_now(), filled_at=db_now())

    with pytest.raises(Throttled) as refused:
        bucket.take()

    assert 1_790 < refused.value.retry_after_s <= 1_800  # 30 in 54,000 s: one in 1,800 s


@pytest.mark.parametrize("kind", ["bucket", "shop"])
def test_the_longest_of_several_pauses_counts(database, kind):
    def pause(seconds: float) -> None:
        if kind == "bucket":
            Bucket(database.scope, "shop:1", ERP).pause(seconds)
            return
        with database.scope() as session:
            pacing.pause_shop(session, 1, seconds)

    pause(60)
    pause(5)
    with database.scope() as session:
        row = session.execute(select(RateBucket.paused_until, db_now().label("now"))).one()
    assert 50 < (row.paused_until - row.now).total_seconds() <= 60

    pause(90)
    assert (stored(database).paused_until - row.now).total_seconds() > 80


def test_what_is_paused_is_named_until_the_pause_ends(database):
    with database.scope() as session:
        pacing.pause_shop(session, 7, 60)
    with database.scope() as session:
        assert set(pacing.paused_until(session)) == {"shop:7"}
    change(database, paused_until=db_now(-1))

    with database.scope() as session:
        assert pacing.paused_until(session) == {}


@pytest.mark.contract("10.3")
def test_tenants_and_shops_have_buckets_of_their_own(database):
    assert pacing.erp_bucket_name(1) != pacing.shop_bucket_name(1)
    take_until_refused(Bucket(database.scope, pacing.erp_bucket_name(1), FROZEN))

    assert take_until_refused(Bucket(database.scope, pacing.erp_bucket_name(2), FROZEN))[0] == 7


def test_the_wait_is_a_real_one_by_default(database):
    bucket = Bucket(database.scope, NAME, Rate(300, 3.0))
    bucket.take()
    change(database, tokens=0.0, filled_at=db_now())
    began = time.monotonic()

    for _ in range(5):
        bucket.take()

    # 100 a second: the fifth goes 50 ms after the first was asked for
    assert time.monotonic() - began >= 0.04


def test_a_pass_takes_its_part_of_the_whole_and_no_more(database):
    whole = Bucket(database.scope, NAME, Rate(400, 54_000.0))
    part = Bucket(database.scope, "erp:1:pass", FROZEN, wait=Waits())

    taken, _ = take_until_refused(pacing.Part(whole, part))

    assert taken == 7
    assert take_until_refused(whole)[0] == 100 - 7
