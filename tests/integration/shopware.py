"""The stages without Celery between both sandboxes: the ERP's and the Shopware shop's."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import requests

from sandbox.shops import shopware6
from tests.integration.shop_relay import ShopRelay, running_with

SYNC = "POST /api/_action/sync"


class ShopwareRelay(ShopRelay):
    """The relay with its channel on a Shopware shop."""

    PLATFORM = "shopware6"
    SECRETS = ("client_secret",)

    def syncs(self) -> int:
        """Writes that the shop was asked for."""
        answer = requests.get(f"{self.shop_url}/_sandbox/requests", timeout=30)
        return int(answer.json()["by_route"].get(SYNC, 0))

    def at_shop(self, route: str, /, **body: Any) -> Any:
        """POST to the sandboxed shop's own routes."""
        answer = requests.post(f"{self.shop_url}/_sandbox/{route}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def in_admin(self, *operations: dict[str, Any]) -> None:
        """What an employee does in the administration of the shop."""
        parameters = self.parameters()
        token = requests.post(
            f"{self.shop_url}/api/oauth/token",
            json={
                "grant_type": "client_credentials",
                "client_id": parameters["client_id"],
                "client_secret": parameters["client_secret"],
            },
            timeout=30,
        ).json()["access_token"]
        answer = requests.post(
            f"{self.shop_url}/api/_action/sync",
            json=list(operations),
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=30,
        )
        assert answer.ok, answer.text


def running(database_url: str, **options: Any) -> AbstractContextManager[ShopwareRelay]:
    return running_with(
        ShopwareRelay,
        lambda url: shopware6.create_app(shopware6.Options(), url),
        database_url,
        **options,
    )
