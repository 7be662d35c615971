"""The stages without Celery between both sandboxes: the ERP's and the WooCommerce shop's."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, TypeVar

import requests

from sandbox.shops import woocommerce
from tests.integration.shop_relay import ShopRelay, running_with


class WooCommerceRelay(ShopRelay):
    """The relay with its channel on a WooCommerce shop."""

    PLATFORM = "woocommerce"
    SECRETS = ("consumer_secret", "wp_password")

    def at_shop(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self.shop_url}/_sandbox/{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def requests(self) -> dict[str, int]:
        """What the shop was asked for, by route."""
        answer = requests.get(f"{self.shop_url}/_sandbox/requests", timeout=30)
        routes: dict[str, int] = answer.json()["by_route"]
        return routes


AnyWooRelay = TypeVar("AnyWooRelay", bound=WooCommerceRelay)


def running(
    database_url: str, *, kind: type[AnyWooRelay] = WooCommerceRelay, **options: Any
) -> AbstractContextManager[AnyWooRelay]:
    return running_with(
        kind,
        lambda url: woocommerce.create_app(woocommerce.Options(), url),
        database_url,
        **options,
    )
