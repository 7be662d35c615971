"""A sandbox shop per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.sandbox_woocommerce.support import ShopClient


@pytest.fixture
def shop() -> Iterator[ShopClient]:
    client = ShopClient()
    yield client
    client.app.config["CLOSE"]()
