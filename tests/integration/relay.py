"""The stages without Celery: sandboxed ERP over HTTP, the reference shop in memory, one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import requests
from kombu.utils import json as broker_json
from sqlalchemy import select, update

from integration import brake_rules, channels, dispatching, pushing, stages, vault, work_outcomes
from integration.clock import db_now
from integration.connectors import memory, registry
from integration.dispatching import Limits
from integration.errors import IntegrationError
from integration.models import SalesChannel, Tenant, WorkItem
from integration.runtime import Runtime
from integration.settings import from_env
from integration.toggles import SERVED_TOPICS
from integration.topology import Topic
from integration.work_items import hint
from sandbox import serving
from sandbox.erp import Options, create_app
from tests.engines import engine_at

LIMITS = Limits(chains_per_lane=2, coalesce_s=0.0, lease_s=60.0)


AnyRelay = TypeVar("AnyRelay", bound="Relay")


class WorkerDied(BaseException):
    """Nothing is recorded of it, as nobody is left."""


class Relay:
    """One tenant with a running channel 42 on the memory platform."""

    def __init__(self, database_url: str, erp_url: str) -> None:
        self.erp_url = erp_url
        credentials = self.erp("tenants", tenant="acme")
        settings = from_env(
            {
                "RELAY_DATABASE_URL": database_url,
                "RELAY_SECRET_KEY": vault.new_key(),
                "RELAY_APP_IDENTIFIER": credentials["appIdentifier"],
                "RELAY_CLIENT_ID": credentials["clientId"],
                "RELAY_CLIENT_SECRET": credentials["clientSecret"],
                "RELAY_ERP_URL": credentials["erpUrl"],
                "RELAY_ERP_TOKEN_URL": credentials["tokenUrl"],
                # Nothing waits for its share; tests of the pace say what they allow.
                "RELAY_ERP_BUDGET": "30000/6",
            }
        )
        self.runtime = Runtime(settings, engine_at(database_url))
        with self.runtime.scope() as session:
            sealed = self.runtime.vault.seal(credentials["offlineToken"])
            tenant = Tenant(subdomain="acme", offline_token=sealed)
            session.add(tenant)
            session.flush()
            channel = SalesChannel(
                tenant_id=tenant.id, erp_id="42", platform="memory", is_paused=False
            )
            session.add(channel)
            session.flush()
            # Most tests change prices as no merchant does.
            for name in brake_rules.SWITCHES:
                channels.set_parameter(session, channel.id, name, brake_rules.OFF, None)
            self.tenant_id, self.channel_id = tenant.id, channel.id
        self.shop = memory.shop("acme/42")
        self.errors: list[IntegrationError] = []

    def close(self) -> None:
        self.runtime.engine.dispose()
        memory.forget_shops()

    def erp(self, route: str, /, **body: Any) -> Any:
        """POST to the sandboxed ERP's own routes."""
        answer = requests.post(f"{self.erp_url}/_sandbox/{route}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def articles(self, limit: int = 500) -> list[dict[str, Any]]:
        url = f"{self.erp_url}/_sandbox/state?limit={limit}"
        return requests.get(url, timeout=30).json()["articles"]

    def for_sale(self) -> list[dict[str, Any]]:
        """Articles that belong into the shop."""
        return [one for one in self.articles() if one["listed"] and one["active"] and one["gross"]]

    def erp_requests(self) -> int:
        """Requests the ERP counted below its API, tokens left out."""
        url = f"{self.erp_url}/_sandbox/requests"
        routes = requests.get(url, timeout=30).json()["by_route"]
        return sum(count for route, count in routes.items() if "/api/vario" in route)

    def hint(self, topic: Topic, *articles: dict[str, Any]) -> None:
        with self.runtime.scope() as session:
            hint(session, self.channel_id, topic, [one["id"] for one in articles])

    def edit(self, article: dict[str, Any], **values: Any) -> None:
        """Change an article in the ERP; nobody is told."""
        self.erp("edit", article=article["id"], set=values, silent=True)

    def claim(self) -> str | None:
        """Claim the most urgent due batch."""
        with self.runtime.scope() as session:
            for lane in list(dispatching.rota(session, SERVED_TOPICS)):
                sizes = registry.platform(lane.platform).capabilities.max_batch
                chain = dispatching.claim_next(session, lane, sizes, LIMITS)
                if chain is not None:
                    return chain.claim_id
        return None

    def drain(self) -> None:
        """Work until nothing is due; what a stage raises is collected in `errors`."""
        while (claim_id := self.claim()) is not None:
            self.run(claim_id)

    def run(self, claim_id: str, before_push: Callable[[], None] = lambda: None) -> None:
        """One chain; batches cross the same JSON as over the broker."""
        try:
            batch = _over_the_wire(stages.fetch(self.runtime, claim_id))
            batch = _over_the_wire(stages.transform(self.runtime, batch))
            before_push()
            pushing.push(self.runtime, batch)
        except IntegrationError as error:
            self.errors.append(error)

    def row(self, topic: Topic, article: dict[str, Any]) -> WorkItem:
        with self.runtime.scope() as session:
            return session.scalars(
                select(WorkItem).where(
                    WorkItem.topic == topic.value, WorkItem.entity_id == article["id"]
                )
            ).one()

    def product(self, article: dict[str, Any]) -> dict[str, Any] | None:
        """What the shop has under the article's number."""
        external_id = self.shop.id_of(article["number"])
        return None if external_id is None else self.shop.products[external_id]

    def writes(self, topic: Topic) -> list[list[str]]:
        """Article ids of each write of a topic."""
        return [ids for name, ids in self.shop.writes if name == topic.value]

    def expire_leases(self) -> None:
        """Let every lease end, and the sweep see it."""
        with self.runtime.scope() as session:
            session.execute(update(WorkItem).values(lease_until=db_now(-1)))
            work_outcomes.recover_expired(session)

    def die(self, claim_id: str) -> None:
        """One chain whose worker dies between the check before its write and the write."""
        self.shop.failures.append(WorkerDied())  # type: ignore[arg-type]
        try:
            self.run(claim_id)
        except WorkerDied:
            self.expire_leases()

    def doubts_are_over(self) -> None:
        """Let the time pass in which a write without an outcome may reach the shop."""
        with self.runtime.scope() as session:
            session.execute(
                update(WorkItem)
                .where(WorkItem.doubt_until.is_not(None))
                .values(doubt_until=db_now(-1), due_at=db_now(-1))
            )

    def retries_are_due(self) -> None:
        """Let the time of the retry schedule pass."""
        with self.runtime.scope() as session:
            session.execute(update(WorkItem).values(due_at=db_now(-1)))


def _over_the_wire(batch: Any) -> Any:
    return broker_json.loads(broker_json.dumps(batch))


@contextmanager
def beside_an_erp(
    database_url: str, kind: type[AnyRelay] = Relay, **options: Any
) -> Iterator[AnyRelay]:
    """A relay of this kind and a sandboxed ERP of its own; `options` are the ERP's."""
    settings = Options(**{"articles": 30, "rate_limit": 30_000, **options})
    with serving.running(lambda url: create_app(settings, url)) as erp_url:
        relay = kind(database_url, erp_url)
        yield relay
        relay.close()
