"""Products of ours whose listing got lost, as with a database that was put back: those that are not
offered any more are found and withdrawn, those that a merchant made himself never."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from integration.connectors.memory import MemoryConnector
from integration.models import Listing, WorkItem
from integration.reconciliation import fences
from integration.runtime import Runtime
from tests.integration.drifting import Drifting, applied, ask, carry, settle
from tests.integration.relay import beside_an_erp


@pytest.fixture
def relay(database_url: str) -> Iterator[Drifting]:
    with beside_an_erp(database_url, Drifting) as relay:
        yield relay


def lose(relay: Drifting, *articles: dict[str, Any]) -> None:
    """Forget all that we know of these articles."""
    ids = [one["id"] for one in articles]
    with relay.runtime.scope() as session:
        session.execute(delete(Listing).where(Listing.article_id.in_(ids)))
        session.execute(delete(WorkItem).where(WorkItem.entity_id.in_(ids)))


def withdrawal(kind: str, article: dict[str, Any]) -> tuple[str, ...]:
    return (kind, "article", article["id"], "active", "true", "false")


def test_what_we_made_and_forgot_is_withdrawn_when_it_is_not_offered_any_more(relay):
    gone, unlisted, inactive, offered, hidden = relay.fill()[:5]
    lose(relay, gone, unlisted, inactive, offered, hidden)
    relay.edit(gone, deleted=True)
    relay.edit(unlisted, listed=False)
    relay.edit(inactive, active=False)
    relay.edit(hidden, deleted=True)
    relay.shown(hidden)["active"] = False
    relay.shop.products["theirs"] = {"number": "GIFT-CARD", "active": True, "gross": "10"}

    plan = relay.plan()

    there = f"memory-{offered['id']}"
    assert relay.lines(plan) == {
        withdrawal("orphan", gone),
        withdrawal("still_active", unlisted),
        withdrawal("still_active", inactive),
        ("missing", "article", offered["id"], "product", there, None),
    }
    assert applied(relay, plan) == {"sent": 4}
    for one in (gone, unlisted, inactive):
        assert relay.shown(one)["active"] is False
    assert relay.shop.products["theirs"]["active"] is True
    assert relay.lines(relay.plan()) == set()


def test_a_product_that_is_another_articles_by_now_is_left_alone(relay):
    gone, other = relay.fill()[:2]
    lose(relay, gone)
    relay.edit(gone, deleted=True)
    plan = relay.plan()
    with relay.runtime.scope() as session:
        session.execute(
            update(Listing)
            .where(Listing.article_id == other["id"])
            .values(external_id=f"memory-{gone['id']}")
        )

    ask(relay, plan)

    assert [one.outcome for one in relay.drift(plan)] == [fences.OTHER_PRODUCT]
    with relay.runtime.scope() as session:
        found = session.scalars(select(Listing).where(Listing.article_id == gone["id"])).all()
    assert found == []
    carry(relay)
    assert relay.shown(gone)["active"] is True
    assert settle(relay, plan) == {"skipped": 1}


class Forgetful(MemoryConnector):
    """Cannot tell its products from those of others."""

    own_articles = None


class BesideAForgetfulShop(Runtime):
    def connector(self, channel, *arguments, **options):
        connector = super().connector(channel, *arguments, **options)
        connector.__class__ = Forgetful
        return connector


def test_a_platform_that_cannot_tell_whose_a_product_is_loses_nothing_else(relay):
    gone, known = relay.fill()[:2]
    lose(relay, gone)
    relay.edit(gone, deleted=True)
    relay.edit(known, deleted=True)
    relay.runtime = BesideAForgetfulShop(relay.runtime.settings, relay.runtime.engine)

    assert relay.lines(relay.plan()) == {withdrawal("orphan", known)}
