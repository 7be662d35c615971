"""The rate of a shop is found together by all who speak with it."""

import pytest
import requests
import responses
from sqlalchemy import update

from integration import pacing
from integration.clock import db_now
from integration.connectors import http
from integration.errors import Busy, ClaimLost
from integration.models import RateBucket
from integration.shop_rate import LEAST, MOST, START, ShopGate
from integration.token_bucket import Share
from tests.integration.support import Database

URL = "https://shop.example/api/thing"


def gate(database: Database) -> ShopGate:
    return ShopGate(database.scope, database.channel, Share.LIVE)


def session(one: ShopGate) -> requests.Session:
    return http.gated(http.session(), one)


def bucket(database: Database) -> RateBucket:
    with database.scope() as opened:
        return opened.get_one(RateBucket, pacing.shop_bucket_name(database.channel))


def change(database: Database, **values) -> None:
    with database.scope() as opened:
        opened.execute(update(RateBucket).values(**values))


def answered(database: Database, status: int, times: int = 1, **headers: str) -> None:
    with responses.RequestsMock() as mocked:
        mocked.get(URL, status=status, headers=headers)
        for _ in range(times):
            http.send(session(gate(database)), "GET", URL)


def test_each_good_answer_lets_the_rate_grow_a_little(database):
    answered(database, 200, times=2)

    first = START + 1 / START
    assert bucket(database).per_second == pytest.approx(first + 1 / first)


def test_a_refusal_halves_it_and_refusals_at_once_are_one(database):
    answered(database, 429, times=3)
    assert bucket(database).per_second == pytest.approx(START / 2)

    change(database, slowed_at=db_now(-2), tokens=5.0)
    answered(database, 503)
    assert bucket(database).per_second == pytest.approx(START / 4)


def test_headers_that_say_little_is_left_slow_it_down(database):
    answered(database, 200, **{"X-Shopify-Shop-Api-Call-Limit": "39/40"})

    assert bucket(database).per_second == pytest.approx(START * 0.8)


def test_it_neither_stops_nor_grows_without_end(database):
    answered(database, 200)
    change(database, per_second=LEAST)
    answered(database, 429)
    assert bucket(database).per_second == LEAST

    change(database, per_second=MOST, tokens=5.0)
    answered(database, 200)
    assert bucket(database).per_second == MOST


def test_a_shop_whose_rate_is_low_makes_its_callers_wait_for_their_turn(database):
    answered(database, 200)
    change(database, per_second=0.2, tokens=0.0, filled_at=db_now(), slowed_at=None)

    with pytest.raises(Busy) as refused, responses.RequestsMock():
        http.send(session(gate(database)), "GET", URL)  # nothing is sent

    assert 4 < refused.value.retry_after_s <= 5


def test_a_write_that_had_to_wait_checks_its_claim_again(database):
    answered(database, 200)
    change(database, per_second=10.0, tokens=0.0, filled_at=db_now())
    checks = []

    def lost_meanwhile() -> None:
        checks.append("checked")
        if len(checks) == 2:
            raise ClaimLost("somebody else has it")

    one = gate(database)
    one.guard(lost_meanwhile)()
    with pytest.raises(ClaimLost), responses.RequestsMock():
        http.send(session(one), "POST", URL, writes=True)


def test_a_write_that_goes_at_once_checks_its_claim_once(database):
    checks = []
    one = gate(database)
    one.guard(lambda: checks.append("checked"))()
    with responses.RequestsMock() as mocked:
        mocked.post(URL)
        http.send(session(one), "POST", URL, writes=True)

    assert checks == ["checked"]


def test_no_answer_says_nothing_about_the_rate(database):
    with responses.RequestsMock() as mocked:
        mocked.get(URL, body=requests.ConnectionError("away"))
        with pytest.raises(Exception, match="did not answer"):
            http.send(session(gate(database)), "GET", URL)

    assert bucket(database).per_second is None
