"""A service under test: sandboxed ERP and shop in this process, the product in its own processes.

What the tests look at is what an operator or a merchant could see: the sandboxes over HTTP, and the
rows of the database.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from alembic import command
from sqlalchemy import func, select

from cli.demo_processes import free_port
from integration import channels, db, schema, settings, vault
from integration.erp import webhooks
from integration.models import SalesChannel, Tenant, WorkItem, WorkItemState
from integration.runtime import Runtime
from sandbox import comparison, serving
from sandbox.erp import create_app as create_erp
from sandbox.erp.options import Options
from sandbox.shops import shopware6

ROOT = Path(__file__).resolve().parent.parent.parent
#: Leases and stages scaled down together, so that what a crash leaves behind is seen to in seconds.
FAST = {
    "RELAY_LEASE_S": "6",
    "RELAY_STAGE_SOFT_S": "3",
    "RELAY_STAGE_HARD_S": "4",
    "RELAY_SWEEP_S": "1",
}
DEADLINE_S = 60.0


def wait_until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """The first true value of `condition`; fails the test with `what` at the deadline."""
    pause = threading.Event()
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        if value := condition():
            return value
        pause.wait(0.05)
    raise AssertionError(f"not within {deadline_s:g} s: {what}")


class Service:
    """One tenant `acme` with channel 42 on Shopware 6, running and registered for webhooks."""

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
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self._articles, self._profile = folder, articles, profile
        self._channel_runs = channel_runs
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
            **FAST,
            **(overrides or {}),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Service:
        self._start_sandboxes()
        self._set_up()
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
        self.shop_url = self._stack.enter_context(
            serving.running(lambda url: self._shop(url))
        )
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
        app = shopware6.create_app(url=url)
        self._shop_credentials = app.config["CREDENTIALS"]
        return app

    def _set_up(self) -> None:
        command.upgrade(schema.alembic_config(self.runtime.engine), "head")
        with self.runtime.scope() as session:
            tenant = Tenant(
                subdomain="acme", offline_token=self.runtime.vault.seal(self.offline_token)
            )
            session.add(tenant)
            session.flush()
            channel = SalesChannel(
                tenant_id=tenant.id,
                erp_id="42",
                platform="shopware6",
                is_paused=not self._channel_runs,
            )
            session.add(channel)
            session.flush()
            self.tenant_id, self.channel_id = tenant.id, channel.id
            for key, value in self._shop_credentials.items():
                is_secret = key == "client_secret"
                channels.set_parameter(
                    session, channel.id, key, value, self.runtime.vault if is_secret else None
                )
        config = self.runtime.settings
        webhooks.reconcile(
            self.runtime.erp(self.tenant_id),
            config.app_identifier,
            config.public_url,
            webhooks.desired(["42"], config.public_url),
        )

    @cached_property
    def runtime(self) -> Runtime:
        given = {k: v for k, v in self.environ.items() if k.startswith("RELAY_")}
        config = settings.from_env(given)
        return Runtime(config, db.build_engine(config.database_url))

    def erp(self, route: str, **body: Any) -> Any:
        """POST to the sandboxed ERP's own routes."""
        return _post(f"{self.erp_url}/_sandbox/{route}", body)

    def shop(self, route: str, **body: Any) -> Any:
        """POST to the sandboxed shop's own routes."""
        return _post(f"{self.shop_url}/_sandbox/{route}", body)

    def products(self) -> dict[str, dict[str, Any]]:
        """The shop's products by number."""
        return {
            str(one["number"]): one for one in comparison.all_rows(self.shop_url, "products")
        }

    def articles(self) -> list[dict[str, Any]]:
        """The ERP's articles."""
        return list(comparison.all_rows(self.erp_url, "articles"))

    def article_for_sale(self) -> dict[str, Any]:
        """The first article that must be in the shop."""
        return next(one for one in self.articles() if one["listed"] and one["active"])

    def requests_of(self, which: str) -> dict[str, int]:
        """Requests by route, counted by the sandbox; `which` is ``erp`` or ``shop``."""
        url = {"erp": self.erp_url, "shop": self.shop_url}[which]
        by_route: dict[str, int] = requests.get(f"{url}/_sandbox/requests", timeout=30).json()[
            "by_route"
        ]
        return by_route

    def forget_requests(self) -> None:
        """Count from here."""
        for url in (self.erp_url, self.shop_url):
            _post(f"{url}/_sandbox/requests/reset", {})

    def verdict(self) -> comparison.Verdict:
        return comparison.compare(self.erp_url, self.shop_url)

    # --- the product's processes -----------------------------------------------------------------

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `python -m ARGUMENTS` as a process of its own group; its log is NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_up(self) -> None:
        """The embedded service: web, worker and beat in one process."""
        self.start("up", "cli.main", "up")
        self._wait_for_web("up")

    def start_web(self) -> None:
        config = str(ROOT / "gunicorn.conf.py")
        self.start("web", "gunicorn", "-c", config, "webhooks.app:create_app()")
        self._wait_for_web("web")

    def start_worker(self, name: str = "worker", queues: str = "live,backfill,control") -> None:
        self.start(
            name, "celery", "-A", "tasks.app", "worker", "-Q", queues, "-n", f"{name}@%h",
            "--concurrency=2", "--without-gossip", "--without-mingle",
        )  # fmt: skip

    def start_beat(self, name: str = "beat") -> None:
        self.start(name, "celery", "-A", "tasks.app", "beat")

    def start_all(self) -> None:
        """Everything the broker at hand allows: one process, or web, worker and beat."""
        if self.environ["RELAY_BROKER_URL"].startswith("memory"):
            self.start_up()
            return
        self.start_web()
        self.start_worker()
        self.start_beat()

    def kill(self, name: str) -> None:
        """kill -9 of a process and its children."""
        process = self.processes.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)

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

    def open_items(self) -> int:
        """Work items that are not done, failed or held."""
        states = [WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value]
        with self.runtime.scope() as session:
            return session.scalar(
                select(func.count())
                .select_from(WorkItem)
                .where(WorkItem.state.in_(states), WorkItem.hold_reason.is_(None))
            )

    def items(self) -> list[WorkItem]:
        with self.runtime.scope() as session:
            return list(session.scalars(select(WorkItem)).all())

    def is_delivered(self) -> bool:
        """The ERP has nothing left to say."""
        burst = requests.get(f"{self.erp_url}/_sandbox/burst", timeout=30).json()
        sent = requests.get(f"{self.erp_url}/_sandbox/webhooks?limit=1", timeout=30).json()
        return not burst["running"] and sent["pending"] == 0

    def wait_until_idle(self, deadline_s: float = DEADLINE_S) -> None:
        wait_until(
            lambda: self.is_delivered() and self.open_items() == 0, "all work is done", deadline_s
        )

    def sync(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`vario-relay sync 42 --wait ARGUMENTS`, to its end."""
        return self.relay("sync", "42", "--wait", *arguments)

    def relay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`vario-relay ARGUMENTS`, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def _post(url: str, body: Mapping[str, Any]) -> Any:
    answer = requests.post(url, json=body, timeout=30)
    assert answer.ok, f"{url} answered {answer.status_code}: {answer.text[:300]}"
    return answer.json()
