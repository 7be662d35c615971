"""A service under test: sandboxed ERP and shop in this process, the product in its own processes.

What the tests look at is what an operator or a merchant could see: the sandboxes over HTTP, and the
rows of the database.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import requests
from amqp.exceptions import NotFound
from kombu import Connection
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from cli.demo_processes import free_port
from cli.server_processes import descendants
from cli.times import hour_of_no_night
from integration import (
    brake_rules,
    channels,
    claim_rows,
    db,
    pacing,
    settings,
    sync_runs,
    toggles,
    vault,
    work_items,
)
from integration.clock import db_now
from integration.connectors import registry
from integration.erp import webhooks
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY
from integration.models import (
    AccessToken,
    Drift,
    DriftPlan,
    Lane,
    RateBucket,
    SalesChannel,
    ShopHealth,
    SyncRun,
    SyncRunState,
    Tenant,
    TransferToggle,
    WorkItem,
    WorkItemState,
)
from integration.runtime import Runtime
from integration.topology import QUEUES, TOPIC_BY_SHORT_NAME, Queue
from sandbox import comparison, serving, shops
from sandbox.erp import create_app as create_erp
from sandbox.erp.options import Options
from tests.acceptance import template
from tests.acceptance.template import Order, Process
from tests.quick_schema import migrate

ROOT = Path(__file__).resolve().parent.parent.parent
#: Leases and stages scaled down together, so that what a crash leaves behind is seen to in seconds;
#: and no waiting for the ERP's rate limit.
FAST = {
    "RELAY_LEASE_S": "5",
    "RELAY_STAGE_SOFT_S": "3",
    "RELAY_STAGE_HARD_S": "4",
    "RELAY_SWEEP_S": "1",
    "RELAY_COALESCE_S": "0.2",
    "RELAY_ERP_BUDGET": "3000/6",
}
RATE_LIMIT = 4_000
#: What an operator gets who sets nothing, for tests that count requests or seconds.
AS_SHIPPED = {
    "RELAY_LEASE_S": "120",
    "RELAY_STAGE_SOFT_S": "60",
    "RELAY_STAGE_HARD_S": "90",
    "RELAY_SWEEP_S": "5",
    "RELAY_COALESCE_S": "4",
    "RELAY_ERP_BUDGET": "30/6",
}
#: How soon the ERP repeats a webhook that was not taken; the real one waits longer.
WEBHOOK_RETRIES_S = (0.5, 0.5, 1, 1, 1, 2, 2, 2, 2, 5, 5, 5, 5)
DEADLINE_S = 60.0
MERCHANTS_ZONE = ZoneInfo("Europe/Berlin")


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true value of `condition`; fails the test with `what` at the deadline."""
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while (asked_at := time.monotonic()) < end:
        if value := condition():
            return value
        # Asking must not keep the service from answering: at most a quarter of the time.
        pause.wait(max(0.05, 3 * (time.monotonic() - asked_at)))
    raise AssertionError(f"not within {deadline_s:g} s: {what}")


