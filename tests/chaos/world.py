"""The world of a run: real servers, both sandboxes and every part of the product as processes.

The sandboxes stay alive, they are the world. The product's parts are started again whenever they
end, as systemd would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import text

from cli import server_packages
from cli.private_server import PrivateServer
from cli.server_processes import descendants, free_port
from cli.servers import Postgres, RabbitMQ
from sandbox import comparison
from tests.acceptance.service import Service, wait_until
from tests.acceptance.template import Process
from tests.chaos.plan import DISTRIBUTED, WORKERS
from tests.chaos.shops import SHOPS, Shop

#: Settings beyond those of tests.acceptance.service, which scale leases, stages and sweep down.
SCALED: dict[str, str] = {}
#: The ERP repeats a refused webhook for longer than any outage here lasts.
WEBHOOK_RETRIES_S = (0.5, 0.5, 1, 1, *(2,) * 60)
START_S = 60
#: A part that ends at once is not started in a tight loop.
SHORTEST_LIFE_S = 1.0
BEAT_S = 0.1


class World(Service):
    """One tenant with one channel; `parts` are the product's processes."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        mode: str,
        platform: str,
        database_url: str,
        broker_url: str,
        servers: Mapping[str, PrivateServer],
        articles: int,
    ) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("RELAY_")}
        environ["REMAP_SIGTERM"] = "SIGQUIT"  # as in the Procfile
        super().__init__(
            folder,
            environ,
            database_url,
            broker_url,
            articles=articles,
            writes_back=True,
            platform=platform,
            overrides=SCALED,
        )
        # Of the range that no outgoing connection takes while the web process is away.
        self.port = free_port()
        self.web_url = f"http://127.0.0.1:{self.port}"
        self.environ |= {"RELAY_PORT": str(self.port), "RELAY_PUBLIC_URL": self.web_url}
        self.seed, self.mode, self.servers = seed, mode, servers
        self.wants_variants = False
        self._starting = ThreadPoolExecutor(max_workers=len(servers) or 1)
        self.supervisor = Supervisor(self._starts())

    def _starts(self) -> dict[str, Callable[[], Process]]:
        if self.mode != DISTRIBUTED:
            return {"up": lambda: self.start("up", "cli.main", "up")}
        starts: dict[str, Callable[[], Process]] = {
            "web": self._start_web_part,
            "beat": lambda: self.start("beat", "celery", "-A", "tasks.app", "beat"),
        }
        for name in WORKERS:
            starts[name] = lambda name=name: self._start_worker_part(name)
        return starts

    def _start_web_part(self) -> Process:
        self.start_web(waits=False)
        return self.processes["web"]

    def _start_worker_part(self, name: str) -> Process:
        self.start_worker(name)
        return self.processes[name]

    @property
    def kind_of_shop(self) -> Shop:
        return SHOPS[self.platform]

    # --- the world around -----------------------------------------------------------------------

    def _start_sandboxes(self) -> None:
        # Servers take the longest, and their addresses are known before.
        started = [self._starting.submit(server.start) for server in self.servers.values()]
        for server in self.servers.values():
            self._stack.callback(server.close)
        self._stack.callback(self._starting.shutdown)
        articles = str(self._articles)
        erp = self._sandbox("sandbox-erp", "sandbox.erp", "--articles", articles)
        form = self.kind_of_shop.form(self.seed)
        shop = self._sandbox("sandbox-shop", f"sandbox.shops.{self.platform}", *form)
        ready = {name: self._ready_line(*one) for name, one in (("erp", erp), ("shop", shop))}
        self.erp_url, self.shop_url = ready["erp"]["url"], ready["shop"]["url"]
        self._shop_credentials = ready["shop"]["credentials"]
        self._take_credentials()
        for each in started:
            each.result()
        self.erp("options", webhook_retries_s=WEBHOOK_RETRIES_S, webhook_timeout_s=3.0)

    def _sandbox(self, name: str, module: str, *arguments: str) -> tuple[Process, Path]:
        process = self._started(name, module, *arguments)
        self._stack.callback(_end, process)
        return process, self.folder / f"{name}.log"

    @staticmethod
    def _ready_line(process: Process, log: Path) -> dict[str, Any]:
        def line() -> str | None:
            assert process.poll() is None, f"a sandbox ended: {log.read_text()[-1000:]}"
            lines = log.read_text().splitlines()
            return next((one for one in lines if one.startswith('{"ready"')), None)

        return dict(json.loads(wait_until(line, f"{log.stem} is ready", START_S)))

    # --- the product's parts --------------------------------------------------------------------

    def __enter__(self) -> World:
        super().__enter__()
        self.supervisor.start()
        web = "web" if self.mode == DISTRIBUTED else "up"
        wait_until(lambda: web in self.processes, f"{web} is started", START_S)
        self._wait_for_web(web)
        return self

    def __exit__(self, *exception: object) -> None:
        self.supervisor.stop()
        super().__exit__(*exception)

    @property
    def workers(self) -> tuple[str, ...]:
        """The parts that push."""
        return WORKERS if self.mode == DISTRIBUTED else ("up",)

    def pids(self, part: str) -> tuple[int, list[int]]:
        """The part's own process and its children."""
        pid = self.supervisor.processes[part].pid
        return pid, sorted(descendants([pid]))

    def tell_part(
        self, part: str, signum: signal.Signals, who: str = "all", pick: float = 0
    ) -> str:
        """Send a signal to ``all``, the ``parent`` or one ``child`` of a part; who got it."""
        parent, children = self.pids(part)
        chosen = {"all": [parent, *children], "parent": [parent]}.get(who)
        if chosen is None:
            chosen = [children[int(pick * len(children))]] if children else []
        tell(chosen, signum)
        return f"{signum.name} to {who} of {part}"

    def verdict(self) -> comparison.Verdict:
        """As of every service, with variants where the channel wants them."""
        return comparison.compare(self.erp_url, self.shop_url, variants=self.wants_variants)

    def hits_left(self, which: str, kind: str) -> int:
        """How many requests faults of this kind still wait for."""
        url = {"erp": self.erp_url, "shop": self.shop_url}[which]
        armed = requests.get(f"{url}/_sandbox/faults", timeout=30).json()["armed"]
        return sum(one.get("count", 0) for one in armed if one["kind"] == kind)

    def terminate_backends(self) -> int:
        """Cut every connection of the product and of this process to Postgres."""
        statement = text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        with self.runtime.scope() as session:
            return int(session.scalar(statement) or 0)

    def log_of(self, part: str) -> str:
        """All that a part has logged, of every process that was it; empty if it never ran."""
        path = self.folder / f"{part}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def log_tail(self, words: tuple[str, ...], lines: int = 30) -> list[str]:
        """The last lines of the product's logs with one of these words."""
        found = [
            f"{path.stem}: {line[:300]}"
            for path in sorted(self.folder.glob("*.log"))
            for line in path.read_text(errors="replace").splitlines()
            if any(word in line for word in words)
        ]
        return sorted(found, key=lambda line: line.partition(": ")[2])[-lines:]


