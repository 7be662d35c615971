"""A role with the rights that docs/shops/shopware6.md lists is enough for all that is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import requests
from flask import Flask

from cli import doctor_channel
from integration import toggles
from integration.connectors.base import RemoteRecord
from integration.mapping_kinds import Kind
from integration.models import WorkItemState
from integration.topology import Topic
from sandbox import comparison
from sandbox.erp.dto import hashed_id
from sandbox.shops import shopware6
from sandbox.shops.shopware6 import rights
from sandbox.shops.shopware6.schema import SYSTEM_LANGUAGE
from sandbox.shops.shopware6.seed import BRANCH, CENTRAL, CUSTOMERS, EXPRESS, GERMAN, ROOT_CATEGORY
from tests.contract.connectors.shopware_rights import listed_rights
from tests.integration.shop_relay import running_with
from tests.integration.shopware import ShopwareRelay

pytestmark = pytest.mark.sqlite


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[ShopwareRelay]:
    """On a shop whose role has these rights and no others."""

    def shop(url: str) -> Flask:
        app = shopware6.create_app(shopware6.Options(multi_inventory=True), url)
        for privilege in set(rights.ALL) - listed_rights():
            body = {"kind": "missing-privilege", "privilege": privilege}
            assert app.test_client().post("/_sandbox/faults", json=body).status_code == 200
        return app

    with running_with(ShopwareRelay, shop, sqlite_url, articles=12, illustrated=4) as relay:
        relay.hurry()
        relay.set(
            variants="on",
            categories="on",
            price_details="on",
            storages="on",
            custom_fields="custom.shop.material=material",
        )
        for kind, value, shops in (
            (Kind.LANGUAGE, "de", SYSTEM_LANGUAGE),
            (Kind.LANGUAGE, "en", GERMAN),
            (Kind.CATEGORY, hashed_id("Lampen"), ROOT_CATEGORY),
            (Kind.CUSTOMER_GROUP, "2", CUSTOMERS),
            (Kind.STORAGE_LOCATION, "5", CENTRAL),
            (Kind.STORAGE_LOCATION, "6", BRANCH),
            (Kind.CARRIER, "1", EXPRESS),
        ):
            relay.map(kind, value, shops)
        yield relay


def test_the_listed_rights_are_read_from_the_guide():
    listed = listed_rights()

    assert {"product:update", "product_media:delete"} <= listed <= set(rights.ALL)
    assert "product:delete" not in listed


def test_the_listed_rights_are_enough_for_all_topics(relay):
    main, small, large, *others = relay.for_sale()
    relay.edit(main, product_type="VARIANT_MAIN_ARTICLE", gross=None)
    for article, size in ((small, "S"), (large, "L")):
        relay.edit(article, variant_of=main["number"], variant_values={"Größe": size})
    articles = [main, small, large, *others]
    tiers = [{"net": 1, "gross": 1.19, "from": 9}, {"net": 2, "gross": 2.38, "group": "2"}]
    for article in others:
        relay.edit(
            article,
            categories=["Lampen"],
            custom={"shop.material": "Holz"},
            texts={"en": {"name": "Lamp", "description": None}},
            prices=tiers,
        )

    relay.carry(*articles)
    for article in others:
        relay.edit(article, categories=[], prices=tiers[:1], stock=3, name="Anders")
    relay.edit(small, variant_values={"Größe": "M"})
    for illustrated in (one for one in relay.articles() if one["images"]):
        ids = [image["id"] for image in illustrated["images"]]
        relay.erp("media", article=illustrated["id"], remove=ids[:1], add=2, silent=True)
    for topic in (Topic.ARTICLE, Topic.PRICE, Topic.STOCK, Topic.MEDIA):
        relay.carry(*articles, topic=topic)

    ship_an_order(relay, others[0])

    verdict = comparison.compare(relay.erp_url, relay.shop_url, variants=True)
    assert (verdict.differences, verdict.orders) == ([], 1)
    assert [relay.row(Topic.ARTICLE, one).state for one in articles] == [
        WorkItemState.COMPLETED
    ] * len(articles)


def ship_an_order(relay: ShopwareRelay, article: dict[str, Any]) -> None:
    line = {"article": article["number"], "quantity": 1}
    placed = relay.at_shop("orders", orders=[{"lines": [line]}])["orders"][0]
    lines = [{"article": article["id"], "quantity": 1}]
    order = relay.erp("order", reference=placed["number"], lines=lines)
    relay.erp("edit", article=article["id"], set={"stock": 2}, silent=True)
    shipped = relay.erp("ship", order=order["document"])
    relay.carry({"id": str(shipped["document"])}, topic=Topic.ORDER_STATUS)


def test_the_listed_rights_are_enough_to_compare_the_shop(relay):
    article = relay.for_sale()[0]
    relay.carry(article)
    connector = relay.runtime.connector(relay.runtime.channel(relay.channel_id))

    # all that a record can tell
    (scanned,) = connector.scan([one.name for one in fields(RemoteRecord)])
    (shown,) = connector.show([scanned.external_id])

    assert (scanned.number, shown.is_visible) == (article["number"], True)


def test_images_without_their_right_wait_and_are_released(relay):
    illustrated = next(one for one in relay.articles() if one["images"])
    relay.at_shop("faults", kind="missing-privilege", privilege="media:create")

    relay.carry(illustrated)

    assert relay.row(Topic.MEDIA, illustrated).hold_reason == "shop-right"
    relay.change(illustrated, name="Anders")
    assert relay.product(illustrated)["name"] == "Anders"

    requests.delete(f"{relay.shop_url}/_sandbox/faults", timeout=30)
    assert relay.release("shop-right") == 1
    relay.drain()
    assert relay.row(Topic.MEDIA, illustrated).state == WorkItemState.COMPLETED
    assert len(relay.product(illustrated)["images"]) == len(illustrated["images"])


def test_a_healthy_role_has_no_faults_and_can_be_mapped_to(relay):
    connector = relay.runtime.connector(relay.runtime.channel(relay.channel_id))

    assert [one for one in connector.check() if one.is_fault] == []
    for kind in set(Kind) - {Kind.UNIT, Kind.MANUFACTURER}:
        assert connector.offers(kind)
    assert connector.offers(Kind.MANUFACTURER) == []  # none was made yet


def test_doctor_asks_for_the_rights_of_what_is_switched_on(relay):
    relay.at_shop("faults", kind="missing-privilege", privilege="media:update")

    def faults() -> list[str]:
        found = doctor_channel.findings(relay.runtime, relay.channel_id, None)
        return [one.detail for one in found if not one.ok and "media" in one.detail]

    assert faults() == ["the role of the integration lacks media:update"]
    with relay.runtime.scope() as session:
        toggles.switch(session, relay.channel_id, Topic.MEDIA, False)
    assert faults() == []
