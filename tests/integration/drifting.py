"""An ERP and a shop that are equal, and every way in which they can drift apart."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import insert

from integration.models import Drift, Listing, WorkItem, WorkItemState
from integration.reconciliation import outcomes, plans
from integration.reconciliation.applying import Applying
from integration.reconciliation.planning import Planning
from integration.reconciliation.plans import PlanView
from integration.runtime import Runtime
from integration.topics.article import ean
from integration.topology import SHORT_NAME_BY_TOPIC, Topic
from tests.integration.relay import Relay

#: (kind, topic, article, field, the shop's value, the ERP's)
Line = tuple[str, str, str, str | None, str | None, str | None]


class Drifting(Relay):
    """A relay whose shop holds exactly what the ERP offers, put there without a request."""

    def __init__(self, database_url: str, erp_url: str) -> None:
        super().__init__(database_url, erp_url)
        # The sandbox enforces its own limit; these tests are not about waiting.
        self.erp("options", rate_limit=100_000)
        settings = replace(self.runtime.settings, erp_budget=(100_000, 6.0))
        self.runtime = Runtime(settings, self.runtime.engine)

    def fill(self) -> list[dict[str, Any]]:
        """Seed the shop; the articles that are in it."""
        sold = self.for_sale()
        for one in sold:
            self.shop.products[f"memory-{one['id']}"] = product_of(one)
        rows = [
            {
                "channel_id": self.channel_id,
                "article_id": one["id"],
                "external_id": f"memory-{one['id']}",
                "number": one["number"],
                "is_active": True,
                "was_adopted": False,
                "notes": {},
            }
            for one in sold
        ]
        items = [
            {
                "channel_id": self.channel_id,
                "topic": topic.value,
                "entity_id": one["id"],
                "state": WorkItemState.COMPLETED.value,
            }
            for one in sold
            for topic in (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)
        ]
        with self.runtime.scope() as session:
            session.execute(insert(Listing), rows)
            session.execute(insert(WorkItem), items)
        return sold

    def articles(self, limit: int = 5_000) -> list[dict[str, Any]]:
        return super().articles(limit)

    def shown(self, article: dict[str, Any]) -> dict[str, Any]:
        """The product of an article, to be changed behind our back."""
        return self.shop.products[f"memory-{article['id']}"]

    def plan(self, topics: Collection[Topic] | None = None) -> PlanView:
        return plan_of(self, topics)

    def drift(self, plan: PlanView) -> list[Drift]:
        return list(plans.lines(self.runtime.scope, plan.id))

    def lines(self, plan: PlanView) -> set[Line]:
        return lines_of(self, plan)


def plan_of(relay: Relay, topics: Collection[Topic] | None = None) -> PlanView:
    """A new plan of the relay's channel."""
    planning = Planning(relay.runtime, relay.channel_id, topics, wait=never)
    for _step in planning.steps():
        pass
    with relay.runtime.scope() as session:
        return plans.view(session, planning.plan_id)


def lines_of(relay: Relay, plan: PlanView) -> set[Line]:
    return {
        (
            one.kind,
            SHORT_NAME_BY_TOPIC[Topic(one.topic)],
            one.article_id,
            one.field,
            one.old,
            one.new,
        )
        for one in plans.lines(relay.runtime.scope, plan.id)
    }


def ask(relay: Relay, plan: PlanView) -> None:
    """Ask for what a plan says."""
    for _done in Applying(relay.runtime, plan.id, wait=never).steps():
        pass


def carry(relay: Relay) -> None:
    """Work on what was asked for, until nothing is left; an absence is doubted twice."""
    for _attempt in range(3):
        relay.drain()
        relay.retries_are_due()
    relay.drain()


def settle(relay: Relay, plan: PlanView) -> dict[str, int]:
    """What became of the lines, where there are any."""
    with relay.runtime.scope() as session:
        left = sum(plan.counts.values())
        for _portion in range(0, left, outcomes.AT_ONCE):
            left = outcomes.settle(session, plan.id)
        assert left == 0
        return {one: count for one, count in plans.outcomes(session, plan.id).items() if count}


def applied(relay: Relay, plan: PlanView) -> dict[str, int]:
    """What became of the lines of a plan, after all of them were carried."""
    ask(relay, plan)
    carry(relay)
    return settle(relay, plan)


def never(seconds: float) -> None:
    """Nobody has to wait in these tests."""
    raise AssertionError(f"somebody wanted to wait {seconds} s")


def product_of(article: dict[str, Any]) -> dict[str, Any]:
    """What the memory shop has of an article after its first write."""
    return {
        "number": article["number"],
        "name": article["name"],
        "active": True,
        "net": str(article["net"]),
        "gross": str(article["gross"]),
        "stock": max(0, int(article["stock"] or 0)),
        "description": article["description"],
        "ean": ean(article["ean"]),
        "weight_kg": str(article["weight_kg"] or 0),
        "tax_rate": str(article["tax_rate"]),
    }


def plain(value: object) -> str:
    """A number as plans write it."""
    return format(Decimal(str(value)).normalize(), "f")
