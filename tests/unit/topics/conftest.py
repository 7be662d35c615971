"""A channel, and the row of an article that has everything."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from integration.channel_view import ChannelView


@pytest.fixture
def make_channel() -> Callable[..., ChannelView]:
    def make(**parameters: str) -> ChannelView:
        return ChannelView(
            id=1, tenant_id=1, tenant="acme", erp_id="42", platform="memory", parameters=parameters
        )

    return make


@pytest.fixture
def channel(make_channel) -> ChannelView:
    return make_channel()


@pytest.fixture
def row() -> dict[str, Any]:
    return {
        "id": "4711",
        "number": "A-1",
        "name": "Lamp",
        "listing_name": None,
        "description": "<p>Bright</p>",
        "listing_description": None,
        "active": True,
        "listed": True,
        "listing_id": "901",
        "ean": "4006381333931",
        "weight": Decimal("1.250"),
        "weight_unit": "kg",
        "manufacturer": "Lumen",
        "product_type": "WITH_STOCK",
        "sellable_without_stock": False,
        "net": Decimal("16.80"),
        "gross": Decimal("19.99"),
        "price_currency": "EUR",
        "tax_schema": "11",
        "tax_rate": Decimal("19"),
        "tax_type": "1",
        "stock": Decimal("7.5"),
    }
