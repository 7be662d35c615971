"""Who gets in: app tokens as the ERP signs them, and everything else."""

import base64
import hashlib
import hmac
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integration.errors import UsageError
from tests.unit.webhooks.support import APP, JWKS, KEY, OTHER_KEY, claims, public_jwk, token
from webhooks.auth import REMEMBERED, TokenRefused, Verifier

PUBLIC_PEM = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


@pytest.fixture
def verifier() -> Verifier:
    return Verifier(JWKS, APP)


def reason(verifier: Verifier, authorization: str | None) -> str:
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(authorization)
    return str(refused.value)


def last_reason(verifier: Verifier, authorization: str) -> str:
    """Why a token that ends within a second is refused then."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            verifier.verify(authorization)
        except TokenRefused as refused:
            return str(refused)
    return "never"


def raw_token(header: dict, payload: dict, signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.contract("10.3")
def test_the_tenant_comes_from_the_token(verifier):
    assert verifier.verify(f"Bearer {token(tenantSubdomain='globex')}").tenant == "globex"


def test_the_scheme_is_read_without_regard_to_case(verifier):
    assert verifier.verify(f"bearer {token()}").tenant == "acme"


def test_an_audience_list_of_one_is_accepted(verifier):
    assert verifier.verify(f"Bearer {token(aud=[APP])}").tenant == "acme"


def test_a_token_that_ended_three_seconds_ago_is_accepted(verifier):
    assert verifier.verify(f"Bearer {token(exp=int(time.time()) - 3)}").tenant == "acme"


def test_a_token_that_was_good_is_refused_when_it_has_ended(verifier):
    authorization = f"Bearer {token(exp=int(time.time()) - 3)}"
    verifier.verify(authorization)

    assert last_reason(verifier, authorization) == "ExpiredSignatureError"


def test_a_remembered_token_is_no_key_for_a_changed_one(verifier):
    good = token()
    verifier.verify(f"Bearer {good}")
    head, _, signature = good.split(".")
    claimed = base64.urlsafe_b64encode(json.dumps(claims(tenantSubdomain="globex")).encode())

    assert reason(verifier, f"Bearer {head}.{claimed.rstrip(b'=').decode()}.{signature}") == (
        "InvalidSignatureError"
    )


def test_more_tokens_than_are_remembered_are_all_accepted():
    # Cheap here: one token with another blank behind it is another text.
    verifier = Verifier(JWKS, APP)
    good = token()

    for blanks in range(REMEMBERED + 2):
        assert verifier.verify(f"Bearer {good}{' ' * blanks}").tenant == "acme"


def test_a_token_issued_by_a_clock_ahead_of_ours_is_accepted(verifier):
    assert verifier.verify(f"Bearer {token(iat=int(time.time()) + 60)}").tenant == "acme"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"exp": int(time.time()) - 6}, "ExpiredSignatureError"),
        ({"exp": None}, "MissingRequiredClaimError"),
        ({"exp": "soon"}, "DecodeError"),
        ({"exp": float("inf")}, "DecodeError"),
        ({"nbf": int(time.time()) + 3_600}, "ImmatureSignatureError"),
        ({"aud": None}, "other-audience"),
        ({"aud": "another-app"}, "other-audience"),
        ({"aud": [APP, "another-app"]}, "other-audience"),
        ({"aud": []}, "other-audience"),
        ({"tokenType": "PERMITTED_TOKEN"}, "permitted-token"),
        ({"tenantSubdomain": None}, "no-tenant"),
        ({"tenantSubdomain": ""}, "no-tenant"),
        ({"tenantSubdomain": 7}, "no-tenant"),
        ({"tenantSubdomain": ["acme"]}, "no-tenant"),
        ({"tenantSubdomain": "acme\x00"}, "no-tenant"),
        ({"tenantSubdomain": "acme\n"}, "no-tenant"),
        ({"key": OTHER_KEY}, "InvalidSignatureError"),
    ],
)
def test_a_token_that_does_not_prove_the_call_is_refused(verifier, changes, why):
    assert reason(verifier, f"Bearer {token(**changes)}") == why


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic YTpi"])
def test_a_call_without_a_token_is_refused(verifier, authorization):
    assert reason(verifier, authorization) == "no-token"


@pytest.mark.parametrize("text", ["x", "a.b.c", "é.é.é", "..", "null", "[" * 100_000])
def test_what_is_no_token_is_refused(verifier, text):
    assert reason(verifier, f"Bearer {text}") == "DecodeError"


def test_a_header_nested_by_the_thousand_is_refused(verifier):
    nested = base64.urlsafe_b64encode(b"[" * 99_999).decode()

    assert reason(verifier, f"Bearer {nested}.e30.e30") == "DecodeError"


def test_a_token_without_a_signature_is_refused(verifier):
    unsigned = raw_token({"alg": "none", "typ": "JWT"}, claims())

    assert reason(verifier, f"Bearer {unsigned}") == "InvalidAlgorithmError"


def test_our_public_key_is_not_a_shared_secret(verifier):
    """The classic confusion: HS256 signed with the PEM that everybody may know."""
    signed_part = raw_token({"alg": "HS256", "typ": "JWT"}, claims()).rsplit(".", 1)[0]
    signature = hmac.new(PUBLIC_PEM, signed_part.encode(), hashlib.sha256).digest()
    forged = f"{signed_part}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    assert reason(verifier, f"Bearer {forged}") == "InvalidAlgorithmError"


def test_another_curve_is_not_another_way_in(verifier):
    key = ec.generate_private_key(ec.SECP384R1())

    assert reason(verifier, f"Bearer {token(key=key, algorithm='ES384')}") == (
        "InvalidAlgorithmError"
    )


def test_a_key_that_the_token_brings_along_is_not_believed(verifier):
    brought = token(key=OTHER_KEY, headers={"jwk": public_jwk(OTHER_KEY)})

    assert reason(verifier, f"Bearer {brought}") == "InvalidSignatureError"


def test_the_key_is_chosen_by_its_id():
    jwks = {"keys": [public_jwk(KEY, "old"), public_jwk(OTHER_KEY, "new")]}
    verifier = Verifier(json.dumps(jwks), APP)

    assert verifier.verify(f"Bearer {token(key=OTHER_KEY, headers={'kid': 'new'})}")
    assert verifier.verify(f"Bearer {token(key=KEY, headers={'kid': 'old'})}")
    assert reason(verifier, f"Bearer {token(key=KEY, headers={'kid': 'new'})}") == (
        "InvalidSignatureError"
    )


@pytest.mark.parametrize("headers", [None, {"kid": "unheard-of"}])
def test_without_a_known_id_the_first_key_counts(headers):
    jwks = {"keys": [public_jwk(KEY, "old"), public_jwk(OTHER_KEY, "new")]}
    verifier = Verifier(json.dumps(jwks), APP)

    assert verifier.verify(f"Bearer {token(key=KEY, headers=headers)}").tenant == "acme"
    assert reason(verifier, f"Bearer {token(key=OTHER_KEY, headers=headers)}") == (
        "InvalidSignatureError"
    )


def test_a_single_key_needs_no_set_around_it():
    verifier = Verifier(json.dumps(public_jwk(KEY)), APP)

    assert verifier.verify(f"Bearer {token()}").tenant == "acme"


def test_a_key_of_another_kind_in_the_set_is_passed_over():
    jwks = {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, public_jwk(KEY)]}

    assert Verifier(json.dumps(jwks), APP).verify(f"Bearer {token()}").tenant == "acme"


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "7",
        "{}",
        '{"keys": []}',
        '{"keys": [7]}',
        '{"kty": "EC", "crv": "P-256"}',
        '{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}',
        '{"kty": "oct", "k": "c2VjcmV0"}',
    ],
)
def test_a_setting_without_a_usable_key_stops_the_start(text):
    with pytest.raises(UsageError) as refused:
        Verifier(text, APP)

    assert str(refused.value) == (
        "settings: RELAY_APP_JWK is not a JSON Web Key (set) with an EC P-256 public key"
    )


@pytest.mark.parametrize(("app_jwk", "app"), [("", APP), (JWKS, "")])
def test_without_credentials_every_call_is_refused(app_jwk, app):
    verifier = Verifier(app_jwk, app)

    assert verifier.can_verify is False
    assert reason(verifier, f"Bearer {jwt.encode(claims(aud=app), KEY, algorithm='ES256')}") == (
        "app-credentials-not-set"
    )


# --- keys that change ----------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def jwks(**key_by_kid) -> str:
    return json.dumps({"keys": [public_jwk(key, kid) for kid, key in key_by_kid.items()]})


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "app.jwk"
    path.write_text(jwks(old=KEY))
    return path


@pytest.fixture
def clock():
    return Clock()


def test_a_key_that_comes_into_the_file_counts_at_once_and_one_that_left_counts_no_more(key_file):
    verifier = Verifier(f"@{key_file}", APP)
    old, new = token(headers={"kid": "old"}), token(key=OTHER_KEY, headers={"kid": "new"})
    assert verifier.verify(f"Bearer {old}")

    key_file.write_text(jwks(old=KEY, new=OTHER_KEY))
    assert verifier.verify(f"Bearer {new}").tenant == "acme"
    assert verifier.verify(f"Bearer {old}").tenant == "acme"

    key_file.write_text(jwks(new=OTHER_KEY))
    newest = token(key=OTHER_KEY, headers={"kid": "newest"})  # makes it look
    verifier.verify(f"Bearer {newest}")
    assert verifier.verify(f"Bearer {new}")
    assert reason(verifier, f"Bearer {old}") == "InvalidSignatureError"


def test_without_an_id_a_changed_file_is_noticed_within_a_second(key_file, clock):
    verifier = Verifier(f"@{key_file}", APP, clock)
    good = f"Bearer {token()}"
    verifier.verify(good)
    key_file.write_text(json.dumps({"keys": [public_jwk(OTHER_KEY)]}))

    assert verifier.verify(good).tenant == "acme"  # not looked at yet
    clock.now += 1.0

    assert reason(verifier, good) == "InvalidSignatureError"
    assert verifier.verify(f"Bearer {token(key=OTHER_KEY)}").tenant == "acme"


@pytest.mark.parametrize("spoil", [lambda f: f.unlink(), lambda f: f.write_text('{"keys": [')])
def test_a_file_that_is_gone_or_half_written_leaves_the_keys_as_they_are(
    spoil, key_file, clock, caplog
):
    verifier = Verifier(f"@{key_file}", APP, clock)
    spoil(key_file)
    clock.now += 1.0

    assert verifier.verify(f"Bearer {token()}").tenant == "acme"
    assert "app-keys.unreadable" in caplog.text

    key_file.write_text(json.dumps({"keys": [public_jwk(OTHER_KEY)]}))
    clock.now += 1.0
    assert verifier.verify(f"Bearer {token(key=OTHER_KEY)}").tenant == "acme"


def test_an_unknown_id_costs_a_look_at_the_file_and_no_reading(key_file, monkeypatch):
    verifier = Verifier(f"@{key_file}", APP)
    monkeypatch.setattr("webhooks.keys.Path.read_text", lambda *_, **__: pytest.fail("read again"))

    for number in range(3):
        assert verifier.verify(f"Bearer {token(headers={'kid': f'unknown-{number}'})}")


def test_a_file_that_is_not_there_at_start_stops_the_start_and_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"RELAY_APP_JWK names .*absent, which cannot be read"):
        Verifier(f"@{tmp_path / 'absent'}", APP)

    (tmp_path / "empty").write_text("")
    with pytest.raises(UsageError, match=r"RELAY_APP_JWK: .*empty is not a JSON Web Key"):
        Verifier(f"@{tmp_path / 'empty'}", APP)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"binary, which cannot be read: it is not UTF-8"):
        Verifier(f"@{tmp_path / 'binary'}", APP)
