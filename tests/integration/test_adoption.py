"""Connecting a shop that has a catalogue: what is adopted, what stays, and what waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from cli import sync_first
from integration import brake_rules, hold_report, toggles
from integration.connectors.shopware6.details import SYSTEM_LANGUAGE
from integration.connectors.woocommerce.connector import WooCommerceConnector
from integration.dry_run import DryRun
from integration.dry_run_adoptions import products_of
from integration.dry_run_outcomes import ADOPT, CREATE, DUPLICATE, Change, Outcome
from integration.errors import IntegrationError, Rejected, TransientError
from integration.history import reading
from integration.mapping_kinds import Kind
from integration.models import Listing, WorkItem
from integration.topology import Topic
from sandbox.shops.shopware6.seed import GERMAN
from tests.integration import shopware, woocommerce
from tests.integration.shop_relay import ShopRelay
from tests.integration.test_dry_run import previewed
from tests.integration.test_field_ownership import carry, give_back, noted, own, verdict

RUNNING: dict[str, Any] = {"shopware6": shopware.running, "woocommerce": woocommerce.running}
#: What an agency made of a product.
THEIRS = {"name": "Von der Agentur", "description": "Beraten und getextet", "gross": 999}


@pytest.fixture(params=list(RUNNING))
def relay(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[Any]:
    with RUNNING[request.param](sqlite_url, articles=8) as relay:
        yield relay


@pytest.fixture
def woo(database_url: str) -> Iterator[Any]:
    with woocommerce.running(database_url, articles=8) as relay:
        yield relay


def made_by_hand(relay: ShopRelay, article: dict[str, Any], **values: Any) -> str:
    """A product of the shop with the article's number; its id."""
    relay.at_shop("products", products=[{"number": article["number"], **THEIRS, **values}])  # type: ignore[attr-defined]
    return str(shown(relay, article)["id"])


def shown(relay: ShopRelay, article: dict[str, Any]) -> dict[str, Any]:
    product = relay.product(article)
    assert product is not None
    return product


def texts(product: dict[str, Any]) -> tuple[str, str]:
    return product["name"], product["description"]


def reasons(relay: ShopRelay, *articles: dict[str, Any], topic: Topic) -> set[str | None]:
    return {relay.row(topic, one).hold_reason for one in articles}


def test_what_the_shop_keeps_is_not_written_when_a_product_is_adopted(relay: Any) -> None:
    own(relay, name="keep", price="keep", active="keep")
    theirs, ours = relay.for_sale()[:2]
    product_id = made_by_hand(relay, theirs, stock=3, active=False)

    carry(relay, theirs, ours)

    adopted, created = shown(relay, theirs), shown(relay, ours)
    assert (adopted["id"], adopted["name"], float(adopted["gross"])) == (
        product_id,
        "Von der Agentur",
        999,
    )
    assert adopted["active"] is False
    assert adopted["stock"] == theirs["stock"]
    assert adopted["description"] == theirs["description"]
    assert (created["name"], float(created["gross"])) == (ours["name"], ours["gross"])
    with relay.runtime.scope() as session:
        listing = session.get_one(Listing, (relay.channel_id, theirs["id"]))
        assert (listing.was_adopted, listing.is_active) == (True, False)


def test_what_the_erp_leads_with_arrives_in_an_adopted_product(relay: Any) -> None:
    article = relay.for_sale()[0]
    made_by_hand(relay, article, stock=3)

    carry(relay, article)

    assert relay.wrong(article) == []
    written = relay.row(Topic.PRICE, article)
    assert (written.state, written.pushed_hash is not None) == ("COMPLETED", True)


def test_an_adoption_says_in_the_history_only_what_was_sent(relay: Any) -> None:
    own(relay, name="keep", price="keep")
    article = relay.for_sale()[0]
    made_by_hand(relay, article)

    carry(relay, article)

    with relay.runtime.scope() as session:
        entries = reading.entries(session, relay.channel_id, article["id"])
    bodies = [one.sent for one in entries if one.sent is not None]
    assert bodies
    assert not any("name" in one or "gross" in one or "price" in one for one in bodies)


#: How each shop is asked to create a product.
CREATION = {"shopware6": "_action/sync", "woocommerce": "products/batch"}


def create_without_an_answer(relay: Any, article: dict[str, Any]) -> None:
    """The shop makes the product, and nobody learns of it."""
    relay.at_shop("faults", kind="cut-body", route=CREATION[relay.PLATFORM], count=1)
    relay.hint(Topic.ARTICLE, article)
    relay.drain()
    relay.errors.clear()
    assert relay.row(Topic.ARTICLE, article).state == "QUEUED"
    assert shown(relay, article)["name"] == article["name"]