class Supervisor:
    """Starts the parts, and starts again what ended."""

    #: As systemd does, what a dead parent left behind is ended first: it holds the port. Children
    #: of a worker live on here, which is harder.
    ENDS_WHOLE = ("web",)

    def __init__(self, starts: Mapping[str, Callable[[], Process]]) -> None:
        self._starts, self.names = starts, tuple(starts)
        self.processes: dict[str, Process] = {}
        self.restarts = 0
        self._groups: list[int] = []
        self._started_at: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Start nothing any more, and end whatever is left, children without a parent too."""
        self._stopping.set()
        self._thread.join()
        for group in self._groups:
            end_group(group)

    def _run(self) -> None:
        while not self._stopping.is_set():
            for name in self._starts:
                self._look_after(name)
            self._stopping.wait(BEAT_S)

    def _look_after(self, name: str) -> None:
        process, now = self.processes.get(name), time.monotonic()
        if process is not None:
            if process.poll() is None or now < self._started_at[name] + SHORTEST_LIFE_S:
                return
            self.restarts += 1
            if name in self.ENDS_WHOLE:
                end_group(process.pid)
        self._started_at[name] = now
        self.processes[name] = self._starts[name]()
        self._groups.append(self.processes[name].pid)


@contextmanager
def world(seed: int, mode: str, platform: str, articles: int) -> Iterator[World]:
    """A running world, with servers of its own because they get killed."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vario-relay-chaos-")))
        servers: dict[str, PrivateServer] = {}
        urls = (f"sqlite:///{folder}/relay.db", "memory://")
        if mode == DISTRIBUTED:
            reasons = server_packages.find_or_install(print)
            assert not reasons, "; ".join(reasons.values())
            servers = {"database": Postgres(), "broker": RabbitMQ()}
            urls = (servers["database"].url, servers["broker"].url)
        yield stack.enter_context(World(folder, seed, mode, platform, *urls, servers, articles))


def tell(pids: Iterable[int], signum: signal.Signals) -> None:
    """Send a signal to all that are still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signum)


def end_group(group: int) -> None:
    """Kill what is left of a part."""
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def close_broker_connections(rabbitmq: RabbitMQ) -> bool:
    """Every connection to the broker is closed by the broker; whether it took the command."""
    script = server_packages.rabbitmq_server()
    assert script is not None
    done = subprocess.run(
        [script.with_name("rabbitmqctl"), "-t", "20", "close_all_connections", "chaos"],
        env=rabbitmq._environ(),
        cwd=rabbitmq.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=START_S,
        check=False,
        **rabbitmq._as_account(),
    )
    return done.returncode == 0


def _end(process: Process) -> None:
    process.kill()
    process.wait()
