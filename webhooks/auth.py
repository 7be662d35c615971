"""App tokens of the ERP: who calls, and for which tenant (vario-erp.md 1.2).

The tenant comes from the verified token and from nowhere else. No token is ever logged.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from webhooks.keys import AppKeys, Keys

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


class TokenRefused(Exception):
    """The call does not prove itself. The reason is for our log, never for the caller."""


@dataclass(frozen=True)
class AppToken:
    """What a verified token says; `expires_at` in seconds since 1970."""

    tenant: str
    expires_at: float


class Verifier:
    """Checks app tokens against the app's keys.

    `app_jwk`: one JWK or ``{"keys": [...]}`` as JSON text, or ``@`` and the path of a file that
    holds it and is read again when it changes; empty refuses every token.
    Raises: UsageError for a text or a file that holds no usable key.
    """

    def __init__(
        self, app_jwk: str, app_identifier: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keys = AppKeys(app_jwk, clock)
        self._app_identifier = app_identifier
        self._good = _Good(self._keys.current())

    @property
    def can_verify(self) -> bool:
        return bool(self._keys.current() and self._app_identifier)

    def verify(self, authorization: str | None) -> AppToken:
        """The token of an Authorization header. Raises: TokenRefused."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenRefused("no-token")
        keys = self._keys.current()
        if not keys or not self._app_identifier:
            raise TokenRefused("app-credentials-not-set")
        good = self._good
        if good.keys is not keys:
            # The keys were changed: what an old one proved is not believed any more.
            good = self._good = _Good(keys)
        return good.find(token) or good.remember(token, self._checked(token.strip(), keys))

    def _checked(self, token: str, keys: Keys) -> AppToken:
        claims = self._claims(token, keys)
        if not _is_for(claims.get("aud"), self._app_identifier):
            raise TokenRefused("other-audience")
        if claims.get("tokenType") == PERMITTED_TOKEN:
            raise TokenRefused("permitted-token")
        tenant = claims.get("tenantSubdomain")
        if not isinstance(tenant, str) or not _SUBDOMAIN.fullmatch(tenant):
            raise TokenRefused("no-tenant")
        return AppToken(tenant, float(claims["exp"]))

    def _claims(self, token: str, keys: Keys) -> dict[str, Any]:
        # iat is not checked, as in the vendor's own code: a clock slightly ahead is no attack.
        options: Any = {"require": ["exp"], "verify_aud": False, "verify_iat": False}
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            return jwt.decode(
                token,
                self._key_for(kid, keys),
                algorithms=[ALGORITHM],
                leeway=LEEWAY_S,
                options=options,
            )
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from error

    def _key_for(self, kid: object, keys: Keys) -> Any:
        """The key of that id; the first one when the id is missing or not ours."""
        found = _of_id(kid, keys)
        if found is None and kid is not None:
            # Perhaps it was put into the file a moment ago.
            keys = self._keys.current(at_once=True)
            found = _of_id(kid, keys)
        return keys[0][1] if found is None else found


class _Good:
    """Tokens that these keys proved. It is replaced with them, so that no thread remembers a
    token for keys that it was not checked with."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self._tokens: dict[str, AppToken] = {}

    def find(self, token: str) -> AppToken | None:
        found = self._tokens.get(token)
        return found if found and time.time() < found.expires_at + LEEWAY_S else None

    def remember(self, token: str, checked: AppToken) -> AppToken:
        if len(self._tokens) >= REMEMBERED:
            # All at once: which of them has ended is not worth a search.
            self._tokens = {}
        self._tokens[token] = checked
        return checked


def _of_id(kid: object, keys: Keys) -> Any | None:
    return next((key for own_kid, key in keys if own_kid == kid), None)


def _is_for(audience: object, app_identifier: str) -> bool:
    return audience == app_identifier or audience == [app_identifier]
