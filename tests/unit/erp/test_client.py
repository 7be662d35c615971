"""Requests to the ERP and what its refusals mean."""

from __future__ import annotations

import json
from email.utils import format_datetime

import pytest
import requests
from responses import matchers

from integration.clock import utc_now
from integration.erp.client import ErpClient
from integration.errors import (
    Busy,
    Forbidden,
    Gone,
    LicenseMissing,
    Rejected,
    TenantError,
    Throttled,
    TransientError,
)

API = "https://acme.vario.cloud/api/vario"
ARTICLE = f"{API}/erp/articles/4711"
EXECUTE = f"{API}/cmn/computed-queries/execute"
API_ERROR = {
    "httpStatus": 422,
    "trackingId": "t-1",
    "errors": {
        "fieldErrors": {"number": [{"message": {"formattedMessage": "is taken"}}]},
        "services": [{"message": {"formattedMessage": "Listing is locked."}}],
    },
    "decisions": [{"title": "Overwrite?", "message": "Overwrite the listing?"}],
}


@pytest.mark.contract("10.5")
@pytest.mark.contract("10.8")
def test_every_request_carries_token_and_user_agent_and_takes_from_the_budget(
    client, wire, bucket, access
):
    wire.get(ARTICLE, json={"id": "4711"}, match=[matchers.query_param_matcher({"a": "1"})])

    assert client.get("/erp/articles/4711", {"a": "1"}) == {"id": "4711"}

    sent = wire.calls[0].request
    assert sent.headers["Authorization"] == "Bearer token-1"
    assert sent.headers["User-Agent"] == access.app_identifier
    assert sent.headers["Accept"] == "application/json"
    assert "x-vario-suppress-own-webhooks" not in sent.headers
    assert "X-Forwarded-App-Token" not in sent.headers
    assert bucket.taken == 1


@pytest.mark.pitfall(18)
@pytest.mark.contract("10.9")
def test_writes_suppress_our_own_webhooks(client, wire):
    wire.patch(ARTICLE, json={})
    wire.post(f"{API}/cmn/x", body=b"")

    client.patch("/erp/articles/4711", {"custom": {}})
    assert client.post("/cmn/x", {"a": 1}) is None

    for call in wire.calls:
        assert call.request.headers["x-vario-suppress-own-webhooks"] == "true"
        assert call.request.headers["Content-Type"] == "application/json"


@pytest.mark.contract("10.7")
def test_a_refused_token_is_dropped_and_the_request_repeated_once(client, wire, tokens, bucket):
    wire.get(ARTICLE, status=401)
    wire.get(ARTICLE, json={"id": "4711"})

    assert client.get("/erp/articles/4711") == {"id": "4711"}

    assert [call.request.headers["Authorization"] for call in wire.calls] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert tokens.dropped == ["token-1"]
    assert bucket.taken == 2


@pytest.mark.contract("10.7")
def test_a_second_refused_token_that_somebody_else_got_is_tried_again(client, wire, tokens):
    wire.get(ARTICLE, status=401)
    wire.get(ARTICLE, status=401)

    with pytest.raises(TransientError, match="had been got before"):
        client.get("/erp/articles/4711")

    assert len(wire.calls) == 2
    assert tokens.dropped == ["token-1", "token-2"]


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (402, LicenseMissing, "license"),
        (403, Forbidden, "permission"),
        (404, Gone, "answered 404"),
        (409, Busy, "answered 409"),
        (423, Busy, "answered 423"),
        (400, Rejected, "answered 400"),
        (422, Rejected, "answered 422"),
        (500, TransientError, "answered 500"),
        (504, TransientError, "answered 504"),
        (408, TransientError, "answered 408"),
        (302, TransientError, "answered 302"),
    ],
)
@pytest.mark.contract("10.22")
def test_a_status_has_one_consequence(status, error, words, client, wire):
    wire.get(ARTICLE, status=status, json=API_ERROR)

    with pytest.raises(error, match=words) as caught:
        client.get("/erp/articles/4711", {"secret": "query"})

    assert type(caught.value) is error
    assert len(wire.calls) == 1
    assert str(caught.value).startswith("tenant acme: GET /erp/articles/4711 answered ")
    assert "query" not in str(caught.value)


@pytest.mark.contract("10.19")
def test_a_refusal_tells_the_erps_own_words_and_the_tracking_id(client, wire):
    wire.get(ARTICLE, status=422, json=API_ERROR)

    with pytest.raises(Rejected) as caught:
        client.get("/erp/articles/4711")

    assert str(caught.value) == (
        "tenant acme: GET /erp/articles/4711 answered 422: number: is taken; Listing is locked.; "
        "the ERP asks: Overwrite the listing? (trackingId t-1)"
    )


