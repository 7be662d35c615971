"""Who asks: keys by Basic or query over https, by OAuth 1.0a over plain http, or nobody."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from flask import Request

from . import errors

#: How far a signed request's clock may be off.
TIMESTAMP_WINDOW_S = 15 * 60
_HASHES = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
_PARAMETERS = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature",
               "oauth_signature_method")


@dataclass(frozen=True)
class Key:
    """A REST key; `may_manage` is the right of the user it belongs to."""

    key: str
    secret: str
    permissions: str = "read_write"
    may_manage: bool = True


#: Beside the main key: what a merchant creates by mistake.
READ_ONLY = Key("ck_sandboxread", "cs_sandboxread", "read")
WRITE_ONLY = Key("ck_sandboxwrite", "cs_sandboxwrite", "write")
CUSTOMER = Key("ck_sandboxcustomer", "cs_sandboxcustomer", may_manage=False)


class Gate:
    """Tells whose request it is; remembers nonces."""

    def __init__(self, keys: list[Key], now: Callable[[], float]) -> None:
        self._keys = {one.key: one for one in keys}
        self._now = now
        self._nonces: dict[tuple[str, str], float] = {}

    def reset(self) -> None:
        self._nonces.clear()

    def of(self, request: Request) -> Key | None:
        """The key of a request, None for nobody. Raises ApiError."""
        found = self._by_password(request) if is_https(request) else self._by_signature(request)
        if found is None:
            return None
        writes = request.method not in ("GET", "HEAD", "OPTIONS")
        missing = "write" if writes else "read"
        if missing not in found.permissions:
            raise errors.authentication(
                f"The API key provided does not have {missing} permissions.")
        return found

    def _by_password(self, request: Request) -> Key | None:
        key, secret = _basic(request.headers.get("Authorization", ""))
        if not key:
            key = request.args.get("consumer_key", "")
            secret = request.args.get("consumer_secret", "")
        found = self._keys.get(key)
        # Whoever is not known goes on as nobody; only a known key can have a wrong secret.
        if found is not None and not hmac.compare_digest(found.secret, secret):
            raise errors.authentication("Consumer secret is invalid.")
        return found

    def _by_signature(self, request: Request) -> Key | None:
        given = {name: request.args.get(name, "") for name in _PARAMETERS}
        if not any(given.values()):
            return None
        if missing := [name for name, value in given.items() if not value]:
            raise errors.authentication(f"Missing OAuth parameter {missing[0]}")
        found = self._keys.get(given["oauth_consumer_key"])
        if found is None:
            raise errors.authentication("Consumer key is invalid.")
        if given["oauth_signature_method"] not in _HASHES:
            raise errors.authentication(
                "Invalid signature - signature method is invalid.")
        if not hmac.compare_digest(signature(request, found), given["oauth_signature"]):
            raise errors.authentication(
                "Invalid signature - provided signature does not match.")
        self._check_nonce(found, given["oauth_timestamp"], given["oauth_nonce"])
        return found

    def _check_nonce(self, found: Key, stamp: str, nonce: str) -> None:
        now = self._now()
        if not stamp.isdigit() or abs(now - int(stamp)) > TIMESTAMP_WINDOW_S:
            raise errors.authentication("Invalid timestamp.")
        if (found.key, nonce) in self._nonces:
            raise errors.authentication("Invalid nonce - nonce has already been used.")
        self._nonces = {one: at for one, at in self._nonces.items()
                        if at > now - TIMESTAMP_WINDOW_S}
        self._nonces[found.key, nonce] = now


def is_https(request: Request) -> bool:
    """Directly, or as a proxy in front says."""
    return request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"


def signature(request: Request, key: Key) -> str:
    """The signature a request should have: RFC 5849 with the query as its parameters."""
    pairs = sorted((_encoded(name), _encoded(value))
                   for name, value in request.args.items(multi=True) if name != "oauth_signature")
    query = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join([request.method, _encoded(request.base_url), _encoded(query)])
    digest = _HASHES[request.args["oauth_signature_method"]]
    signed = hmac.new(f"{key.secret}&".encode(), base.encode(), digest).digest()
    return base64.b64encode(signed).decode()


def _encoded(value: str) -> str:
    return quote(value, safe="-._~")


def _basic(header: str) -> tuple[str, str]:
    if not header.startswith("Basic "):
        return "", ""
    try:
        text = base64.b64decode(header[6:], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    key, _, secret = text.partition(":")
    return key, secret
