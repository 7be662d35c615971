"""Edits in the shop about which a person has to decide: a plan tells them and never sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integration import shop_edits
from integration.models import DriftState
from integration.reconciliation import plans
from integration.reconciliation.plans import PlanView
from tests.integration.drifting import applied, lines_of, plan_of
from tests.integration.relay import Relay, beside_an_erp
from tests.integration.test_field_ownership import carry, own


@pytest.fixture
def relay(database_url: str) -> Iterator[Relay]:
    with beside_an_erp(database_url, articles=6) as relay:
        yield relay


def told(relay: Relay, plan: PlanView) -> set[tuple[str, str, str | None, str | None, str | None]]:
    """Kind, article, field, the shop's value and the ERP's of every line."""
    return {(line[0], *line[2:]) for line in lines_of(relay, plan)}


def test_an_edit_that_waits_for_a_person_is_told_and_never_applied(relay: Relay) -> None:
    own(relay, name="ask", price="ask", active="ask")
    renamed, repriced, hidden, *_others = relay.for_sale()
    carry(relay, *relay.for_sale())
    relay.product(renamed)["name"] = "Edited"
    relay.product(repriced)["gross"] = "10"
    relay.product(hidden)["active"] = False
    relay.edit(renamed, name="New")

    plan = plan_of(relay)

    lines = {
        ("undecided", renamed["id"], "name", "Edited", "New"),
        ("undecided", repriced["id"], "gross", "10", str(repriced["gross"])),
        ("undecided", hidden["id"], "active", "false", "true"),
    }
    assert told(relay, plan) == lines
    assert plan.counts["undecided"] == 3
    assert "left-to-shop" not in plan.left_out
    with relay.runtime.scope() as session:
        reasons = dict(plans.reasons(session, plan.id, DriftState.REPORTED))
    assert sum(reasons.values()) == 3
    assert [one for one in reasons if "shop-edit overwrite acme/42 ARTICLE --field name" in one]

    assert applied(relay, plan) == {"reported": 3}
    assert relay.product(renamed)["name"] == "Edited"
    assert told(relay, plan_of(relay)) == lines


@pytest.mark.parametrize("owner", ["keep-once-edited", "keep"])
def test_an_edit_that_nobody_is_asked_about_is_not_told(relay: Relay, owner: str) -> None:
    own(relay, name=owner)
    renamed = relay.for_sale()[0]
    carry(relay, *relay.for_sale())
    relay.product(renamed)["name"] = "Edited"

    assert told(relay, plan_of(relay)) == set()


def test_what_a_person_decided_waits_no_more(relay: Relay) -> None:
    own(relay, name="ask")
    kept, given_back = relay.for_sale()[:2]
    carry(relay, *relay.for_sale())
    relay.product(kept)["name"] = relay.product(given_back)["name"] = "Edited"
    assert plan_of(relay).counts["undecided"] == 2

    decide(relay, kept, given_back)

    assert told(relay, plan_of(relay)) == set()
    assert relay.product(kept)["name"] == "Edited"
    assert relay.product(given_back)["name"] == given_back["name"]


def decide(relay: Relay, kept: dict[str, Any], given_back: dict[str, Any]) -> None:
    with relay.runtime.scope() as session:
        shop_edits.keep(session, relay.channel_id, article_id=kept["id"], by="anna")
        shop_edits.overwrite(session, relay.channel_id, article_id=given_back["id"])
    relay.drain()
