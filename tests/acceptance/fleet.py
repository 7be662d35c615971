"""Many channels of several tenants in one service, and how fresh their stocks are.

Each channel has a sandboxed shop of its own. Changes come as webhooks, one after the other; what
is measured is the time from the recorded event to the shop's confirmation, by the database's clock.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import requests
from sqlalchemy import select

from integration import channels, sync_runs
from integration.clock import db_now
from integration.models import SalesChannel, SyncRun, Tenant, WorkItem
from integration.toggles import OFF, WRITE_BACK_PARAMETER
from integration.topology import Topic
from sandbox import serving
from sandbox.shops import shopware6
from tests.acceptance.service import Service, wait_until

#: Every tenant of the sandboxed ERP has these two.
ERP_CHANNELS = ("42", "43")


@dataclass(frozen=True)
class Run:
    """One measurement: `slow_s` that each answer of the slow shop takes, for `seconds` with
    `changes_per_s` over all channels, after `warm_up_s` of the same."""

    channels: int
    slow_s: float
    seconds: float
    changes_per_s: float
    warm_up_s: float = 8.0


@dataclass(frozen=True)
class Member:
    """One channel with its shop."""

    tenant: str
    erp_id: str
    channel_id: int
    shop_url: str
    token: str
    articles: tuple[str, ...]


class Fleet(Service):
    """A service with `size` more channels, two per tenant; worker processes as in the Procfile."""

    def fill(self, size: int) -> list[Member]:
        """Add the channels, start the processes, and bring every article into every shop."""
        members = [one for number in range(math.ceil(size / 2)) for one in self._tenant(number)]
        members = members[:size]
        self.start_web(waits=False)
        self.start_worker("live", "live", processes=4)
        self.start_worker("rest", "backfill,control", processes=2)
        self.start_beat()
        self._wait_for_web("web")
        with self.runtime.scope() as session:
            runs = [
                sync_runs.start(session, one.channel_id, sync_runs.INITIAL, ("article",))
                for one in members
            ]
        wait_until(lambda: self._are_done(runs), "every shop is filled", 240)
        self.wait_until_idle()
        return members

    def freshness(self, members: Sequence[Member], run: Run) -> dict[int, list[float]]:
        """Seconds from event to shop of each change, by channel; a change that is not in the shop
        yet counts with its age."""
        changes = self._spread(members, run)
        pause = threading.Event()
        began = time.monotonic()
        for number, (one, article) in enumerate(changes):
            pause.wait(max(0.0, began + number / run.changes_per_s - time.monotonic()))
            self._change(one, article)
        pause.wait(max(0.0, began + run.seconds - time.monotonic()))
        return self._ages(members, {(one.channel_id, article) for one, article in changes})

    def settle(self) -> None:
        """Let all shops answer again, bring everything forward, and wait for the backlog."""
        self.mend_shops()
        self.bring_forward()
        self.wait_until_drained()

    def mend_shops(self) -> None:
        """Let all shops answer again."""
        for one in self.members:
            requests.delete(f"{one.shop_url}/_sandbox/faults", timeout=30).raise_for_status()

    def wait_until_drained(self) -> None:
        """Wait until nothing is on its way any more; nothing is brought forward."""
        wait_until(lambda: self.open_items() == 0, "the backlog is drained", 180)

    @staticmethod
    def break_shop(one: Member, kind: str, seconds: float) -> None:
        """Let each answer of a shop be late (``slow``) or never come (``timeout-before``)."""
        fault = {"kind": kind, "share": 1.0, "seconds": seconds, "route": "/api/_action/sync"}
        requests.post(f"{one.shop_url}/_sandbox/faults", json=fault, timeout=30).raise_for_status()

    def _spread(self, members: Sequence[Member], run: Run) -> list[tuple[Member, str]]:
        """Each channel in turn, each article of a channel once before any comes again."""
        number = int(run.seconds * run.changes_per_s)
        return [
            (one, one.articles[(place // len(members)) % len(one.articles)])
            for place, one in ((n, members[n % len(members)]) for n in range(number))
        ]

    def _change(self, one: Member, article: str) -> None:
        # A stock that no run before has sent: an unchanged one would never reach the shop.
        self._stock += 1
        self.erp(
            "edit", tenant=one.tenant, article=article, channel=one.erp_id,
            set={"stock": self._stock}, silent=True,
        )  # fmt: skip
        answer = requests.post(
            f"{self.web_url}/api/webhooks/sales_channel.stockChange",
            json={"articleId": article, "salesChannelId": one.erp_id},
            headers={"Authorization": f"Bearer {one.token}"},
            timeout=30,
        )
        assert answer.ok, answer.text

    def _ages(
        self, members: Sequence[Member], changed: set[tuple[int, str]]
    ) -> dict[int, list[float]]:
        with self.runtime.scope() as session:
            rows = session.execute(
                select(
                    WorkItem.channel_id,
                    WorkItem.entity_id,
                    WorkItem.last_event_at,
                    WorkItem.pushed_at,
                    db_now().label("now"),
                ).where(WorkItem.topic == Topic.STOCK.value)
            ).all()
        ages: dict[int, list[float]] = {one.channel_id: [] for one in members}
        for row in rows:
            if (row.channel_id, row.entity_id) in changed:
                is_in_shop = row.pushed_at is not None and row.pushed_at >= row.last_event_at
                arrived = row.pushed_at if is_in_shop else row.now
                ages[row.channel_id].append((arrived - row.last_event_at).total_seconds())
        return ages

    def _are_done(self, runs: Sequence[int | None]) -> bool:
        with self.runtime.scope() as session:
            ended = session.scalars(select(SyncRun.ended_at).where(SyncRun.id.in_(runs))).all()
        return all(one is not None for one in ended)

    def _tenant(self, number: int) -> Iterator[Member]:
        name = f"merchant{number}"
        credentials = self.erp("tenants", tenant=name)
        token = str(self.erp("token", tenant=name, expires_s=3_600)["token"])
        with self.runtime.scope() as session:
            sealed = self.runtime.vault.seal(credentials["offlineToken"])
            tenant = Tenant(subdomain=name, offline_token=sealed)
            session.add(tenant)
            session.flush()
            tenant_id = tenant.id
        for erp_id in ERP_CHANNELS:
            channel_id, shop_url = self._channel(tenant_id, erp_id)
            articles = self._for_sale(name, erp_id)
            member = Member(name, erp_id, channel_id, shop_url, token, articles)
            self.members.append(member)
            yield member

    def _channel(self, tenant_id: int, erp_id: str) -> tuple[int, str]:
        credentials: dict[str, str] = {}

        def shop(url: str) -> Any:
            app = shopware6.create_app(url=url)
            credentials.update(app.config["CREDENTIALS"])
            return app

        shop_url = self._stack.enter_context(serving.running(shop))
        with self.runtime.scope() as session:
            channel = SalesChannel(
                tenant_id=tenant_id, erp_id=erp_id, platform="shopware6", is_paused=False
            )
            session.add(channel)
            session.flush()
            for key, value in credentials.items():
                sealing = self.runtime.vault if key == "client_secret" else None
                channels.set_parameter(session, channel.id, key, value, sealing)
            channels.set_parameter(session, channel.id, WRITE_BACK_PARAMETER, OFF, None)
            return channel.id, shop_url

    def _for_sale(self, tenant: str, erp_id: str) -> tuple[str, ...]:
        url = f"{self.erp_url}/_sandbox/state?limit=500&tenant={tenant}&channel={erp_id}"
        rows = requests.get(url, timeout=30).json()["articles"]
        return tuple(
            str(one["id"]) for one in rows if one["listed"] and one["active"] and one["gross"]
        )

    def __enter__(self) -> Fleet:
        self.members: list[Member] = []
        self._stock = 1_000
        super().__enter__()
        return self


@dataclass(frozen=True)
class Comparison:
    """The 95th percentile of the healthy channels' freshness, alone and beside two bad shops."""

    before_s: float
    beside_s: float
    changes: int

    @property
    def allowed_s(self) -> float:
        """10 % or 1 s above the same run without the two."""
        return max(self.before_s * 1.1, self.before_s + 1.0)

    @property
    def is_good(self) -> bool:
        return self.beside_s <= self.allowed_s


def compare(fleet: Fleet, members: Sequence[Member], run: Run) -> Comparison:
    """Measure twice: all well, and with one shop slow and one that does not answer.

    A few changes go before, so that no process measures its own start.
    """
    slow, dead, *healthy = members
    fleet.freshness(members, replace(run, seconds=run.warm_up_s))
    fleet.settle()
    before = fleet.freshness(members, run)
    fleet.settle()
    fleet.break_shop(slow, "slow", run.slow_s)
    fleet.break_shop(dead, "timeout-before", 600.0)
    beside = fleet.freshness(members, run)
    ids = [one.channel_id for one in healthy]
    return Comparison(
        _p95([age for one in ids for age in before[one]]),
        _p95([age for one in ids for age in beside[one]]),
        sum(len(beside[one]) for one in ids),
    )


def _p95(ages: Sequence[float]) -> float:
    ordered = sorted(ages)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]
