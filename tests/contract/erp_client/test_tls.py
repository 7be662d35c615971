"""Our client with nothing but an offline token and the allowed domain, as in production."""

import pytest

from integration.connectors import http
from integration.erp.auth import tenant_access
from integration.erp.client import ErpClient
from integration.errors import TransientError
from integration.settings import from_env
from tests.tls_proxy import tls_in_front_of

DOMAIN = "erp.test"


def client(erp, authority):
    """A client whose addresses are derived: no RELAY_ERP_URL, no RELAY_ERP_TOKEN_URL."""
    known = erp.client.access
    settings = from_env(
        {
            "RELAY_APP_IDENTIFIER": known.app_identifier,
            "RELAY_CLIENT_ID": known.client_id,
            "RELAY_CLIENT_SECRET": known.client_secret,
            "RELAY_ERP_DOMAINS": DOMAIN,
        }
    )
    session = http.session()
    session.verify = authority
    access = tenant_access("acme", known.offline_token, settings)
    return ErpClient(access, session, erp.tokens, erp.bucket)


def test_the_derived_addresses_reach_the_erp(start, tmp_path, monkeypatch):
    erp = start(domain=DOMAIN)

    with tls_in_front_of(erp.url, DOMAIN, tmp_path, monkeypatch) as front:
        article = client(erp, front.authority).get("/erp/articles/1001")

    assert article["number"] == erp.articles()[0]["number"]
    assert front.hosts == [f"sso.{DOMAIN}", f"acme.{DOMAIN}"]


def test_a_server_without_a_trusted_certificate_gets_no_secret(start, tmp_path, monkeypatch):
    erp = start(domain=DOMAIN)

    with (
        tls_in_front_of(erp.url, DOMAIN, tmp_path, monkeypatch) as front,
        pytest.raises(TransientError),
    ):
        client(erp, True).get("/erp/articles/1001")

    assert front.hosts == []
