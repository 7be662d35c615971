"""Shops that run for one test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sandbox.shops.woocommerce import Options, create_app
from tests.contract.connectors.shops import served
from tests.contract.connectors.woocommerce import Shop


@pytest.fixture
def open_woocommerce() -> Iterator[Any]:
    """Opens WooCommerce shops with options of the test's."""
    with ExitStack() as stack:

        def open_shop(**options: Any) -> Shop:
            return stack.enter_context(
                served(lambda url: create_app(Options(**options), url), Shop)
            )

        yield open_shop


@pytest.fixture
def woocommerce(open_woocommerce: Any) -> Shop:
    found: Shop = open_woocommerce()
    return found
