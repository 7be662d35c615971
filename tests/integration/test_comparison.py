"""What judges the demo names each thing that may differ between ERP and shop, of every topic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integration.topology import Topic
from sandbox import comparison
from sandbox.shops.shopware6.schema import DEFAULT_CURRENCY
from tests.integration.shopware import ShopwareRelay, running
from tests.quick_schema import migrate_at

Change = Callable[[ShopwareRelay, dict[str, Any]], None]

pytestmark = pytest.mark.sqlite


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopwareRelay]:
    """Everything is in the shop, rightly, until a test changes an article of its own."""
    folder = tmp_path_factory.mktemp("compared")
    url = f"sqlite:///{folder}/relay.db"
    migrate_at(url)
    with running(url, articles=40, illustrated=24) as relay:
        relay.hurry()
        relay.carry(*relay.articles())
        relay.carry(*relay.articles(), topic=Topic.MEDIA)
        assert comparison.compare(relay.erp_url, relay.shop_url).is_ok
        yield relay


def in_shop(**fields: Any) -> Change:
    """An employee of the shop writes other values into a product."""

    def change(relay: ShopwareRelay, article: dict[str, Any]) -> None:
        row = {"id": relay.product(article)["id"], **fields}
        relay.in_admin({"entity": "product", "action": "upsert", "payload": [row]})

    return change


def priced(**sides: float) -> Change:
    def change(relay: ShopwareRelay, article: dict[str, Any]) -> None:
        stated = {name: float(article[name]) for name in ("net", "gross")} | sides
        price = {"currencyId": DEFAULT_CURRENCY, "linked": False, **stated}
        in_shop(price=[price])(relay, article)

    return change


def of_first_image(entity: str, key: str, **fields: Any) -> Change:
    """The same of a row of its first image; without fields the row goes."""

    def change(relay: ShopwareRelay, article: dict[str, Any]) -> None:
        row = {"id": relay.product(article)["images"][0][key], **fields}
        action = "upsert" if fields else "delete"
        relay.in_admin({"entity": entity, "action": action, "payload": [row]})

    return change


def another_cover(relay: ShopwareRelay, article: dict[str, Any]) -> None:
    in_shop(coverId=relay.product(article)["images"][-1]["id"])(relay, article)


OF_ARTICLES = [
    (in_shop(name="Umbenannt"), "name is 'Umbenannt' in the shop"),
    (in_shop(description="Anders"), "description is 'Anders' in the shop"),
    (in_shop(ean="4006381333931"), "ean is '4006381333931' in the shop"),
    (in_shop(weight=77), "weight_kg is 77 in the shop"),
    (in_shop(width=77), "size_mm is [None, 77, None] in the shop"),
    (in_shop(manufacturer={"name": "Andere AG"}), "manufacturer is 'Andere AG' in the shop"),
    (in_shop(active=False), "active is False in the shop"),
    (priced(gross=0.01), "gross is Decimal('0.01') in the shop"),
    (priced(net=0.01), "net is Decimal('0.01') in the shop"),
    (in_shop(stock=98_765), "stock is 98765 in the shop"),
]
OF_IMAGES = [
    (of_first_image("product_media", "id"), "images are ["),
    (of_first_image("product_media", "id", position=99), "images are ["),
    (another_cover, "the cover is not the first of its images"),
    (of_first_image("media", "media_id", alt="Anders"), "an image says 'Anders' in the shop"),
]


@pytest.mark.parametrize(
    ("has_images", "change", "words"),
    [*((False, *one) for one in OF_ARTICLES), *((True, *one) for one in OF_IMAGES)],
)
def test_a_difference_is_named_and_its_article_is_not_identical(
    relay: ShopwareRelay, has_images: bool, change: Change, words: str
) -> None:
    before = comparison.compare(relay.erp_url, relay.shop_url)
    article = next(
        one
        for one in relay.for_sale()
        if (len(one["images"]) == 3) == has_images and not relay.wrong(one)
    )

    change(relay, article)

    verdict = comparison.compare(relay.erp_url, relay.shop_url)
    (new,) = set(verdict.differences) - set(before.differences)
    assert new.startswith(f"article {article['number']}: {words}")
    assert verdict.identical == before.identical - 1
    assert not verdict.is_ok


def without_manufacturer(relay: ShopwareRelay, article: dict[str, Any]) -> None:
    relay.edit(article, manufacturer="")


def without_alt_text(relay: ShopwareRelay, article: dict[str, Any]) -> None:
    texts = {one["id"]: "" for one in article["images"]}
    relay.erp("media", article=article["id"], alt=texts, silent=True)


@pytest.mark.parametrize(
    ("change", "topic", "words"),
    [
        (without_manufacturer, Topic.ARTICLE, "manufacturer is "),
        (without_alt_text, Topic.MEDIA, "an image says "),
    ],
)
def test_what_the_erp_empties_is_a_difference_until_the_shop_has_lost_it(
    relay: ShopwareRelay, change: Change, topic: Topic, words: str
) -> None:
    article = next(
        one
        for one in relay.for_sale()
        if one["manufacturer"] and any(image["alt"] for image in one["images"])
        if not relay.wrong(one)
    )

    change(relay, article)
    found = relay.wrong(article)
    assert found[0].startswith(f"article {article['number']}: {words}")
    assert found[0].endswith(", '' in the ERP")

    relay.carry(article, topic=topic)
    assert relay.wrong(article) == []


def test_a_manufacturer_of_an_employee_where_the_erp_has_none_is_a_difference(
    relay: ShopwareRelay,
) -> None:
    article = next(one for one in relay.for_sale() if not relay.wrong(one))
    without_manufacturer(relay, article)
    relay.carry(article)

    in_shop(manufacturer={"name": "Andere AG"})(relay, article)

    assert relay.wrong(article) == [
        f"article {article['number']}: manufacturer is 'Andere AG' in the shop, '' in the ERP"
    ]
