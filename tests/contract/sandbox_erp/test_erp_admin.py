"""The routes below /_sandbox: edits, state, faults, counting, reset."""

import json
import signal
import subprocess
import sys
import time

import jwt
import pytest
import requests

QUERY = "SELECT id FROM article.query LIMIT 1"


def test_state_pages_through_all_articles_in_the_order_of_their_ids(erp):
    first = erp.state("?limit=25")
    rest = erp.state(f"?after={first[-1]['id']}")

    assert [int(one["id"]) for one in first + rest] == list(range(1001, 1041))
    assert {"number", "name", "description", "ean", "weight_kg", "tax_rate", "active", "listed",
            "net", "gross", "stock"} <= set(first[0])


@pytest.mark.parametrize(("given", "net", "gross"), [
    ({"gross": 119.99}, 100.83, 119.99),  # 119.99 / 1.19 = 100.8319...
    ({"net": 10.05}, 10.05, 11.96),  # 10.05 * 1.19 = 11.9595
    ({"net": 10, "gross": 12}, 10, 12),
])
def test_the_price_that_is_not_given_follows_from_the_one_that_is(erp, given, net, gross):
    article = erp.edit("1001", set={"tax_rate": 19, **given})["article"]

    assert (article["net"], article["gross"]) == (net, gross)


def test_an_edit_shows_in_state_whatever_the_listing_overrides(start):
    erp = start(articles=200)
    values = {"name": "Ä", "description": "<b>ö</b>", "ean": "x", "weight_kg": 1.25, "stock": -2.5,
              "active": True, "listed": True}

    for article in erp.state():
        erp.edit(article["number"], set=values, silent=True)

    assert {tuple(one[key] for key in values) for one in erp.state()} == {tuple(values.values())}


def test_listing_an_article_for_the_first_time_is_a_create(start):
    erp = start(articles=300)
    listed = {row["id"] for row in erp.rows("SELECT id FROM article.shopListing WHERE "
                                            "listings.salesChannel.id = '42'", limit=1000)}
    never = next(one for one in erp.state() if int(one["id"]) not in listed)

    sent = [one["queue"] for one in erp.edit(never["id"], set={"listed": True})["events"]]

    assert never["listed"] is False
    assert sent == ["article(sales-channel-id=42).create", "article(sales-channel-id=43).create",
                    "article.update"]


def test_a_deleted_article_is_gone_without_a_webhook(erp):
    assert erp.edit("1002", set={"deleted": True})["events"] == []

    assert erp.call("GET", "/erp/articles/1002").status_code == 404
    assert [one["id"] for one in erp.state("?limit=2")] == ["1001", "1003"]


@pytest.mark.parametrize("body", [
    {"article": "none", "set": {"name": "x"}},
    {"article": "1001", "set": {}},
    {"article": "1001", "set": {"nonsense": 1}},
    {"article": "1001", "set": {"gross": "abc"}},
    {"article": "1001", "set": {"gross": 1.234}},
    {"article": "1001", "set": {"active": "yes"}},
    {"article": "1001", "set": {"tax_rate": 16}},
    {"article": "1001", "set": {"name": "x"}, "channel": 5},
    {"article": "1001", "set": {"active": True}, "channel": 42},
    {"article": "1001", "set": {"name": "x"}, "typo": 1},
    {"article": "1001", "set": {"number": "KÜ 99999/2"}, "tenant": "Not A Tenant"},
])
def test_a_wrong_edit_is_400_and_changes_nothing(erp, body):
    before = erp.state()

    answer = erp.admin("POST", "edit", body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}
    assert erp.state() == before


def test_many_edits_are_one_request(erp):
    wanted = [{"article": "1001", "set": {"stock": 7}, "silent": True},
              {"article": "1002", "set": {"name": "Neu"}}]

    answer = erp.admin("POST", "edits", {"edits": wanted}).json()["edits"]

    assert [one["article"]["id"] for one in answer] == ["1001", "1002"]
    assert (answer[0]["events"], answer[1]["events"] != []) == ([], True)
    assert (erp.state()[0]["stock"], erp.state()[1]["name"]) == (7, "Neu")


