"""What a run found, as text, as JSON and, added up, as docs/reliability.md."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

#: "by itself within 30 s, or lease plus sweep" (design.md 2.6); both are shorter here.
RESUMED_S = 30.0
#: A late write is undone this soon after its sender woke or its shop answered.
REPAIRED_S = 30.0
TEMPLATE = Path(__file__).with_name("reliability.md")


@dataclass
class Report:
    """One run. Seconds are wall clock; `wrong` is empty when everything held."""

    seed: int
    mode: str
    platform: str
    planned: int = 0
    faults: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)
    edits: int = 0
    webhooks: int = 0
    articles: int = 0
    images: int = 0
    orders: int = 0
    restarts: int = 0
    late_writes: int = 0
    slowest_repair_s: float = 0.0
    slowest_resumption_s: float = 0.0
    took_s: float = 0.0
    lost: int = 0
    twice: int = 0
    stale: int = 0
    wrong: list[str] = field(default_factory=list)
    machine: str = field(default_factory=lambda: machine())
    date: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%d"))

    @property
    def is_ok(self) -> bool:
        return not self.wrong

    @property
    def again(self) -> str:
        """The arguments that repeat the run."""
        where = f"--platform {self.platform} --mode {self.mode}"
        return f"{where} --seed {self.seed} --faults {self.planned}"

    def line(self) -> str:
        """All of it in one line."""
        verdict = "OK" if self.is_ok else "FAILED"
        return (
            f"chaos: {verdict} platform={self.platform} mode={self.mode} seed={self.seed}"
            f" faults={self.faults} edits={self.edits} of_images={self.images}"
            f" orders={self.orders} webhooks={self.webhooks}"
            f" late={self.late_writes} slowest_repair={self.slowest_repair_s:.1f}s"
            f" slowest_resumption={self.slowest_resumption_s:.1f}s lost={self.lost}"
            f" twice={self.twice} stale={self.stale} took={self.took_s:.0f}s"
        )


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def write_json(path: Path, reports: Sequence[Report]) -> None:
    path.write_text(json.dumps([asdict(one) for one in reports], indent=1, ensure_ascii=False))


def page(reports: Sequence[Report], command: str) -> str:
    """docs/reliability.md of these runs."""
    kinds = sum((Counter(one.by_kind) for one in reports), Counter())
    runs = [
        f"| {one.platform} | {one.mode} | {one.seed} | {one.faults} | {one.edits}"
        f" | {one.late_writes} | {one.slowest_repair_s:.1f} s | {one.slowest_resumption_s:.1f} s"
        f" | {'held' if one.is_ok else 'FAILED: ' + one.wrong[0]} |"
        for one in reports
    ]
    return TEMPLATE.read_text(encoding="utf-8").format(
        command=command,
        date=" to ".join(sorted({min(r.date for r in reports), max(r.date for r in reports)})),
        machine=reports[0].machine,
        resumed=RESUMED_S,
        repaired=REPAIRED_S,
        faults=sum(one.faults for one in reports),
        edits=sum(one.edits for one in reports),
        images=sum(one.images for one in reports),
        orders=sum(one.orders for one in reports),
        webhooks=sum(one.webhooks for one in reports),
        restarts=sum(one.restarts for one in reports),
        lost=sum(one.lost for one in reports),
        twice=sum(one.twice for one in reports),
        stale=sum(one.stale for one in reports),
        late=sum(one.late_writes for one in reports),
        repair=max(one.slowest_repair_s for one in reports),
        resumption=max(one.slowest_resumption_s for one in reports),
        kinds="\n".join(f"| {name} | {count} |" for name, count in sorted(kinds.items())),
        runs="\n".join(runs),
    )
