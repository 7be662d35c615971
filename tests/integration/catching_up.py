"""A relay that falls behind: what tests of catch-ups do to it, and ways to see what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import requests
from sqlalchemy import delete, insert, select, update

from integration import channel_life, gap_watch, heartbeats, marks, registrations, sync, sync_runs
from integration.clock import db_now
from integration.models import Base, ChannelFact, Heartbeat, SyncRun, TenantFact, WorkItem
from integration.runtime import Runtime
from integration.topology import Topic
from tests.integration.relay import Relay

PUBLIC = "https://relay.example"
HOUR = 3_600.0

#: All rows of a database by table.
Backup = dict[str, list[dict[str, Any]]]


class FallingBehind(Relay):
    """Its ERP's budget is no limit, and it has a public address."""

    def __init__(self, database_url: str, erp_url: str) -> None:
        super().__init__(database_url, erp_url)
        settings = replace(self.runtime.settings, public_url=PUBLIC, erp_budget=(30_000, 6.0))
        self.runtime = Runtime(settings, self.runtime.engine)
        self.erp("options", rate_limit=30_000)

    def fill_shop(self) -> list[dict[str, Any]]:
        """Send everything there is; the articles that are in the shop then.

        One of them changed last, or all of the catalogue would be as new as that.
        """
        self.edit(self.for_sale()[0], stock=8)
        self.hint(Topic.ARTICLE, *self.articles())
        self.drain()
        return self.for_sale()

    def follow_for(self, seconds: float) -> None:
        """Let the channel have been followed all this time up to now, without trouble."""
        self.watch()
        at = self.now() - timedelta(seconds=seconds)
        with self.runtime.scope() as session:
            row = session.get_one(ChannelFact, (self.channel_id, marks._FACT))
            newest = row.value[-1][1]
            row.value = [
                [(at + timedelta(seconds=passed)).isoformat(), newest]
                for passed in range(0, int(seconds) + 1, int(marks.EVERY_S))
            ]

    def time_passes(self, seconds: float, *, is_up: bool = False) -> None:
        """Make all that the gap watch remembers older; `is_up`: webhooks can come in meanwhile."""
        with self.runtime.scope() as session:
            for item in session.scalars(select(WorkItem)):
                item.last_event_at -= timedelta(seconds=seconds)
                item.due_at -= timedelta(seconds=seconds)
            row = session.get_one(ChannelFact, (self.channel_id, marks._FACT))
            row.value = [
                [(datetime.fromisoformat(at) - timedelta(seconds=seconds)).isoformat(), newest]
                for at, newest in row.value
            ]
            for fact in (ChannelFact, TenantFact):
                remembered = update(fact).where(fact.name.in_(_REMEMBERED))
                session.execute(remembered.values(learnt_at=db_now(-seconds)))
            if not is_up:
                session.execute(update(Heartbeat).values(beaten_at=db_now(-seconds)))

    def watch(self) -> None:
        gap_watch.watch(self.runtime, 60.0)

    def beat(self) -> None:
        with self.runtime.scope() as session:
            heartbeats.beat(session)

    def now(self) -> datetime:
        with self.runtime.scope() as session:
            return session.scalars(select(db_now())).one()

    def catch_up(self) -> SyncRun:
        """Drive the runs that are due, and work until nothing is left; the last run."""
        with self.runtime.scope() as session:
            due = sync_runs.due_runs(session)
        assert due
        for run_id in due:
            while sync.advance(self.runtime, run_id, sync.new_driver(), budget_s=10.0):
                self.drain()
        return self.runs()[-1]

    def runs(self) -> list[SyncRun]:
        with self.runtime.scope() as session:
            found = select(SyncRun).where(SyncRun.kind == sync_runs.CATCH_UP)
            return list(session.scalars(found.order_by(SyncRun.id)))

    def register(self) -> None:
        registrations.reconcile(self.runtime, self.tenant_id)

    def verify_webhooks(self) -> None:
        """What beat has done every night."""
        with self.runtime.scope() as session:
            channel_life.request_all(session)
            assert channel_life.claim_due(session, 60.0) == [self.tenant_id]
        channel_life.follow(self.runtime, self.tenant_id)

    def registered(self) -> set[str]:
        url = f"{self.erp_url}/_sandbox/registrations"
        return {one["queue"] for one in requests.get(url, timeout=30).json()}

    def backup(self) -> Backup:
        with self.runtime.scope() as session:
            return {
                table.name: [dict(row) for row in session.execute(select(table)).mappings()]
                for table in Base.metadata.sorted_tables
            }

    def restore(self, backup: Backup) -> None:
        with self.runtime.scope() as session:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
            for table in Base.metadata.sorted_tables:
                if rows := backup[table.name]:
                    session.execute(insert(table), rows)


_REMEMBERED = (marks._FACT, "bookmark", registrations._SEEN)
