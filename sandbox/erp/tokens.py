"""Keys and tokens of the sandbox ERP: app tokens (ES256), offline tokens and access tokens.

Everything is derived from the seed, so that a sandbox started again with the same seed still knows
the credentials and offline tokens that a client has stored.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

APP_TOKEN_S = 600
_NAMESPACE = uuid.UUID("5f0c7a52-6a53-4d5f-8a31-9b0f6c1f2d10")
# The order of P-256; a private key is a number below it.
_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class InvalidToken(Exception):
    """The token is not ours, expired or revoked."""


class Tokens:
    """Issues and checks the tokens of one app in every tenant."""

    def __init__(self, seed: int, domain: str) -> None:
        self.domain = domain
        self.app_identifier = str(uuid.uuid5(_NAMESPACE, f"app/{seed}"))
        self.client_id = f"app-{self.app_identifier[:8]}"
        self.client_secret = _digest("client", seed)[:40]
        self._hmac_key = _digest("hmac", seed)
        secret = int(_digest("ec", seed), 16) % (_CURVE_ORDER - 1) + 1
        self._private_key = ec.derive_private_key(secret, ec.SECP256R1())
        self._kid = _digest("kid", seed)[:16]
        self._generation = 0
        self._cached: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()

    def jwks(self) -> dict[str, Any]:
        """The public key set that an app is given as `appJWK`."""
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._private_key.public_key()))
        return {"keys": [{**key, "kid": self._kid, "alg": "ES256", "use": "sig"}]}

    def issuer(self, tenant: str) -> str:
        return f"https://sso.{self.domain}/realms/{tenant}"

    def app_token(self, tenant: str, expires_s: float = APP_TOKEN_S, **extra: Any) -> str:
        """A signed app token, as the ERP sends it with webhooks."""
        now = int(time.time())
        claims = {
            "iss": self.issuer(tenant), "aud": self.app_identifier, "azp": self.client_id,
            "sub": str(uuid.uuid5(_NAMESPACE, f"user/{tenant}")), "jti": str(uuid.uuid4()),
            "iat": now, "exp": int(now + expires_s), "tenantSubdomain": tenant,
            "appDomain": "localhost", "isSuperUser": False, "permissions": [], **extra,
        }
        return jwt.encode(claims, self._private_key, "ES256", {"kid": self._kid})

    def webhook_token(self, tenant: str) -> str:
        """An app token that is good for nine more minutes; signed once a minute, not per call."""
        with self._lock:
            until, token = self._cached.get(tenant, (0.0, ""))
            if time.monotonic() >= until:
                token = self.app_token(tenant)
                self._cached[tenant] = (time.monotonic() + 60, token)
            return token

    def read_app_token(self, token: str) -> dict[str, Any]:
        """The claims of one of our app tokens, expired or not. Raises InvalidToken."""
        try:
            return jwt.decode(token, self._private_key.public_key(), ["ES256"],
                              audience=self.app_identifier, options={"verify_exp": False})
        except jwt.PyJWTError as error:
            raise InvalidToken(str(error)) from error

    def offline_token(self, tenant: str) -> str:
        """What an app receives at install; the same text every time."""
        claims = {"iss": self.issuer(tenant), "azp": self.client_id, "typ": "Offline", "iat": 0,
                  "jti": str(uuid.uuid5(_NAMESPACE, f"offline/{tenant}")), "realm": tenant}
        return jwt.encode(claims, self._hmac_key, "HS256")

    def tenant_of_offline(self, token: str) -> str:
        """Raises InvalidToken."""
        return self._read(token, "Offline")["realm"]

    def access_token(self, tenant: str, expires_s: float) -> str:
        claims = {"iss": self.issuer(tenant), "azp": self.client_id, "typ": "Bearer",
                  "exp": time.time() + expires_s, "jti": str(uuid.uuid4()), "realm": tenant,
                  "generation": self._generation}
        return jwt.encode(claims, self._hmac_key, "HS256")

    def tenant_of_access(self, token: str) -> str:
        """Raises InvalidToken, also for tokens from before the last revocation."""
        claims = self._read(token, "Bearer")
        if claims["generation"] != self._generation:
            raise InvalidToken("revoked")
        return claims["realm"]

    def revoke_access(self) -> None:
        """Refuse every access token that is out, until it is refreshed."""
        self._generation += 1

    def _read(self, token: str, kind: str) -> dict[str, Any]:
        try:
            claims = jwt.decode(token, self._hmac_key, ["HS256"])
        except jwt.PyJWTError as error:
            raise InvalidToken(str(error)) from error
        if claims.get("typ") != kind:
            raise InvalidToken("wrong kind of token")
        return claims


def _digest(purpose: str, seed: int) -> str:
    return hashlib.sha256(f"vario sandbox {purpose} {seed}".encode()).hexdigest()
