"""The shops that our connectors are examined against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
from flask import Flask

from sandbox.shops import shopware6, woocommerce
from tests.contract.connectors import shops
from vario_relay import Context

#: Number of the order that is shipped, and of the product in it.
ORDER, PRODUCT = "4711", "P1"

APPS: Mapping[str, Callable[[str], Flask]] = {
    "shopware6": lambda url: shopware6.create_app(shopware6.Options(), url),
    "woocommerce": lambda url: woocommerce.create_app(woocommerce.Options(), url),
}
PLATFORMS = ("memory", *APPS)


@dataclass(frozen=True)
class ServedShop:
    """What the kit is told of a shop; the one in memory has no address."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    order: str | None = None


@contextmanager
def served(platform: str) -> Iterator[ServedShop]:
    """The sandbox of a platform with an order in it, if it takes orders."""
    if platform not in APPS:
        yield ServedShop()
        return
    with shops.served(APPS[platform], shops.ServedShop) as shop:
        yield ServedShop(shop.parameters, shop.url, _placed(shop.url))


def remove(context: Context, external_ids: Sequence[str]) -> None:
    """Delete products of a sandbox as an employee of the shop does."""
    url = context.parameters["shop_url"]
    for one in external_ids:
        body = {"article": one, "delete": True}
        requests.post(f"{url}/_sandbox/edit", json=body, timeout=5).raise_for_status()


def _placed(url: str) -> str | None:
    order = {"number": ORDER, "lines": [{"article": PRODUCT}]}
    requests.post(f"{url}/_sandbox/products", json={"number": PRODUCT}, timeout=5)
    answer = requests.post(f"{url}/_sandbox/orders", json={"orders": [order]}, timeout=5)
    return f"{ORDER}:{PRODUCT}" if answer.ok else None
