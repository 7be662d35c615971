"""The stages without Celery from a sandboxed ERP into a sandboxed Shopware."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import requests
from sqlalchemy import update

from integration import channels
from integration.models import SalesChannel
from integration.topology import Topic
from sandbox import serving
from sandbox.erp import Options, create_app
from sandbox.shops import shopware6
from tests.integration.relay import Relay

SYNC = "POST /api/_action/sync"


class Shopware(Relay):
    """The same relay with a Shopware behind its channel."""

    def __init__(
        self, database_url: str, erp_url: str, shop_url: str, credentials: dict[str, str]
    ) -> None:
        super().__init__(database_url, erp_url)
        self.shop_url = shop_url
        with self.runtime.scope() as session:
            session.execute(update(SalesChannel).values(platform="shopware6"))
            for key, value in {**credentials, "shop_url": shop_url}.items():
                is_secret = key == "client_secret"
                vault = self.runtime.vault if is_secret else None
                channels.set_parameter(session, self.channel_id, key, value, vault)

    def set(self, name: str, value: str) -> None:
        """A parameter of the channel."""
        with self.runtime.scope() as session:
            channels.set_parameter(session, self.channel_id, name, value, None)

    def in_shop(self, article: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.shop_url}/_sandbox/state?limit=1000"
        rows = requests.get(url, timeout=30).json(parse_float=Decimal)["products"]
        return next(one for one in rows if one["number"] == article["number"])

    def shop_writes(self) -> int:
        counted = requests.get(f"{self.shop_url}/_sandbox/requests", timeout=30).json()
        return counted["by_route"].get(SYNC, 0)

    def carry(self, topic: Topic, *articles: dict[str, Any]) -> None:
        self.hint(topic, *articles)
        self.drain()
        assert self.errors == []


@contextmanager
def shopware_relay(database_url: str, **options: Any) -> Iterator[Shopware]:
    """`options` are the sandbox ERP's."""
    credentials: dict[str, str] = {}

    def shop(url: str) -> Any:
        app = shopware6.create_app(shopware6.Options(), url)
        credentials.update(app.config["CREDENTIALS"])
        return app

    given = Options(**{"articles": 40, "rate_limit": 100_000, **options})
    with (
        serving.running(lambda url: create_app(given, url)) as erp_url,
        serving.running(shop) as shop_url,
    ):
        relay = Shopware(database_url, erp_url, shop_url, credentials)
        yield relay
        relay.close()
