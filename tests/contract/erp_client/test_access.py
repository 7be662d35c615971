"""Signing in, refused tokens, throttling and broken answers, over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.connectors import http
from integration.erp.auth import fetch_access_token, tenant_access
from integration.errors import (
    Gone,
    Rejected,
    TenantError,
    Throttled,
    TokenRefused,
    TransientError,
)
from integration.settings import from_env

TOKEN_ROUTE = "POST /realms/{realm}/protocol/openid-connect/token"


def _article_route(erp):
    (route,) = [one for one in erp.counted() if one.startswith("GET /api/vario/erp/articles/")]
    return route


def test_one_sign_in_serves_many_requests(start):
    erp = start(access_token_s=300)

    for _ in range(3):
        assert erp.client.get("/erp/articles/1001")["id"] == "1001"

    assert erp.counted()[TOKEN_ROUTE] == 1
    assert erp.tokens.lives == [300.0]
    assert erp.bucket.taken == 3


@pytest.mark.contract("10.7")
def test_a_revoked_access_token_is_renewed_and_the_request_repeated(start):
    erp = start()
    erp.client.get("/erp/articles/1001")
    erp.fault("token-revoked", "/erp/articles/")

    assert erp.client.get("/erp/articles/1001")["id"] == "1001"

    assert erp.counted()[TOKEN_ROUTE] == 2
    assert erp.counted()[_article_route(erp)] == 3  # one, one refused, one repeated
    assert erp.tokens.dropped == 1
    assert erp.bucket.taken == 3


def test_a_fresh_token_that_is_refused_holds_the_tenant_until_it_passes(start):
    erp = start()
    erp.fault("token-revoked", "/erp/articles/", count=2)

    with pytest.raises(TokenRefused, match="tried again by itself, and if it stays, reconnect"):
        erp.client.get("/erp/articles/1001")

    assert erp.counted()[_article_route(erp)] == 2


def test_a_token_that_ended_on_its_way_holds_nothing(start, monkeypatch):
    erp = start(access_token_s=300)
    erp.fault("token-revoked", "/erp/articles/", count=2)
    now = iter(range(0, 3_000, 301))  # each look at the clock comes after the life of the last
    monkeypatch.setattr(http, "clock", lambda: next(now))

    with pytest.raises(TransientError, match="had ended on its way"):
        erp.client.get("/erp/articles/1001")


def test_a_token_that_somebody_else_got_and_that_is_refused_holds_nothing(start):
    erp = start()
    erp.client.get("/erp/articles/1001")
    old = erp.tokens.token
    erp.tokens.drop = lambda _token: None  # another process has the same one yet
    erp.fault("token-revoked", "/erp/articles/", count=2)

    with pytest.raises(TransientError, match="had been got before"):
        erp.client.get("/erp/articles/1001")

    assert erp.tokens.token == old


def test_a_refused_offline_token_holds_the_tenant(start):
    erp = start()
    erp.fault("invalid-grant")

    with pytest.raises(TenantError, match="reconnect the app"):
        erp.client.get("/erp/articles/1001")

    assert erp.bucket.taken == 0


def test_a_wrong_client_secret_names_the_settings(start):
    erp = start()
    wrong = replace(erp.client.access, client_secret="another one")

    with pytest.raises(TenantError, match="RELAY_CLIENT_SECRET"):
        fetch_access_token(wrong, http.session())


def test_the_offline_token_leads_to_the_domain_of_the_sandbox(start):
    known = start(domain="erp.example").client.access
    given = from_env({"RELAY_CLIENT_ID": known.client_id, "RELAY_ERP_DOMAINS": "erp.example"})

    access = tenant_access("acme", known.offline_token, given)

    assert access.api_url == "https://acme.erp.example/api/vario"
    assert access.token_url == ("https://sso.erp.example/realms/acme/protocol/openid-connect/token")


@pytest.mark.parametrize("header", ["x-rate-limit-retry-after-seconds", "Retry-After", "none"])
@pytest.mark.contract("10.6")
def test_the_rate_limit_pauses_the_tenant_in_every_header_mode(header, start):
    erp = start(rate_limit=1, rate_window_s=11, rate_header=header)
    erp.client.get("/erp/articles/1001")

    with pytest.raises(Throttled) as caught:
        erp.client.get("/erp/articles/1001")

    # the sandbox says 11 s; without a header the vendor's shortest pause holds
    seconds = 6.0 if header == "none" else 11.0
    assert caught.value.retry_after_s == seconds
    assert erp.bucket.pauses == [seconds]
    assert erp.counted()[_article_route(erp)] == 2


@pytest.mark.parametrize("kind", ["500", "502", "503", "504", "html", "cut-body"])
def test_a_broken_answer_is_tried_again_later(kind, start):
    erp = start()
    erp.fault(kind, "/erp/articles/")

    with pytest.raises(TransientError) as caught:
        erp.client.get("/erp/articles/1001")

    assert type(caught.value) is TransientError
    assert erp.client.get("/erp/articles/1001")["id"] == "1001"


def test_what_is_not_there_is_gone(start):
    with pytest.raises(Gone, match="trackingId"):
        start().client.get("/erp/articles/999999")


def test_a_wrong_statement_is_rejected_with_its_tracking_id(start):
    with pytest.raises(Rejected, match=r"nothing.*\(trackingId "):
        start().client.vql("SELECT nothing FROM article.shopListing")
