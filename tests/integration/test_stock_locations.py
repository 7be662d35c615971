"""Stock by location: from the ERP's storages into a Shopware with warehouses, and one without."""

from __future__ import annotations

import pytest
from flask import Flask

from integration.errors import ChannelError
from integration.mapping_kinds import LEFT_OUT, Kind
from integration.models import SalesChannel
from integration.topology import Topic
from sandbox.shops import shopware6
from sandbox.shops.shopware6.seed import BRANCH, CENTRAL
from tests.integration.shop_relay import running_with
from tests.integration.shopware import ShopwareRelay, running

ARTICLE, STOCK = Topic.ARTICLE, Topic.STOCK


# What the database does with it is that of every stock.
pytestmark = pytest.mark.sqlite


@pytest.fixture
def relay(sqlite_url):
    def shop(url: str) -> Flask:
        return shopware6.create_app(shopware6.Options(multi_inventory=True), url)

    with running_with(ShopwareRelay, shop, sqlite_url) as relay:
        relay.set(storages="on")
        yield relay


@pytest.fixture
def article(relay):
    """One that lies in both storages that the channel sells from, and in one that it does not."""
    one = relay.for_sale()[0]
    relay.edit(one, storages={"5": 3, "6": 4.5, "7": 9})
    return one


def map_both(relay: ShopwareRelay) -> None:
    relay.map(Kind.STORAGE_LOCATION, "5", CENTRAL)
    relay.map(Kind.STORAGE_LOCATION, "6", BRANCH)


def test_each_storage_fills_its_warehouse_and_the_stock_is_their_sum(relay, article):
    map_both(relay)

    relay.carry(article)

    shown = relay.product(article)
    assert (shown["warehouses"], shown["stock"]) == ({"Central": 3, "Branch": 4}, 7)
    assert shown["warehouse_groups"] == ["Everybody"]
    written = relay.syncs()
    relay.carry(article, topic=STOCK)
    assert relay.row(STOCK, article).skip_reason == "unchanged"
    assert relay.syncs() == written


def test_pieces_that_move_between_storages_are_a_change_though_the_sum_stays(relay, article):
    map_both(relay)
    relay.carry(article)
    relay.edit(article, storages={"5": 0, "6": 7.5})

    relay.carry(article, topic=STOCK)

    assert relay.product(article)["warehouses"] == {"Central": 0, "Branch": 7}
    assert relay.product(article)["stock"] == 7


def test_a_storage_without_a_mapping_holds_what_needs_it_until_it_has_one(relay, article):
    relay.map(Kind.STORAGE_LOCATION, "5", CENTRAL)
    relay.carry(article)
    assert relay.reason(article) == "mapping:storage-location:6"
    assert "stock at the storage Filiale" in relay.row(ARTICLE, article).last_error

    relay.map(Kind.STORAGE_LOCATION, "6", CENTRAL)
    relay.drain()

    assert relay.product(article)["warehouses"] == {"Central": 7}


def test_a_storage_that_is_left_out_later_leaves_nothing_for_sale_behind(relay, article):
    map_both(relay)
    relay.carry(article)

    relay.map(Kind.STORAGE_LOCATION, "6", LEFT_OUT)
    relay.carry(article, topic=STOCK)

    assert relay.product(article)["warehouses"] == {"Central": 3, "Branch": 0}


def test_what_is_kept_back_is_kept_back_once(relay, article):
    map_both(relay)
    relay.set(safety_stock="6")

    relay.carry(article)

    shown = relay.product(article)
    assert (shown["warehouses"], shown["stock"]) == ({"Central": 1, "Branch": 0}, 1)


def test_a_warehouse_that_was_deleted_in_the_shop_is_a_missing_mapping(relay, article):
    map_both(relay)
    relay.carry(article)
    relay.in_admin({"entity": "warehouse", "action": "delete", "payload": [{"id": BRANCH}]})
    relay.edit(article, storages={"5": 1, "6": 1})

    relay.carry(article, topic=STOCK)

    assert relay.row(STOCK, article).hold_reason == "mapping:storage-location:6"
    assert (
        f"the warehouse {BRANCH}, which the shop does not" in relay.row(STOCK, article).last_error
    )


def test_storages_cost_one_request_per_article_and_one_per_batch(relay):
    articles = relay.for_sale()[:10]
    map_both(relay)
    relay.carry(*articles)
    asked, written = relay.erp_requests(), relay.syncs()
    for number, one in enumerate(articles):
        relay.edit(one, storages={"5": number + 100})

    relay.carry(*articles, topic=STOCK)

    assert relay.erp_requests() == asked + 1 + 1 + len(articles)
    assert relay.syncs() == written + 1


def test_without_the_parameter_nothing_is_asked_of_storages_and_the_sum_arrives(relay, article):
    relay.set(storages="off")

    relay.carry(article)

    shown = relay.product(article)
    assert (shown["stock"], shown["warehouses"], shown["warehouse_groups"]) == (7, {}, [])


def test_a_shop_without_warehouses_holds_the_channel_and_says_what_to_do(sqlite_url):
    with running(sqlite_url) as relay:
        article = relay.for_sale()[0]
        relay.set(storages="on")
        map_both(relay)
        relay.hint(ARTICLE, article)
        relay.drain()

        (error,) = relay.errors
        assert isinstance(error, ChannelError)
        with relay.runtime.scope() as session:
            held = session.get_one(SalesChannel, relay.channel_id).held_reason
        assert "has no warehouses" in held
        assert "set storages=off" in held
