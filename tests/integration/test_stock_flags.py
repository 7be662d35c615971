"""What a shop may sell: the quantity, and whether the sale ends with it."""

from __future__ import annotations

import pytest

from integration.topology import Topic
from tests.integration.shopware import running

pytestmark = pytest.mark.either_database

ARTICLE, STOCK = Topic.ARTICLE, Topic.STOCK


@pytest.fixture
def relay(database_url):
    with running(database_url) as relay:
        yield relay


@pytest.fixture
def article(relay):
    """One that is in the shop and sold until nothing is left."""
    one = next(one for one in relay.for_sale() if not one["sellable_without_stock"])
    relay.carry(one)
    assert relay.product(one)["closeout"] is True
    return one


def test_backorder_is_a_flag_beside_the_true_quantity(relay, article):
    before = relay.product(article)["stock"]
    relay.edit(article, sellable_without_stock=True)

    relay.carry(article, topic=STOCK)

    shown = relay.product(article)
    assert (shown["stock"], shown["closeout"]) == (before, False)


def test_backorder_comes_and_goes_with_the_article_too(relay, article):
    # an event of the article tells of it, none of the stock
    relay.edit(article, sellable_without_stock=True)
    relay.carry(article)
    assert relay.product(article)["closeout"] is False

    relay.edit(article, sellable_without_stock=False)
    relay.carry(article)
    assert relay.product(article)["closeout"] is True


def test_stock_is_absolute_and_less_what_is_kept_back(relay, article):
    relay.set(safety_stock="3")
    relay.edit(article, stock=10)
    relay.carry(article, topic=STOCK)
    assert relay.product(article)["stock"] == 7

    relay.edit(article, stock=2)
    relay.carry(article, topic=STOCK)
    assert relay.product(article)["stock"] == 0
