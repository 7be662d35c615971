"""Keys and tokens of the sandbox ERP: app tokens (ES256), offline tokens and access tokens.

Everything is derived from the seed, so that a sandbox started again with the same seed still knows
the credentials and offline tokens that a client has stored. What happened since the start (a
rotated key, an app that was uninstalled) is forgotten with the process.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

_NAMESPACE = uuid.UUID("5f0c7a52-6a53-4d5f-8a31-9b0f6c1f2d10")
# The order of P-256; a private key is a number below it.
_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SIGNERS = ("current", "first", "stranger")


class InvalidToken(Exception):
    """The token is not ours, expired or revoked."""


@dataclass(frozen=True)
class Key:
    """A signing key; its number says how often the key was rotated before."""

    private: ec.EllipticCurvePrivateKey
    kid: str

    @classmethod
    def of(cls, seed: int, mark: str) -> Key:
        secret = int(_digest(f"ec{mark}", seed), 16) % (_CURVE_ORDER - 1) + 1
        return cls(ec.derive_private_key(secret, ec.SECP256R1()), _digest(f"kid{mark}", seed)[:16])

    def jwk(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key()))
        return {**public, "kid": self.kid, "alg": "ES256", "use": "sig"}


class Tokens:
    """Issues and checks the tokens of one app in every tenant."""

    def __init__(self, seed: int, domain: str) -> None:
        self.domain = domain
        self.app_identifier = str(uuid.uuid5(_NAMESPACE, f"app/{seed}"))
        self.client_id = f"app-{self.app_identifier[:8]}"
        self.client_secret = _digest("client", seed)[:40]
        self._seed = seed
        self._hmac_key = _digest("hmac", seed)
        self._stranger = Key.of(seed, "-stranger")
        self._lock = threading.Lock()
        self._generation = 0
        self.reset()

    def reset(self) -> None:
        """As at start: the first key alone, the app installed everywhere. Access tokens stay."""
        with self._lock:
            self._keys = [Key.of(self._seed, "")]
            self._shown = list(self._keys)
            self._installs: dict[str, int] = {}
            self._uninstalled: set[str] = set()
            self._cached: dict[tuple, tuple[float, str]] = {}

    # --- app tokens -------------------------------------------------------------------------------

    def jwks(self) -> dict[str, Any]:
        """The public key set that an app is given as `appJWK`."""
        return {"keys": [key.jwk() for key in self._shown]}

    def rotate(self, keep_old: bool = True) -> dict[str, Any]:
        """Sign with a new key from now on; the key set, without the older ones if not kept."""
        with self._lock:
            new = Key.of(self._seed, f"-{len(self._keys)}")
            self._keys = [*self._keys, new]
            self._shown = [*self._shown, new] if keep_old else [new]
        return self.jwks()

    def issuer(self, tenant: str) -> str:
        return f"https://sso.{self.domain}/realms/{tenant}"

    def app_token(self, tenant: str, expires_s: float, claims: dict[str, Any] | None = None, *,
                  signer: str = "current", kid: str | None = "") -> str:
        """A signed app token, as the ERP sends it with webhooks.

        `claims` change the usual ones; None takes one away. A `kid` of "" is that of the key,
        None leaves it out of the header.
        """
        now = int(time.time())
        usual = {
            "iss": self.issuer(tenant), "aud": self.app_identifier, "azp": self.client_id,
            "sub": str(uuid.uuid5(_NAMESPACE, f"user/{tenant}")), "jti": str(uuid.uuid4()),
            "iat": now, "exp": int(now + expires_s), "tenantSubdomain": tenant,
            "appDomain": "localhost", "isSuperUser": False, "permissions": [], **(claims or {}),
        }
        key = {"current": self._keys[-1], "first": self._keys[0],
               "stranger": self._stranger}[signer]
        header = {} if kid is None else {"kid": kid or key.kid}
        return jwt.encode({name: value for name, value in usual.items() if value is not None},
                          key.private, "ES256", header)

    def kept_app_token(self, tenant: str, expires_s: float, claims: dict[str, Any]) -> str:
        """An app token with nine tenths of its life left: signed now and then, not per call."""
        mark = (tenant, self._keys[-1].kid, expires_s, str(claims))
        with self._lock:
            until, token = self._cached.get(mark, (0.0, ""))
            if time.monotonic() >= until:
                token = self.app_token(tenant, expires_s, claims)
                self._cached[mark] = (time.monotonic() + expires_s / 10, token)
            return token

    def read_app_token(self, token: str) -> dict[str, Any]:
        """The claims of one of our app tokens, expired or not. Raises InvalidToken."""
        reason = "no key"
        for key in self._keys:
            try:
                return jwt.decode(token, key.private.public_key(), ["ES256"],
                                  audience=self.app_identifier, options={"verify_exp": False})
            except jwt.PyJWTError as error:
                reason = str(error)
        raise InvalidToken(reason)

    # --- offline and access tokens ----------------------------------------------------------------

    def uninstall(self, tenant: str) -> None:
        """Refuse the tenant's offline token and every access token made from it, for good."""
        with self._lock:
            self._uninstalled.add(tenant)

    def install(self, tenant: str) -> None:
        """The app is in the tenant again: what was refused stays so, a new offline token counts."""
        with self._lock:
            if tenant in self._uninstalled:
                self._uninstalled.remove(tenant)
                self._installs[tenant] = self._installs.get(tenant, 0) + 1

    def offline_token(self, tenant: str, mark: str = "") -> str:
        """What an app receives at install; the same text every time unless a `mark` differs."""
        install = self._installs.get(tenant, 0)
        name = f"offline/{tenant}/{install}{mark}" if install or mark else f"offline/{tenant}"
        claims = {"iss": self.issuer(tenant), "azp": self.client_id, "typ": "Offline", "iat": 0,
                  "jti": str(uuid.uuid5(_NAMESPACE, name)), "realm": tenant, "install": install}
        return jwt.encode(claims, self._hmac_key, "HS256")

    def tenant_of_offline(self, token: str) -> str:
        """Raises InvalidToken."""
        claims = self._read(token, "Offline")
        self._check_installed(claims)
        return claims["realm"]

    def access_token(self, tenant: str, expires_s: float) -> str:
        claims = {"iss": self.issuer(tenant), "azp": self.client_id, "typ": "Bearer",
                  "exp": time.time() + expires_s, "jti": str(uuid.uuid4()), "realm": tenant,
                  "generation": self._generation, "install": self._installs.get(tenant, 0)}
        return jwt.encode(claims, self._hmac_key, "HS256")

    def tenant_of_access(self, token: str) -> str:
        """Raises InvalidToken, also for tokens from before the last revocation."""
        claims = self._read(token, "Bearer")
        if claims["generation"] != self._generation:
            raise InvalidToken("revoked")
        self._check_installed(claims)
        return claims["realm"]

    def revoke_access(self) -> None:
        """Refuse every access token that is out, until it is refreshed."""
        self._generation += 1

    def _check_installed(self, claims: dict[str, Any]) -> None:
        tenant = claims["realm"]
        if tenant in self._uninstalled or claims["install"] != self._installs.get(tenant, 0):
            raise InvalidToken("the app was uninstalled")

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
