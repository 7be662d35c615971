"""Deliveries from the sandboxed ERP to the orders of the sandboxed WooCommerce."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.topology import Topic
from sandbox import order_comparison
from tests.integration.woocommerce import WooCommerceRelay, running

Document = dict[str, Any]


@pytest.fixture
def relay(database_url: str) -> Iterator[WooCommerceRelay]:
    with running(database_url) as relay:
        relay.carry(*relay.for_sale()[:2])
        yield relay


def in_erp(relay: WooCommerceRelay, path: str, **body: Any) -> Document:
    answer = requests.post(f"{relay.erp_url}/_sandbox/{path}", json=body, timeout=30)
    assert answer.ok, answer.text
    made: Document = answer.json()
    return made


def ordered(relay: WooCommerceRelay) -> int:
    """An order of the shop, imported into the ERP; the ERP's id of it."""
    articles = relay.for_sale()[:2]
    lines = [{"article": one["number"], "quantity": 2} for one in articles]
    placed = relay.at_shop("orders", orders=[{"lines": lines}])["orders"][0]
    lines = [{"article": one["id"], "quantity": 2} for one in articles]
    return int(in_erp(relay, "order", reference=placed["number"], lines=lines)["document"])


def carry(relay: WooCommerceRelay, *documents: int) -> None:
    relay.hint(Topic.ORDER_STATUS, *({"id": str(one)} for one in documents))
    relay.drain()
    assert relay.errors == []


def test_orders_end_as_the_erp_says_whatever_happened_on_the_way(relay: WooCommerceRelay) -> None:
    one_piece = [{"article": relay.for_sale()[0]["id"], "quantity": 1}]
    whole, part, corrected, cancelled = (ordered(relay) for _ in range(4))
    shipped = [in_erp(relay, "ship", order=one)["document"] for one in (whole, corrected)]
    shipped.append(in_erp(relay, "ship", order=part, lines=one_piece)["document"])
    in_erp(relay, "cancel", document=cancelled)
    relay.at_shop("faults", kind="timeout-after", route="/notes", seconds=0.1)
    carry(relay, *shipped, cancelled)
    in_erp(relay, "cancel", document=shipped[1])
    carry(relay, *shipped, cancelled)
    relay.retries_are_due()
    relay.drain()

    assert order_comparison.differences(relay.erp_url, relay.shop_url) == (4, [])
