"""Reconciliation with the sandboxed shops: no false drift, and what employees do is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import delete

from integration import shop_edits
from integration.field_ownership import Field
from integration.models import Listing, WorkItem
from integration.topology import Topic
from tests.integration import shopware, woocommerce
from tests.integration.drifting import Line, applied, lines_of, plain, plan_of
from tests.integration.relay import Relay

TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)
#: How an employee has customers not find a product any more.
HIDE = {"shopware6": {"visible": False}, "woocommerce": {"catalog_visibility": "hidden"}}


@pytest.fixture(params=[shopware, woocommerce], ids=["shopware6", "woocommerce"])
def relay(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[Any]:
    """A catalogue with variants that has arrived."""
    with request.param.running(sqlite_url, articles=20) as relay:
        relay.set(variants="on")
        main, small, medium = relay.for_sale()[:3]
        relay.edit(main, product_type="VARIANT_MAIN_ARTICLE", gross=None)
        for article, size in ((small, "S"), (medium, "M")):
            relay.edit(article, variant_of=main["number"], variant_values={"Größe": size})
        fill(relay)
        fill(relay)
        assert relay.product(small)["parent"] == main["number"]
        yield relay


def fill(relay: Relay) -> None:
    for topic in TOPICS:
        relay.hint(topic, *relay.articles())
    relay.drain()
    assert relay.errors == []


def edited(relay: Relay) -> dict[str, set[str]]:
    with relay.runtime.scope() as session:
        every = [one["id"] for one in relay.articles()]
        return shop_edits.edited_fields(session, relay.channel_id, every)


def tell_shop(relay: Any, path: str, **body: Any) -> None:
    requests.post(f"{relay.shop_url}/_sandbox/{path}", json=body, timeout=30).raise_for_status()


def hide(relay: Any, *articles: dict[str, Any]) -> None:
    for one in articles:
        tell_shop(relay, "edit", article=one["number"], set=HIDE[relay.PLATFORM])


def is_found(relay: Any, article: dict[str, Any]) -> bool:
    """Whether customers find the product of an article."""
    product = relay.product(article)
    if relay.PLATFORM == "shopware6":
        return bool(product["visible"])
    return bool(product["catalog_visibility"] == "visible")


def to_be_shown(*articles: dict[str, Any]) -> set[Line]:
    """The lines of a plan that finds nothing wrong but that these are hidden."""
    return {("different", "article", one["id"], "visible", "false", "true") for one in articles}


def test_what_employees_do_in_the_shop_is_planned_and_repaired_and_nothing_else(relay):
    plan = plan_of(relay)
    assert (lines_of(relay, plan), plan.left_out.get("not-shown")) == (set(), None)
    renamed, sold_out, hidden, deleted, relabelled = relay.for_sale()[3:8]
    texts = {"name": "Handarbeit & <b>mehr</b>", "description": "<p>Solange der Vorrat reicht</p>"}
    tell_shop(relay, "edit", article=renamed["number"], set=texts)
    details = {"ean": "4006381333931", "weight_kg": 4.75, "tax_rate": 7}
    tell_shop(relay, "edit", article=relabelled["number"], set=details)
    tell_shop(relay, "edit", article=sold_out["number"], set={"stock": 4711, "gross": 0.5})
    tell_shop(relay, "edit", article=hidden["number"], set={"active": False})
    tell_shop(relay, "edit", article=deleted["number"], delete=True)
    tell_shop(relay, "products", number="GIFT-CARD", name="Theirs")

    plan = plan_of(relay)
    found = lines_of(relay, plan)
    # A text stays the shop's once it was edited there.
    assert edited(relay) == {renamed["id"]: {"name", "description"}}

    keeps_both = any(line[3] == "net" for line in found)
    expected = {
        ("different", "stock", sold_out["id"], "stock"),
        ("different", "price", sold_out["id"], "gross"),
        ("different", "article", hidden["id"], "active"),
        ("missing", "article", deleted["id"], "product"),
        *(("different", "article", relabelled["id"], field) for field in details),
    }
    if keeps_both:
        expected.add(("different", "price", sold_out["id"], "net"))
    assert {line[:4] for line in found} == expected
    stock = next(line for line in found if line[3] == "stock")
    assert stock[4:] == ("4711", plain(int(sold_out["stock"])))
    weight = next(line for line in found if line[3] == "weight_kg")
    assert weight[4:] == ("4.75", plain(relabelled["weight_kg"] or 0))

    assert set(applied(relay, plan)) == {"sent"}
    assert lines_of(relay, plan_of(relay)) == set()


def test_a_product_of_ours_that_we_forgot_is_withdrawn_with_its_article(relay):
    lost = relay.for_sale()[3]
    tell_shop(relay, "products", number="GIFT-CARD", name="Theirs")
    with relay.runtime.scope() as session:
        session.execute(delete(Listing).where(Listing.article_id == lost["id"]))
        session.execute(delete(WorkItem).where(WorkItem.entity_id == lost["id"]))
    relay.edit(lost, deleted=True)

    plan = plan_of(relay)

    assert lines_of(relay, plan) == {("orphan", "article", lost["id"], "active", "true", "false")}
    assert applied(relay, plan) == {"sent": 1}
    assert relay.product(lost)["active"] is False
    assert relay.products()["GIFT-CARD"]["active"] is True
    assert lines_of(relay, plan_of(relay)) == set()


def test_a_product_that_an_employee_hid_is_planned_and_shown_again(relay):
    hidden, inactive, other = relay.for_sale()[3:6]
    relay.change(inactive, active=False)
    hide(relay, hidden, inactive)

    plan = plan_of(relay)

    assert lines_of(relay, plan) == to_be_shown(hidden)
    assert applied(relay, plan) == {"sent": 1}
    assert (is_found(relay, hidden), is_found(relay, inactive)) == (True, False)
    assert relay.product(other)["writes"] == 1
    assert lines_of(relay, plan_of(relay)) == set()


def test_an_ordinary_change_of_a_product_asks_nothing_of_its_visibility(relay):
    hidden = relay.for_sale()[3]
    hide(relay, hidden)

    relay.change(hidden, name="Anders")

    assert not is_found(relay, hidden)


def test_what_is_for_sale_is_shown_again_by_a_repair_of_something_else(relay):
    hidden = relay.for_sale()[3]
    plan_of(relay)
    tell_shop(relay, "edit", article=hidden["number"], set={"ean": "4006381333931"})
    plan = plan_of(relay)
    hide(relay, hidden)

    assert applied(relay, plan) == {"sent": 1}
    assert is_found(relay, hidden)


@pytest.mark.parametrize("owner", ["keep", "keep-once-edited"])
def test_a_visibility_that_is_left_to_the_shop_is_neither_compared_nor_sent(relay, owner):
    relay.set(**{"own.active": owner})
    fill(relay)
    hidden = relay.for_sale()[3]
    hide(relay, hidden)
    tell_shop(relay, "edit", article=hidden["number"], set={"ean": "4006381333931"})

    plan = plan_of(relay)

    assert {line[3] for line in lines_of(relay, plan)} == {"ean"}
    assert applied(relay, plan) == {"sent": 1}
    assert not is_found(relay, hidden)


def test_whether_a_hidden_product_stays_hidden_is_asked_where_the_channel_asks(relay):
    relay.set(**{"own.active": "ask"})
    fill(relay)
    hidden = relay.for_sale()[3]
    hide(relay, hidden)

    (line,) = lines_of(relay, plan_of(relay))
    with relay.runtime.scope() as session:
        (edit,) = shop_edits.of_channel(session, relay.channel_id)
        shop_edits.overwrite(session, relay.channel_id, field=Field.ACTIVE)
    relay.drain()

    assert line == ("undecided", "article", hidden["id"], "visible", "false", "true")
    assert (edit.field, edit.shown) == ("active", "visible False")
    assert is_found(relay, hidden)


def test_a_hidden_product_that_is_taken_over_is_shown(relay):
    article = relay.for_sale()[3]
    tell_shop(relay, "edit", article=article["number"], delete=True)
    tell_shop(relay, "products", number=article["number"], **HIDE[relay.PLATFORM])
    with relay.runtime.scope() as session:
        session.execute(delete(Listing).where(Listing.article_id == article["id"]))
        session.execute(delete(WorkItem).where(WorkItem.entity_id == article["id"]))

    relay.carry(article)

    assert is_found(relay, article)
    assert lines_of(relay, plan_of(relay)) == set()
