"""What happens to a whole tenant: offline and online, uninstall and reinstall, a new key."""

import jwt
import pytest

ME = "/cmn/users/me"
ONLINE, OFFLINE = "tenant.online", "tenant.offline"


def app_token(erp, **wanted):
    answer = erp.admin("POST", "token", wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def verified_by(token, jwks):
    """The place of the key that has signed the token."""
    for place, key in enumerate(jwks["keys"]):
        try:
            jwt.decode(token, jwt.PyJWK(key).key, ["ES256"], options={"verify_aud": False})
        except jwt.InvalidSignatureError:
            continue
        return place
    return None


def test_an_offline_tenant_says_so_first_and_then_answers_503_to_everything(erp, receiver):
    for queue in (OFFLINE, ONLINE):
        erp.register(queue, f"{receiver.url}/{queue}")

    assert erp.admin("POST", "offline", {}).json()["recipients"] == 1

    assert {erp.call("GET", path).status_code for path in (ME, "/erp/articles/1001")} == {503}
    assert erp.token_call().status_code == 200
    assert type(erp)(erp.url, "beta").call("GET", ME).status_code == 200
    assert erp.edit("1001", set={"stock": 3}, silent=True)["article"]["stock"] == 3
    erp.admin("POST", "online", {})
    assert erp.call("GET", ME).status_code == 200
    [first, second] = receiver.wait(2)
    assert {first[0], second[0]} == {OFFLINE, ONLINE}
    assert first[1] == second[1]
    assert list(first[1]) == ["id"]


def test_after_an_uninstall_no_token_of_the_tenant_counts_any_more(erp):
    erp.register(ONLINE, "http://127.0.0.1:9/never")

    erp.admin("POST", "uninstall", {})

    assert erp.call("GET", ME).status_code == 401
    assert (erp.token_call().status_code, erp.token_call().json()["error"]) == (
        400, "invalid_grant")
    assert erp.admin("GET", "registrations").json() == []
    assert type(erp)(erp.url, "beta").call("GET", ME).status_code == 200


def test_an_uninstall_can_leave_the_registrations_behind(erp):
    erp.register(ONLINE, "http://127.0.0.1:9/never")

    erp.admin("POST", "uninstall", {"keep_webhooks": True})

    assert len(erp.admin("GET", "registrations").json()) == 1


def test_a_reinstall_brings_a_new_offline_token_and_the_old_one_stays_refused(erp):
    old = erp.credentials["offlineToken"]
    erp.admin("POST", "uninstall", {})

    erp.credentials = erp.admin("POST", "reinstall", {}).json()

    assert erp.credentials["offlineToken"] != old
    assert erp.token_call(refresh_token=old).json()["error"] == "invalid_grant"
    assert erp.call("GET", ME).status_code == 401  # the access token is from before
    erp.login()
    assert erp.call("GET", ME).status_code == 200


def test_a_reinstall_without_an_uninstall_changes_nothing(erp):
    again = erp.admin("POST", "reinstall", {}).json()

    assert again["offlineToken"] == erp.credentials["offlineToken"]


@pytest.mark.parametrize(("keep_old", "keys"), [(True, 2), (False, 1)])
def test_a_rotated_key_signs_from_now_on_and_has_a_kid_of_its_own(erp, keep_old, keys):
    before = app_token(erp)

    jwks = erp.admin("POST", "rotate-key", {"keep_old": keep_old}).json()

    after = app_token(erp)
    assert len({key["kid"] for key in jwks["keys"]}) == keys
    assert verified_by(after, jwks) == keys - 1
    assert jwt.get_unverified_header(after)["kid"] == jwks["keys"][-1]["kid"]
    assert verified_by(before, jwks) == (0 if keep_old else None)
    assert erp.admin("POST", "tenants", {}).json()["jwk"] == jwks


def test_webhooks_are_signed_with_the_new_key_too(erp, receiver):
    erp.register(ONLINE, receiver.url + "/x")
    erp.admin("POST", "online", {})
    receiver.wait(1)

    jwks = erp.admin("POST", "rotate-key", {}).json()
    erp.admin("POST", "online", {})

    tokens = [one[2] for one in receiver.wait(2)]
    assert sorted(verified_by(token, jwks) for token in tokens) == [0, 1]


def test_app_tokens_are_signed_with_the_claims_and_the_key_that_were_asked_for(erp):
    jwks = erp.admin("POST", "rotate-key", {}).json()
    token = app_token(erp, claims={"tokenType": "PERMITTED_TOKEN", "tenantSubdomain": None})

    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["tokenType"] == "PERMITTED_TOKEN"
    assert "tenantSubdomain" not in claims
    assert verified_by(app_token(erp, signer="first"), jwks) == 0
    assert verified_by(app_token(erp, signer="stranger"), jwks) is None
    assert "kid" not in jwt.get_unverified_header(app_token(erp, kid=None))
    assert jwt.get_unverified_header(app_token(erp, kid="x"))["kid"] == "x"


@pytest.mark.parametrize(("path", "body"), [
    ("token", {"signer": "me"}), ("token", {"claims": []}), ("token", {"kid": 1}),
    ("rotate-key", {"keep_old": 1}), ("uninstall", {"keep_webhooks": "yes"}),
    ("offline", {"tenants": "acme"}), ("online", {"tenant": "Not A Tenant"})])
def test_what_makes_no_sense_is_400(erp, path, body):
    answer = erp.admin("POST", path, body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}