@pytest.mark.parametrize("owner", ["keep", "ask"])
def test_a_creation_whose_answer_was_lost_is_no_adoption(relay: Any, owner: str) -> None:
    own(relay, name=owner, description=owner)
    article = relay.for_sale()[0]
    create_without_an_answer(relay, article)

    relay.edit(article, name="Neu aus VARIO", description="Auch neu")
    relay.retries_are_due()
    relay.drain()

    assert texts(shown(relay, article)) == ("Neu aus VARIO", "Auch neu")
    assert noted(relay) == [], "nobody is asked about what we wrote ourselves"
    with relay.runtime.scope() as session:
        assert not session.get_one(Listing, (relay.channel_id, article["id"])).was_adopted


def test_a_product_that_is_adopted_again_keeps_what_it_kept(relay: Any) -> None:
    own(relay, name="keep", price="keep")
    article = relay.for_sale()[0]
    carry(relay, article)
    relay.at_shop("edit", article=article["number"], set=THEIRS)
    with relay.runtime.scope() as session:
        session.delete(session.get_one(Listing, (relay.channel_id, article["id"])))

    carry(relay, article)

    assert shown(relay, article)["name"] == "Von der Agentur"
    assert float(shown(relay, article)["gross"]) == 999


def test_what_a_person_is_asked_about_waits_for_the_answer(relay: Any) -> None:
    own(relay, name="ask", price="ask")
    article, same = relay.for_sale()[:2]
    made_by_hand(relay, article)
    made_by_hand(relay, same, name=same["name"], gross=same["gross"], net=same["net"])

    carry(relay, article, same)

    assert shown(relay, article)["name"] == "Von der Agentur"
    assert float(shown(relay, article)["gross"]) == 999
    assert {name for name, _ in noted(relay)} == {"name", "price"}
    cause, sentence = verdict(relay, article)
    assert cause == "EDITED_IN_SHOP"
    assert "a person has to decide" in sentence
    assert "nothing is wrong" in verdict(relay, same)[1]

    assert give_back(relay, article) == 2
    assert shown(relay, article)["name"] == article["name"]
    assert float(shown(relay, article)["gross"]) == article["gross"]


def test_a_price_far_from_the_shops_waits_at_adoption(relay: Any) -> None:
    relay.set(**dict(brake_rules.DEFAULT_BY_PARAMETER))
    far, near = relay.for_sale()[:2]
    made_by_hand(relay, far)
    made_by_hand(relay, near, gross=near["gross"] + 0.01)

    carry(relay, far, near)

    assert texts(shown(relay, far)) == (far["name"], far["description"])
    assert float(shown(relay, far)["gross"]) == 999
    assert reasons(relay, far, topic=Topic.PRICE) == {"brake-wait:price"}
    assert float(shown(relay, near)["gross"]) == near["gross"]


def test_stocks_that_an_adoption_would_empty_are_stopped(database_url: str) -> None:
    with woocommerce.running(database_url, articles=40) as relay:
        relay.set(**dict(brake_rules.DEFAULT_BY_PARAMETER))
        articles = relay.for_sale()[:25]
        for one in articles:
            made_by_hand(relay, one, name=one["name"], gross=one["gross"], stock=5)
            relay.edit(one, stock=0)

        carry(relay, *articles)

        assert reasons(relay, *articles, topic=Topic.STOCK) == {"brake:stock"}
        assert {shown(relay, one)["stock"] for one in articles} == {5}


def test_a_number_on_several_products_is_held_and_both_are_named(woo: Any) -> None:
    article = woo.for_sale()[0]
    first = made_by_hand(woo, article)
    woo.at_shop("products", number=article["number"], imported=True, **THEIRS)
    second = shown(woo, article)["id"]

    woo.hint(Topic.ARTICLE, article)
    woo.drain()

    row = woo.row(Topic.ARTICLE, article)
    assert (row.state, row.hold_reason) == ("QUEUED", "several-products")
    assert row.last_error is not None
    assert f"{first}, {second}" in row.last_error
    with woo.runtime.scope() as session:
        (group,) = hold_report.groups(session, woo.channel_id)
    assert (group.cause, group.words.sentence) == ("several-products", row.last_error)
    assert "mend it in the shop" in group.words.do
    products = [one for one in woo.all_products() if one["number"] == article["number"]]
    assert [(one["name"], one["writes"]) for one in products] == [("Von der Agentur", 0)] * 2


