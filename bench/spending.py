"""Which part of the service spent the CPU, for rows whose limit are the cores."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cli.server_processes import descendants

#: Part -> what its command line has; the first that fits counts.
PARTS: Mapping[str, str] = {
    "worker": "live@",
    "dispatch": "control@",
    "backfill": "backfill@",
    "web": "gunicorn",
    "beat": " beat",
    "light ERP": "light_erp",
    "Postgres": "postgres",
    "RabbitMQ": "beam.smp",
}
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s() -> Counter[str]:
    """Seconds of CPU that the processes below this one have used since they began, by part.

    Ended processes count with the one that started them.
    """
    spent: Counter[str] = Counter()
    for pid in descendants([os.getpid()]):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        part = next((name for name, words in PARTS.items() if words in command), None)
        if part is not None:
            # User and system time, its own and that of children it has waited for.
            spent[part] += sum(map(int, fields[11:15])) / _TICKS_PER_S
    return spent


def of_this_process() -> Counter[str]:
    """The same of this process, in whose threads the sandboxes answer, and of those that it has
    started and that have ended: they send the load."""
    times = os.times()
    spent = Counter({"sandboxes": times.user + times.system})
    spent["sender"] = times.children_user + times.children_system
    return spent


class Watch:
    """What is spent on everything from here on."""

    def __init__(self) -> None:
        self._began, self._before = time.monotonic(), cpu_s() + of_this_process()

    def sentence(self) -> str:
        """``2 cores in 10.3 s: web 40 %, sandboxes 21 %, Postgres 12 %``, the biggest first."""
        seconds, cores = time.monotonic() - self._began, os.cpu_count() or 1
        spent = cpu_s() + of_this_process() - self._before
        parts = [f"{part} {one / seconds / cores:.0%}" for part, one in spent.most_common()]
        words = ", ".join(parts).replace("%", " %")
        return f"{cores} cores in {seconds:.1f} s: {words}"


def sentence(spent: Counter[str], items: int) -> str:
    """``CPU per 100 entities: worker 60 ms, Postgres 44 ms``, the biggest first."""
    parts = [f"{part} {seconds * 1e5 / items:.0f} ms" for part, seconds in spent.most_common()]
    return f"CPU per 100 entities: {', '.join(parts)}"
