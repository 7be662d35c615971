"""Every way a shop can fail, and what it means for us."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import responses

from integration.connectors.base import Receipt
from integration.documents import StockDocument
from integration.errors import (
    Busy,
    ChannelError,
    CredentialsRefused,
    IntegrationError,
    Rejected,
    Throttled,
    TransientError,
)
from integration.topology import Topic
from tests.unit.connectors.kit import (
    DEADLOCK,
    PARAMETERS,
    SYNC,
    TOKEN,
    Facts,
    Gate,
    Shop,
    Tokens,
    accepted,
    article,
    connector,
    duplicate,
    envelope,
    hex_id,
    listed,
    new,
    price,
    sql_error,
    violation,
)

HTML = "<!doctype html><html><body>Down for maintenance</body></html>"
GRANT = {"token_type": "Bearer", "expires_in": 600, "access_token": "new"}
NOT_VERIFIED = {
    "code": "9",
    "status": "401",
    "title": "The resource owner or authorization server denied the request.",
    "detail": "Access token could not be verified",
}
REFUSED_CLIENT = {
    "code": "4",
    "status": "401",
    "title": "Client authentication failed",
    "detail": None,
}
OK = accepted([hex_id("1")])


def push(**parts: Any) -> list[Receipt]:
    one = connector(**parts)
    return one.push(Topic.STOCK, [one.payload(StockDocument("1", 3), listed())], key="k")


def failure(**parts: Any) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught:
        push(**parts)
    return caught.value


def named(status: str, code: str, detail: str, **parameters: Any) -> dict[str, Any]:
    return {
        "status": status,
        "code": code,
        "title": "",
        "detail": detail,
        "meta": {"parameters": parameters or []},
    }


@pytest.mark.parametrize("status", [400, 500])
def test_a_deadlock_is_sent_again_at_once(shop: Shop, gate: Gate, status: int) -> None:
    for _ in range(3):
        shop.syncs(envelope(DEADLOCK, DEADLOCK), status)
    shop.syncs(OK)

    (receipt,) = push(gate=gate)

    assert receipt.error is None
    # the claim is checked before each of them
    assert gate.count == 4


def test_a_shop_that_stays_locked_is_busy(shop: Shop) -> None:
    waited = "SQLSTATE[HY000]: General error: 1205 Lock wait timeout exceeded"
    for _ in range(4):
        shop.syncs(envelope(sql_error("1205", waited)), 500)

    error = failure()

    assert isinstance(error, Busy)
    assert not error.outcome_unknown
    assert "1205 Lock wait timeout exceeded" in str(error)


@pytest.mark.parametrize(
    ("headers", "body", "pause_s"),
    [
        ({"Retry-After": "17"}, envelope(), 17.0),
        ({}, envelope(named("429", "FRAMEWORK__AUTH_THROTTLED", "Wait.", seconds=30)), 30.0),
        ({}, envelope(named("429", "FRAMEWORK__AUTH_THROTTLED", "Wait.")), 10.0),
        ({}, HTML, 10.0),
    ],
)
def test_429_says_how_long_to_wait(
    shop: Shop, headers: dict[str, str], body: Any, pause_s: float
) -> None:
    shop.syncs(body, 429, headers)

    error = failure()

    assert type(error) is Throttled
    assert error.retry_after_s == pause_s
    assert not error.outcome_unknown


@pytest.mark.parametrize(
    ("status", "body", "is_unknown"),
    [
        # a proxy gave up on a shop that may go on working
        (502, HTML, True),
        (504, envelope(named("504", "0", "Gateway timeout")), True),
        (500, HTML, True),
        # thrown after the commit, e.g. by a plugin's subscriber
        (500, envelope(named("500", "0", "Call to a member function on null")), True),
        (408, HTML, True),
        (413, HTML, False),
        (425, HTML, False),
        # 200, but nothing that says what was written
        (200, HTML, True),
        (200, {"ok": True}, True),
        (200, "", True),
        (200, '{"data": {"product"', True),
    ],
)
def test_failures_that_pass_say_whether_the_write_may_have_happened(
    shop: Shop, status: int, body: Any, is_unknown: bool
) -> None:
    shop.syncs(body, status)

    error = failure()

    assert type(error) is TransientError
    assert error.outcome_unknown is is_unknown


MAINTENANCE = envelope(named("503", "FRAMEWORK__MAINTENANCE", "Maintenance"))


@pytest.mark.parametrize(
    ("body", "headers", "pause_s", "is_unknown"),
    [
        (MAINTENANCE, {"Retry-After": "90"}, 90.0, False),
        (MAINTENANCE, {}, 20.0, False),  # not told: three times a minute
        # a cache in front answers 503 when the shop is too slow for it
        (HTML, {"Retry-After": "30"}, 30.0, True),
        (HTML, {}, 20.0, True),
    ],
)
def test_a_shop_in_maintenance_asks_for_a_pause(
    shop: Shop, body: Any, headers: dict[str, str], pause_s: float, is_unknown: bool
) -> None:
    shop.syncs(body, 503, headers)

    error = failure()

    assert type(error) is Throttled
    assert error.retry_after_s == pause_s
    assert error.outcome_unknown is is_unknown


@pytest.mark.parametrize(
    ("problem", "is_unknown"),
    [
        (requests.exceptions.ReadTimeout(), True),
        (requests.exceptions.ChunkedEncodingError(), True),
        (requests.exceptions.ConnectionError(), True),
        (requests.exceptions.ConnectTimeout(), False),
    ],
)
def test_no_answer_is_transient(shop: Shop, problem: Exception, is_unknown: bool) -> None:
    shop.mock.add(responses.POST, SYNC, body=problem)

    error = failure()

    assert isinstance(error, TransientError)
    assert error.outcome_unknown is is_unknown


def test_a_read_that_fails_leaves_nothing_in_doubt(shop: Shop) -> None:
    shop.answers("/api/search/product", HTML)

    with pytest.raises(TransientError) as caught:
        connector().lookup(["A"])

    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(
    "entry",
    [
        sql_error("1406", "SQLSTATE[22001]: String data, right truncated: 1406 Data too long"),
        sql_error("1062", "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry"),
    ],
)
def test_a_database_error_of_one_row_is_permanent_although_it_comes_as_500(
    shop: Shop, entry: dict[str, Any]
) -> None:
    shop.syncs(envelope(entry), 500)

    (receipt,) = push()

    assert isinstance(receipt.error, Rejected)
    assert entry["detail"] in str(receipt.error)


def test_a_rows_refusal_keeps_the_platforms_words_field_and_value(shop: Shop) -> None:
    told = violation("/product/0/stock", "This value should be of type int.", '"viele"')
    shop.syncs(envelope(told), 400)

    (receipt,) = push()

    assert receipt == Receipt("1", error=receipt.error)
    assert str(receipt.error) == 'stock: This value should be of type int. (sent: "viele")'


def test_an_expired_token_is_replaced_once_for_all_workers(shop: Shop, gate: Gate) -> None:
    tokens = Tokens("old")
    shop.syncs(envelope(NOT_VERIFIED), 401)
    shop.answers("/api/oauth/token", GRANT)
    shop.syncs(OK)

    (receipt,) = push(tokens=tokens, gate=gate)

    assert receipt.error is None
    assert (tokens.dropped, tokens.token, tokens.life_s) == (["old"], "new", 600.0)
    sent = [call.request.headers.get("Authorization") for call in shop.mock.calls]
    assert sent == ["Bearer old", None, "Bearer new"]
    assert gate.count == 2


def test_a_fresh_token_that_is_refused_too_holds_the_channel(shop: Shop) -> None:
    shop.syncs(envelope(NOT_VERIFIED), 401)
    shop.answers("/api/oauth/token", GRANT)
    shop.syncs(envelope(NOT_VERIFIED), 401)

    error = failure()

    assert isinstance(error, CredentialsRefused)
    assert "refuses a fresh access token: Access token could not be verified" in str(error)


def test_the_token_is_asked_for_with_the_channels_credentials(shop: Shop) -> None:
    shop.answers("/api/oauth/token", GRANT)
    shop.syncs(OK)

    push(tokens=Tokens())

    assert json.loads(shop.mock.calls[0].request.body) == {
        "grant_type": "client_credentials",
        "client_id": "SWIAEXAMPLE",
        "client_secret": "integration-secret",
    }


def test_refused_credentials_name_the_parameters_and_never_the_secret(
    shop: Shop, gate: Gate
) -> None:
    shop.answers("/api/oauth/token", envelope(REFUSED_CLIENT), 401)

    error = failure(tokens=Tokens(), gate=gate)

    assert isinstance(error, CredentialsRefused)
    assert "shop.example does not accept client_id SWIAEXAMPLE" in str(error)
    assert "shop_url" in str(error)
    assert "integration-secret" not in str(error)
    assert gate.count == 0


def test_the_token_routes_throttle_is_obeyed(shop: Shop) -> None:
    told = named("429", "FRAMEWORK__AUTH_THROTTLED", "Auth throttled.", seconds=10)
    shop.answers("/api/oauth/token", envelope(told), 429)

    error = failure(tokens=Tokens())

    assert isinstance(error, Throttled)
    assert error.retry_after_s == 10.0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"hello": "world"}, 200),
        ([], 200),
        ({"access_token": "x", "expires_in": None}, 200),
        (HTML, 404),
        (envelope(named("400", "2", "Check that all parameters have been provided")), 400),
    ],
)
def test_an_address_that_gives_no_token_holds_the_channel(
    shop: Shop, body: Any, status: int
) -> None:
    shop.answers("/api/oauth/token", body, status)

    error = failure(tokens=Tokens())

    assert type(error) is ChannelError
    assert "shop_url" in str(error)


def test_missing_privileges_are_named(shop: Shop) -> None:
    detail = json.dumps(
        {"message": "Missing", "missingPrivileges": ["product:create", "product:update"]}
    )
    shop.syncs(envelope(named("403", "FRAMEWORK__MISSING_PRIVILEGE_ERROR", detail)), 403)

    error = failure()

    assert isinstance(error, CredentialsRefused)
    assert "lacks product:create, product:update" in str(error)


@pytest.mark.parametrize("detail", ["product:create", "[]", "{}", '"text"'])
def test_a_privilege_error_in_another_form_holds_the_channel_all_the_same(
    shop: Shop, detail: str
) -> None:
    shop.syncs(envelope(named("403", "FRAMEWORK__MISSING_PRIVILEGE_ERROR", detail)), 403)

    error = failure()

    assert isinstance(error, CredentialsRefused)
    assert detail in str(error)


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (403, HTML, {}, "shop.example forbids the request (403)"),
        (
            412,
            envelope(named("412", "FRAMEWORK__LANGUAGE_NOT_FOUND", "Could not find language")),
            {},
            "does not know the language: Could not find language",
        ),
        (
            301,
            HTML,
            {"Location": "https://www.shop.example/api?token=x"},
            "redirects to https://www.shop.example; set shop_url",
        ),
        (404, HTML, {}, "check that shop_url is the address of a Shopware 6 shop"),
        (405, envelope(named("405", "0", "Method Not Allowed")), {}, "405: Method Not Allowed"),
    ],
)
def test_what_only_a_person_can_fix_holds_the_channel(
    shop: Shop, status: int, body: Any, headers: dict[str, str], words: str
) -> None:
    shop.syncs(body, status, headers)

    error = failure()

    assert isinstance(error, ChannelError)
    assert words in str(error)
    assert "token=x" not in str(error)


def test_a_search_that_the_shop_refuses_holds_the_channel(shop: Shop) -> None:
    told = named("400", "FRAMEWORK__QUERY_LIMIT_EXCEEDED", "The limit must be lower")
    shop.answers("/api/search/product", envelope(told), 400)

    with pytest.raises(ChannelError, match="refuses a search of product: The limit must be lower"):
        connector().lookup(["A"])


def test_wrong_parameters_are_named_before_anything_is_asked() -> None:
    broken = {**PARAMETERS, "client_secret": "", "shop_url": "http://shop.example"}

    error = failure(parameters=broken)

    assert isinstance(error, ChannelError)
    assert "client_secret is not set" in str(error)
    assert "shop_url is not encrypted" in str(error)


def test_a_failure_after_a_refusal_spares_the_settled_row(shop: Shop) -> None:
    one = connector(facts=Facts({"currency": "EUR"}))
    rows = [one.payload(price(n), listed(n)) for n in ("1", "2")]
    shop.syncs(envelope(violation("/product/0/price", "is wrong", "1")), 400)
    shop.syncs(HTML, 502)

    bad, doubtful = one.push(Topic.PRICE, rows, key="k")

    assert isinstance(bad.error, Rejected)
    assert isinstance(doubtful.error, TransientError)
    assert doubtful.error.outcome_unknown


def test_requests_go_to_the_address_of_the_channel(shop: Shop) -> None:
    shop.answers("/api/oauth/token", GRANT)
    shop.syncs(OK)

    push(tokens=Tokens(), parameters={**PARAMETERS, "shop_url": "https://shop.example/"})

    assert [call.request.url for call in shop.mock.calls] == [TOKEN, SYNC]


def test_a_search_that_answers_something_else_is_transient(shop: Shop) -> None:
    shop.answers("/api/search/product", {"total": 0})

    with pytest.raises(TransientError) as caught:
        connector().lookup(["A"])

    assert not caught.value.outcome_unknown


def test_a_403_without_privileges_keeps_the_shops_words(shop: Shop) -> None:
    shop.syncs(envelope(named("403", "FRAMEWORK__PERMISSION_DENIED", "Not for you.")), 403)

    error = failure()

    assert isinstance(error, CredentialsRefused)
    assert "forbids the request (403): Not for you." in str(error)


def test_a_version_that_is_not_told_is_an_access_problem(shop: Shop) -> None:
    shop.answers("/api/_info/version", envelope(named("400", "0", "Bad Request")), 400)

    (problem,) = connector().check()

    assert (problem.check, problem.is_fault) == ("access", True)
    assert "does not tell: Bad Request" in problem.detail


def test_a_failure_while_looking_again_for_a_taken_number_spares_the_settled_row(
    shop: Shop,
) -> None:
    one = connector()
    rows = [one.payload(article(n), new(n)) for n in ("1", "2")]
    shop.finds("product")
    shop.syncs(envelope(duplicate("A-1")), 400)
    shop.accepts_everything()
    shop.answers("/api/search/product", HTML, 502)

    taken, free = one.push(Topic.ARTICLE, rows, key="k")

    assert isinstance(taken.error, TransientError)
    assert not taken.error.outcome_unknown
    assert free.error is None
