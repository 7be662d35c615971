"""Applying a plan: exactly what it says goes to the shop, and what has changed since does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from integration import toggles, work_items
from integration.clock import db_now
from integration.erp.client import ErpClient
from integration.models import Drift, DriftPlan, Listing, WorkItem
from integration.reconciliation import applying, fences
from integration.reconciliation.applying import Applying
from integration.reconciliation.plans import PlanView
from integration.token_bucket import Share
from integration.topology import Topic
from tests.integration.drifting import Drifting, applied, ask, carry, never, settle
from tests.integration.relay import beside_an_erp
from tests.integration.test_reconcile_plan import seed_every_kind


@pytest.fixture
def relay(sqlite_url: str) -> Iterator[Drifting]:
    with beside_an_erp(sqlite_url, Drifting) as relay:
        yield relay


def reasons(relay: Drifting, plan: PlanView) -> dict[str, str | None]:
    """Why lines were not sent, by article."""
    return {one.article_id: one.outcome for one in relay.drift(plan) if one.state == "SKIPPED"}


def test_a_plan_repairs_every_kind_but_duplicates_and_the_next_one_is_empty(database_url):
    with beside_an_erp(database_url, Drifting) as relay:
        seed_every_kind(relay, each=1)
        plan = relay.plan()

        assert applied(relay, plan) == {"sent": 14, "reported": 1}

        second = relay.plan()
        assert {line[0] for line in relay.lines(second)} == {"duplicate"}
        assert second.on_its_way == {}
        copy = next(key for key in relay.shop.products if key.startswith("copy-"))
        assert relay.shop.products.pop(copy)["active"] is True
        assert relay.lines(relay.plan()) == set()


def test_a_large_catalogue_is_planned_exactly_and_repaired(sqlite_url):
    with beside_an_erp(sqlite_url, Drifting, articles=5_000) as relay:
        each = 100
        seeded = seed_every_kind(relay, each)
        plan = relay.plan()
        assert relay.lines(plan) == seeded

        assert applied(relay, plan) == {"sent": len(seeded) - each, "reported": each}

        assert {line[0] for line in relay.lines(relay.plan())} == {"duplicate"}
        for key in [one for one in relay.shop.products if one.startswith("copy-")]:
            del relay.shop.products[key]  # which is for people to do
        assert relay.lines(relay.plan()) == set()


def test_nothing_else_is_sent(relay):
    planned, other = relay.fill()[:2]
    relay.edit(planned, stock=99)
    plan = relay.plan()
    relay.edit(other, stock=99)

    applied(relay, plan)

    assert relay.shop.writes == [(Topic.STOCK.value, [planned["id"]])]


def test_planning_and_applying_take_a_quarter_of_the_erps_budget_at_most(relay, monkeypatch):
    sold = relay.fill()[0]
    relay.edit(sold, stock=99)
    parts: set[tuple[object, object]] = set()
    erp = relay.runtime.erp

    def seen(tenant_id: int, **options: Any) -> ErpClient:
        parts.add((options.get("share"), options.get("at_most")))
        return erp(tenant_id, **options)

    monkeypatch.setattr(relay.runtime, "erp", seen)

    ask(relay, relay.plan())

    assert parts == {(Share.BACKFILL, 0.25)}


def test_a_killed_apply_goes_on_and_asks_for_nothing_twice(database_url, monkeypatch):
    with beside_an_erp(database_url, Drifting) as relay:
        monkeypatch.setattr("integration.reconciliation.applying.ARTICLES_AT_ONCE", 2)
        sold = relay.fill()[:5]
        for one in sold:
            relay.edit(one, stock=99)
        plan = relay.plan()
        steps = Applying(relay.runtime, plan.id, wait=never).steps()
        next(steps)
        steps.close()  # what is left of a process that was killed: what it committed

        relay.drain()
        assert applied(relay, plan) == {"sent": 5}

        written = [article for ids in relay.writes(Topic.STOCK) for article in ids]
        assert sorted(written) == sorted(one["id"] for one in sold)
        with relay.runtime.scope() as session:
            assert session.get_one(DriftPlan, plan.id).state == "DONE"
            generations = session.scalars(
                select(WorkItem.generation).where(WorkItem.generation > 1)
            ).all()
        assert generations == [2] * 5


def test_the_lines_of_an_article_are_looked_at_together(relay, monkeypatch):
    monkeypatch.setattr("integration.reconciliation.applying.LINES_AT_ONCE", 4)
    for one in relay.fill()[:3]:
        relay.edit(one, gross=1.19, net=1, stock=99)
    plan = relay.plan()

    together = list(Applying(relay.runtime, plan.id, wait=never).steps())

    assert together == [3, 6, 9]
    carry(relay)
    assert settle(relay, plan) == {"sent": 9}


def event(relay: Drifting, one: dict[str, Any]) -> None:
    relay.hint(Topic.STOCK, one)


def sent_since(relay: Drifting, one: dict[str, Any]) -> None:
    with relay.runtime.scope() as session:
        session.execute(
            update(WorkItem).where(WorkItem.entity_id == one["id"]).values(pushed_at=db_now())
        )


def other_product(relay: Drifting, one: dict[str, Any]) -> None:
    with relay.runtime.scope() as session:
        session.execute(
            update(Listing).where(Listing.article_id == one["id"]).values(external_id="another")
        )


def no_product(relay: Drifting, one: dict[str, Any]) -> None:
    with relay.runtime.scope() as session:
        session.execute(delete(Listing).where(Listing.article_id == one["id"]))


CHANGES = {
    event: fences.UNDER_WAY["waits"],
    sent_since: fences.UNDER_WAY["sent since"],
    other_product: fences.OTHER_PRODUCT,
    no_product: fences.OTHER_PRODUCT,
    lambda relay, one: relay.edit(one, stock=77): fences.ERP_CHANGED,
    lambda relay, one: relay.edit(one, listed=False): fences.ERP_CHANGED,
    lambda relay, one: relay.shown(one).update(stock=99): fences.IN_SHOP_NOW,
    lambda relay, one: relay.shown(one).update(stock=3): fences.SHOP_CHANGED,
    lambda relay, one: relay.shop.products.pop(f"memory-{one['id']}"): fences.GONE_FROM_SHOP,
}


def test_a_value_that_is_not_as_the_plan_saw_it_is_skipped_and_said(relay):
    still, *others = relay.fill()[: len(CHANGES) + 1]
    for one in (still, *others):
        relay.edit(one, stock=99)
    plan = relay.plan()
    expected = {}
    for one, (change, reason) in zip(others, CHANGES.items(), strict=True):
        change(relay, one)
        expected[one["id"]] = reason

    ask(relay, plan)

    assert reasons(relay, plan) == expected
    with relay.runtime.scope() as session:
        asked = session.scalars(select(Drift.article_id).where(Drift.state == "ASKED")).all()
    assert asked == [still["id"]]


def settled_event(relay: Drifting, one: dict[str, Any]) -> None:
    """An event that was worked on, and found nothing to send: as those of a nightly pass."""
    with relay.runtime.scope() as session:
        session.execute(
            update(WorkItem)
            .where(WorkItem.entity_id == one["id"])
            .values(generation=WorkItem.generation + 1)
        )


def test_an_event_that_changed_nothing_leaves_the_plan_as_good_as_it_was(relay):
    one = relay.fill()[0]
    relay.shown(one)["stock"] = 99
    plan = relay.plan()
    settled_event(relay, one)

    assert applied(relay, plan) == {"sent": 1}

    assert relay.lines(relay.plan()) == set()


def test_where_products_cannot_be_shown_an_event_since_the_plan_makes_it_old(relay, monkeypatch):
    one = relay.fill()[0]
    relay.shown(one)["stock"] = 99
    plan = relay.plan()
    settled_event(relay, one)
    monkeypatch.setattr(applying, "ShowsProducts", type("NobodyHasThis", (), {}))

    ask(relay, plan)

    assert reasons(relay, plan) == {one["id"]: fences.NEWER}


def test_a_topic_that_was_switched_off_since_is_skipped(relay):
    one = relay.fill()[0]
    relay.edit(one, stock=99)
    plan = relay.plan()
    with relay.runtime.scope() as session:
        toggles.switch(session, relay.channel_id, Topic.STOCK, is_on=False)

    ask(relay, plan)

    assert reasons(relay, plan) == {one["id"]: fences.SWITCHED_OFF}


def test_what_came_back_is_not_withdrawn_and_what_is_there_not_created(relay):
    listed, hidden, gone, there, taken = relay.fill()[:5]
    relay.edit(listed, listed=False)
    relay.edit(hidden, active=False)
    relay.edit(gone, listed=False)
    kept = relay.shop.products.pop(f"memory-{there['id']}")
    relay.shop.products.pop(f"memory-{taken['id']}")
    plan = relay.plan()
    relay.edit(listed, listed=True)
    relay.shown(hidden)["active"] = False
    relay.shop.products.pop(f"memory-{gone['id']}")
    relay.shop.products[f"memory-{there['id']}"] = kept
    relay.shop.products["theirs"] = {"number": taken["number"], "active": True}

    ask(relay, plan)

    assert reasons(relay, plan) == {
        listed["id"]: fences.ERP_CHANGED,
        hidden["id"]: fences.INACTIVE_NOW,
        gone["id"]: fences.GONE_FROM_SHOP,
        there["id"]: fences.IN_SHOP_NOW,
        taken["id"]: fences.NUMBER_TAKEN,
    }


def test_a_refused_change_is_told_with_the_words_of_the_shop(relay):
    one = relay.fill()[0]
    relay.edit(one, stock=99)
    plan = relay.plan()
    relay.shop.refused_numbers[one["number"]] = "no more than 50"

    assert applied(relay, plan) == {"failed": 1}

    (line,) = relay.drift(plan)
    assert line.outcome == "no more than 50"


def test_what_is_held_counts_as_held(relay):
    one = relay.fill()[0]
    relay.edit(one, stock=99)
    plan = relay.plan()
    ask(relay, plan)
    with relay.runtime.scope() as session:
        item = session.scalars(select(WorkItem).where(WorkItem.state == "QUEUED")).one()
        work_items.update_items(session, [item.id], hold_reason="brake")

    assert settle(relay, plan) == {"held": 1}


def test_a_product_that_an_employee_made_active_again_is_withdrawn(relay):
    one = relay.fill()[0]
    relay.edit(one, listed=False)
    with relay.runtime.scope() as session:
        session.execute(
            update(Listing).where(Listing.article_id == one["id"]).values(is_active=False)
        )
    plan = relay.plan()

    assert applied(relay, plan) == {"sent": 1}

    assert relay.shown(one)["active"] is False


def test_an_erp_without_columns_is_repaired_as_well(sqlite_url):
    with beside_an_erp(sqlite_url, Drifting, profile="rest", articles=12) as relay:
        one, other = relay.fill()[:2]
        relay.edit(one, stock=99)
        relay.shop.products.pop(f"memory-{other['id']}")

        assert applied(relay, relay.plan()) == {"sent": 2}

        assert relay.lines(relay.plan()) == set()
