"""Who gets in: tokens, User-Agent, rate limit, path prefix."""

import re
import threading
import time

import jwt
import pytest
from urllib3.util import SKIP_HEADER

from sandbox.erp import Options, create_app
from sandbox.erp.gate import TokenBucket

QUERY = "SELECT id FROM article.query LIMIT 1"


def test_the_offline_token_names_issuer_and_client_without_a_secret(start):
    erp = start(domain="vario.example")

    claims = jwt.decode(erp.credentials["offlineToken"], options={"verify_signature": False})

    assert claims["iss"] == "https://sso.vario.example/realms/acme"
    assert claims["azp"] == erp.credentials["clientId"]


def test_the_token_endpoint_gives_an_access_token_for_the_offline_token(erp):
    answer = erp.token_call()

    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 300
    assert answer.json()["refresh_token"] == erp.credentials["offlineToken"]


@pytest.mark.parametrize(("changed", "status", "error"), [
    ({"refresh_token": "x"}, 400, "invalid_grant"),
    ({"client_secret": "x"}, 401, "invalid_client"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
])
def test_the_token_endpoint_refuses_in_the_words_of_the_identity_provider(
        erp, changed, status, error):
    answer = erp.token_call(**changed)

    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_an_access_token_is_no_offline_token(erp):
    access = erp.token_call().json()["access_token"]

    assert erp.token_call(refresh_token=access).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("header", [None, "Bearer x", "Basic x"])
def test_a_call_without_a_valid_access_token_is_401(erp, header):
    erp.session.headers["Authorization"] = header

    assert erp.query(QUERY).status_code == 401


def test_an_expired_access_token_is_401(start):
    # Times in a token are whole seconds: of three, at least two are left for the first query.
    erp = start(access_token_s=3)
    assert erp.query(QUERY).status_code == 200

    pause, deadline = threading.Event(), time.monotonic() + 10
    while erp.query(QUERY).status_code == 200 and time.monotonic() < deadline:
        pause.wait(0.2)

    assert erp.query(QUERY).status_code == 401


def test_a_call_without_user_agent_is_403(erp):
    erp.session.headers["User-Agent"] = SKIP_HEADER

    assert erp.query(QUERY).status_code == 403


def test_the_community_prefix_answers_like_the_plain_path(erp):
    for path in ("/cmn/users/me", "/community/latest/cmn/users/me", "/community/v7/cmn/users/me"):
        assert erp.get(path)["tenant"] == "acme"


def test_no_call_of_the_erp_goes_without_a_token_on_either_prefix():
    app = create_app(Options(articles=1))
    client = app.test_client()
    calls = {(method, re.sub("<.*?>", "1", rule.rule))
             for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}
             if rule.rule.startswith("/api/vario/") and "/public/" not in rule.rule}

    answers = [client.open(path.replace("/api/vario/", prefix), method=method)
               for method, path in calls for prefix in ("/api/vario/", "/api/vario/community/v1/")]

    assert len(calls) > 80
    assert {answer.status_code for answer in answers} == {401}
    app.config["CLOSE"]()


def test_the_bucket_allows_forty_calls_at_once_and_refills_continuously():
    now = [0.0]
    bucket = TokenBucket(lambda: now[0])

    assert [bucket.wait_s(40, 6.0) for _ in range(40)] == [0.0] * 40
    assert bucket.wait_s(40, 6.0) == pytest.approx(0.15)  # 6 s / 40

    now[0] = 0.3  # two tokens later
    assert [bucket.wait_s(40, 6.0) > 0 for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize("header", ["x-rate-limit-retry-after-seconds", "Retry-After", "none"])
def test_429_carries_the_chosen_delay_header(start, header):
    erp = start(rate_limit=2, rate_window_s=60, rate_header=header)

    answers = [erp.query(QUERY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    delays = [(name.lower(), value) for name, value in answers[2].headers.items()
              if "retry" in name.lower()]
    assert delays == ([] if header == "none" else [(header.lower(), "30")])  # 60 s / 2


def test_each_tenant_has_its_own_rate_limit(start):
    erp = start(rate_limit=1, rate_window_s=60)
    other = type(erp)(erp.url, "beta")

    assert [client.query(QUERY).status_code for client in (erp, other, erp)] == [200, 200, 429]


def test_the_same_seed_gives_the_same_credentials_and_keeps_tokens_valid(start):
    first, second = start(seed=7), start(seed=7)
    second.session.headers.update(first.session.headers)

    assert second.query(QUERY).status_code == 200
    same = [{key: value for key, value in one.credentials.items() if "Url" not in key}
            for one in (first, second)]
    assert same[0] == same[1]


def test_a_token_reaches_its_own_tenants_articles_only(erp):
    other = type(erp)(erp.url, "beta")

    own = {row["id"] for row in erp.rows("SELECT id FROM article.query")}
    others = {row["id"] for row in other.rows("SELECT id FROM article.query")}

    assert (len(own), len(others), own & others) == (40, 20, set())


def test_an_unknown_path_is_an_api_error_with_a_tracking_id(erp):
    answer = erp.call("GET", "/erp/nothing")

    assert answer.status_code == 404
    assert answer.json()["trackingId"]
