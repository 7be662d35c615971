"""The service that is measured: the processes of the Procfile, and sandboxes with their options."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from cli.servers import Postgres
from sandbox.shops.shopware6 import Options
from tests.acceptance.service import AS_SHIPPED, Service
from tests.real_servers import empty_database, remove_queues

#: Long enough for an overloaded machine; what takes longer cannot be measured.
PATIENCE_S = 900.0
LOOK_EVERY_S = 0.2
#: A real shop's: 0.36 s per 100 rows.
REAL_SHOP = Options(latency_ms_per_100_rows=360.0)
#: What the ERP really allows.
REAL_RATE = {"rate_limit": 40, "rate_window_s": 6.0}
#: Of the services that the groups of a quick run share: two batches of most kinds.
QUICK_ARTICLES = 180
#: A tenth of the webhooks comes within a tenth of the time, so that as many windows pass.
QUICK_WAITS = {"RELAY_COALESCE_S": "1", "RELAY_SWEEP_S": "1"}


class DurablePostgres(Postgres):
    """As in production: a commit is on the disk."""

    SETTINGS: ClassVar[dict[str, str]] = {
        **Postgres.SETTINGS,
        "fsync": "on",
        "full_page_writes": "on",
    }


@dataclass
class Bench:
    """Where to measure, and how much of it. `close` ends what it has kept running."""

    postgres_url: str
    broker_url: str
    folder: Path
    is_quick: bool
    _kept: ExitStack = field(default_factory=ExitStack)
    _kept_service: tuple[str, MeasuredService] | None = None

    def pick(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full

    @contextmanager
    def shared(
        self, kind: str, start: Callable[[], AbstractContextManager[MeasuredService]]
    ) -> Iterator[MeasuredService]:
        """The service that `start` makes. A quick run hands it on to the next group of this kind:
        to start and to fill one takes longer than most of what is measured with it."""
        if not self.is_quick:
            with start() as service:
                yield service
            return
        if self._kept_service is None or self._kept_service[0] != kind:
            self.close()
            self._kept_service = kind, self._kept.enter_context(start())
        try:
            yield self._kept_service[1]
        except BaseException:
            self.close()  # nobody goes on with what a failure has left
            raise

    @contextmanager
    def at_real_pace(self, name: str, articles: int) -> Iterator[MeasuredService]:
        """A running service, its ERP and its shop as slow as real ones; a quick run has one.

        Nothing is in the shop unless a group before has put it there.
        """

        @contextmanager
        def start() -> Iterator[MeasuredService]:
            with self.service(name, articles=articles, shop=REAL_SHOP) as service:
                service.erp("options", **REAL_RATE)
                service.start_all()
                yield service

        with self.shared("real pace", start) as service:
            yield service

    def close(self) -> None:
        """End the service that the next group would get: it would be measured with every other."""
        self._kept_service = None
        self._kept.close()

    @contextmanager
    def service(self, name: str, **options: Any) -> Iterator[MeasuredService]:
        """A fresh service with the settings as shipped, nothing of it started.

        `options`: those of the acceptance tests' service.
        """
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        environ = {key: one for key, one in os.environ.items() if not key.startswith("RELAY_")}
        waits = QUICK_WAITS if self.is_quick else {}
        options["overrides"] = {**AS_SHIPPED, **waits, **options.get("overrides", {})}
        remove_queues(self.broker_url)
        with (
            empty_database(self.postgres_url) as url,
            MeasuredService(folder, environ, url, self.broker_url, **options) as service,
        ):
            yield service


@dataclass(frozen=True)
class Command:
    """One `vario-relay` command: seconds, the most memory that it had in MB, what it printed."""

    seconds: float
    peak_mb: float
    printed: str


class MeasuredService(Service):
    """As in the acceptance tests, with the workers of the Procfile."""

    def command(self, *arguments: str) -> Command:
        """`vario-relay ARGUMENTS`, to its end. Raises: RuntimeError when it fails."""
        printed = self.folder / "command.out"
        began, pause, peak_mb = time.monotonic(), threading.Event(), 0.0
        with printed.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", *arguments],
                cwd=self.folder,
                env=self.environ,
                stdout=out,
            )
            while process.poll() is None:
                peak_mb = max(peak_mb, _peak_mb(process.pid))
                pause.wait(LOOK_EVERY_S)
        if process.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
        return Command(time.monotonic() - began, peak_mb, printed.read_text(encoding="utf-8"))

    def start_worker(self, name: str = "worker", queues: str = "live,backfill,control") -> None:
        """One worker per queue, two processes each, as many as there are cores."""
        for queue in queues.split(","):
            self.start_celery(f"{name}_{queue}", "tasks.app", queue, processes=2)

    def start_celery(
        self, name: str, app: str, queue: str, *, processes: int, arguments: tuple[str, ...] = ()
    ) -> subprocess.Popen[bytes]:
        return self.start(
            name, "celery", "-A", app, "worker", "-Q", queue, "-n", f"{name}@%h",
            f"--concurrency={processes}", "--without-gossip", "--without-mingle", *arguments,
        )  # fmt: skip


def _peak_mb(pid: int) -> float:
    """The most that a process ever had in memory; what its parent had does not count, as it does
    in the resource usage of an ended one. 0 for one that has just ended."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0.0
    return int(found[1]) / 1_000 if found else 0.0
