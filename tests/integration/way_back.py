"""The way back without Celery: a Relay whose ERP has the field for product ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import requests
from sqlalchemy import func, select

from integration import queue_report
from integration.erp.client import ErpClient
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY
from integration.errors import IntegrationError
from integration.models import Listing, WorkItem
from integration.topology import Topic
from integration.write_back import asking, batch, lanes
from tests.integration.relay import LIMITS, Relay

#: Of another app, on the same listings.
FOREIGN = {"marketing": {"slogan": "Nur heute", "margin": 12.5}}
PATCH = "PATCH /api/vario/erp/articles/{article_id}/listings/{listing_id}"


class WayBack(Relay):
    """With a request budget that nobody waits for."""

    def __init__(self, database_url: str, erp_url: str) -> None:
        super().__init__(database_url, erp_url)
        self.runtime.settings = replace(self.runtime.settings, erp_budget=(30_000, 6.0))
        self.erp("options", rate_limit=30_000)

    @property
    def client(self) -> ErpClient:
        return self.runtime.erp(self.tenant_id)

    @property
    def facts(self) -> Any:
        return self.runtime.erp_facts(self.tenant_id)

    def create_group(self, key: str, *attributes: str) -> None:
        """What an installation does for our group, and another app's for its own."""
        described = [{"key": one, "label": one, "type": "TEXT"} for one in attributes]
        self.client.post(
            "/community/latest/cmn/eav-groups",
            {"key": key, "label": key, "attributes": described, "entities": ["articleListing"]},
        )

    def create_field(self) -> None:
        self.create_group(GROUP_KEY, ATTRIBUTE_KEY)

    def claim_back(self) -> str | None:
        """Claim the next batch of product ids, as dispatch does."""
        with self.runtime.scope() as session:
            for lane in list(lanes.rota(session)):
                chain = lanes.claim_next(session, lane, lease_s=LIMITS.lease_s)
                if chain is not None:
                    return chain.claim_id
        return None

    def write_back(self) -> None:
        """Work until nothing is due; what a batch raises is collected in `errors`."""
        while (claim_id := self.claim_back()) is not None:
            self.run_back(claim_id)

    def run_back(self, claim_id: str) -> None:
        try:
            batch.write(self.runtime, claim_id)
        except IntegrationError as error:
            self.errors.append(error)

    def listing(self, article: dict[str, Any]) -> Any:
        """The article's listing on channel 42, as the ERP shows it."""
        found = self.client.get(f"/erp/articles/{article['id']}/listings")
        return next(one for one in found if str(one["salesChannelRef"]["id"]) == "42")

    def shown(self, article: dict[str, Any]) -> Any:
        """The product id that people see in the ERP."""
        return self.listing(article)["custom"].get(GROUP_KEY, {}).get(ATTRIBUTE_KEY)

    def set_custom(self, article: dict[str, Any], custom: dict[str, Any]) -> None:
        """Custom fields that another app writes."""
        path = f"/erp/articles/{article['id']}/listings/{self.listing(article)['id']}"
        self.client.patch(path, {"custom": custom})

    def product_id(self, article: dict[str, Any]) -> str | None:
        return self.shop.id_of(article["number"])

    def back(self, article: dict[str, Any]) -> Any:
        return self.row(Topic.WRITE_BACK, article)


def fill(relay: WayBack) -> list[dict[str, Any]]:
    """Bring every article into the shop; those that are there. Their ids are not in the ERP."""
    found = relay.for_sale()
    relay.hint(Topic.ARTICLE, *found)
    relay.drain()
    return found


def patches(relay) -> int:
    return routes(relay, "PATCH")


def reads(relay) -> int:
    """Requests to the ERP's API that are no PATCH."""
    return routes(relay) - patches(relay)


def routes(relay, method: str = "") -> int:
    url = f"{relay.erp_url}/_sandbox/requests"
    counted = requests.get(url, timeout=30).json()["by_route"]
    return sum(
        number
        for route, number in counted.items()
        if "/api/vario" in route and route.startswith(method)
    )


def forget_requests(relay) -> None:
    relay.erp("requests/reset")


def states(relay) -> dict[str, int]:
    with relay.runtime.scope() as session:
        rows = session.execute(
            select(WorkItem.state, func.count())
            .where(WorkItem.topic == Topic.WRITE_BACK.value)
            .group_by(WorkItem.state)
        )
        return {state: number for state, number in rows}


def ask_for_all(relay) -> None:
    with relay.runtime.scope() as session:
        asking.ask_for_all(session, relay.channel_id)


def status(relay):
    with relay.runtime.scope() as session:
        found = queue_report.statuses(session)
    return next((one for one in found if one.topic is Topic.WRITE_BACK), None)


def rename(relay, article, external_id: str) -> None:
    with relay.runtime.scope() as session:
        row = session.get_one(Listing, (relay.channel_id, article["id"]))
        row.external_id = external_id
        session.flush()
        asking.ask(session, relay.channel_id, [article["id"]])
