"""What ERP and shop say of an article at this moment, between both sandboxes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import update

from integration.clock import db_now
from integration.explaining import asking, collecting, report
from integration.explaining.report import Explanation
from integration.explaining.texts import Language
from integration.models import SalesChannel
from integration.topology import Topic
from sandbox import serving
from sandbox.erp import Options, create_app
from sandbox.shops import woocommerce
from tests.integration import shopware
from tests.integration.relay import Relay, beside_an_erp
from tests.integration.shopware import ShopwareRelay
from tests.integration.test_woocommerce import WooRelay

TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)


def explain(relay: Relay, name: str, *, is_live: bool = True) -> Explanation:
    facts = collecting.collect(relay.runtime, "42", name, is_live=is_live)
    return report.explain(facts, Language.EN)


def verdict(relay: Relay, name: str, *, is_live: bool = True) -> tuple[str, str]:
    """Cause, and which link is broken."""
    found = explain(relay, name, is_live=is_live)
    return found.cause.value, found.verdict.name


def tell_shop(url: str, path: str, **body: Any) -> None:
    requests.post(f"{url}/_sandbox/{path}", json=body, timeout=30).raise_for_status()


def carried(relay: Relay) -> dict[str, Any]:
    """An article that the shop has, with all that is sent of it."""
    article = relay.for_sale()[0]
    for topic in TOPICS:
        relay.hint(topic, article)
        relay.drain()
    assert relay.errors == []
    return article


def waiting() -> list[threading.Thread]:
    """Those that nobody has answered yet."""
    return [one for one in threading.enumerate() if one.name == asking.THREAD]


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[ShopwareRelay]:
    with shopware.running(sqlite_url) as relay:
        yield relay


def test_what_employees_do_in_shopware_is_seen(relay: ShopwareRelay) -> None:
    article = carried(relay)
    number = article["number"]
    right = explain(relay, number)
    assert right.cause == "OK"
    assert {one.name: one.ok for one in right.links}["shop-values"] is True

    tell_shop(relay.shop_url, "edit", article=number, set={"name": "Edited by hand"})
    edited = explain(relay, number)
    assert (edited.cause, edited.verdict.who) == ("EDITED_IN_SHOP", "shop")
    assert f"name {article['name']} -> Edited by hand" in edited.sentence

    product = right.facts.product
    assert product is not None
    ours = {"name": article["name"]}
    tell_shop(relay.shop_url, "edit", article=number, set=ours)
    minimum = {"id": product.external_id, "minPurchase": 9_999, "maxPurchase": None}
    relay.in_admin({"action": "upsert", "entity": "product", "payload": [minimum]})
    assert verdict(relay, number) == ("HIDDEN_IN_SHOP", "shop-available")

    tell_shop(relay.shop_url, "edit", article=number, set={"stock": 9_999})
    assert "stock" in explain(relay, number).sentence

    tell_shop(relay.shop_url, "edit", article=number, set={"visible": False})
    assert verdict(relay, number) == ("HIDDEN_IN_SHOP", "shop-visible")
    tell_shop(relay.shop_url, "edit", article=number, set={"active": False})
    assert verdict(relay, number) == ("HIDDEN_IN_SHOP", "shop-visible")

    tell_shop(relay.shop_url, "edit", article=number, delete=True)
    assert verdict(relay, number) == ("EDITED_IN_SHOP", "shop-product")


def test_what_changed_in_the_erp_and_nobody_told_is_seen(relay: ShopwareRelay) -> None:
    article = carried(relay)
    number = article["number"]

    relay.edit(article, gross=float(article["gross"]) + 1)
    assert verdict(relay, number) == ("WAITING", "change-price")
    assert verdict(relay, number, is_live=False) == ("OK", "all")

    relay.edit(article, active=False)
    assert verdict(relay, number) == ("INACTIVE", "active")
    relay.edit(article, active=True, listed=False)
    assert verdict(relay, number) == ("NOT_LISTED", "listed")


def test_an_article_that_we_never_heard_of_is_asked_for(relay: ShopwareRelay) -> None:
    article = next(one for one in relay.for_sale() if one["ean"])
    tell_shop(relay.shop_url, "products", number=article["number"], name="There already")

    new = explain(relay, article["ean"], is_live=False)
    assert (new.cause, new.verdict.text) == ("WAITING", "never_heard")
    assert new.facts.article == article["id"]
    assert "shop-product" not in {one.name for one in new.links}
    adopted = {one.name: one.text for one in explain(relay, article["number"]).links}
    assert adopted["shop-product"] == "would_be_adopted"

    relay.edit(article, active=False)
    assert verdict(relay, article["number"], is_live=False) == ("INACTIVE", "active")
    assert verdict(relay, "no such article") == ("ARTICLE_UNKNOWN", "article")


def test_who_does_not_answer_is_a_link_that_could_not_be_looked_at(
    relay: ShopwareRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0.3)
    article = carried(relay)
    tell_shop(relay.shop_url, "faults", kind="slow", count=99, seconds=1.5)
    relay.erp("faults", kind="500", count=99)

    found = explain(relay, article["number"])

    assert waiting(), "the shop's answer was waited for"
    assert found.cause == "OK"
    unseen = {one.name: found.detail(one) for one in found.links if one.ok is None}
    assert set(unseen) == {"erp", "shop-product"}
    assert "it did not answer within 0.3 s" in unseen["shop-product"]
    unknown = explain(relay, "A-never-heard-of", is_live=False)
    assert (unknown.cause, unknown.links[0].ok) == ("ARTICLE_UNKNOWN", None)
    for one in waiting():  # they still have the database of this test
        one.join(10)


def test_what_employees_do_in_woocommerce_is_seen(sqlite_url: str) -> None:
    with (
        serving.running(lambda url: create_app(Options(articles=12), url)) as erp_url,
        serving.running(lambda url: woocommerce.create_app(url=url)) as shop_url,
    ):
        relay = WooRelay(sqlite_url, erp_url, shop_url)
        number = carried(relay)["number"]
        assert verdict(relay, number) == ("OK", "all")
        relay.at_shop("edit", article=number, set={"stock": 9_999})
        assert verdict(relay, number) == ("EDITED_IN_SHOP", "shop-values")
        relay.at_shop("edit", article=number, set={"status": "draft"})
        assert verdict(relay, number) == ("HIDDEN_IN_SHOP", "shop-visible")
        relay.at_shop("edit", article=number, trash=True)
        assert verdict(relay, number) == ("EDITED_IN_SHOP", "shop-product")
        relay.close()


def test_the_way_of_an_article_on_both_databases(database_url: str) -> None:
    with beside_an_erp(database_url, articles=12) as relay:
        first, second = relay.for_sale()[:2]
        relay.hint(Topic.ARTICLE, first, second)
        waits = explain(relay, second["id"], is_live=False)
        assert (waits.cause, waits.facts.works[Topic.ARTICLE].ahead) == ("WAITING", 1)
        with relay.runtime.scope() as session:
            values = {"is_paused": True, "paused_until": db_now(60)}
            session.execute(update(SalesChannel).values(**values))
        assert verdict(relay, second["id"], is_live=False) == ("CHANNEL_HELD", "channel")
        with relay.runtime.scope() as session:
            session.execute(update(SalesChannel).values(paused_until=db_now(-1)))
        relay.drain()
        assert verdict(relay, second["number"]) == ("OK", "all")
        relay.shop.products.clear()
        assert verdict(relay, second["number"]) == ("EDITED_IN_SHOP", "shop-product")
