"""Access tokens: the two grants, the throttle on failed attempts, and the check of a bearer.

Codes are those of the original's OAuth library: 2 unsupported grant, 4 client refused, 6 user
refused, 9 token refused. A refused user is 400, everything else about tokens 401.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from . import errors
from .errors import ApiError

TOKEN_TTL_S = 600
MINUTE_S = 60
# Failed attempts of one user and address -> how long the next one has to wait.
THROTTLE = ((20, 60), (15, 30), (10, 10))
ADMIN = ("admin", "shopware")
DENIED = "The resource owner or authorization server denied the request."


@dataclass
class Attempts:
    """Failures in a row of one user and address."""

    count: int = 0
    last_at: float = 0.0


class Tokens:
    """Issues and checks tokens for one client. `now` gives seconds since the epoch."""

    def __init__(self, client_id: str, client_secret: str, *, ttl_s: int = TOKEN_TTL_S,
                 now: Callable[[], float] = time.time) -> None:
        self.client_id, self.client_secret, self.ttl_s = client_id, client_secret, ttl_s
        self._now, self._key = now, secrets.token_bytes(32)
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        # None: as many as wanted. The vendor's cloud allows ten a minute and address.
        self.per_minute: int | None = None
        self._issued_at: dict[str, list[float]] = {}
        self._attempts: dict[tuple[str, str], Attempts] = {}
        self._revoked_serial = 0
        self._serial = 0

    def issue(self, body: dict[str, Any], address: str) -> dict[str, Any]:
        """The answer of the token route. Raises ApiError."""
        bucket = (str(body.get("username") or ""), address)
        with self._lock:
            self._check_limit(address)
            self._check_throttle(bucket)
            try:
                answer = self._granted(body)
            except ApiError:
                attempts = self._attempts.setdefault(bucket, Attempts())
                attempts.count, attempts.last_at = attempts.count + 1, self._now()
                raise
            self._attempts.pop(bucket, None)
            return answer

    def revoke_all(self) -> None:
        """Refuse every token issued so far."""
        with self._lock:
            self._revoked_serial = self._serial

    def check(self, header: str | None) -> None:
        """Raises ApiError unless the Authorization header carries a token that is good now."""
        if not header:
            raise _denied('Missing "Authorization" header')
        token = header.removeprefix("Bearer").strip()
        if token.count(".") != 2:
            raise _denied("The JWT string must have two dots")
        try:
            # The expiry is compared by hand, with our own clock.
            claims = jwt.decode(token, self._key, algorithms=["HS256"], audience=self.client_id,
                                options={"verify_exp": False, "verify_iat": False})
        except jwt.PyJWTError:
            raise _denied("Access token could not be verified") from None
        if claims["exp"] <= self._now():
            raise _denied("Access token could not be verified")
        if claims["serial"] <= self._revoked_serial:
            raise _denied("Access token has been revoked")

    def _granted(self, body: dict[str, Any]) -> dict[str, Any]:
        grant = body.get("grant_type")
        if grant == "client_credentials":
            if (body.get("client_id"), body.get("client_secret")) != (self.client_id,
                                                                      self.client_secret):
                raise errors.plain(401, None, code="4", title="Client authentication failed")
            return self._token()
        if grant == "password":
            if (body.get("username"), body.get("password")) != ADMIN:
                raise errors.plain(400, None, code="6",
                                   title="The user credentials were incorrect.")
            return {**self._token(), "refresh_token": secrets.token_hex(32)}
        raise errors.plain(
            400, "Check that all required parameters have been provided", code="2",
            title="The authorization grant type is not supported by the authorization server.")

    def _token(self) -> dict[str, Any]:
        self._serial += 1
        claims = {"aud": self.client_id, "exp": self._now() + self.ttl_s, "serial": self._serial,
                  "jti": secrets.token_hex(8)}
        token = jwt.encode(claims, self._key, algorithm="HS256")
        return {"token_type": "Bearer", "expires_in": self.ttl_s, "access_token": token}

    def _check_limit(self, address: str) -> None:
        """Count one more request for a token, good or bad. Raises ApiError."""
        now = self._now()
        recent = [one for one in self._issued_at.get(address, ()) if one > now - MINUTE_S]
        if self.per_minute is not None and len(recent) >= self.per_minute:
            raise errors.too_many(max(1, math.ceil(recent[0] + MINUTE_S - now)))
        self._issued_at[address] = [*recent, now]

    def _check_throttle(self, bucket: tuple[str, str]) -> None:
        attempts = self._attempts.get(bucket)
        if attempts is None:
            return
        for limit, wait_s in THROTTLE:
            if attempts.count >= limit:
                left = wait_s - int(self._now() - attempts.last_at)
                if left > 0:
                    raise errors.named(429, "FRAMEWORK__AUTH_THROTTLED",
                                       f"Auth throttled for {left} seconds.", {"seconds": left})
                return


def _denied(detail: str) -> ApiError:
    return errors.plain(401, detail, code="9", title=DENIED)