@pytest.mark.parametrize("error", [TransientError, Rejected])
def test_a_look_that_fails_costs_no_row_that_met_nothing(
    woo: Any, monkeypatch: pytest.MonkeyPatch, error: type[IntegrationError]
) -> None:
    met, new = woo.for_sale()[:2]
    made_by_hand(woo, met)

    def fails(_self: object, _ids: object) -> None:
        raise error("the shop does not show it")

    monkeypatch.setattr(WooCommerceConnector, "show", fails)
    carry(woo, met, new)

    assert woo.row(Topic.ARTICLE, new).state == "COMPLETED"
    assert woo.row(Topic.ARTICLE, met).last_error == "the shop does not show it"


def test_a_look_that_fails_lets_nothing_follow_uncompared(
    woo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    woo.set(**dict(brake_rules.DEFAULT_BY_PARAMETER))
    article = woo.for_sale()[0]
    made_by_hand(woo, article)
    answers = WooCommerceConnector.show

    def fails(_self: object, _ids: object) -> None:
        raise TransientError("the shop answers 502")

    monkeypatch.setattr(WooCommerceConnector, "show", fails)
    carry(woo, article)
    row = woo.row(Topic.ARTICLE, article)
    assert (row.state, row.last_error) == ("QUEUED", "the shop answers 502")
    assert float(shown(woo, article)["gross"]) == 999

    monkeypatch.setattr(WooCommerceConnector, "show", answers)
    woo.retries_are_due()
    woo.drain()
    assert reasons(woo, article, topic=Topic.PRICE) == {"brake-wait:price"}


def test_a_kept_text_is_kept_in_each_language_and_others_arrive(sqlite_url: str) -> None:
    with shopware.running(sqlite_url, articles=4) as relay:
        relay.map(Kind.LANGUAGE, "de", SYSTEM_LANGUAGE)
        relay.map(Kind.LANGUAGE, "en", GERMAN)
        own(relay, name="keep")
        article = relay.for_sale()[0]
        row = {"id": made_by_hand(relay, article), "translations": {GERMAN: {"name": "Lantern"}}}
        relay.in_admin({"action": "upsert", "entity": "product", "payload": [row]})
        relay.edit(article, texts={"en": {"name": "Lamp", "description": "Bright"}})

        carry(relay, article)

        english = shown(relay, article)["translations"]["de-DE"]
        assert (english["name"], english["description"]) == ("Lantern", "Bright")
        assert shown(relay, article)["name"] == "Von der Agentur"


def test_a_product_from_the_trash_comes_back_although_its_state_is_kept(woo: Any) -> None:
    own(woo, active="keep")
    article = woo.for_sale()[0]
    made_by_hand(woo, article)
    woo.at_shop("edit", article=article["number"], trash=True)

    carry(woo, article)

    assert shown(woo, article)["active"] is True


def test_a_price_whose_topic_is_off_stays_in_an_adopted_product(relay: Any) -> None:
    article = relay.for_sale()[0]
    made_by_hand(relay, article)
    with relay.runtime.scope() as session:
        toggles.switch(session, relay.channel_id, Topic.PRICE, False)

    relay.hint(Topic.ARTICLE, article)
    relay.drain()

    assert float(shown(relay, article)["gross"]) == 999
    with relay.runtime.scope() as session:
        waiting = session.scalars(
            select(WorkItem.state).where(WorkItem.topic == Topic.PRICE.value)
        ).all()
    assert waiting == ["QUEUED"]


# --- what a dry run says of it -------------------------------------------------------------------


def preview(relay: ShopRelay) -> dict[str, Outcome]:
    """The outcomes by article id."""
    channel = relay.runtime.channel(relay.channel_id)
    pages = DryRun(relay.runtime, channel, (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)).pages()
    return {one.article: one for page in pages for one in page.outcomes}


def change(outcome: Outcome, field: str) -> Change | None:
    return next((one for one in outcome.changes if one.field == field), None)


def test_a_dry_run_names_what_an_adoption_changes(relay: Any) -> None:
    relay.set(**dict(brake_rules.DEFAULT_BY_PARAMETER))
    article, other = relay.for_sale()[:2]
    product_id = made_by_hand(relay, article, stock=article["stock"])

    found = preview(relay)

    adopted = found[article["id"]]
    assert (adopted.outcome, adopted.external_id) == (ADOPT, product_id)
    assert change(adopted, "name") == Change("name", "Von der Agentur", article["name"])
    gross = change(adopted, "gross")
    assert gross is not None
    assert (gross.old, float(gross.new or 0), gross.is_far) == ("999", article["gross"], True)
    assert change(adopted, "stock") is None, "it has what it would get"
    assert found[other["id"]].outcome == CREATE


def test_a_dry_run_leaves_out_what_stays_and_marks_what_is_asked(relay: Any) -> None:
    own(relay, name="keep", description="ask", price="keep")
    article = relay.for_sale()[0]
    made_by_hand(relay, article)

    adopted = preview(relay)[article["id"]]

    assert (change(adopted, "name"), change(adopted, "gross")) == (None, None)
    asked = change(adopted, "description")
    assert asked is not None
    assert asked.asks
    assert adopted.topics == (Topic.ARTICLE, Topic.STOCK)


def test_a_dry_run_names_all_products_of_a_number(woo: Any) -> None:
    article, other = woo.for_sale()[:2]
    first = made_by_hand(woo, article)
    woo.at_shop("products", number=article["number"], imported=True, **THEIRS)
    second = shown(woo, article)["id"]
    only = made_by_hand(woo, other)

    found = preview(woo)[article["id"]]

    assert (found.outcome, found.others, found.topics) == (DUPLICATE, (first, second), ())
    assert f"{first}, {second}" in found.detail
    connector = woo.runtime.connector(woo.runtime.channel(woo.channel_id))
    assert products_of(connector, [article["number"], other["number"]]) == {
        article["number"]: [first, second],
        other["number"]: [only],
    }


def test_a_number_that_one_product_of_ours_has_too_is_its_articles(woo: Any) -> None:
    article = woo.for_sale()[0]
    carry(woo, article)
    ours = shown(woo, article)["id"]
    woo.at_shop("products", number=article["number"], imported=True, **THEIRS)
    with woo.runtime.scope() as session:
        session.delete(session.get_one(Listing, (woo.channel_id, article["id"])))

    found = preview(woo)[article["id"]]

    assert (found.outcome, found.external_id) == (ADOPT, ours)
    assert len(found.others) == 1


def test_a_shop_that_has_a_number_once_is_asked_as_ever(sqlite_url: str) -> None:
    with shopware.running(sqlite_url, articles=4) as relay:
        article = relay.for_sale()[0]
        product_id = made_by_hand(relay, article)
        connector = relay.runtime.connector(relay.runtime.channel(relay.channel_id))

        number = article["number"]

        assert products_of(connector, [number]) == {number: (product_id,)}


def test_a_product_that_another_channel_made_is_named(woo: Any) -> None:
    article = woo.for_sale()[0]
    meta = [{"key": "_vario_relay_article", "value": "acme/41/17"}]
    made_by_hand(woo, article, meta=meta)

    found = preview(woo)[article["id"]]

    assert (found.outcome, found.made_by) == (ADOPT, "acme/41/17")


def test_a_dry_run_tells_people_and_programs(relay: Any) -> None:
    relay.set(**dict(brake_rules.DEFAULT_BY_PARAMETER))
    article = relay.for_sale()[0]
    product_id = made_by_hand(relay, article)

    told = previewed(relay).stdout
    lines = [json.loads(one) for one in previewed(relay, "--json").stdout.splitlines()]
    page, total = lines[0], lines[-1]

    assert f"would adopt {article['number']}: product {product_id}\n" in told
    assert f"    name: Von der Agentur -> {article['name']}\n" in told
    assert "gross: 999 -> " in told
    assert "adopted products: 1; of them would change: " in told
    assert "so far off that the brakes count them: 1 in price" in told
    (adopted,) = page["adoptions"]
    assert {"field": "name", "old": "Von der Agentur", "new": article["name"]} in adopted["changes"]
    assert page["changes"]["price"] == page["changes"]["name"] == 1
    assert page["duplicates"] == []
    assert "duplicates" not in total


def test_the_first_sync_of_a_channel_says_what_the_shop_has(woo: Any) -> None:
    article, twice = woo.for_sale()[:2]
    made_by_hand(woo, article)
    made_by_hand(woo, twice)
    woo.at_shop("products", number=twice["number"], imported=True, **THEIRS)

    told = sync_first.sentence(woo.runtime, "42")

    assert told is not None
    assert "the shop has 1 already, which are taken over, and 1 more than once" in told
    assert "`vario-relay sync 42 --dry-run` names what changes of each" in told
    carry(woo, article)
    assert sync_first.sentence(woo.runtime, "42") is None


def test_a_first_sync_does_not_fail_for_what_it_cannot_count(woo: Any) -> None:
    woo.at_shop("faults", kind="500")

    told = sync_first.sentence(woo.runtime, "42")

    assert told is not None
    assert "products that the shop has already are taken over" in told
