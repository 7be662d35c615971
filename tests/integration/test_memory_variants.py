"""The reference connector keeps the rules of variants, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration import article_holds, channels
from integration.topology import Topic
from tests.integration.relay import Relay, beside_an_erp
from tests.integration.shop_relay import Article, make_shirt


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    with beside_an_erp(sqlite_url) as relay:
        with relay.runtime.scope() as session:
            channels.set_parameter(session, relay.channel_id, "variants", "on", None)
        yield relay


def carry(relay: Relay, *articles: Article, topic: Topic = Topic.ARTICLE) -> None:
    relay.hint(topic, *articles)
    relay.drain()
    assert relay.errors == []


def sold(relay: Relay, article: Article) -> tuple[str, int]:
    product = relay.product(article)
    assert product is not None
    return product["gross"], product["stock"]


def test_what_waits_to_be_a_main_article_is_still_sold_as_the_erp_says(relay: Relay) -> None:
    main, small = relay.for_sale()[:2]
    carry(relay, main)
    make_shirt(relay, main, small)
    carry(relay, main)
    relay.edit(main, gross=7, stock=0)
    carry(relay, main, topic=Topic.PRICE)
    carry(relay, main, topic=Topic.STOCK)

    assert sold(relay, main) == ("7", 0)


def test_what_was_a_main_article_is_sold_at_its_own_price_and_stock(relay: Relay) -> None:
    main, small = relay.for_sale()[:2]
    make_shirt(relay, main, small)
    carry(relay, main, small)
    relay.edit(main, product_type="WITH_STOCK", gross=9.99, stock=3)
    carry(relay, main)
    with relay.runtime.scope() as session:
        article_holds.release(session, relay.channel_id, reason="confirm:main-to-single")
    relay.run(str(relay.claim()))

    assert sold(relay, main) == ("9.99", 3)


def test_of_two_variants_with_the_same_options_one_waits(relay: Relay) -> None:
    main, small, medium = relay.for_sale()[:3]
    make_shirt(relay, main, small, medium)
    relay.edit(medium, variant_values={"Größe": "S"})
    carry(relay, main, small, medium)

    assert relay.product(medium) is None
    assert relay.row(Topic.ARTICLE, medium).hold_reason == f"same-options:{small['id']}"


def test_a_variant_takes_the_place_of_one_that_the_shop_refused(relay: Relay) -> None:
    main, small, medium = relay.for_sale()[:3]
    make_shirt(relay, main, small, medium)
    relay.edit(medium, variant_values={"Größe": "S"})
    relay.shop.refused_numbers[small["number"]] = "no"
    carry(relay, main, small, medium)

    assert (relay.product(small), sold(relay, medium)[1]) == (None, medium["stock"])
