"""Which part of the service spent the CPU, for rows whose limit are the cores."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from cli.server_processes import descendants

#: Part -> what its command line has; the first that fits counts.
PARTS: Mapping[str, str] = {
    "worker": "live@",
    "dispatch": "control@",
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


def sentence(spent: Counter[str], items: int) -> str:
    """``CPU per 100 entities: worker 60 ms, Postgres 44 ms``, the biggest first."""
    parts = [f"{part} {seconds * 1e5 / items:.0f} ms" for part, seconds in spent.most_common()]
    return f"CPU per 100 entities: {', '.join(parts)}"
