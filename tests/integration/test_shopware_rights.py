"""A role with the rights that docs/shops/shopware6.md lists is enough for all that is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from flask import Flask

from integration.mapping_kinds import Kind
from integration.models import WorkItemState
from integration.topology import Topic
from sandbox import comparison
from sandbox.erp.dto import hashed_id
from sandbox.shops import shopware6
from sandbox.shops.shopware6.schema import ENTITIES, SYSTEM_LANGUAGE
from sandbox.shops.shopware6.seed import BRANCH, CENTRAL, CUSTOMERS, EXPRESS, GERMAN, ROOT_CATEGORY
from tests.architecture.source import ROOT
from tests.integration.shop_relay import running_with
from tests.integration.shopware import ShopwareRelay

GUIDE = ROOT / "docs" / "shops" / "shopware6.md"
ACTIONS = ("read", "create", "update", "delete")

pytestmark = pytest.mark.sqlite


def listed_rights() -> set[tuple[str, str]]:
    """Entity and action of each right in the tables of the section."""
    section = GUIDE.read_text().split("## Rights of the integration")[1].split("\n## ")[0]
    return {
        (entity, action)
        for entities, actions in re.findall(r"^\| (`.+?`) \| ([a-z, ]+?) \|", section, re.M)
        for entity in re.findall(r"`(\w+)`", entities)
        for action in actions.split(", ")
    }


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[ShopwareRelay]:
    """On a shop whose role has these rights and no others."""

    def shop(url: str) -> Flask:
        app = shopware6.create_app(shopware6.Options(multi_inventory=True), url)
        denied = set(product(ENTITIES, ACTIONS)) - listed_rights()
        for entity, action in denied:
            body = {"kind": "missing-privilege", "privilege": f"{entity}:{action}"}
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
    rights = listed_rights()

    assert {("product", "update"), ("product_media", "delete")} <= rights
    assert ("product", "delete") not in rights
    assert {entity for entity, _action in rights} <= set(ENTITIES)


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


def test_a_healthy_role_has_no_faults_and_can_be_mapped_to(relay):
    connector = relay.runtime.connector(relay.runtime.channel(relay.channel_id))

    assert [one for one in connector.check() if one.is_fault] == []
    for kind in set(Kind) - {Kind.UNIT}:
        assert connector.offers(kind)
