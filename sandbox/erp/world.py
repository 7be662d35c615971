"""Everything one running sandbox ERP holds, and the few questions that handlers ask of it."""

from __future__ import annotations

import random
import threading
from typing import Any

from flask import g

from sandbox.erp.delivery import Courier
from sandbox.erp.options import Options
from sandbox.erp.tenants import MAIN_TENANT, Tenant, Tenants
from sandbox.erp.tokens import Tokens
from sandbox.faults import Faults
from sandbox.requests_log import RequestsLog

FAULTS = {
    "token-revoked": "refuses every access token that is out until it is refreshed",
    "invalid-grant": "answers the token endpoint with invalid_grant, as after an uninstall",
    "webhook-drop": "never sends the webhook",
    "webhook-duplicate": "sends the webhook twice",
    "webhook-reorder": "lets later webhooks overtake this one",
    "webhook-delay": "sends the webhook late, by `seconds`",
}
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
        self.courier = Courier(self.tokens.webhook_token, self.faults, lambda: self.options)
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

    def coin(self) -> bool:
        """One seeded toss, for what the contract leaves open."""
        with self._random_lock:
            return self._random.random() < 0.5

    def reset(self) -> None:
        """As at start; tokens that are out stay valid."""
        self.options = self._initial
        self.faults.clear()
        self.courier.reset()
        self.tenants.reset()
        self.log.reset()


def current_tenant() -> Tenant:
    """The tenant of the access token of the current request."""
    return g.tenant
