"""What becomes of a change that the integration's role lacks a right for, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration.connectors.base import Receipt
from integration.documents import StockDocument
from integration.errors import Held, RightMissing
from integration.topology import Topic
from tests.contract.connectors.pictures import image, shown
from tests.contract.connectors.test_shopware6 import Employee
from tests.contract.connectors.test_shopware6_images import Gallery, running
from tests.contract.connectors.test_shopware6_orders import delivery, place, push, state


@pytest.fixture
def shop() -> Iterator[Gallery]:
    with running() as made:
        yield made


def deny(shop: Any, privilege: str) -> None:
    shop.admin("faults", kind="missing-privilege", privilege=privilege)


def waits_for(receipt: Receipt, privilege: str) -> bool:
    error = receipt.error
    return isinstance(error, Held) and error.reason == "shop-right" and privilege in str(error)


@pytest.mark.parametrize(
    "privilege",
    [
        "media:read",
        "media:create",
        # of the upload
        "media:update",
        "media_folder:read",
        "media_default_folder:read",
        "product_media:read",
        "product_media:create",
        "language:read",
        "locale:read",
    ],
)
def test_images_wait_for_their_right_and_nothing_else_does(shop: Gallery, privilege: str) -> None:
    shop.create("1")
    wanted = shown(image("7", alt=(("de", "Hammer"),)))
    deny(shop, privilege)

    (held,) = shop.show(wanted)
    (stock,) = shop.change(Topic.STOCK, StockDocument("1", 4))

    assert waits_for(held, privilege)
    assert (shop.products["A-1"]["images"], shop.products["A-1"]["stock"]) == ([], 4)
    assert stock.error is None
    shop.clear_faults()
    (done,) = shop.show(wanted)
    assert done.error is None
    assert len(shop.products["A-1"]["images"]) == 1


@pytest.mark.parametrize("privilege", ["product_media:update", "product_media:delete"])
def test_images_that_change_wait_for_their_right(shop: Gallery, privilege: str) -> None:
    shop.create("1")
    shop.show(shown(image("7"), image("8")))
    deny(shop, privilege)

    (held,) = shop.show(shown(image("8")))

    assert waits_for(held, privilege)
    assert len(shop.products["A-1"]["images"]) == 2


@pytest.mark.parametrize(
    "privilege",
    [
        "order:read",
        "order_delivery:read",
        "state_machine_state:read",
        "order_delivery:update",
        "state_machine_history:create",
    ],
)
def test_deliveries_wait_for_their_right(shop: Gallery, privilege: str) -> None:
    place(shop, "10")
    deny(shop, privilege)

    (held,) = push(shop, delivery("10"))

    assert waits_for(held, privilege)
    assert state(shop, "10")[0] == "open"


def test_a_product_made_meanwhile_is_adopted_without_a_right_to_categories(shop: Gallery) -> None:
    shop.gate = Employee(shop)
    deny(shop, "category:read")

    (receipt,) = shop.create("1")

    assert (receipt.error, receipt.was_adopted) == (None, True)


def test_without_a_right_to_products_the_channel_stops(shop: Gallery) -> None:
    shop.create("1")
    deny(shop, "product:update")

    with pytest.raises(RightMissing, match="product:update"):
        shop.change(Topic.STOCK, StockDocument("1", 4))
