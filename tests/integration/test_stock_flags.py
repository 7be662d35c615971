"""What a shop may sell: the quantity, and whether the sale ends with it."""

from __future__ import annotations

import pytest

from integration.topics.stock import SAFETY_STOCK
from integration.topology import Topic
from tests.integration.shopware_relay import shopware_relay

ARTICLE, STOCK = Topic.ARTICLE, Topic.STOCK


@pytest.fixture
def relay(database_url):
    with shopware_relay(database_url) as relay:
        yield relay


@pytest.fixture
def article(relay):
    """One that is in the shop and sold until nothing is left."""
    one = next(one for one in relay.for_sale() if not one["sellable_without_stock"])
    relay.carry(ARTICLE, one)
    assert relay.in_shop(one)["closeout"] is True
    return one


def test_backorder_is_a_flag_beside_the_true_quantity(relay, article):
    before = relay.in_shop(article)["stock"]
    relay.edit(article, sellable_without_stock=True)

    relay.carry(STOCK, article)

    shown = relay.in_shop(article)
    assert (shown["stock"], shown["closeout"]) == (before, False)


def test_stock_is_absolute_and_less_what_is_kept_back(relay, article):
    relay.set(SAFETY_STOCK, "3")
    relay.edit(article, stock=10)
    relay.carry(STOCK, article)
    assert relay.in_shop(article)["stock"] == 7

    relay.edit(article, stock=2)
    relay.carry(STOCK, article)
    assert relay.in_shop(article)["stock"] == 0
