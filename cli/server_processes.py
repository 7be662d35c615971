"""Ports, processes and waiting, for `cli.servers`. Linux only, standard library only."""

import contextlib
import random
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

POLL_S = 0.05

# Waits for its standard input. A line is the orderly end. End of file without one means that our
# process died without cleaning up: then the servers go too, and their directory with them.
WATCHDOG = """
trap '' HUP INT TERM
read -r _ && exit 0
directory=$1; shift
for group in "$@"; do kill -KILL "-$group" 2>/dev/null; done
sleep 1
rm -rf -- "$directory"
"""


#: Ports that this process gave out: a server may bind its own only seconds later.
_given: set[int] = set()


def free_port() -> int:
    """A port of the loopback that nobody listens on, another one at each call.

    Below 32768, where Linux takes the ports of outgoing connections from: a server that is started
    again must find its port free.
    """
    while True:
        port = random.randint(20_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given.add(port)
            return port


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def until(condition: Callable[[], bool], deadline_s: float) -> bool:
    """True as soon as the condition holds, False when it did not within the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


def _parent_and_state(pid: int) -> tuple[int, str] | None:
    try:
        # The command stands in brackets and may hold anything, so count from behind it.
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return int(parent), state


def is_alive(pid: int) -> bool:
    found = _parent_and_state(pid)
    return found is not None and found[1] != "Z"


def descendants(pids: Sequence[int]) -> list[int]:
    """All processes below `pids`, by /proc: servers put children into sessions of their own."""
    parent_by_pid = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (found := _parent_and_state(int(entry.name))):
            parent_by_pid[int(entry.name)] = found[0]
    below: list[int] = []
    layer = set(pids)
    while layer:
        layer = {pid for pid, parent in parent_by_pid.items() if parent in layer}
        below += layer
    return below