@pytest.mark.contract("10.19")
@pytest.mark.parametrize(
    ("tracking", "end"),
    [
        ("t-1", r" \(trackingId t-1\)"),
        (4711, r" \(trackingId 4711\)"),
        ("x" * 5_000, r" \(trackingId x{100}\)"),
        ("", ""),
        (None, ""),
        ({"id": 1}, ""),
    ],
)
def test_the_tracking_id_is_told_whatever_its_kind(tracking, end, client, wire):
    wire.get(ARTICLE, status=500, json={"httpStatus": 500, "trackingId": tracking})

    with pytest.raises(TransientError, match=rf"answered 500{end}$"):
        client.get("/erp/articles/4711")


@pytest.mark.parametrize(
    "body", ["", "null", "[]", "<html>", '{"errors": [], "decisions": 3}', '{"errors": null}']
)
def test_a_refusal_without_the_erps_body_still_has_its_consequence(body, client, wire):
    wire.get(ARTICLE, status=422, body=body)

    with pytest.raises(Rejected, match=r"answered 422$"):
        client.get("/erp/articles/4711")


@pytest.mark.parametrize(
    "body", ["<html>no such host</html>", '{"status": 404, "error": "Not Found", "path": "/erp"}']
)
def test_a_404_of_something_in_front_of_the_erp_deactivates_nothing(client, wire, body):
    wire.get(ARTICLE, status=404, body=body, content_type="application/json")

    with pytest.raises(TransientError):
        client.get("/erp/articles/4711")


@pytest.mark.pitfall(29)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-rate-limit-retry-after-seconds": "23"}, 23),
        ({"x-rate-limit-retry-after-seconds": "23", "Retry-After": "40"}, 23),
        ({"x-rate-limit-retry-after-seconds": "soon", "Retry-After": "40"}, 40),
        ({"x-rate-limit-retry-after-seconds": "1"}, 6),
        ({"x-rate-limit-retry-after-seconds": "600"}, 60),
        ({"x-rate-limit-retry-after-seconds": "nan"}, 6),
        ({"Retry-After": "31"}, 31),
        ({"Retry-After": "never"}, 6),
        ({}, 6),
    ],
)
@pytest.mark.contract("10.6")
def test_429_pauses_the_tenant_for_the_announced_time(headers, seconds, client, wire, bucket):
    wire.get(ARTICLE, status=429, headers=headers)

    with pytest.raises(Throttled) as caught:
        client.get("/erp/articles/4711")

    assert caught.value.retry_after_s == seconds
    assert bucket.pauses == [seconds]
    assert len(wire.calls) == 1


def test_429_may_name_a_date(client, wire, bucket):
    moment = utc_now().replace(year=utc_now().year + 1)
    wire.get(ARTICLE, status=429, headers={"Retry-After": format_datetime(moment)})

    with pytest.raises(Throttled):
        client.get("/erp/articles/4711")

    assert bucket.pauses == [60]


def test_an_empty_budget_sends_nothing(client, wire, bucket):
    bucket.limit = 0

    with pytest.raises(Throttled, match="used up"):
        client.get("/erp/articles/4711")

    assert len(wire.calls) == 0


@pytest.mark.parametrize("body", ["<html>", '{"id": "47', b"\xff\xfe", "[" * 100_000, "9" * 5_000])
def test_a_body_that_is_not_json_is_tried_again(body, client, wire):
    wire.get(ARTICLE, body=body)

    with pytest.raises(TransientError, match="not JSON") as caught:
        client.get("/erp/articles/4711")

    assert caught.value.outcome_unknown is False


def test_the_outcome_of_a_write_without_an_answer_is_unknown(client, wire):
    wire.patch(ARTICLE, body=requests.exceptions.ReadTimeout())
    with pytest.raises(TransientError) as timed_out:
        client.patch("/erp/articles/4711", {})

    wire.replace("PATCH", ARTICLE, status=504)
    with pytest.raises(TransientError) as gateway:
        client.patch("/erp/articles/4711", {})

    wire.replace("PATCH", ARTICLE, body="<html>")
    with pytest.raises(TransientError) as page:
        client.patch("/erp/articles/4711", {})

    assert timed_out.value.outcome_unknown is True
    assert gateway.value.outcome_unknown is True
    assert page.value.outcome_unknown is True


def test_numbers_arrive_exact(client, wire):
    wire.get(ARTICLE, body='{"netPrice": 16.80}')

    assert str(client.get("/erp/articles/4711")["netPrice"]) == "16.80"


# --- queries -------------------------------------------------------------------------------------

