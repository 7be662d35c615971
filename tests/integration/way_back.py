"""The way back without Celery: a Relay whose ERP has the field for product ids."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from integration.erp.client import ErpClient
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY
from integration.errors import IntegrationError
from integration.topology import Topic
from integration.write_back import batch, lanes
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
                claim_id = lanes.claim_next(session, lane, lease_s=LIMITS.lease_s)
                if claim_id is not None:
                    return claim_id
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
