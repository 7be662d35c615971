"""Addresses of a tenant's ERP, and the exchange of its offline token."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
import requests

from integration.connectors import http
from integration.erp.auth import fetch_access_token, tenant_access
from integration.errors import TenantError, Throttled, TransientError

TOKEN_URL = "https://sso.vario.cloud/realms/acme/protocol/openid-connect/token"


def test_addresses_are_derived_from_the_issuer_of_the_offline_token(settings, offline_token):
    access = tenant_access("acme", offline_token(), settings())

    assert access.api_url == "https://acme.vario.cloud/api/vario"
    assert access.token_url == TOKEN_URL


def test_a_subdomain_of_an_allowed_domain_is_allowed(settings, offline_token):
    token = offline_token(iss="https://sso.test.vario.cloud/realms/acme")

    assert tenant_access("acme", token, settings()).base_url == "https://acme.test.vario.cloud"


def test_a_port_of_the_issuer_is_kept(settings, offline_token):
    token = offline_token(iss="https://sso.erp.example:8443/realms/acme")

    access = tenant_access("acme", token, settings(RELAY_ERP_DOMAINS="erp.example"))

    assert access.base_url == "https://acme.erp.example:8443"
    assert access.token_url.startswith("https://sso.erp.example:8443/realms/acme/protocol/")


@pytest.mark.parametrize(
    "issuer",
    [
        "https://sso.evil.example/realms/acme",
        "https://sso.vario.cloud.evil.example/realms/acme",  # an allowed name in front
        "https://sso.evilvario.cloud/realms/acme",  # an allowed name as a mere ending
        "https://sso.vario.cloud@evil.example/realms/acme",  # an allowed name as user name
        "http://sso.vario.cloud/realms/acme",  # plain http
        "https://vario.cloud/realms/acme",  # no sso
        "https://sso.vario.cloud/realms/../../acme",
        "https://sso.vario.cloud/realms/acme?x=1",
        "https://sso.vario.cloud:port/realms/acme",
        "https://[sso.vario.cloud/realms/acme",
        "https://sso.vario.cloud./realms/acme",  # a trailing dot
        "https://sso.vario.cloud:65536/realms/acme",
        "https://sso.evil.example\\.vario.cloud/realms/acme",  # requests ends a host there
        "https://sso.evil.example%2f.vario.cloud/realms/acme",
        "https://sso.evil.example%5c.vario.cloud/realms/acme",
        "https://sso.evil.example .vario.cloud/realms/acme",
        "https://sso.evil.example\x00.vario.cloud/realms/acme",
        "https://sso.evil.example\uff0f.vario.cloud/realms/acme",  # a full-width slash
        "https://sso.v\u0430rio.cloud/realms/acme",  # a Cyrillic a
        "https://sso.vario\u3002cloud/realms/acme",  # an ideographic full stop
        "https://sso.xn--vrio-53d.cloud/realms/acme",  # the same a, encoded
        "https://user:pw@sso.vario.cloud/realms/acme",
        "https://sso..vario.cloud/realms/acme",
        "https://sso.vario.cloud/realms/..",
        "https://sso.vario.cloud/realms/acme#x",
        "//sso.vario.cloud/realms/acme",
        ["https://sso.vario.cloud/realms/acme"],
        "",
        None,
        17,
    ],
)
@pytest.mark.contract("10.18")
def test_no_secret_goes_to_an_issuer_outside_the_allowed_domains(issuer, settings, offline_token):
    with pytest.raises(TenantError, match="RELAY_ERP_DOMAINS"):
        tenant_access("acme", offline_token(iss=issuer), settings())


def test_settings_replace_both_addresses_whatever_the_issuer_is(settings, offline_token):
    given = settings(
        RELAY_ERP_URL="http://127.0.0.1:9000",
        RELAY_ERP_TOKEN_URL="http://127.0.0.1:9000/{tenant}/t",
    )

    access = tenant_access("acme", offline_token(iss="https://sso.evil.example/realms/x"), given)

    assert access.api_url == "http://127.0.0.1:9000/api/vario"
    assert access.token_url == "http://127.0.0.1:9000/acme/t"


def test_one_replaced_address_leaves_the_other_derived(settings, offline_token):
    access = tenant_access(
        "acme", offline_token(), settings(RELAY_ERP_URL="https://{tenant}.proxy.example/")
    )

    assert access.base_url == "https://acme.proxy.example"
    assert access.token_url == TOKEN_URL


def test_a_token_of_another_app_is_refused_even_with_replaced_addresses(settings, offline_token):
    given = settings(RELAY_ERP_URL="http://localhost:1", RELAY_ERP_TOKEN_URL="http://localhost:1/t")

    with pytest.raises(TenantError, match="another app"):
        tenant_access("acme", offline_token(azp="app-2"), given)


def test_an_unset_client_id_accepts_no_token(settings, offline_token):
    with pytest.raises(TenantError, match="RELAY_CLIENT_ID"):
        tenant_access("acme", offline_token(azp=""), settings(RELAY_CLIENT_ID=""))


def test_an_unreadable_token_is_not_repeated_in_the_error(settings):
    with pytest.raises(TenantError) as caught:
        tenant_access("acme", "secret.secret.secret", settings())

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["", "Acme", "acme.evil.example", "acme/", "-acme", "acme\n"])
def test_a_tenant_that_is_no_host_name_has_no_address(name, settings, offline_token):
    with pytest.raises(TenantError, match="host name"):
        tenant_access(name, offline_token(), settings())


def test_the_repr_shows_no_secret(access):
    assert "secret" not in repr(access)
    assert "the-offline-token" not in repr(access)


@pytest.mark.contract("10.5")
def test_the_exchange_sends_the_refresh_grant_as_a_form(access, wire):
    wire.post(TOKEN_URL, json={"access_token": "fresh", "expires_in": 300})

    assert fetch_access_token(access, http.session()) == ("fresh", 300.0)

    request = wire.calls[0].request
    assert parse_qs(request.body) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["the-offline-token"],
        "client_id": ["app-1"],
        "client_secret": ["the-client-secret"],
    }
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["User-Agent"] == access.app_identifier


@pytest.mark.parametrize("life", ["null", "0", "-1", '"soon"', '"nan"', "[]", "9" * 400])
def test_an_unusable_life_counts_as_a_minute(life, access, wire):
    wire.post(TOKEN_URL, body=f'{{"access_token": "fresh", "expires_in": {life}}}')

    assert fetch_access_token(access, http.session()) == ("fresh", 60.0)


def test_an_answer_without_expires_in_counts_as_a_minute(access, wire):
    wire.post(TOKEN_URL, json={"access_token": "fresh"})

    assert fetch_access_token(access, http.session()) == ("fresh", 60.0)


@pytest.mark.parametrize("life", ["1e99", '"inf"', '"86401"'])
def test_a_life_beyond_a_day_is_a_day(life, access, wire):
    wire.post(TOKEN_URL, body=f'{{"access_token": "fresh", "expires_in": {life}}}')

    assert fetch_access_token(access, http.session()) == ("fresh", 86_400.0)


def test_a_sign_in_that_hangs_is_given_up_after_seconds(access, wire):
    wire.post(TOKEN_URL, body=requests.exceptions.ReadTimeout())

    with pytest.raises(TransientError, match="did not answer"):
        fetch_access_token(access, http.session())

    assert sum(wire.calls[0].request.req_kwargs["timeout"]) <= 20


@pytest.mark.contract("10.7")
@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"error": "invalid_grant"}, "OFFLINE_TOKEN_INVALID.*reconnect the app"),
        (401, {"error": "invalid_grant"}, "OFFLINE_TOKEN_INVALID.*reconnect the app"),
        (401, {"error": "invalid_client"}, "RELAY_CLIENT_ID and RELAY_CLIENT_SECRET"),
        (400, {"error": "unauthorized_client"}, "RELAY_CLIENT_ID and RELAY_CLIENT_SECRET"),
        (400, {"error": "invalid_scope"}, r"answered 400 \(invalid_scope\)"),
        (404, {"error": "Realm does not exist"}, "answered 404;"),
    ],
)
def test_a_refusal_that_only_a_person_can_lift_holds_the_tenant(status, body, words, access, wire):
    wire.post(TOKEN_URL, json=body, status=status)

    with pytest.raises(TenantError, match=words):
        fetch_access_token(access, http.session())


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_stumbling_sign_in_is_tried_again(status, access, wire):
    wire.post(TOKEN_URL, body="<html>", status=status)

    with pytest.raises(TransientError, match=f"answered {status}"):
        fetch_access_token(access, http.session())


def test_an_unreachable_sign_in_is_tried_again(access, wire):
    wire.post(TOKEN_URL, body=requests.exceptions.ConnectionError("the-client-secret"))

    with pytest.raises(TransientError) as caught:
        fetch_access_token(access, http.session())

    assert "the-client-secret" not in str(caught.value)


def test_a_throttled_sign_in_waits_as_told(access, wire):
    wire.post(TOKEN_URL, status=429, headers={"Retry-After": "17"})

    with pytest.raises(Throttled) as caught:
        fetch_access_token(access, http.session())

    assert caught.value.retry_after_s == 17


@pytest.mark.parametrize("status", [302, 400, 403, 404, 418])
@pytest.mark.parametrize("body", ["<html>forbidden</html>", "{}", '{"error": {}}', ""])
def test_a_refusal_that_is_not_the_sign_ins_own_holds_nobody(status, body, access, wire):
    wire.post(TOKEN_URL, body=body, status=status)

    with pytest.raises(TransientError, match=f"answered {status} without an error"):
        fetch_access_token(access, http.session())


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "<html>",
        '{"access_token": ""}',
        '{"access_token": 7}',
        '{"access_token": "fresh", "expires_in": NaN}',
        '{"access_token": "a\\r\\nX-Evil: 1"}',
        '{"access_token": "\u00e4"}',
    ],
)
def test_an_answer_without_a_token_is_tried_again(body, access, wire):
    wire.post(TOKEN_URL, body=body)

    with pytest.raises(TransientError, match="without a token"):
        fetch_access_token(access, http.session())


@pytest.mark.contract("10.18")
def test_errors_quote_neither_tokens_nor_descriptions(access, wire):
    wire.post(
        TOKEN_URL,
        status=400,
        json={"error": "bad the-offline-token", "error_description": "the-offline-token"},
    )

    with pytest.raises(TenantError) as caught:
        fetch_access_token(access, http.session())

    assert "the-offline-token" not in str(caught.value)
