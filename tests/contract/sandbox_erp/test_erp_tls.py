"""A client that derives its addresses from the offline token (vario-erp.md 1.4) gets there."""

import jwt
import pytest
import requests

from tests.tls_proxy import tls_in_front_of

DOMAIN = "erp.test"


@pytest.fixture
def erp(start):
    return start(domain=DOMAIN)


def test_the_addresses_of_the_offline_token_lead_to_sign_on_and_tenant(erp, tmp_path, monkeypatch):
    with tls_in_front_of(erp.url, DOMAIN, tmp_path, monkeypatch) as front:
        for tenant, articles in (("acme", 40), ("beta", 20)):
            credentials = erp.admin("POST", "tenants", {"tenant": tenant}).json()
            issuer = jwt.decode(credentials["offlineToken"],
                                options={"verify_signature": False})["iss"]
            domain = issuer.removeprefix("https://sso.").partition("/")[0]

            granted = requests.post(
                f"{issuer}/protocol/openid-connect/token", verify=front.authority, timeout=5,
                data={"grant_type": "refresh_token", "refresh_token": credentials["offlineToken"],
                      "client_id": credentials["clientId"],
                      "client_secret": credentials["clientSecret"]}).json()
            answer = requests.post(
                f"https://{tenant}.{domain}/api/vario/cmn/computed-queries/execute",
                json={"statement": "SELECT count(id) FROM article.query"}, timeout=5,
                verify=front.authority,
                headers={"Authorization": f"Bearer {granted['access_token']}"})

            assert domain == DOMAIN
            assert answer.json()["data"] == [{"count(id)": articles}]

    assert front.hosts == [f"sso.{DOMAIN}", f"acme.{DOMAIN}", f"sso.{DOMAIN}", f"beta.{DOMAIN}"]


def test_a_certificate_that_nobody_vouches_for_is_refused(erp, tmp_path, monkeypatch):
    with tls_in_front_of(erp.url, DOMAIN, tmp_path, monkeypatch) as front, pytest.raises(
            requests.exceptions.SSLError):
        requests.get(f"https://acme.{DOMAIN}/", timeout=5)

    assert front.hosts == []
