"""Manufacturers are asked for once: a burst of articles costs one request per batch, not two."""

from __future__ import annotations

from typing import Any

from integration.connectors.base import Payload
from integration.topology import Topic
from tests.unit.connectors.kit import (
    TAX_7,
    TAX_19,
    Facts,
    Shop,
    article,
    connector,
    envelope,
    hex_id,
    listed,
    missing_row,
)

SEARCH = "/api/search/product-manufacturer"


def facts(**values: Any) -> Facts:
    return Facts({"tax-ids": {"19": TAX_19, "7": TAX_7}, "currency": "EUR", **values})


def made_by(name: str, article_id: str = "1") -> Payload:
    return connector().payload(article(article_id, manufacturer=name), listed(article_id))


def test_a_manufacturer_is_asked_for_once(shop: Shop) -> None:
    known = facts()
    shop.finds("product-manufacturer", {"id": hex_id("9"), "name": "GEDORE"})
    shop.accepts_everything()

    for _ in range(3):
        connector(facts=known).push(Topic.ARTICLE, [made_by("Gedore")], key="k")

    assert len(shop.bodies(SEARCH)) == 1
    assert [rows[0]["manufacturerId"] for rows in shop.written] == [hex_id("9")] * 3


def test_only_manufacturers_that_are_not_known_are_asked_for(shop: Shop) -> None:
    known = facts(manufacturers={"gedore": hex_id("9")})
    shop.finds("product-manufacturer", {"id": hex_id("8"), "name": "Knipex"})
    shop.accepts_everything()

    rows = [made_by("Gedore"), made_by("Knipex", "2")]
    connector(facts=known).push(Topic.ARTICLE, rows, key="k")

    (search,) = shop.bodies(SEARCH)
    assert search["filter"][0]["value"] == ["Knipex"]
    assert known.get("manufacturers") == {"gedore": hex_id("9"), "knipex": hex_id("8")}


def test_a_manufacturer_that_was_deleted_in_the_shop_is_looked_for_again(shop: Shop) -> None:
    known = facts(manufacturers={"gedore": hex_id("9")})
    shop.syncs(envelope(missing_row("product_manufacturer", "product_manufacturer_id")), 500)
    shop.finds("product-manufacturer")
    shop.finds("tax", {"id": TAX_19, "taxRate": 19})
    shop.accepts_everything()

    (receipt,) = connector(facts=known).push(Topic.ARTICLE, [made_by("Gedore")], key="k")

    assert receipt.error is None
    assert shop.written[-1][0]["manufacturer"]["name"] == "Gedore"
