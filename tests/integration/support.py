"""What the tests of the work queue share: a small database, and short ways into it."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from integration import channels, vault, work_items
from integration.clock import db_now
from integration.db import session_scope
from integration.models import Listing, Priority, SalesChannel, Tenant, WorkItem
from integration.runtime import Runtime
from integration.settings import from_env
from integration.topology import Topic
from integration.work_items import Claim, Settled, SettleResult
from tests.claims import claim_due
from tests.engines import engine_at

LEASE_S = 60.0
#: Longer than any of these tests should take; a thread that hangs fails instead of blocking.
PATIENCE_S = 30


@dataclass(frozen=True)
class Database:
    """One running channel of one merchant, and the work queue as a worker uses it."""

    engine: Engine
    channel: int
    tenant: int

    def scope(self) -> AbstractContextManager[Session]:
        return session_scope(self.engine)

    def add_channel(self, erp_id: str, **values: Any) -> int:
        with self.scope() as session:
            values = {"tenant_id": self.tenant, "is_paused": False, **values}
            channel = SalesChannel(erp_id=erp_id, platform="memory", **values)
            session.add(channel)
            session.flush()
            return channel.id

    def hint(self, topic: Topic, *entity_ids: str, **options: Any) -> None:
        channel = options.pop("channel", self.channel)
        with self.scope() as session:
            work_items.hint(session, channel, topic, entity_ids, **options)

    def claim(
        self,
        topic: Topic,
        *,
        priority: Priority = Priority.LIVE,
        limit: int = 100,
        lease_s: float = LEASE_S,
    ) -> str | None:
        """The id of a new claim, as dispatch makes it."""
        with self.scope() as session:
            return claim_due(
                session, self.channel, topic, priority=priority, limit=limit, lease_s=lease_s
            )

    def take_over(self, claim_id: str) -> Claim:
        with self.scope() as session:
            held = work_items.take_over(session, claim_id, lease_s=LEASE_S)
            tenant, channel = channels.names(session, held.channel_id)
        return replace(held, tenant=tenant, channel=channel)

    def hold(self, topic: Topic, **options: Any) -> Claim:
        """A claim of everything due, taken over by a stage."""
        claim_id = self.claim(topic, **options)
        assert claim_id is not None
        return self.take_over(claim_id)

    def begin_write(self, held: Claim) -> None:
        with self.scope() as session:
            work_items.begin_write(session, held, [item.id for item in held.items], lease_s=LEASE_S)

    def settle(self, held: Claim, *, pushed: str | None = None, **options: Any) -> SettleResult:
        """Settle every row of the claim with the same evidence."""
        evidence = [Settled(item.id, pushed, **options) for item in held.items]
        with self.scope() as session:
            return work_items.settle(session, held, evidence)

    def push(self, topic: Topic, content: str) -> None:
        """Claim everything due, write and settle it: what a chain without trouble does."""
        held = self.hold(topic)
        self.begin_write(held)
        self.settle(held, pushed=content)

    def row(self, topic: Topic, entity_id: str) -> Any:
        """The columns of one work item, with `now`, the database's clock."""
        with self.scope() as session:
            return session.execute(
                select(WorkItem.__table__, db_now().label("now")).where(
                    WorkItem.channel_id == self.channel,
                    WorkItem.topic == topic.value,
                    WorkItem.entity_id == entity_id,
                )
            ).one()

    def states(self, topic: Topic) -> dict[str, str]:
        """State by entity id."""
        with self.scope() as session:
            rows = session.execute(
                select(WorkItem.entity_id, WorkItem.state).where(WorkItem.topic == topic.value)
            )
            return {row.entity_id: row.state for row in rows}

    def count(self) -> int:
        with self.scope() as session:
            return session.scalar(select(func.count()).select_from(WorkItem)) or 0

    def change(self, *conditions: Any, **values: Any) -> None:
        """Change work items behind the queue's back: what time does to them."""
        with self.scope() as session:
            session.execute(
                update(WorkItem)
                .where(*conditions)
                .values(**values)
                .execution_options(synchronize_session=False)
            )

    def end_leases(self) -> None:
        self.change(WorkItem.lease_until.is_not(None), lease_until=db_now(-1))

    def retries_are_due(self) -> None:
        self.change(due_at=db_now(-1))


def open_database(url: str) -> Database:
    """One running channel in empty tables."""
    engine = engine_at(url)
    with session_scope(engine) as session:
        tenant = Tenant(subdomain="acme")
        session.add(tenant)
        session.flush()
        channel = SalesChannel(tenant_id=tenant.id, erp_id="42", platform="memory", is_paused=False)
        session.add(channel)
        session.flush()
        return Database(engine, channel.id, tenant.id)


class GivenErpRuntime(Runtime):
    """A runtime of one running channel whose ERP is the one given."""

    channel_id: int
    given_erp: Any

    def erp(self, tenant_id: int, **_: Any) -> Any:
        return self.given_erp


def open_runtime(database_url: str) -> GivenErpRuntime:
    """One running channel in empty tables; its ERP is still to be given."""
    database = open_database(database_url)
    settings = from_env({"RELAY_DATABASE_URL": database_url, "RELAY_SECRET_KEY": vault.new_key()})
    runtime = GivenErpRuntime(settings, database.engine)
    runtime.channel_id = database.channel
    return runtime


def put_in_shop(runtime: GivenErpRuntime, ids: Iterable[int], *, is_active: bool = True) -> None:
    """Listings of products that the shop has."""
    with runtime.scope() as session:
        for one in map(str, ids):
            session.add(
                Listing(
                    channel_id=runtime.channel_id,
                    article_id=one,
                    external_id=one,
                    number=one,
                    is_active=is_active,
                )
            )


def together(actions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run the actions in threads that begin at the same moment; their results in order.

    Raises what the first of them raised.
    """
    start = threading.Barrier(len(actions))

    def run(action: Callable[[], Any]) -> Any:
        start.wait(PATIENCE_S)
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        futures = [pool.submit(run, action) for action in actions]
        return [future.result(PATIENCE_S) for future in futures]
