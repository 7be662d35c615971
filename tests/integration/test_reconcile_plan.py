"""The plan of a reconciliation: it names what has drifted apart, all of it and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select, update

from integration import article_holds, mapping_changes, toggles
from integration.clock import db_now
from integration.connectors.memory import MemoryConnector
from integration.erp.listings import count_listed
from integration.errors import IntegrationError, UsageError
from integration.mapping_kinds import Kind
from integration.mappings import Entry
from integration.models import Drift, DriftPlan, Listing, PlanState, WorkItem
from integration.paging import LONG_PAGE, PAGE, Source, with_long_pages
from integration.patience import Patience
from integration.reconciliation import plans
from integration.reconciliation.wording import texts_of
from integration.runtime import Runtime
from integration.topology import Topic
from tests.integration.drifting import Drifting, Line, never, plain
from tests.integration.relay import beside_an_erp


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Drifting]:
    with beside_an_erp(sqlite_url, Drifting) as relay:
        yield relay


@pytest.fixture
def either(database_url: str) -> Iterator[Drifting]:
    """On both databases, for what is asked of them in their own words."""
    with beside_an_erp(database_url, Drifting) as relay:
        yield relay


def seed_every_kind(relay: Drifting, each: int) -> set[Line]:
    """Let `each` articles drift in each way; the lines that a plan must have."""
    sold = iter(relay.fill())
    seeded: set[Line] = set()

    def some() -> list[dict]:
        return [next(sold) for _ in range(each)]

    for one in some():  # never arrived
        relay.shop.products.pop(f"memory-{one['id']}")
        with relay.runtime.scope() as session:
            session.execute(delete(Listing).where(Listing.article_id == one["id"]))
        seeded.add(("missing", "article", one["id"], "product", None, None))
    for one in some():  # deleted in the shop
        relay.shop.products.pop(f"memory-{one['id']}")
        seeded.add(("missing", "article", one["id"], "product", None, None))
    for one in some():
        relay.edit(one, listed=False)
        seeded.add(("still_active", "article", one["id"], "active", "true", "false"))
    for one in some():
        relay.edit(one, active=False)
        seeded.add(("still_active", "article", one["id"], "active", "true", "false"))
    for one in some():
        relay.edit(one, deleted=True)
        seeded.add(("orphan", "article", one["id"], "active", "true", "false"))
    for one in some():  # the ERP's change was lost
        relay.edit(one, name="Säge & Söhne")
        seeded.add(("different", "article", one["id"], "name", one["name"], "Säge & Söhne"))
    for one in some():  # so was this one, of everything that a shop shows back
        relay.edit(one, description="Neu", ean="4006381333931", weight_kg=4.75)
        relay.shown(one)["tax_rate"] = "2.1"
        for name, old, new in (
            ("description", *texts_of("description", one["description"], "Neu")),
            ("ean", relay.shown(one)["ean"] or "", "4006381333931"),
            ("weight_kg", plain(one["weight_kg"] or 0), "4.75"),
            ("tax_rate", "2.1", plain(one["tax_rate"])),
        ):
            seeded.add(("different", "article", one["id"], name, old, new))
    for one in some():  # edited in the shop
        relay.shown(one)["gross"] = "0.01"
        relay.shown(one)["stock"] = 4711
        stock = str(max(0, int(one["stock"])))  # a shop has no debts
        values = ("0.01", plain(one["gross"])), ("4711", stock)
        for topic, name, (old, new) in zip(
            ("price", "stock"), ("gross", "stock"), values, strict=True
        ):
            seeded.add(("different", topic, one["id"], name, old, new))
    for name in ("active", "visible"):  # hidden in the shop
        for one in some():
            relay.shown(one)[name] = False
            seeded.add(("different", "article", one["id"], name, "false", "true"))
    for one in some():
        relay.shop.products[f"copy-{one['id']}"] = dict(relay.shown(one))
        rivals = f"copy-{one['id']}, memory-{one['id']}"
        seeded.add(("duplicate", "article", one["id"], "product", rivals, f"memory-{one['id']}"))
    return seeded


def test_a_shop_that_is_as_the_erp_says_gives_an_empty_plan(relay):
    sold = relay.fill()

    plan = relay.plan()

    assert relay.lines(plan) == set()
    assert not plan.has_drift
    assert (plan.state, plan.products) == (PlanState.READY, len(sold))


def test_a_plan_changes_neither_shop_nor_queue(relay):
    seed_every_kind(relay, each=1)
    before = {key: dict(one) for key, one in relay.shop.products.items()}

    relay.plan()

    assert relay.shop.products == before
    with relay.runtime.scope() as session:
        touched = select(func.count()).where(WorkItem.generation > 1)
        assert session.scalar(touched) == 0


def test_texts_in_other_languages_of_the_shop_are_compared(either):
    one = either.fill()[0]
    # As Shopware names its languages.
    english = "dd5a6c2e4a1b4d0f8f3f0a1c2b3d4e5f"
    with either.runtime.scope() as session:
        mapping = Entry(Kind.LANGUAGE, "en", english)
        mapping_changes.put(session, either.channel_id, [mapping])
    either.edit(one, texts={"en": {"name": "Lamp", "description": "It shines."}})
    either.shown(one)["texts"] = {f"name@{english}": "Lamp", f"description@{english}": "It glows."}

    lines = either.lines(either.plan())

    field = f"description@{english}"
    assert ("different", "article", one["id"], field, "It glows.", "It shines.") in lines
    assert not [line for line in lines if line[3] == f"name@{english}"]


def test_what_waits_is_held_or_under_way_is_no_drift(either):
    waits, held, sent, drifts = either.fill()[:4]
    for one in (waits, held, sent, drifts):
        either.edit(one, stock=99)
    with either.runtime.scope() as session:
        article_holds.add(session, either.channel_id, held["id"], [Topic.STOCK], reason="x", by="y")
    either.hint(Topic.STOCK, waits)

    plan = either.plan()

    assert {line[2] for line in either.lines(plan)} == {sent["id"], drifts["id"]}
    assert plan.on_its_way == {"waits": 1, "held": 1}


def test_what_was_sent_since_the_shop_was_read_is_no_drift(relay):
    one = relay.fill()[0]
    relay.edit(one, stock=99)
    # As if its write came a moment after its product was scanned.
    with relay.runtime.scope() as session:
        session.execute(
            update(WorkItem).where(WorkItem.entity_id == one["id"]).values(pushed_at=db_now(60))
        )

    plan = relay.plan()

    assert relay.lines(plan) == set()
    assert plan.on_its_way == {"sent since": 1}


def test_products_that_are_not_ours_are_no_drift(relay):
    relay.fill()
    relay.shop.products["theirs"] = {"number": "GIFT-CARD", "active": True, "gross": "10"}

    assert not relay.plan().has_drift


def test_a_missing_article_names_the_product_that_has_its_number(relay):
    one = relay.fill()[0]
    with relay.runtime.scope() as session:
        session.execute(delete(Listing).where(Listing.article_id == one["id"]))

    plan = relay.plan()

    there = f"memory-{one['id']}"
    assert relay.lines(plan) == {("missing", "article", one["id"], "product", there, None)}


def test_a_switched_off_topic_is_left_out_and_said(relay):
    one = relay.fill()[0]
    relay.edit(one, stock=99, gross=1.19, net=1)
    with relay.runtime.scope() as session:
        toggles.switch(session, relay.channel_id, Topic.STOCK, is_on=False)

    plan = relay.plan()

    assert {line[1] for line in relay.lines(plan)} == {"price"}
    assert (plan.topics, plan.off_topics) == (("article", "price"), ("stock",))


class ElderShop(MemoryConnector):
    """Does not show its variations, as WooCommerce before 10.3."""

    hidden: str

    def scan(self, fields):
        return (one for one in super().scan(fields) if one.external_id != self.hidden)


class BesideAnElderShop(Runtime):
    hidden: str

    def connector(self, channel, *arguments, **options):
        connector = super().connector(channel, *arguments, **options)
        connector.__class__, connector.hidden = ElderShop, self.hidden
        return connector


def test_a_product_that_no_scan_shows_is_not_missing(relay):
    there, gone = relay.fill()[:2]
    relay.shop.products.pop(f"memory-{gone['id']}")
    relay.runtime = BesideAnElderShop(relay.runtime.settings, relay.runtime.engine)
    relay.runtime.hidden = f"memory-{there['id']}"

    plan = relay.plan()

    assert {line[:3] for line in relay.lines(plan)} == {("missing", "article", gone["id"])}
    assert plan.left_out["not-shown"] == 1


def test_one_topic_alone_can_be_compared(relay):
    one, gone = relay.fill()[:2]
    relay.edit(one, stock=99, name="New")
    relay.edit(gone, listed=False)

    plan = relay.plan([Topic.STOCK])

    assert {line[1] for line in relay.lines(plan)} == {"stock"}
    assert plan.topics == ("stock",)


def test_topics_that_no_shop_shows_cannot_be_compared(relay):
    with pytest.raises(UsageError, match="only article, price, stock can be compared"):
        relay.plan([Topic.MEDIA])


def test_nothing_is_compared_when_all_is_switched_off(relay):
    with relay.runtime.scope() as session:
        toggles.switch(session, relay.channel_id, Topic.STOCK, is_on=False)

    with pytest.raises(UsageError, match="stock of this channel is switched off"):
        relay.plan([Topic.STOCK])


def test_what_cannot_be_sent_is_counted_by_reason_and_no_drift(relay):
    one = relay.fill()[0]
    relay.edit(one, name="  ")
    with relay.runtime.scope() as session:
        session.execute(delete(Listing).where(Listing.article_id == one["id"]))
    relay.shop.products.pop(f"memory-{one['id']}")

    plan = relay.plan()

    assert relay.lines(plan) == set()
    assert plan.left_out["invalid"] == 1


def test_a_change_in_the_shop_is_told_from_a_change_of_the_erp_that_was_lost(relay):
    lost, edited = relay.fill()[:2]
    relay.hint(Topic.PRICE, lost, edited)
    relay.drain()
    relay.edit(lost, gross=2.38, net=2)
    relay.shown(edited)["gross"] = "0.01"

    plan = relay.plan()

    by_article = {one.article_id: one.is_edited for one in relay.drift(plan)}
    assert by_article == {lost["id"]: False, edited["id"]: True}


class BesideAnErpThatHides(Runtime):
    """Its ERP counts an article more than it shows."""

    def erp(self, *arguments, **options):
        client = super().erp(*arguments, **options)
        ask = client.vql

        def vql(statement, **window):
            page = ask(statement, **window)
            if "count(" in statement:
                ((key, value),) = page.raw[0].items()
                return replace(page, raw=[{key: int(value) + 1}])
            return page

        client.vql = vql
        return client


def test_an_erp_that_shows_less_than_it_counts_gives_no_plan(relay):
    relay.fill()
    relay.runtime = BesideAnErpThatHides(relay.runtime.settings, relay.runtime.engine)

    with pytest.raises(IntegrationError, match="articles that it counts"):
        relay.plan()

    with relay.runtime.scope() as session, pytest.raises(UsageError, match="no plan"):
        plans.find(session, relay.channel_id, None)


def test_a_walk_is_complete_whatever_pages_the_erp_gives(sqlite_url):
    with beside_an_erp(sqlite_url, Drifting, articles=130, vql_pages="skip") as relay:
        relay.fill()

        plan = relay.plan()

        listed = count_listed(relay.runtime.erp(relay.tenant_id), "42")
        assert (relay.lines(plan), plan.articles) == (set(), listed)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, LONG_PAGE),
        ({"vql_most": 120}, 119),  # the last article of a page that was cut off comes again
        ({"vql_most": 100}, PAGE),
        ({"vql_most": 100, "vql_over_limit": "422"}, PAGE),
        ({"profile": "rest"}, PAGE),  # only ids come by pages
    ],
)
def test_pages_are_as_long_as_the_erp_gives_them(sqlite_url, options, size):
    with beside_an_erp(sqlite_url, Drifting, articles=130, **options) as relay:
        relay.fill()
        client, channel = relay.runtime.erp(relay.tenant_id), relay.runtime.channel(1)
        facts = relay.runtime.erp_facts(relay.tenant_id)
        source = Source(client, facts, channel, Topic.ARTICLE)

        assert with_long_pages(source, Patience(never)).size == size
        plan = relay.plan()

        assert (relay.lines(plan), plan.articles) == (set(), count_listed(client, "42"))


def test_a_new_plan_takes_the_place_of_open_ones_that_it_covers(either):
    either.fill()
    stock, first = either.plan([Topic.STOCK]), either.plan()

    second = either.plan()

    with either.runtime.scope() as session:
        states = dict(session.execute(select(DriftPlan.id, DriftPlan.state)).all())
        assert plans.find(session, either.channel_id, None) == second.id
        with pytest.raises(UsageError, match=f"plan {first.id} is out of date"):
            plans.find(session, either.channel_id, first.id)
    assert states == {stock.id: "SUPERSEDED", first.id: "SUPERSEDED", second.id: "READY"}


def test_old_plans_are_forgotten_with_their_lines(relay):
    one = relay.fill()[0]
    relay.edit(one, stock=99)
    relay.plan()
    with relay.runtime.scope() as session:
        session.execute(update(DriftPlan).values(started_at=db_now(-31 * 86_400)))
        plans.forget_old(session)

    with relay.runtime.scope() as session:
        assert session.scalar(select(func.count()).select_from(Drift)) == 0


def test_an_erp_without_columns_is_compared_as_well(sqlite_url):
    with beside_an_erp(sqlite_url, Drifting, profile="rest", articles=12) as relay:
        one, other = relay.fill()[:2]
        relay.edit(one, stock=99)
        relay.edit(other, deleted=True)

        plan = relay.plan()

        assert {(line[0], line[2]) for line in relay.lines(plan)} == {
            ("different", one["id"]),
            ("orphan", other["id"]),
        }
