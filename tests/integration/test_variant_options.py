"""Variants that customers could not tell from one another, or could not choose at all, wait for
the ERP; on both platforms that have variants."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from integration.models import Listing
from integration.topology import Topic
from integration.variants import CHOICE
from integration.work_items import UNCHANGED
from tests.integration.shop_relay import Article, ShopRelay, make_shirt

Shirt = tuple[Article, Article, Article, Article]


@pytest.fixture
def relay(shop_with_variants: ShopRelay) -> ShopRelay:
    return shop_with_variants


@pytest.fixture
def shirt(relay: ShopRelay) -> Shirt:
    """A main article and variants in S, M and L; none is in the shop."""
    main, small, medium, large = relay.for_sale()[:4]
    make_shirt(relay, main, small, medium, large)
    return main, small, medium, large


def size(relay: ShopRelay, article: Article) -> str | None:
    """The size that the shop sells an article in."""
    product = relay.product(article)
    return None if product is None else product["options"].get("Größe")


def resize(relay: ShopRelay, article: Article, size: str) -> None:
    relay.edit(article, variant_values={"Größe": size})


def sentence(relay: ShopRelay, article: Article) -> str:
    return str(relay.row(Topic.ARTICLE, article).last_error)


def test_of_two_variants_with_the_same_options_one_waits(relay: ShopRelay, shirt: Shirt) -> None:
    main, small, medium, _large = shirt
    resize(relay, medium, "s")
    relay.carry(main, small, medium)

    assert (size(relay, small), relay.product(medium)) == ("S", None)
    assert relay.reason(medium) == f"same-options:{small['id']}"
    assert sentence(relay, medium) == (
        f"{medium['number']} and {small['number']} are variants with the same options (Größe: s), "
        "so customers could buy only one of them; give one of them other values in the ERP"
    )


def test_the_one_that_is_in_the_shop_keeps_its_place(relay: ShopRelay, shirt: Shirt) -> None:
    _main, small, medium, _large = shirt
    relay.carry(medium)
    resize(relay, small, "M")
    relay.carry(small, medium)

    assert (size(relay, medium), relay.product(small)) == ("M", None)
    assert relay.reason(small) == f"same-options:{medium['id']}"


def test_a_variant_keeps_what_it_was_while_its_change_waits(relay: ShopRelay, shirt: Shirt) -> None:
    _main, small, medium, _large = shirt
    relay.carry(small, medium)
    resize(relay, medium, "S")
    relay.carry(medium)
    relay.edit(medium, stock=3)
    relay.carry(medium, topic=Topic.STOCK)

    product = relay.product(medium)
    assert product is not None
    assert (product["options"], product["stock"]) == ({"Größe": "M"}, 3)
    assert relay.reason(medium) == f"same-options:{small['id']}"


def test_it_goes_once_it_has_options_of_its_own(relay: ShopRelay, shirt: Shirt) -> None:
    _main, small, medium, _large = shirt
    resize(relay, medium, "S")
    relay.carry(small, medium)
    resize(relay, medium, "XXL")
    relay.carry(medium)

    assert (size(relay, small), size(relay, medium)) == ("S", "XXL")


@pytest.mark.parametrize(
    "change",
    [{"variant_values": {"Größe": "XS"}}, {"active": False}, {"listed": False}],
)
def test_it_goes_once_the_other_one_has_left_its_place(
    relay: ShopRelay, shirt: Shirt, change: dict[str, object]
) -> None:
    _main, small, medium, _large = shirt
    resize(relay, medium, "S")
    relay.carry(small, medium)

    relay.change(small, **change)

    assert size(relay, medium) == "S"
    assert relay.row(Topic.ARTICLE, medium).state == "COMPLETED"


def test_variants_of_other_main_articles_have_options_of_their_own(
    relay: ShopRelay, shirt: Shirt
) -> None:
    main, small, _medium, _large = shirt
    other, *others = relay.for_sale()[4:6]
    make_shirt(relay, other, *others)
    relay.carry(main, small, other, *others)

    assert [size(relay, one) for one in (small, *others)] == ["S", "S"]


@pytest.mark.parametrize("is_together", [True, False])
def test_variants_change_places(relay: ShopRelay, shirt: Shirt, is_together: bool) -> None:
    _main, *variants = shirt
    relay.carry(*variants)
    for article, new in zip(variants, ("M", "L", "S"), strict=True):
        resize(relay, article, new)
    for batch in [variants] if is_together else [[one] for one in variants]:
        relay.carry(*batch)

    assert [size(relay, one) for one in variants] == ["M", "L", "S"]
    assert [relay.reason(one) for one in variants] == [None] * 3


def test_a_place_is_not_free_because_its_variant_waits_for_another_one(
    relay: ShopRelay, shirt: Shirt
) -> None:
    _main, small, medium, large = shirt
    relay.carry(small, medium)
    resize(relay, medium, "S")
    resize(relay, large, "M")
    relay.carry(medium)
    relay.carry(large)

    assert (size(relay, medium), relay.product(large)) == ("M", None)
    assert relay.reason(large) == f"same-options:{medium['id']}"


def test_the_place_of_a_variant_that_may_not_leave_it_is_not_free_in_its_batch(
    relay: ShopRelay, shirt: Shirt
) -> None:
    _main, small, medium, large = shirt
    relay.carry(small, medium)
    resize(relay, small, "M")
    resize(relay, large, "S")
    relay.carry(small, large)

    assert (size(relay, small), relay.product(large)) == ("S", None)
    assert relay.reason(small) == f"same-options:{medium['id']}"
    assert relay.reason(large) == f"same-options:{small['id']}"


def test_a_variant_that_an_earlier_version_put_there_has_its_place_once_it_is_seen_unchanged(
    relay: ShopRelay, shirt: Shirt
) -> None:
    _main, small, _medium, large = shirt
    relay.carry(small)
    noted = relay.notes(small)
    bare = {name: one for name, one in noted.items() if name != CHOICE}
    with relay.runtime.scope() as session:
        session.execute(
            update(Listing)
            .where(Listing.article_id == small["id"])
            .values(notes=bare, main_article=None)
        )
    relay.carry(small)
    assert relay.row(Topic.ARTICLE, small).skip_reason == UNCHANGED

    resize(relay, large, "S")
    relay.carry(large)

    assert relay.reason(large) == f"same-options:{small['id']}"
    assert relay.notes(small) == noted


def test_variants_change_places_in_parts(relay: ShopRelay, shirt: Shirt) -> None:
    _main, small, medium, large = variants = shirt
    relay.carry(*variants)
    for article, new in zip(variants[1:], ("M", "L", "S"), strict=True):
        resize(relay, article, new)
    relay.carry(large)
    relay.carry(small, medium)

    assert [size(relay, one) for one in (small, medium, large)] == ["M", "L", "S"]
    assert [relay.reason(one) for one in (small, medium, large)] == [None] * 3


def test_a_variant_without_options_waits(relay: ShopRelay, shirt: Shirt) -> None:
    main, small, _medium, _large = shirt
    relay.edit(small, variant_values={})
    relay.carry(main, small)

    assert relay.product(small) is None
    assert relay.reason(small) == "no-options"
    assert sentence(relay, small) == (
        f"{small['number']} is a variant of {main['number']} without an option, so nobody could "
        "choose it; give it its values in the ERP"
    )

    resize(relay, small, "S")
    relay.carry(small)
    assert size(relay, small) == "S"
