"""Whether customers find a product, in each platform's own terms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from integration.topology import Topic
from tests.integration import shopware, woocommerce
from tests.integration.drifting import applied, ask, carry, lines_of, plan_of, settle
from tests.integration.shopware import ShopwareRelay
from tests.integration.woocommerce import WooCommerceRelay

pytestmark = pytest.mark.sqlite

BY_LINK_ONLY, IN_SEARCH = 10, 20


@pytest.fixture
def at_shopware(sqlite_url: str) -> Iterator[ShopwareRelay]:
    """With a main article, a variant of it, and others."""
    with shopware.running(sqlite_url, articles=12) as relay:
        relay.set(variants="on")
        main, variant = relay.for_sale()[:2]
        relay.edit(main, product_type="VARIANT_MAIN_ARTICLE", gross=None)
        relay.edit(variant, variant_of=main["number"], variant_values={"Größe": "S"})
        relay.carry(*relay.articles())
        relay.carry(*relay.articles())
        yield relay


@pytest.fixture
def at_woocommerce(sqlite_url: str) -> Iterator[WooCommerceRelay]:
    with woocommerce.running(sqlite_url, articles=12) as relay:
        relay.carry(*relay.articles())
        yield relay


def show(relay: ShopwareRelay, article: dict[str, Any], visible: bool | int) -> None:
    """What an employee does: true, false, or how far it is shown."""
    relay.at_shop("edit", article=article["number"], set={"visible": visible})


def deny(relay: ShopwareRelay, privilege: str) -> None:
    relay.at_shop("faults", kind="missing-privilege", privilege=privilege)


def test_a_product_that_only_its_link_leads_to_is_hidden_and_one_in_the_search_is_not(at_shopware):
    linked, searched = at_shopware.for_sale()[2:4]
    show(at_shopware, linked, BY_LINK_ONLY)
    show(at_shopware, searched, IN_SEARCH)

    plan = plan_of(at_shopware)

    assert {line[2:4] for line in lines_of(at_shopware, plan)} == {(linked["id"], "visible")}
    assert applied(at_shopware, plan) == {"sent": 1}
    assert at_shopware.product(linked)["visible"] is True
    assert lines_of(at_shopware, plan_of(at_shopware)) == set()


def test_a_row_that_an_employee_made_is_raised_instead_of_a_second_one(at_shopware):
    article = at_shopware.for_sale()[2]
    show(at_shopware, article, False)
    show(at_shopware, article, BY_LINK_ONLY)

    assert applied(at_shopware, plan_of(at_shopware)) == {"sent": 1}

    assert at_shopware.product(article)["visible"] is True


def test_a_variant_has_a_visibility_of_its_own_or_its_main_product_s(at_shopware):
    variant = at_shopware.for_sale()[0]
    assert at_shopware.product(variant)["parent"] is not None
    show(at_shopware, variant, False)
    assert lines_of(at_shopware, plan_of(at_shopware)) == set()

    show(at_shopware, variant, BY_LINK_ONLY)
    plan = plan_of(at_shopware)

    assert {line[2:4] for line in lines_of(at_shopware, plan)} == {(variant["id"], "visible")}
    assert applied(at_shopware, plan) == {"sent": 1}
    assert at_shopware.product(variant)["visible"] is True


def test_without_the_right_to_it_only_hidden_products_wait(at_shopware):
    linked, edited = at_shopware.for_sale()[2:4]
    show(at_shopware, linked, BY_LINK_ONLY)
    at_shopware.at_shop("edit", article=edited["number"], set={"ean": "4006381333931"})
    deny(at_shopware, "product_visibility:update")
    plan = plan_of(at_shopware)

    ask(at_shopware, plan)
    carry(at_shopware)

    assert settle(at_shopware, plan) == {"sent": 1, "held": 1}
    row = at_shopware.row(Topic.ARTICLE, linked)
    assert row.hold_reason == "shop-right"
    assert "product_visibility:update" in row.last_error


def test_a_shop_is_read_with_as_many_requests_as_before(at_shopware):
    requests.post(f"{at_shopware.shop_url}/_sandbox/requests/reset", timeout=30)

    plan_of(at_shopware)

    counted = requests.get(f"{at_shopware.shop_url}/_sandbox/requests", timeout=30).json()
    assert counted["by_route"] == {"POST /api/search/product": 1}


def test_where_a_product_is_listed_stays_the_merchant_s(at_woocommerce):
    searched, hidden = at_woocommerce.for_sale()[2:4]
    for article, where in ((searched, "search"), (hidden, "hidden")):
        values = {"catalog_visibility": where, "weight_kg": 4.75}
        at_woocommerce.at_shop("edit", article=article["number"], set=values)

    plan = plan_of(at_woocommerce)
    assert {line[2] for line in lines_of(at_woocommerce, plan) if line[3] == "visible"} == {
        hidden["id"]
    }
    assert applied(at_woocommerce, plan) == {"sent": 3}

    found = [at_woocommerce.product(one)["catalog_visibility"] for one in (searched, hidden)]
    assert found == ["search", "visible"]
