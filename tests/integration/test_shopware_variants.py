"""Variants between the sandboxed ERP and the sandboxed Shopware: parent first, children linked,
and no change of what a product is without a person's yes."""

from __future__ import annotations

import pytest
import requests

from integration import article_holds, channels, column_checks
from integration.dry_run import DryRun
from integration.dry_run_outcomes import UNCHANGED
from integration.topology import Topic
from tests.integration.shop_relay import changes_of_a_variant, make_shirt
from tests.integration.shopware import running

TO_VARIANT, TO_SINGLE = "confirm:single-to-variant", "confirm:variant-to-single"


@pytest.fixture
def relay(sqlite_url):
    with running(sqlite_url) as relay:
        relay.set(variants="on")
        yield relay


@pytest.fixture
def shirt(relay):
    """A main article without price, and two variants of it."""
    main, small, medium = relay.for_sale()[:3]
    make_shirt(relay, main, small, medium)
    return main, small, medium


def families(relay):
    """Parents by number, with axes; children by number, with parent and options."""
    products = relay.products()
    parents = {
        number: {axis: sorted(options) for axis, options in one["axes"].items()}
        for number, one in products.items()
        if one["axes"]
    }
    children = {
        number: (one["parent"], one["options"]) for number, one in products.items() if one["parent"]
    }
    return parents, children


def test_the_main_article_goes_first_and_its_variants_are_linked_below(relay, shirt):
    main, small, medium = shirt
    relay.carry(small, medium, main)

    assert families(relay) == (
        {main["number"]: {"Größe": ["M", "S"]}},
        {
            small["number"]: (main["number"], {"Größe": "S"}),
            medium["number"]: (main["number"], {"Größe": "M"}),
        },
    )
    parent = relay.product(main)
    lowest = min(small["gross"], medium["gross"])
    assert (float(parent["gross"]), parent["stock"]) == (lowest, int(max(0, main["stock"])))
    assert relay.row(Topic.ARTICLE, small).hold_reason is None


def test_a_main_article_borrows_no_price_from_columns_that_are_not_believed(relay, shirt):
    main, small, _medium = shirt
    relay.erp("options", price_currency="CHF")
    column_checks.check(relay.runtime, relay.channel_id)

    relay.carry(small, main)

    assert relay.row(Topic.ARTICLE, main).hold_reason == "currency:CHF"
    assert relay.products() == {}


def test_an_event_of_a_variant_alone_brings_its_main_article_along(relay, shirt):
    main, small, _medium = shirt
    relay.carry(small)

    assert families(relay)[1] == {small["number"]: (main["number"], {"Größe": "S"})}
    assert relay.row(Topic.ARTICLE, main).state == "COMPLETED"


def test_many_variants_and_their_main_article_are_two_writes(relay):
    main, *variants = relay.for_sale()[:9]
    relay.edit(main, product_type="VARIANT_MAIN_ARTICLE", gross=None)
    for place, one in enumerate(variants):
        relay.edit(one, variant_of=main["number"], variant_values={"Größe": str(place)})
    relay.carry(*variants, main)

    assert relay.syncs() == 2
    assert len(families(relay)[1]) == 8


def test_price_and_stock_of_a_variant_are_its_own_writes(relay, shirt):
    main, small, _medium = shirt
    relay.carry(small)
    relay.edit(small, gross=9.99, stock=3)
    relay.hint(Topic.PRICE, small)
    relay.hint(Topic.STOCK, small)
    relay.drain()

    product = relay.product(small)
    assert (float(product["gross"]), product["stock"]) == (9.99, 3)
    assert float(relay.product(main)["gross"]) != 9.99


def test_a_main_article_has_no_price_and_stock_to_send(relay, shirt):
    main, small, _medium = shirt
    relay.carry(small)
    before = relay.syncs()
    relay.hint(Topic.PRICE, main)
    relay.hint(Topic.STOCK, main)
    relay.drain()

    assert relay.syncs() == before
    for topic in (Topic.PRICE, Topic.STOCK):
        row = relay.row(topic, main)
        assert (row.state, row.skip_reason) == (
            "COMPLETED",
            "a main article has no price or stock of its own",
        )


def test_what_a_variant_does_not_state_it_inherits(relay, shirt):
    main, small, _medium = shirt
    relay.edit(main, description="Baumwolle", ean="4006381333931")
    relay.edit(small, description="", ean=None)
    relay.carry(small)

    product = relay.product(small)
    assert (product["description"], product["ean"]) == ("Baumwolle", "4006381333931")
    assert product["name"] == small["name"]


@pytest.mark.parametrize("why", [{"listed": False}, {"active": False}])
def test_without_a_listed_main_article_variants_are_products_of_their_own(relay, shirt, why):
    main, small, medium = shirt
    relay.edit(main, **why)
    relay.carry(small, medium)

    assert families(relay) == ({}, {})
    assert relay.product(small)["active"] is True
    assert relay.product(main) is None