DEFINITION = [{"_type": "attribute", "attribute": "id", "displayName": "id"}]


def _page(wire, ids, *, offset=None, **headers):
    body = {
        "statement": "SELECT id",
        "variableSubstitutionList": {"variableSubstitutions": []},
        "limit": 2,
    }
    if offset is not None:
        body["offset"] = offset
    wire.post(
        EXECUTE,
        json={"definition": DEFINITION, "data": [{"id": one} for one in ids]},
        headers=headers,
        match=[matchers.json_params_matcher(body)],
    )


@pytest.mark.contract("10.16")
def test_a_query_sends_the_statement_with_its_line_breaks(client, wire):
    wire.post(EXECUTE, json={"definition": [], "data": []})

    client.vql("SELECT\n--v:result{displayname='a'}\nb", limit=10)

    sent = json.loads(wire.calls[0].request.body)
    assert sent["statement"] == "SELECT\n--v:result{displayname='a'}\nb"
    assert "offset" not in sent
    assert "x-vario-suppress-own-webhooks" not in wire.calls[0].request.headers


@pytest.mark.contract("10.15")
def test_pages_follow_the_headers(client, wire):
    _page(wire, [1, 2], **{"x-query-more-elements": "true", "x-query-next-offset": "7"})
    _page(wire, [3], offset=7, **{"x-query-more-elements": "false"})

    assert [row["id"] for row in client.vql_all("SELECT id", limit=2)] == [1, 2, 3]


@pytest.mark.contract("10.15")
def test_without_headers_a_full_page_expects_another(client, wire):
    _page(wire, [1, 2])
    _page(wire, [3, 4], offset=2)
    _page(wire, [], offset=4)

    assert [row["id"] for row in client.vql_all("SELECT id", limit=2)] == [1, 2, 3, 4]


def test_more_rows_without_an_offset_follow_what_was_received(client, wire):
    _page(wire, [1], **{"x-query-more-elements": "true"})  # the ERP capped our limit
    _page(wire, [2], offset=1, **{"x-query-more-elements": "false"})

    assert [row["id"] for row in client.vql_all("SELECT id", limit=2)] == [1, 2]


def test_paging_that_does_not_advance_is_an_error_instead_of_a_loop(client, wire):
    _page(wire, [1, 2], **{"x-query-more-elements": "true", "x-query-next-offset": "0"})

    with pytest.raises(TransientError, match="does not advance"):
        list(client.vql_all("SELECT id", limit=2))


@pytest.mark.parametrize(
    ("second", "words"), [([1, 2], "the page before came again"), ([], "does not advance")]
)
def test_a_page_that_comes_again_for_ever_is_an_error_instead_of_a_loop(
    second, words, client, wire
):
    more = {"x-query-more-elements": "true"}
    _page(wire, [1, 2], **more, **{"x-query-next-offset": "2"})
    _page(wire, second, offset=2, **more, **{"x-query-next-offset": "4"})

    with pytest.raises(TransientError, match=words):
        list(client.vql_all("SELECT id", limit=2))


def test_one_number_that_is_none_does_not_spoil_the_page(client, wire):
    wire.post(
        EXECUTE,
        body=f'{{"definition": {json.dumps(DEFINITION)}, "data": [{{"id": NaN}}, {{"id": 2}}]}}',
    )

    first, second = client.vql("SELECT id").rows

    assert first["id"] != first["id"]
    assert second == {"id": 2}


@pytest.mark.parametrize(
    "answer",
    [
        "null",
        "{}",
        "[]",
        '{"data": []}',
        '{"data": {}, "definition": []}',
        '{"data": [1], "definition": []}',
    ],
)
def test_a_query_answer_of_another_shape_is_tried_again(answer, client, wire):
    wire.post(EXECUTE, body=answer)

    with pytest.raises(TransientError):
        client.vql("SELECT id")


def test_an_unknown_query_address_is_not_taken_for_a_deleted_article(client, wire):
    wire.post(EXECUTE, status=404, json={"httpStatus": 404})

    with pytest.raises(TenantError, match="does not know this address"):
        client.vql("SELECT id")


def test_the_token_comes_from_the_sign_in_when_the_store_asks(access, wire, bucket):
    class Asking:
        def get(self, fetch):
            self.got = fetch()
            return self.got[0]

    wire.post(access.token_url, json={"access_token": "fresh", "expires_in": 300})
    wire.get(ARTICLE, json={})
    store = Asking()

    ErpClient(access, requests.Session(), store, bucket).get("/erp/articles/4711")

    assert store.got == ("fresh", 300.0)
    assert bucket.taken == 1  # the sign-in is another server
