"""Everything one running sandbox ERP holds, and the few questions that handlers ask of it."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable
from typing import Any

from flask import g, request

from sandbox.erp.delivery import Courier
from sandbox.erp.errors import invalid
from sandbox.erp.events import Event
from sandbox.erp.options import Options
from sandbox.erp.tenants import MAIN_TENANT, Tenant, Tenants
from sandbox.erp.tokens import Tokens
from sandbox.faults import Faults
from sandbox.requests_log import RequestsLog

FAULTS = {
    "token-revoked": "refuses every access token that is out until it is refreshed",
    "invalid-grant": "answers the token endpoint with invalid_grant, as after an uninstall",
    "half-applied": "keeps the first custom field group of a written listing, then answers 500",
    "webhook-drop": "never sends the webhook",
    "webhook-duplicate": "sends the webhook twice",
    "webhook-reorder": "lets later webhooks overtake this one",
    "webhook-delay": "sends the webhook late, by `seconds`",
}
SUPPRESS = "x-vario-suppress-own-webhooks"
SALES_CHANNELS_SHOWN = ("id", "label", "type")


class World:
    """State of the whole server. `options` is replaced as a whole, never changed in place."""

    def __init__(self, options: Options, url: str) -> None:
        self.options = self._initial = options
        self.url = url
        self.tokens = Tokens(options.seed, options.domain)
        self.faults = Faults(FAULTS, holding=("webhook-delay",), seed=options.seed)
        self.log = RequestsLog()
        self.tenants = Tenants(options, self.tokens.app_identifier)
        self.courier = Courier(self.webhook_token, self.faults, lambda: self.options)
        self._random = random.Random(options.seed)
        self._random_lock = threading.Lock()

    def credentials(self, tenant: str = MAIN_TENANT) -> dict[str, Any]:
        """What an app is configured with to work with `tenant`."""
        channels = self.tenants.get(tenant).channels.values()
        return {
            "tenant": tenant,
            "appIdentifier": self.tokens.app_identifier,
            "clientId": self.tokens.client_id,
            "clientSecret": self.tokens.client_secret,
            "jwk": self.tokens.jwks(),
            "offlineToken": self.tokens.offline_token(tenant),
            "tokenUrl": f"{self.url}/realms/{tenant}/protocol/openid-connect/token",
            "erpUrl": self.url,
            "salesChannels": [{name: getattr(channel, name) for name in SALES_CHANNELS_SHOWN}
                              for channel in channels],
        }

    def app_token(self, tenant: str, expires_s: float | None = None,
                  claims: dict[str, Any] | None = None, **signing: Any) -> str:
        """An app token as the options have it, changed by `claims` and by how it is signed."""
        return self.tokens.app_token(
            tenant, self.options.app_token_s if expires_s is None else expires_s,
            {**self._claims(), **(claims or {})}, **signing)

    def webhook_token(self, tenant: str) -> str:
        return self.tokens.kept_app_token(tenant, self.options.app_token_s, self._claims())

    def _claims(self) -> dict[str, Any]:
        claims: dict[str, Any] = {}
        if self.options.app_token_aud == "list":
            claims["aud"] = [self.tokens.app_identifier]
        if self.options.app_token_sub != "user":
            is_app = self.options.app_token_sub == "app"
            claims["sub"] = self.tokens.app_identifier if is_app else None
        return claims

    def coin(self) -> bool:
        """One seeded toss, for what the contract leaves open."""
        with self._random_lock:
            return self._random.random() < 0.5

    def announced(self, tenant: Tenant, caused: list[Event]) -> list[dict[str, Any]]:
        """Send the webhooks of a change; how each was sent, for the answer to who asked."""
        messages = [self.courier.announce(tenant, *event) for event in caused]
        return [{"queue": one.queue, "payload": json.loads(one.body),
                 "recipients": len(one.recipients)} for one in messages]

    def null_is_sent(self) -> bool:
        """The ERP sends a null or leaves the column out; clients must take both."""
        return self.coin() if self.options.nulls == "random" else self.options.nulls == "sent"

    def spared(self) -> Callable[[str], bool]:
        """Which apps hear nothing of what the current request writes (vario-erp.md 4.6)."""
        scope = self.options.suppress
        asked = request.headers.get(SUPPRESS, "").lower() == "true"
        if not asked or scope == "none" or (scope == "patch" and request.method != "PATCH"):
            return lambda app: False
        return lambda app: scope == "all" or app == self.tokens.app_identifier

    def reset(self) -> None:
        """As at start; tokens that are out stay valid."""
        self.options = self._initial
        self.faults.clear()
        self.tokens.reset()
        self.courier.reset()
        self.tenants.reset()
        self.log.reset()


def sent_object() -> dict[str, Any]:
    """The JSON object that the current request carries. Raises ApiError."""
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise invalid("The body is not a JSON object.")
    return body


def current_tenant() -> Tenant:
    """The tenant of the access token of the current request."""
    return g.tenant
