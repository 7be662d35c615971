"""Whose word counts for a field: what people change in a shop, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import select

from integration import channels, shop_edits, sync, sync_runs
from integration.clock import db_now
from integration.connectors.memory.connector import MemoryConnector
from integration.connectors.shopware6.details import SYSTEM_LANGUAGE
from integration.errors import TransientError
from integration.explaining import collecting, report
from integration.explaining.texts import Language
from integration.mapping_kinds import Kind
from integration.models import Listing, ShopEdit, WorkItem
from integration.topology import Topic
from sandbox.shops.shopware6.seed import GERMAN
from tests.integration import shopware, test_woocommerce
from tests.integration.relay import Relay, beside_an_erp
from tests.integration.shopware import ShopwareRelay

TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)


def carry(relay: Relay, *articles: dict[str, Any]) -> None:
    """Bring these articles up to date, whatever the hashes say is skipped."""
    for topic in TOPICS:
        relay.hint(topic, *articles)
    relay.drain()
    assert relay.errors == []


def own(relay: Relay, **owners: str) -> None:
    """What `channel set CHANNEL own.FIELD=...` does."""
    with relay.runtime.scope() as session:
        before = shop_edits.owners(session, relay.channel_id)
        for name, value in owners.items():
            channels.set_parameter(session, relay.channel_id, f"own.{name}", value, None)
        after = shop_edits.owners(session, relay.channel_id)
        shop_edits.follow(session, relay.channel_id, before, after)


def pass_on(relay: Relay) -> None:
    """Let the runs go that somebody asked for."""
    with relay.runtime.scope() as session:
        runs = sync_runs.due_runs(session)
    for run_id in runs:
        sync.advance(relay.runtime, run_id, sync.new_driver(), budget_s=30)
    relay.drain()


def look(relay: Relay) -> int:
    """Read the whole shop, and note what people changed there; how much is new."""
    channel = relay.runtime.channel(relay.channel_id)
    with relay.runtime.scope() as session:
        read_at = session.scalars(select(db_now())).one()
        products = select(Listing.external_id, Listing.article_id)
        article_by_product = dict(session.execute(products).all())
        owners = shop_edits.owners(session, relay.channel_id)
    fields = ("name", "is_active", "net", "gross", "stock", "description", "texts")
    records = {
        article_by_product[one.external_id]: one
        for one in relay.runtime.connector(channel).scan(fields)
        if one.external_id in article_by_product
    }
    with relay.runtime.scope() as session:
        return shop_edits.notice(session, relay.channel_id, owners, records, read_at=read_at)


def noted(relay: Relay) -> list[tuple[str, str]]:
    """Field and beginning of what the shop shows, of every edit that is known."""
    with relay.runtime.scope() as session:
        return [(one.field, one.shown) for one in shop_edits.of_channel(session, relay.channel_id)]


def give_back(relay: Relay, article: dict[str, Any]) -> int:
    with relay.runtime.scope() as session:
        count = shop_edits.overwrite(session, relay.channel_id, article_id=article["id"])
    relay.drain()
    return count


def verdict(relay: Relay, article: dict[str, Any], *, is_live: bool = False) -> tuple[str, str]:
    facts = collecting.collect(relay.runtime, "42", article["number"], is_live=is_live)
    found = report.explain(facts, Language.EN)
    return found.cause.value, found.sentence


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Relay]:
    with beside_an_erp(sqlite_url, articles=6) as relay:
        yield relay


@pytest.fixture
def either(database_url: str) -> Iterator[Relay]:
    """For what is asked of the database: on SQLite and on Postgres."""
    with beside_an_erp(database_url, articles=6) as relay:
        yield relay


@pytest.fixture
def article(relay: Relay) -> dict[str, Any]:
    """An article that the memory shop has."""
    article = relay.for_sale()[0]
    carry(relay, article)
    return article


# --- texts, as they are by default: kept once they are edited ------------------------------------


def scenario_of_an_edited_text(relay: Any, article: dict[str, Any]) -> None:
    """From the ERP into a real platform: what an employee writes there stays until it is said."""
    carry(relay, article)
    assert (look(relay), noted(relay)) == (0, [])
    asked = requests.post(
        f"{relay.shop_url}/_sandbox/edit",
        json={"article": article["number"], "set": {"name": "Von Hand <b>geschrieben</b>"}},
        timeout=30,
    )
    assert asked.ok

    assert (look(relay), look(relay)) == (1, 0)
    relay.edit(article, name="Neu aus VARIO", description="Auch neu", gross=47.11)
    carry(relay, article)
    product = shown(relay, article)
    assert "geschrieben" in product["name"]
    assert "Auch neu" in product["description"]
    assert float(product["gross"]) == 47.11
    assert look(relay) == 0, "what we wrote ourselves is no edit"

    assert give_back(relay, article) == 1
    assert shown(relay, article)["name"] == "Neu aus VARIO"
    assert (look(relay), noted(relay)) == (0, [])


def shown(relay: Any, article: dict[str, Any]) -> dict[str, Any]:
    answer = requests.get(f"{relay.shop_url}/_sandbox/state", params={"limit": 999}, timeout=30)
    products = {one["number"]: one for one in answer.json()["products"]}
    return dict(products[article["number"]])


def test_a_text_that_was_edited_in_shopware_stays_in_each_language(sqlite_url: str) -> None:
    with shopware.running(sqlite_url, articles=4) as relay:
        article, other = relay.for_sale()[:2]
        scenario_of_an_edited_text(relay, article)

        relay.map(Kind.LANGUAGE, "de", SYSTEM_LANGUAGE)
        relay.map(Kind.LANGUAGE, "en", GERMAN)
        relay.change(other, texts={"en": {"name": "Lamp", "description": "Bright"}})
        translate(relay, other, "Lantern")

        assert look(relay) == 1
        assert noted(relay) == [(f"name@{GERMAN}", "Lantern")]
        relay.change(other, name="Leuchte", texts={"en": {"name": "Light", "description": "Dim"}})
        product = relay.product(other)
        assert product is not None
        english = product["translations"]["de-DE"]
        assert (product["name"], english["name"], english["description"]) == (
            "Leuchte",
            "Lantern",
            "Dim",
        )


def translate(relay: ShopwareRelay, article: dict[str, Any], name: str) -> None:
    with relay.runtime.scope() as session:
        product = session.get_one(Listing, (relay.channel_id, article["id"])).external_id
    row = {"id": product, "translations": {GERMAN: {"name": name}}}
    relay.in_admin({"action": "upsert", "entity": "product", "payload": [row]})


def test_a_text_that_was_edited_in_woocommerce_stays(sqlite_url: str) -> None:
    with test_woocommerce.running(sqlite_url, articles=4) as relay:
        scenario_of_an_edited_text(relay, relay.for_sale()[0])


def test_an_article_with_an_edit_is_as_unchanged_as_before(relay: Relay, article: Any) -> None:
    relay.product(article)["name"] = "Edited"
    look(relay)
    written = len(relay.shop.writes)

    carry(relay, article)

    assert len(relay.shop.writes) == written
    assert relay.row(Topic.ARTICLE, article).skip_reason == "unchanged"
    relay.edit(article, name="Also new in the ERP")
    carry(relay, article)
    carry(relay, article)
    assert relay.product(article)["name"] == "Edited"
    assert len(relay.shop.writes) == written + 1


def test_an_edit_that_was_taken_back_in_the_shop_is_none(relay: Relay, article: Any) -> None:
    product = relay.product(article)
    ours, product["name"] = product["name"], "Edited"
    assert look(relay) == 1

    product["name"] = ours

    assert (look(relay), noted(relay)) == (0, [])


def test_what_is_being_written_is_not_judged(relay: Relay, article: Any) -> None:
    relay.edit(article, name="On its way")
    relay.hint(Topic.ARTICLE, article)
    claim_id = relay.claim()
    assert claim_id is not None
    relay.die(claim_id)  # nobody knows whether it came
    relay.product(article)["name"] = "On its way"

    assert look(relay) == 0
    relay.doubts_are_over()
    relay.retries_are_due()
    relay.drain()
    assert look(relay) == 0
    assert relay.product(article)["name"] == "On its way"


def test_an_installation_of_before_learns_what_was_sent_from_what_is_unchanged(
    relay: Relay, article: Any
) -> None:
    with relay.runtime.scope() as session:
        session.get_one(Listing, (relay.channel_id, article["id"])).sent = None
    relay.product(article)["name"] = "Edited"
    assert look(relay) == 0

    carry(relay, article)

    assert look(relay) == 1


def test_a_product_that_is_made_anew_carries_everything(relay: Relay, article: Any) -> None:
    relay.product(article)["name"] = "Edited"
    look(relay)
    relay.shop.products.clear()

    relay.edit(article, name="New")
    carry(relay, article)

    assert (relay.product(article)["name"], noted(relay)) == ("New", [])


# --- what a channel may say instead --------------------------------------------------------------


def test_what_is_kept_goes_with_the_first_write_and_never_again(relay: Relay) -> None:
    own(relay, name="keep", price="keep", stock="keep")
    article = relay.for_sale()[0]
    carry(relay, article)
    product = relay.product(article)
    before = dict(product)
    assert (product["name"], product["gross"]) == (article["name"], str(article["gross"]))
    written = len(relay.shop.writes)

    carry(relay, article)
    assert len(relay.shop.writes) == written

    relay.edit(article, name="New", description="New", gross=1.23, stock=77)
    carry(relay, article)
    assert {**product, "description": before["description"]} == before
    assert product["description"] == "New"
    reasons = [relay.row(topic, article).skip_reason for topic in TOPICS]
    assert reasons == [
        None,
        "the price is left to the shop (own.price)",
        "the stock is left to the shop (own.stock)",
    ]


def test_what_is_kept_is_not_written_to_a_product_that_was_there(relay: Relay) -> None:
    own(relay, name="keep", price="keep")
    article = relay.for_sale()[0]
    theirs = {"number": article["number"], "name": "Theirs", "description": "Old", "gross": "999"}
    relay.shop.products["by-hand"] = theirs

    carry(relay, article)

    assert (theirs["name"], theirs["gross"]) == ("Theirs", "999")
    assert (theirs["description"], theirs["stock"]) == (article["description"], article["stock"])


@pytest.mark.parametrize("owner", ["keep", "ask"])
def test_what_a_creation_without_an_answer_left_is_not_the_shops(
    relay: Relay, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    own(relay, name=owner)
    article = relay.for_sale()[0]
    push = MemoryConnector.push

    def lose_the_answer(*args: Any, **options: Any) -> None:
        push(*args, **options)
        raise TransientError("the shop did not answer")

    monkeypatch.setattr(MemoryConnector, "push", lose_the_answer)
    relay.hint(Topic.ARTICLE, article)
    relay.drain()
    monkeypatch.setattr(MemoryConnector, "push", push)
    assert relay.product(article)["name"] == article["name"]

    relay.edit(article, name="New")
    relay.retries_are_due()
    relay.drain()

    assert (relay.product(article)["name"], noted(relay)) == ("New", [])


def test_what_was_kept_goes_once_more_when_it_is_the_erps_again(either: Relay) -> None:
    relay = either
    own(relay, name="keep", price="keep")
    first, second = relay.for_sale()[:2]
    carry(relay, first, second)
    relay.product(first).update(name="Edited", gross="1")

    own(relay, name="overwrite", price="overwrite")
    pass_on(relay)

    assert relay.product(first)["name"] == first["name"]
    assert relay.product(first)["gross"] == str(first["gross"])
    assert relay.product(second)["name"] == second["name"]


def test_a_product_whose_sale_is_the_shops_is_not_withdrawn(relay: Relay) -> None:
    own(relay, active="keep", number="keep")
    article = relay.for_sale()[0]
    carry(relay, article)
    relay.edit(article, listed=False)

    carry(relay, article)

    assert relay.product(article)["active"] is True
    skipped = relay.row(Topic.ARTICLE, article).skip_reason
    assert skipped == "whether it is for sale is left to the shop (own.active)"
    with relay.runtime.scope() as session:
        names = [topic.value for topic in TOPICS]
        states = set(session.scalars(select(WorkItem.state).where(WorkItem.topic.in_(names))))
        assert states == {"COMPLETED"}, "nothing waits for a withdrawal"
        assert session.get_one(Listing, (relay.channel_id, article["id"])).is_active


def test_a_withdrawal_of_ours_is_no_edit_and_the_article_comes_back(relay: Relay) -> None:
    own(relay, active="keep-once-edited")
    article = relay.for_sale()[0]
    carry(relay, article)
    relay.edit(article, listed=False)
    carry(relay, article)

    assert look(relay) == 0
    relay.edit(article, listed=True)
    carry(relay, article)

    assert relay.shop.products[f"memory-{article['id']}"]["active"] is True


def test_a_number_that_is_the_shops_stays_known_by_the_shops(relay: Relay) -> None:
    own(relay, number="keep")
    article = relay.for_sale()[0]
    carry(relay, article)

    relay.edit(article, number="NEW-1", name="New")
    carry(relay, article)

    product = relay.product(article)
    assert product is not None
    assert (product["number"], product["name"]) == (article["number"], "New")
    with relay.runtime.scope() as session:
        listing = session.get_one(Listing, (relay.channel_id, article["id"]))
        assert listing.number == article["number"]


def test_a_price_that_a_person_is_asked_about_is_neither_overwritten_nor_lost(
    either: Relay,
) -> None:
    relay = either
    own(relay, price="ask")
    article = relay.for_sale()[0]
    carry(relay, article)
    assert look(relay) == 0
    product = relay.product(article)
    product.update(net="8.40", gross="10")

    assert look(relay) == 1
    relay.edit(article, gross=20)
    carry(relay, article)
    assert product["gross"] == "10"
    cause, sentence = verdict(relay, article)
    assert cause == "EDITED_IN_SHOP"
    assert "price -> gross 10" in sentence
    assert "a person has to decide" in sentence

    with relay.runtime.scope() as session:
        shop_edits.keep(session, relay.channel_id, article_id=article["id"], by="anna")
    carry(relay, article)
    assert (product["gross"], verdict(relay, article)[0]) == ("10", "OK")

    assert give_back(relay, article) == 1
    assert (product["gross"], verdict(relay, article)[0]) == ("20", "OK")


def test_explain_notes_an_edit_and_says_that_it_stays(relay: Relay, article: Any) -> None:
    assert verdict(relay, article, is_live=True)[0] == "OK"
    relay.product(article)["name"] = "Edited"
    assert verdict(relay, article) == verdict(relay, article, is_live=False)
    assert verdict(relay, article)[0] == "OK", "nobody has looked into the shop"

    cause, sentence = verdict(relay, article, is_live=True)

    assert cause == "EDITED_IN_SHOP"
    assert f"name {article['name']} -> Edited" in sentence
    assert f"shop-edit overwrite acme/42 {article['id']}" in sentence
    assert verdict(relay, article)[0] == "EDITED_IN_SHOP"
    own(relay, name="overwrite")
    relay.drain()
    assert verdict(relay, article, is_live=True)[0] == "OK"
    with relay.runtime.scope() as session:
        assert session.scalars(select(ShopEdit)).all() == []