@pytest.mark.parametrize("edits", [None, {}, ["1001"], [{"article": "1001", "typo": 1}]])
def test_wrong_edits_are_400(erp, edits):
    assert erp.admin("POST", "edits", {"edits": edits}).status_code == 400


def test_a_number_that_is_taken_is_refused(erp):
    other = erp.state()[1]["number"]

    answer = erp.admin("POST", "edit", {"article": "1001", "set": {"number": other}})

    assert answer.status_code == 400
    assert erp.edit("1001", set={"number": "frei"})["article"]["number"] == "frei"
    assert erp.edit("frei", set={"stock": 1})["article"]["id"] == "1001"


def test_requests_are_counted_by_route_and_status_and_admin_is_not(erp):
    erp.admin("POST", "requests/reset")
    for article in ("1001", "1002", "9"):
        erp.call("GET", f"/community/latest/erp/articles/{article}")
    erp.query(QUERY)

    assert erp.admin("GET", "requests").json() == {
        "total": 4, "by_status": {"200": 3, "404": 1},
        "by_route": {"GET /api/vario/erp/articles/{article_id}": 3,
                     "POST /api/vario/cmn/computed-queries/execute": 1}}


@pytest.mark.parametrize(("kind", "status"), [
    ("429", 429), ("429-retry-after", 429), ("429-bare", 429), ("500", 500), ("502", 502),
    ("503", 503), ("504", 504), ("html", 200)])
