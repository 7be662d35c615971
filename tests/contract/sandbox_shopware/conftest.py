"""A sandbox shop per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.shops.shopware6 import Options
from tests.contract.sandbox_shopware.support import Clock, ShopClient, product


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shop(clock: Clock) -> Iterator[ShopClient]:
    client = ShopClient(Options(now=clock))
    yield client
    client.app.config["CLOSE"]()


@pytest.fixture
def stocked(shop: ShopClient) -> ShopClient:
    """A shop with the products A, B and C."""
    shop.upsert(product("a", "A"), product("b", "B", stock=0), product("c", "C", active=False))
    return shop