def test_a_variant_of_what_is_no_main_article_is_a_product_of_its_own(relay, shirt):
    main, small, _medium = shirt
    relay.edit(main, product_type="WITH_STOCK")
    relay.carry(main, small)

    assert families(relay) == ({}, {})
    assert relay.product(small)["active"] is True


def test_another_value_of_a_variant_replaces_the_old_one(relay, shirt):
    _main, small, _medium = shirt
    relay.carry(small)
    relay.change(small, variant_values={"Größe": "XS", "Farbe": "Rot"})

    assert relay.product(small)["options"] == {"Größe": "XS", "Farbe": "Rot"}


def test_a_product_of_its_own_becomes_a_variant_only_when_somebody_confirms_it(relay):
    main, small, medium = relay.for_sale()[:3]
    relay.carry(small)
    before = relay.product(small)
    make_shirt(relay, main, small, medium)
    relay.carry(small)

    assert relay.reason(small) == TO_VARIANT
    assert relay.product(small) == before

    assert relay.release(TO_VARIANT) == 1
    relay.drain()
    product = relay.product(small)
    assert (product["id"], product["parent"]) == (before["id"], main["number"])
    assert relay.reason(small) is None


def test_a_variant_becomes_a_product_of_its_own_only_when_somebody_confirms_it(relay, shirt):
    main, small, _medium = shirt
    relay.carry(small)
    before = relay.product(small)
    relay.change(small, variant_of=None)
    assert relay.reason(small) == TO_SINGLE
    assert relay.product(small) == before

    relay.release(TO_SINGLE)
    relay.drain()
    product = relay.product(small)
    assert (product["id"], product["parent"], product["options"]) == (before["id"], None, {})
    assert (product["visible"], product["gross"]) == (True, before["gross"])
    assert relay.product(main)["active"] is True


def test_a_change_that_was_discarded_is_asked_for_again_with_the_next_event(relay, shirt):
    _main, small, _medium = shirt
    relay.carry(small)
    relay.change(small, variant_of=None)
    with relay.runtime.scope() as session:
        assert article_holds.discard(session, relay.channel_id, reason=TO_SINGLE) == 1
    relay.drain()
    assert relay.product(small)["parent"]

    relay.carry(small)
    assert relay.reason(small) == TO_SINGLE


def test_a_product_becomes_a_main_article_only_when_somebody_confirms_it(relay):
    main, small, medium = relay.for_sale()[:3]
    relay.carry(main)
    make_shirt(relay, main, small, medium)
    relay.carry(small, main)

    assert relay.reason(main) == "confirm:single-to-main"
    assert relay.reason(small) == f"main-not-in-shop:{main['id']}"

    relay.release("confirm:single-to-main")
    relay.drain()
    assert families(relay)[1] == {small["number"]: (main["number"], {"Größe": "S"})}


def test_a_channel_without_variants_has_products_of_their_own_and_asks_for_no_more(relay, shirt):
    _main, small, medium = shirt
    relay.set(variants="off")
    relay.carry(small, medium)

    assert families(relay) == ({}, {})
    assert relay.row(Topic.ARTICLE, small).state == "COMPLETED"


def test_a_dry_run_knows_variants_that_are_there(relay, shirt):
    relay.carry(*shirt)
    with relay.runtime.scope() as session:
        view = channels.load(session, relay.channel_id).opened(relay.runtime.vault)
    pages = DryRun(relay.runtime, view, [Topic.ARTICLE, Topic.PRICE], is_forced=False).pages()
    found = {one.article: one.outcome for page in pages for one in page.outcomes}

    assert [found[one["id"]] for one in shirt] == [UNCHANGED] * 3


@changes_of_a_variant
def test_a_product_that_was_deleted_comes_back_with_the_next_change_of_a_variant(
    relay, shirt, topic, change
):
    main, small, _medium = shirt
    relay.carry(small)
    requests.post(
        f"{relay.shop_url}/_sandbox/edit",
        json={"article": main["number"], "delete": True},
        timeout=30,
    ).raise_for_status()
    assert relay.product(small) is None

    relay.edit(small, **change)
    relay.hint(topic, small)
    relay.drain()

    assert relay.wrong(main, small) == []
    assert families(relay)[1] == {small["number"]: (main["number"], {"Größe": "S"})}


def test_the_comparison_sees_whether_variants_are_right(relay, shirt):
    main, small, _medium = shirt
    relay.carry(*shirt)
    assert relay.wrong(*shirt) == []

    # Without variants each is a product of its own.
    relay.edit(small, variant_of=None)
    (found,) = relay.wrong(*shirt)
    assert f"is below {main['number']} as {{'Größe': 'S'}} in the shop, below None" in found
