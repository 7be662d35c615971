"""App tokens of the ERP: who calls, and for which tenant (vario-erp.md 1.2).

The tenant comes from the verified token and from nowhere else. No token is ever logged.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import ECAlgorithm

from integration.errors import UsageError

#: Pinned: a token that names another algorithm (none, HS256 with our public key) is refused.
ALGORITHM = "ES256"
#: The ERP's clock and ours may differ a little; more would lengthen a stolen token's life.
LEEWAY_S = 5
#: Issued for single, specially opened routes, of which there are none.
PERMITTED_TOKEN = "PERMITTED_TOKEN"  # noqa: S105 - a claim's value, not a secret

#: Tokens that are remembered as good. The ERP sends one token with many webhooks, and to check its
#: signature costs more than the rest of what we check.
REMEMBERED = 1_000

_SUBDOMAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_BAD_JWK = "settings: RELAY_APP_JWK is not a JSON Web Key (set) with an EC P-256 public key"


class TokenRefused(Exception):
    """The call does not prove itself. The reason is for our log, never for the caller."""


@dataclass(frozen=True)
class AppToken:
    """What a verified token says; `expires_at` in seconds since 1970."""

    tenant: str
    expires_at: float


class Verifier:
    """Checks app tokens against the app's keys.

    `app_jwk`: one JWK or ``{"keys": [...]}`` as JSON text; empty refuses every token.
    Raises: UsageError for a text that holds no usable key.
    """

    def __init__(self, app_jwk: str, app_identifier: str) -> None:
        self._keys = _keys_in(app_jwk) if app_jwk.strip() else []
        self._app_identifier = app_identifier
        self._good: dict[str, AppToken] = {}

    @property
    def can_verify(self) -> bool:
        return bool(self._keys and self._app_identifier)

    def verify(self, authorization: str | None) -> AppToken:
        """The token of an Authorization header. Raises: TokenRefused."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenRefused("no-token")
        if not self.can_verify:
            raise TokenRefused("app-credentials-not-set")
        return self._remembered(token) or self._remember(token, self._checked(token.strip()))

    def _remembered(self, token: str) -> AppToken | None:
        found = self._good.get(token)
        return found if found and time.time() < found.expires_at + LEEWAY_S else None

    def _remember(self, token: str, checked: AppToken) -> AppToken:
        if len(self._good) >= REMEMBERED:
            # All at once: which of them has ended is not worth a search.
            self._good = {}
        self._good[token] = checked
        return checked

    def _checked(self, token: str) -> AppToken:
        claims = self._claims(token)
        if not _is_for(claims.get("aud"), self._app_identifier):
            raise TokenRefused("other-audience")
        if claims.get("tokenType") == PERMITTED_TOKEN:
            raise TokenRefused("permitted-token")
        tenant = claims.get("tenantSubdomain")
        if not isinstance(tenant, str) or not _SUBDOMAIN.fullmatch(tenant):
            raise TokenRefused("no-tenant")
        return AppToken(tenant, float(claims["exp"]))

    def _claims(self, token: str) -> dict[str, Any]:
        # iat is not checked, as in the vendor's own code: a clock slightly ahead is no attack.
        options: Any = {"require": ["exp"], "verify_aud": False, "verify_iat": False}
        try:
            return jwt.decode(
                token,
                self._key_for(jwt.get_unverified_header(token).get("kid")),
                algorithms=[ALGORITHM],
                leeway=LEEWAY_S,
                options=options,
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from error

    def _key_for(self, kid: object) -> Any:
        """The key of that id; the first one when the id is missing or not ours."""
        return next((key for own_kid, key in self._keys if own_kid == kid), self._keys[0][1])


def _keys_in(app_jwk: str) -> list[tuple[str | None, Any]]:
    """(kid, public key) of every EC P-256 key in a JWK or a set of them."""
    try:
        jwks = json.loads(app_jwk)
        members = jwks.get("keys", [jwks])
        # Only the public half is taken over, whatever else was pasted into the setting.
        keys = [
            (one.get("kid"), ECAlgorithm.from_jwk({n: one[n] for n in ("kty", "crv", "x", "y")}))
            for one in members
            if one.get("kty") == "EC" and one.get("crv") == "P-256"
        ]
    except (ValueError, TypeError, KeyError, AttributeError, jwt.PyJWTError) as error:
        raise UsageError(_BAD_JWK) from error
    if not keys:
        raise UsageError(_BAD_JWK)
    return keys


def _is_for(audience: object, app_identifier: str) -> bool:
    return audience == app_identifier or audience == [app_identifier]