def test_a_fault_hits_as_often_as_asked_and_then_no_more(erp, kind, status):
    erp.fault(kind, count=2)

    answers = [erp.query(QUERY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert answers[0].headers["Content-Type"].startswith(
        "text/html" if kind == "html" else "application/json")
    headers = {name.lower() for name in answers[0].headers}
    assert ("x-rate-limit-retry-after-seconds" in headers) == (kind == "429")
    assert ("retry-after" in headers) == (kind == "429-retry-after")


def test_a_fault_hits_only_the_route_it_names(erp):
    erp.fault("503", route="/erp/articles")

    assert erp.query(QUERY).status_code == 200
    assert erp.call("GET", "/erp/articles/1001").status_code == 503


def test_a_share_hits_some_requests_until_it_is_cleared(erp):
    erp.fault("500", share=0.5)
    statuses = [erp.query(QUERY).status_code for _ in range(60)]

    erp.admin("DELETE", "faults")

    assert 10 < statuses.count(500) < 50
    assert erp.query(QUERY).status_code == 200


def test_a_timeout_before_applies_nothing_and_one_after_applies(erp):
    path = next(f"/erp/articles/1001/listings/{one['id']}"
                for one in erp.get("/erp/articles/1001/listings"))

    for kind in ("timeout-before", "timeout-after"):
        erp.fault(kind)
        with pytest.raises(requests.Timeout):
            erp.call("PATCH", path, {"custom": {"a": {kind: True}}}, timeout=0.2)

    assert erp.get(path)["custom"] == {"a": {"timeout-after": True}}


def test_a_cut_answer_breaks_off(erp):
    erp.fault("cut-body")

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        erp.query("SELECT * FROM article.shopListing")

    assert erp.query(QUERY).status_code == 200


def test_a_slow_answer_is_right_but_late(erp):
    erp.fault("slow", seconds=0.3)

    answer = erp.query(QUERY)

    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.3


def test_a_slow_body_begins_at_once_and_ends_late(erp):
    erp.fault("slow-body", seconds=0.3)

    started = time.monotonic()
    answer = erp.query("SELECT * FROM article.shopListing", limit=100)
    ended_s = time.monotonic() - started

    assert len(answer.json()["data"]) == 100
    assert answer.elapsed.total_seconds() < 0.3 <= ended_s  # until the headers; until the end


def test_a_revoked_access_token_is_401_until_it_is_refreshed(erp):
    erp.fault("token-revoked")

    assert [erp.query(QUERY).status_code for _ in range(2)] == [401, 401]
    erp.login()
    assert erp.query(QUERY).status_code == 200


def test_a_revoked_offline_token_is_invalid_grant(erp):
    erp.fault("invalid-grant")

    answer = erp.token_call()

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert erp.token_call().status_code == 200


@pytest.mark.parametrize("body", [
    {}, {"kind": "nonsense"}, {"kind": "500", "count": 0}, {"kind": "500", "share": 2},
    {"kind": "500", "count": 1, "share": 0.5}, {"kind": "500", "seconds": -1},
    {"kind": "500", "typo": 1}])
def test_a_wrong_fault_is_400(erp, body):
    answer = erp.admin("POST", "faults", body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}
    assert erp.admin("GET", "faults").json()["armed"] == []


def test_app_tokens_are_given_out_for_any_tenant_and_lifetime(erp):
    token = erp.admin("POST", "token", {"tenant": "gamma", "expires_s": 30}).json()["token"]

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["tenantSubdomain"] == "gamma"
    assert claims["exp"] - claims["iat"] == 30


@pytest.mark.parametrize("path", ["token", "tenants", "edit", "burst", "options"])
def test_a_body_that_is_no_object_is_400(erp, path):
    answer = requests.post(f"{erp.url}/_sandbox/{path}", data="[1", timeout=10)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}


def test_options_change_while_it_runs(erp):
    changed = erp.admin("POST", "options", {"stock_change_id": "channel", "rate_limit": 5}).json()

    assert (changed["stock_change_id"], changed["rate_limit"]) == ("channel", 5)
    assert erp.admin("POST", "options", {"rate_limit": "x"}).status_code == 400
    assert erp.admin("POST", "options", {"merge": "x"}).status_code == 400
    assert erp.admin("POST", "options", {"seed": 2}).status_code == 400


def test_reset_is_as_at_start_and_keeps_the_client_logged_in(erp):
    before = erp.state()
    erp.register("tenant.online", "http://127.0.0.1:9/never")
    erp.edit("1001", set={"name": "x", "stock": 1})
    erp.edit("1002", set={"deleted": True})
    erp.admin("POST", "options", {"merge": "shallow"})
    erp.fault("500", count=50)

    assert erp.admin("POST", "reset").status_code == 200

    assert erp.state() == before
    assert erp.admin("GET", "requests").json()["total"] == 0
    assert erp.query(QUERY).status_code == 200
    assert erp.admin("GET", "registrations").json() == []
    assert erp.admin("GET", "options").json()["merge"] == "deep"


def test_the_program_prints_one_ready_line_and_stops_on_sigterm():
    command = [sys.executable, "-m", "sandbox.erp", "--articles", "5", "--domain", "vario.example"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        ready = json.loads(program.stdout.readline())
        state = requests.get(ready["url"] + "/_sandbox/state", timeout=10).json()
        program.send_signal(signal.SIGTERM)
        rest = program.stdout.read()

    assert ready["ready"] is True
    assert len(state["articles"]) == 5
    assert {"tenant", "appIdentifier", "clientId", "clientSecret", "jwk", "offlineToken",
            "tokenUrl", "erpUrl", "salesChannels"} == set(ready["credentials"])
    assert ready["credentials"]["erpUrl"] == ready["url"]
    assert [one["id"] for one in ready["credentials"]["salesChannels"]] == [1, 42, 43]
    assert (rest, program.returncode) == ("", 0)


def test_the_program_says_in_one_sentence_what_is_wrong():
    command = [sys.executable, "-m", "sandbox.erp", "--catalogue", "/nowhere.csv"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "/nowhere.csv" in done.stderr
    assert "Traceback" not in done.stderr
