"""What the faults of a plan do. Each one returns when it is over."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from amqp.exceptions import NotFound

from cli.private_server import PrivateServer, ServerError
from cli.server_processes import until
from tests.chaos.plan import Fault
from tests.chaos.world import World, close_broker_connections, tell

#: What a shop's fault hits: only writes can be half known. Its others hit any request.
WRITES_ONLY = {
    "timeout-before", "timeout-after", "late", "cut-body", "html", "html-after", "500", "502", "504"
}  # fmt: skip
#: `seconds` of these is how long one request is held; of the others how long they stay armed.
HELD = {"timeout-before", "timeout-after", "late", "slow", "webhook-delay"}
#: Armed by the number of requests, as these say nothing about time.
MOST_HITS = 2
#: As supervisors do with a process that does not end: 30 s in earnest.
PATIENCE_S = 20.0
#: What is armed is hit this soon, or the queue has nothing to write.
HIT_S = 8.0
#: Between waking and death: enough to send what was about to be sent, not to record it.
LAST_BREATH_S = 0.06

_pause = threading.Event().wait


class Missed(Exception):
    """The fault could not be committed, and does not count; the message says why."""


def start_again(server: PrivateServer) -> None:
    """As its supervisor would: a broker that was killed now and then hangs at its next start."""
    try:
        server.start()
    except ServerError:
        server.start()


class Violence:
    """Commits the faults of a plan on a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._locks = {
            name: threading.Lock()
            for name in (*world.supervisor.names, "broker", "database", "shop", "erp")
        }
        self._by_kind: dict[str, Callable[[Fault], str]] = {
            "kill": self._kill,
            "kill-parent": lambda fault: self._tell(fault, signal.SIGKILL, "parent"),
            "kill-child": lambda fault: self._tell(fault, signal.SIGKILL, "child"),
            "freeze": lambda fault: self._freeze(fault, "all"),
            "freeze-child": lambda fault: self._freeze(fault, "child"),
            "freeze-then-kill": self._freeze_then_kill,
            "terminate": self._terminate,
            "restart": self._restart,
            "purge": self._purge,
            "cut": self._cut,
            "late-orphaned": self._orphan,
        }

    def commit(self, fault: Fault) -> tuple[str, float]:
        """Do it and wait for its end; what was done, in a few words, and when it began (monotonic).

        One at a time per target: an earlier fault is waited for. Raises: Missed.
        """
        with self._locks[fault.target]:
            began = time.monotonic()
            return self._by_kind.get(fault.kind, self._spoil)(fault), began

    def _tell(self, fault: Fault, signum: signal.Signals, who: str) -> str:
        return self._world.tell_part(fault.target, signum, who, fault.pick)

    def _kill(self, fault: Fault) -> str:
        server = self._world.servers.get(fault.target)
        if server is None:
            return self._tell(fault, signal.SIGKILL, "all")
        server.kill()
        if fault.target == "broker":
            _pause(fault.seconds)
        start_again(server)
        return f"kill -9 of the {fault.target}, started again"

    def _restart(self, fault: Fault) -> str:
        server = self._world.servers[fault.target]
        server.stop()
        start_again(server)
        return f"orderly restart of the {fault.target}"

    def _freeze(self, fault: Fault, who: str) -> str:
        world = self._world
        parent, children = world.pids(fault.target)
        chosen = int(fault.pick * len(children))
        pids = [parent, *children] if who == "all" else children[chosen : chosen + 1]
        tell(pids, signal.SIGSTOP)
        _pause(fault.seconds)
        tell(pids, signal.SIGCONT)
        return f"SIGSTOP of {who} of {fault.target} for {fault.seconds:.1f} s"

    def _freeze_then_kill(self, fault: Fault) -> str:
        told = self._freeze(fault, "all")
        _pause(fault.pick * LAST_BREATH_S)
        return f"{told}, then {self._tell(fault, signal.SIGKILL, 'all')}"

    def _terminate(self, fault: Fault) -> str:
        """To the process alone or, as platforms do, to all of them (pitfall 7)."""
        process = self._world.supervisor.processes[fault.target]
        told = self._tell(fault, signal.SIGTERM, "parent" if fault.pick < 0.5 else "all")
        if not until(lambda: process.poll() is not None, PATIENCE_S):
            process.kill()
            told += " and, as it did not end, SIGKILL"
        return told

    def _purge(self, _: Fault) -> str:
        try:
            return f"purged {self._world.purge_queues()} messages"
        except NotFound as error:
            raise Missed("no worker has made its queues yet") from error

    def _cut(self, fault: Fault) -> str:
        if fault.target == "database":
            return f"cut {self._world.terminate_backends()} connections to the database"
        if not close_broker_connections(self._world.servers["broker"]):
            raise Missed("the broker did not close its connections")
        return "cut all connections to the broker"

    def _orphan(self, fault: Fault) -> str:
        """The shop works on a write for so long that it applies it after its sender's death."""
        world = self._world
        world.fault("shop", "late", route=world.kind_of_shop.writes, count=1, seconds=fault.seconds)
        armed = world.hits_left("shop", "late")
        if not until(lambda: world.hits_left("shop", "late") < armed, HIT_S):
            return "nothing was written, so nothing is late"
        began = time.monotonic()
        for part in world.workers:
            parent, children = world.pids(part)
            tell(children or [parent], signal.SIGKILL)
        _pause(began + fault.seconds - time.monotonic())
        return f"late of the shop for {fault.seconds:.1f} s, its sender killed"

    def _spoil(self, fault: Fault) -> str:
        """Arm a fault of a sandbox; over when its last request was answered or it ran out."""
        more: dict[str, Any] = {}
        hits = 1 + int(fault.pick * MOST_HITS)
        if fault.kind == "token-revoked":
            # A fresh token that is refused as well is no accident: it holds channel or tenant.
            if self._world.hits_left(fault.target, fault.kind):
                raise Missed(f"{fault.kind} of the {fault.target} is still to come")
            hits = 1
        if fault.kind in HELD:
            more = {"count": 1, "seconds": fault.seconds}
        elif fault.kind.startswith("429") or fault.kind == "503":
            more = {"seconds": fault.seconds}
        else:
            more = {"count": hits}
        if fault.target == "shop" and fault.kind in WRITES_ONLY:
            more["route"] = self._world.kind_of_shop.writes
        self._world.fault(fault.target, fault.kind, **more)
        _pause(fault.seconds)
        if fault.kind == "token-revoked":
            until(lambda: not self._world.hits_left(fault.target, fault.kind), PATIENCE_S)
        return f"{fault.kind} of the {fault.target} {more}"
