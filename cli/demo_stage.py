"""The running demo: both sandboxes, the service, and what can be asked of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from cli.demo_processes import DemoFailed, Processes
from integration import db, settings
from integration.clock import db_now
from integration.models import WorkItem, WorkItemState
from integration.runtime import Runtime
from integration.topology import Topic

TENANT, CHANNEL = "acme", "42"
#: Longer than any run on a slow machine; the demo says so instead of hanging.
IDLE_S = 300
TIMEOUT_S = 30


#: What the demo is about. The way back has the ERP's spare requests, and takes its time.
_GOES_TO_THE_SHOP = WorkItem.topic != Topic.WRITE_BACK.value


class Stage:
    """Addresses and questions; starts nothing but the web process."""

    def __init__(
        self, processes: Processes, erp: dict[str, Any], shop: dict[str, Any], web_url: str
    ) -> None:
        self.processes, self.erp, self.shop, self.web_url = processes, erp, shop, web_url
        self.erp_url, self.shop_url = str(erp["url"]), str(shop["url"])

    def start_web(self, name: str, command: Sequence[str], cwd: Path | None = None) -> None:
        """Start the process that answers webhooks, and wait until it is ready."""
        log = self.processes.start(name, command, cwd=cwd)
        self.processes.wait_for_http(name, f"{self.web_url}/readyz", log)

    @cached_property
    def runtime(self) -> Runtime:
        """The service's own settings and database, for a look inside."""
        given = {k: v for k, v in self.processes.environ.items() if k.startswith("RELAY_")}
        config = settings.from_env(given)
        return Runtime(config, db.build_engine(config.database_url))

    def get(self, url: str, **params: Any) -> Any:
        answer = requests.get(url, params=params, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def post(self, url: str, body: dict[str, Any]) -> Any:
        answer = requests.post(url, json=body, timeout=TIMEOUT_S)
        if not answer.ok:
            raise DemoFailed(f"{url} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def wait_until_idle(self) -> None:
        """Wait until the ERP has delivered its webhooks and no change is on its way to the shop."""
        pause = threading.Event()
        deadline = time.monotonic() + IDLE_S
        while time.monotonic() < deadline:
            if self._is_delivered() and self._open_items() == 0:
                return
            pause.wait(0.2)
        raise DemoFailed(f"work is still under way after {IDLE_S} s")

    def _is_delivered(self) -> bool:
        if self.get(f"{self.erp_url}/_sandbox/burst")["running"]:
            return False
        return bool(self.get(f"{self.erp_url}/_sandbox/webhooks", limit=1)["pending"] == 0)

    def _open_items(self) -> int:
        open_states = [WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value]
        with self.runtime.scope() as session:
            return (
                session.scalar(
                    select(func.count())
                    .select_from(WorkItem)
                    .where(
                        WorkItem.state.in_(open_states),
                        WorkItem.hold_reason.is_(None),
                        _GOES_TO_THE_SHOP,
                    )
                )
                or 0
            )

    def database_now(self) -> datetime:
        with self.runtime.scope() as session:
            now = session.scalar(select(db_now()))
        if now is None:
            raise DemoFailed("the database does not know the time")
        return now

    def items_hinted_since(self, moment: datetime) -> int:
        """Work items with an event after `moment`: many events on one article are one."""
        with self.runtime.scope() as session:
            return (
                session.scalar(
                    select(func.count())
                    .select_from(WorkItem)
                    .where(WorkItem.last_event_at >= moment, _GOES_TO_THE_SHOP)
                )
                or 0
            )