class Service:
    """One tenant `acme` with channel 42, running and registered for webhooks.

    `writes_back`: product ids go into the ERP. They have what requests others leave, and most tests
    count or wait for those of others. `has_brakes`: most tests change prices as no merchant does.
    `shop`: the `Options` of the platform's sandbox.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        database_url: str,
        broker_url: str,
        *,
        articles: int = 100,
        profile: str = "columns",
        channel_runs: bool = True,
        writes_back: bool = False,
        has_brakes: bool = False,
        platform: str = "shopware6",
        shop: Any = None,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self._articles, self._profile = folder, articles, profile
        self._channel_runs, self._writes_back = channel_runs, writes_back
        self._has_brakes, self.platform, self._shop_options = has_brakes, platform, shop
        self.port = free_port()
        self.web_url = f"http://127.0.0.1:{self.port}"
        self._stack = ExitStack()
        self.environ = {
            **environ,
            "PYTHONPATH": str(ROOT),
            "RELAY_DATABASE_URL": database_url,
            "RELAY_BROKER_URL": broker_url,
            "RELAY_SECRET_KEY": vault.new_key(),
            "RELAY_PORT": str(self.port),
            "RELAY_PUBLIC_URL": self.web_url,
            "RELAY_TIMEZONE": MERCHANTS_ZONE.key,
            "RELAY_NIGHTLY_HOUR": str(hour_of_no_night(datetime.now(MERCHANTS_ZONE))),
            **FAST,
            **(overrides or {}),
        }
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Service:
        try:
            self._start_sandboxes()
            self._set_up()
        except BaseException:
            self._stack.close()  # a server that does not start leaves no sandbox behind
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        self._stack.close()
        self.runtime.engine.dispose()

    # --- the world around -----------------------------------------------------------------------

    def _start_sandboxes(self) -> None:
        options = Options(articles=self._articles, profile=self._profile)
        self.erp_url = self._stack.enter_context(
            serving.running(lambda url: create_erp(options, url))
        )
        self.shop_url = self._stack.enter_context(serving.running(lambda url: self._shop(url)))
        self._take_credentials()

    def _take_credentials(self) -> None:
        """The app's credentials, as the ERP shows them to its developer."""
        self.erp("options", webhook_retries_s=WEBHOOK_RETRIES_S, rate_limit=RATE_LIMIT)
        credentials = self.erp("tenants", tenant="acme")
        self.offline_token = credentials["offlineToken"]
        self.environ |= {
            "RELAY_APP_IDENTIFIER": credentials["appIdentifier"],
            "RELAY_CLIENT_ID": credentials["clientId"],
            "RELAY_CLIENT_SECRET": credentials["clientSecret"],
            "RELAY_APP_JWK": json.dumps(credentials["jwk"]),
            "RELAY_ERP_URL": credentials["erpUrl"],
            "RELAY_ERP_TOKEN_URL": credentials["tokenUrl"],
        }

    def _shop(self, url: str) -> Any:
        app = shops.module_of(self.platform).create_app(self._shop_options, url)
        self.shop_itself = app.config["SHOP"]
        self._shop_credentials = app.config["CREDENTIALS"]
        return app

    def _set_up(self) -> None:
        migrate(self.runtime.engine)
        with self.runtime.scope() as session:
            tenant = Tenant(
                subdomain="acme", offline_token=self.runtime.vault.seal(self.offline_token)
            )
            session.add(tenant)
            session.flush()
            channel = SalesChannel(
                tenant_id=tenant.id,
                erp_id="42",
                platform=self.platform,
                is_paused=not self._channel_runs,
            )
            session.add(channel)
            session.flush()
            self.tenant_id, self.channel_id = tenant.id, channel.id
        self._set_parameters()
        if self._writes_back:
            self._create_field()
        config = self.runtime.settings
        webhooks.reconcile(
            self.runtime.erp(self.tenant_id),
            config.app_identifier,
            config.public_url,
            webhooks.desired(["42"], config.public_url),
        )

    def _set_parameters(self) -> None:
        for key, value in self._shop_credentials.items():
            self.set_parameter(key, value)
        self.set_parameter(toggles.WRITE_BACK_PARAMETER, "on" if self._writes_back else toggles.OFF)
        if not self._has_brakes:
            for name in brake_rules.SWITCHES:
                self.set_parameter(name, brake_rules.OFF)

    def _create_field(self) -> None:
        """As an installation does."""
        attribute = {"key": ATTRIBUTE_KEY, "label": "Shop", "type": "TEXT"}
        group = {"key": GROUP_KEY, "label": "Shop", "attributes": [attribute]}
        self.runtime.erp(self.tenant_id).post(
            "/cmn/eav-groups", {**group, "entities": ["articleListing"]}
        )

    def id_in_erp(self, article: Mapping[str, Any]) -> str | None:
        """The product id that the ERP shows for the article on channel 42."""
        found = self.runtime.erp(self.tenant_id).get(f"/erp/articles/{article['id']}/listings")
        listing = next(one for one in found if str(one["salesChannelRef"]["id"]) == "42")
        return listing["custom"].get(GROUP_KEY, {}).get(ATTRIBUTE_KEY)

    def set_parameter(self, key: str, value: str) -> None:
        """As `channel set` does."""
        known = registry.platform(self.platform).parameters
        is_secret = any(one.is_secret for one in known if one.name == key)
        vault_of_secrets = self.runtime.vault if is_secret else None
        with self.runtime.scope() as session:
            channels.set_parameter(session, self.channel_id, key, value, vault_of_secrets)

    @cached_property
    def runtime(self) -> Runtime:
        given = {k: v for k, v in self.environ.items() if k.startswith("RELAY_")}
        config = settings.from_env(given)
        return Runtime(config, db.build_engine(config.database_url))

    def erp(self, route: str, /, **body: Any) -> Any:
        """POST to the sandboxed ERP's own routes."""
        return _post(f"{self.erp_url}/_sandbox/{route}", body)

    def shop(self, route: str, /, **body: Any) -> Any:
        """POST to the sandboxed shop's own routes."""
        return _post(f"{self.shop_url}/_sandbox/{route}", body)

    def products(self) -> dict[str, dict[str, Any]]:
        """The shop's products by number."""
        return {str(one["number"]): one for one in comparison.all_rows(self.shop_url, "products")}

    def articles(self) -> list[dict[str, Any]]:
        """The ERP's articles."""
        return list(comparison.all_rows(self.erp_url, "articles"))

    def article_for_sale(self) -> dict[str, Any]:
        """The first article that must be in the shop."""
        return self.articles_for_sale()[0]

    def articles_for_sale(self) -> list[dict[str, Any]]:
        """The articles that must be in the shop."""
        return [one for one in self.articles() if one["listed"] and one["active"] and one["gross"]]

    def edit(self, article: Mapping[str, Any], **values: Any) -> None:
        """An employee's change in the ERP, which sends its webhooks."""
        self.erp("edit", article=article["id"], set=values)

    def edit_silently(self, article: Mapping[str, Any], **values: Any) -> None:
        """A change in the ERP whose webhooks do not come (yet)."""
        self.erp("edit", article=article["id"], set=values, silent=True)

    def edit_all_silently(
        self, edits: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]
    ) -> None:
        """The same for many articles, each with its values."""
        self.erp(
            "edits",
            edits=[
                {"article": article["id"], "set": dict(values), "silent": True}
                for article, values in edits
            ],
        )

    def product(self, article: Mapping[str, Any]) -> dict[str, Any] | None:
        """The shop's product with the article's number."""
        return self.products().get(article["number"])

    def writes(self, article: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What we wrote to the article's product and the shop applied, in order."""
        answer = requests.get(
            f"{self.shop_url}/_sandbox/history", {"number": article["number"]}, timeout=30
        )
        return [
            one["body"]
            for one in answer.json()["writes"]
            if one["by"] == "api" and one["entity"] == "product" and one["result"] == "applied"
        ]

    def differences(self, *articles: Mapping[str, Any]) -> list[str]:
        """What is wrong with these articles in the shop; without any, with all."""
        found = self.verdict().differences
        if not articles:
            return found
        names = tuple(f"article {one['number']}:" for one in articles)
        return [one for one in found if one.startswith(names)]

    def wait_until_right(
        self, *articles: Mapping[str, Any], deadline_s: float = DEADLINE_S
    ) -> None:
        """Wait until the shop shows these articles (or all) as the ERP has them."""
        found = ["nothing compared yet"]

        def is_right() -> bool:
            found[:] = self.differences(*articles)
            return not found

        try:
            wait_until(is_right, "the shop is right", deadline_s)
        except AssertionError as error:
            told = f"{error}: {found[:3]} of {len(found)}"
            raise AssertionError(f"{told}\n{self.state()}\n{self.story(found[0])}") from error

    def assert_no_product_twice(self) -> None:
        """No number and no article has two products."""
        numbers = [one["number"] for one in comparison.all_rows(self.shop_url, "products")]
        assert sorted(numbers) == sorted(set(numbers))
        assert len(numbers) <= len(self.articles())

    def fault(self, which: str, kind: str, **more: Any) -> None:
        """Arm a fault of the ``erp`` or the ``shop``."""
        {"erp": self.erp, "shop": self.shop}[which]("faults", kind=kind, **more)

    def wait_for_hit(self, which: str) -> None:
        """Wait until no fault is left to hit a request: the last one has hit its own."""
        url = {"erp": self.erp_url, "shop": self.shop_url}[which]
        wait_until(
            lambda: not requests.get(f"{url}/_sandbox/faults", timeout=30).json()["armed"],
            f"a request to the {which} is hit",
        )

    def clear_faults(self) -> None:
        for url in (self.erp_url, self.shop_url):
            requests.delete(f"{url}/_sandbox/faults", timeout=30).raise_for_status()

    def webhook(
        self, event: str, body: Mapping[str, Any], channel: str | None = None
    ) -> requests.Response:
        """A webhook of the ERP that the sandbox knows nothing of."""
        path = f"/api/webhooks/{event}" + (f"/{channel}" if channel else "")
        headers = {"Authorization": f"Bearer {self.token}"}
        return requests.post(self.web_url + path, json=body, headers=headers, timeout=30)

    @cached_property
    def token(self) -> str:
        """An app token of the ERP that lasts as long as the service."""
        return str(self.erp("token", tenant="acme", expires_s=3_600)["token"])

    def requests_of(self, which: str) -> dict[str, int]:
        """Requests by route, counted by the sandbox; `which` is ``erp`` or ``shop``."""
        return self._counted(which, "by_route")

    def answers_of(self, which: str) -> dict[str, int]:
        """Answers by status, of the ``erp`` or the ``shop``."""
        return self._counted(which, "by_status")

    def _counted(self, which: str, how: str) -> dict[str, int]:
        url = {"erp": self.erp_url, "shop": self.shop_url}[which]
        counts: dict[str, int] = requests.get(f"{url}/_sandbox/requests", timeout=30).json()[how]
        return counts

    def forget_requests(self) -> None:
        """Count from here."""
        for url in (self.erp_url, self.shop_url):
            _post(f"{url}/_sandbox/requests/reset", {})

    def verdict(self) -> comparison.Verdict:
        return comparison.compare(self.erp_url, self.shop_url)

    # --- the product's processes -----------------------------------------------------------------

    def start(self, name: str, module: str, *arguments: str) -> Process:
        """Start `python -m MODULE ARGUMENTS` as a process of its own group; its log is NAME.log."""
        self.processes[name] = self._started(name, module, *arguments)
        return self.processes[name]

    def _started(self, name: str, module: str, *arguments: str) -> Process:
        log = str(self.folder / f"{name}.log")
        return template.start(Order(module, arguments, str(self.folder), self.environ, log))

    def start_up(self) -> None:
        """The embedded service: web, worker and beat in one process."""
        self.start("up", "cli.main", "up")
        self._wait_for_web("up")

    def start_web(self, *, waits: bool = True) -> None:
        config = str(ROOT / "gunicorn.conf.py")
        self.start("web", "gunicorn", "-c", config, "webhooks.app:create_app()")
        if waits:
            self._wait_for_web("web")

    def start_worker(
        self, name: str = "worker", queues: str = ",".join(QUEUES), processes: int = 2
    ) -> None:
        self.start(
            name, "celery", "-A", "tasks.app", "worker", "-Q", queues, "-n", f"{name}@%h",
            f"--concurrency={processes}", "--without-gossip", "--without-mingle",
        )  # fmt: skip

    def start_beat(self, name: str = "beat") -> None:
        self.start(name, "celery", "-A", "tasks.app", "beat")

    @property
    def parts(self) -> tuple[str, ...]:
        """What a complete service consists of: one process, or web, worker and beat."""
        is_embedded = self.environ["RELAY_BROKER_URL"].startswith("memory")
        return ("up",) if is_embedded else ("web", "worker", "beat")

    @property
    def worker(self) -> str:
        """The part that does the work."""
        return "up" if "up" in self.parts else "worker"

    def start_part(self, name: str) -> None:
        starts = {
            "up": self.start_up,
            "web": self.start_web,
            "worker": self.start_worker,
            "beat": self.start_beat,
        }
        starts[name]()

    def start_all(self) -> None:
        """Start the parts that do not run."""
        missing = [name for name in self.parts if name not in self.processes]
        if missing == list(self.parts) and "web" in missing:
            # All at the same time, and wait for the one that can be asked.
            self.start_web(waits=False)
            self.start_worker()
            self.start_beat()
            self._wait_for_web("web")
            return
        for name in missing:
            self.start_part(name)

    def restart_with(self, changes: Mapping[str, str]) -> None:
        """Go on with other settings."""
        for name in list(self.processes):
            self.kill(name)
        self.runtime.engine.dispose()
        del self.runtime
        self.environ |= changes
        self.start_all()

    def kill(self, name: str) -> None:
        """kill -9 of a process and its children."""
        process = self.processes.pop(name)
        self._signal(process, signal.SIGKILL)
        process.wait(10)

    def kill_children(self, name: str) -> None:
        """kill -9 of the processes of a worker's pool; the worker itself replaces them."""
        for pid in descendants([self.processes[name].pid]):
            os.kill(pid, signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """SIGSTOP: the process and its children do nothing until `thaw`."""
        self._signal(self.processes[name], signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._signal(self.processes[name], signal.SIGCONT)

    def _signal(self, process: Process, signum: signal.Signals) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signum)

    def wait_for_worker(self, queue: str = Queue.CONTROL.value) -> None:
        """Wait until a worker takes messages; a nudge from before may be too old by then."""

        def consumes() -> bool:
            with Connection(self.environ["RELAY_BROKER_URL"]) as broker:
                try:
                    found = broker.channel().queue_declare(queue, passive=True)
                except NotFound:
                    return False
                return bool(found.consumer_count)

        wait_until(consumes, f"a worker takes messages from {queue}")

    def purge_queues(self) -> int:
        """Throw away all messages of RabbitMQ; their number."""
        with Connection(self.environ["RELAY_BROKER_URL"]) as broker, broker.channel() as channel:
            return sum(channel.queue_purge(str(queue)) or 0 for queue in QUEUES)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _wait_for_web(self, name: str) -> None:
        def answers() -> bool:
            if self.processes[name].poll() is not None:
                raise AssertionError(f"{name} ended: {self.log(name)[-2000:]}")
            try:
                return requests.get(f"{self.web_url}/readyz", timeout=2).ok
            except requests.RequestException:
                return False

        wait_until(answers, f"{name} answers")

    # --- what is under way -----------------------------------------------------------------------

    def open_items(self, *, with_second_looks: bool = False) -> int:
        """Work items that are not done, failed or held.

        `with_second_looks`: also those that are in the shop and only written once more, as an
        earlier write may still come.
        """
        states = [WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value]
        statement = (
            select(func.count())
            .select_from(WorkItem)
            .where(WorkItem.state.in_(states), WorkItem.hold_reason.is_(None))
        )
        if not with_second_looks:
            statement = statement.where(WorkItem.first_unsent_at.is_not(None))
        with self.runtime.scope() as session:
            return session.scalar(statement)

    def items(self) -> list[WorkItem]:
        with self.runtime.scope() as session:
            return list(session.scalars(select(WorkItem)).all())

    def item(self, article: Mapping[str, Any], topic: str) -> WorkItem | None:
        """The work item of an article; `topic` by its short name."""
        with self.runtime.scope() as session:
            return session.scalar(
                select(WorkItem).where(
                    WorkItem.channel_id == self.channel_id,
                    WorkItem.entity_id == article["id"],
                    WorkItem.topic == TOPIC_BY_SHORT_NAME[topic].value,
                )
            )

    def state(self) -> str:
        """For a failed test: what the database says about work that is not done."""
        open_ones = [one for one in self.items() if one.state != WorkItemState.COMPLETED.value]
        lines = [f"channel: {self.channel().held_reason}", *map(_line, open_ones[:10])]
        return "\n".join(lines)

    def story(self, difference: str) -> str:
        """For a failed test: what happened to the article that a difference names."""
        number = difference.removeprefix("article ").partition(":")[0]
        article = next((one for one in self.articles() if one["number"] == number), None)
        if article is None:
            return difference
        items = [_line(one) for one in self.items() if one.entity_id == article["id"]]
        writes = [str(one)[:200] for one in self.writes(article)[-5:]]
        return "\n".join([str(article), *items, *writes])

    def channel(self) -> SalesChannel:
        with self.runtime.scope() as session:
            return session.get_one(SalesChannel, self.channel_id)

    def change_channel(self, **values: Any) -> None:
        """Write columns of the channel's row, e.g. `held_reason`."""
        with self.runtime.scope() as session:
            session.execute(
                update(SalesChannel).where(SalesChannel.id == self.channel_id).values(**values)
            )

    def tenant(self) -> Tenant:
        with self.runtime.scope() as session:
            return session.get_one(Tenant, self.tenant_id)

    def release_tenant(self) -> None:
        with self.runtime.scope() as session:
            session.execute(update(Tenant).values(held_reason=None))

    @property
    def shop_secret(self) -> str:
        return str(self._shop_credentials["client_secret"])

    def hint(self, topic: str, *articles: Mapping[str, Any]) -> None:
        """Record that articles changed, all in one moment; the sweep finds them."""
        with self.runtime.scope() as session:
            work_items.hint(
                session,
                self.channel_id,
                TOPIC_BY_SHORT_NAME[topic],
                [str(one["id"]) for one in articles],
            )

    def switch(self, topic: str, is_on: bool) -> None:
        """Turn the transfer toggle of a topic."""
        with self.runtime.scope() as session:
            toggles.switch(session, self.channel_id, TOPIC_BY_SHORT_NAME[topic], is_on)

    def pause_s(self, which: str) -> float:
        """How long the ``erp`` or the ``shop`` is let alone from now; 0 when it is not."""
        name = {
            "erp": pacing.erp_bucket_name(self.tenant_id),
            "shop": pacing.shop_bucket_name(self.channel_id),
        }[which]
        with self.runtime.scope() as session:
            row = session.execute(
                select(RateBucket.paused_until, db_now().label("now")).where(
                    RateBucket.name == name
                )
            ).one_or_none()
        if row is None or row.paused_until is None:
            return 0.0
        return max(0.0, (row.paused_until - row.now).total_seconds())

    def bring_forward(self) -> None:
        """Let postponed work be due now, and resting shops and tenants be asked again."""
        with self.runtime.scope() as session:
            _change_items(session, WorkItem.state == WorkItemState.QUEUED.value, due_at=db_now())
            session.execute(update(RateBucket).values(paused_until=None))
            session.execute(delete(ShopHealth))

    def forget_tokens(self) -> None:
        """Let the next request to ERP or shop ask for a new access token."""
        with self.runtime.scope() as session:
            session.execute(delete(AccessToken))

    def recover(self) -> None:
        """Back to a running service with nothing to do, whatever the test before left."""
        self.clear_faults()
        self._set_parameters()
        self.change_channel(held_reason=None, is_paused=False)
        self.release_tenant()
        with self.runtime.scope() as session:
            session.execute(delete(TransferToggle))
        self.start_all()
        self._end_doubts()
        self.bring_forward()
        wait_until(
            lambda: self.is_delivered() and self.open_items(with_second_looks=True) == 0,
            "nothing of the test before is left to do",
        )
        self.forget_requests()

    def _end_doubts(self) -> None:
        """Nothing of the test before can still reach the shop: second looks need not wait."""
        with self.runtime.scope() as session:
            _change_items(session, WorkItem.doubt_until.is_not(None), doubt_until=db_now(-1))

    def begin_sync(self, *topics: str) -> int:
        """Begin an initial sync, which the sweep drives; the id of the run."""
        with self.runtime.scope() as session:
            run_id = sync_runs.start(
                session, self.channel_id, sync_runs.INITIAL, topics or ("article",)
            )
        assert run_id is not None
        return run_id

    def run(self, run_id: int) -> SyncRun:
        with self.runtime.scope() as session:
            return session.get_one(SyncRun, run_id)

    def wait_for_run(self, run_id: int, deadline_s: float = DEADLINE_S) -> SyncRun:
        """Wait until a sync run is over; the run."""
        wait_until(lambda: self.run(run_id).ended_at, "the sync run is over", deadline_s)
        return self.run(run_id)

    def fill_shop(self, deadline_s: float = DEADLINE_S) -> None:
        """An initial sync, to its end."""
        run = self.wait_for_run(self.begin_sync(), deadline_s)
        assert run.state == SyncRunState.DONE.value, run.message
        self.wait_until_idle()
        assert self.differences() == []
        self.forget_requests()

    def lines_of_plan(self) -> dict[str, int]:
        """How many lines of the newest plan are in which state."""
        with self.runtime.scope() as session:
            newest = select(func.max(DriftPlan.id)).scalar_subquery()
            counted = select(Drift.state, func.count().label("count")).where(
                Drift.plan_id == newest
            )
            return {row.state: row.count for row in session.execute(counted.group_by(Drift.state))}

    def webhooks_sent(self) -> list[dict[str, Any]]:
        """What the ERP delivered or tried to, newest first."""
        answer = requests.get(f"{self.erp_url}/_sandbox/webhooks?limit=100", timeout=30)
        return list(answer.json()["deliveries"])

    def is_delivered(self) -> bool:
        """The ERP has nothing left to say."""
        burst = requests.get(f"{self.erp_url}/_sandbox/burst", timeout=30).json()
        sent = requests.get(f"{self.erp_url}/_sandbox/webhooks?limit=1", timeout=30).json()
        return not burst["running"] and sent["pending"] == 0

    def wait_until_idle(self, deadline_s: float = DEADLINE_S) -> None:
        wait_until(
            lambda: self.is_delivered() and self.open_items() == 0, "all work is done", deadline_s
        )

    def is_quiet(self) -> bool:
        """No round of any lane is still open: the next change goes at once."""
        window = -self.runtime.settings.coalesce_s
        with self.runtime.scope() as session:
            return not session.scalar(
                select(func.count()).select_from(Lane).where(Lane.round_started_at > db_now(window))
            )

    def sync(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`vario-relay sync 42 --wait ARGUMENTS`, to its end."""
        return self.relay("sync", "42", "--wait", *arguments)

    def relay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`vario-relay ARGUMENTS`, to its end."""
        return template.run("cli.main", arguments, self.folder, self.environ)


def _change_items(session: Session, which: ColumnElement[bool], **values: Any) -> None:
    """Change work items that the service may be working on: locked in its order, or both would wait
    for each other."""
    locked = claim_rows.locking(session, select(WorkItem.id).where(which))
    ids = session.scalars(locked).all()
    session.execute(update(WorkItem).where(WorkItem.id.in_(ids)).values(**values))


def _line(item: WorkItem) -> str:
    return (
        f"channel {item.channel_id} {item.topic} {item.entity_id} {item.state} due={item.due_at} "
        f"lease={item.lease_until} attempts={item.attempts} generation={item.generation} "
        f"hold={item.hold_reason} skip={item.skip_reason} pushed={item.pushed_at} {item.last_error}"
    )


def _post(url: str, body: Mapping[str, Any]) -> Any:
    answer = requests.post(url, json=body, timeout=30)
    assert answer.ok, f"{url} answered {answer.status_code}: {answer.text[:300]}"
    return answer.json()
