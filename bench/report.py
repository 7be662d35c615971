"""The table on the screen and in docs/performance.md, and the line at the end."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.results import MISSED, NOT_MEASURED, Result
from bench.targets import TARGET_BY_KEY, Target

COLUMNS = ("measure", "target", "result", "baseline", "repetitions", "verdict")
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

INTRODUCTION = """# Performance

Written by `make bench` with the figures of its last full run. `QUICK=1 make bench` measures every
row with small numbers within five minutes, and `ARGS='--only ingest,engine'` chooses; neither
writes this page.

Everything runs on one machine: Postgres (with fsync), RabbitMQ, both sandboxes, the service in the
processes of the `Procfile`, and the load. So ratios count: each row that is one has its baseline
from the same run. The result is the median of the repetitions, with their range in brackets.
"""


def row(target: Target, result: Result) -> tuple[str, ...]:
    return (
        target.measure,
        target.words,
        result.written,
        result.baseline or "-",
        str(len(result.values) or "-"),
        result.verdict,
    )


def show(results: Mapping[str, Result], about: str) -> None:
    """Print the measured rows, and what has to be known about them. `about`: machine and date."""
    table = Table(*COLUMNS, title=about)
    for result in results.values():
        table.add_row(*row(result.target, result))
    Console(width=180).print(table)
    for line in notes(results):
        print(line)


def notes(results: Mapping[str, Result]) -> list[str]:
    """What could not be measured, what fell short, and remarks on the others."""
    lines = []
    for result in results.values():
        said = "; ".join(text for text in (result.trouble, result.note) if text)
        if said or result.verdict == MISSED:
            lines.append(f"* {result.target.measure} ({result.verdict}): {said or 'no remark'}")
    return lines


def document(results: Mapping[str, Result], about: str) -> str:
    """The page: a row for each target, measured or not. `about`: machine and date."""
    lines = [INTRODUCTION, about, "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
    for key, target in TARGET_BY_KEY.items():
        lines.append(_line(row(target, results.get(key, Result(key)))))
    lines += ["", "## Remarks", "", *(notes(results) or ["None."]), ""]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def summary(results: Mapping[str, Result]) -> tuple[str, int]:
    """The last line and the exit code: 1 only if a row could not be measured."""
    missed = [one.key for one in results.values() if one.verdict == MISSED]
    unmeasured = [one.key for one in results.values() if one.verdict == NOT_MEASURED]
    said = []
    if unmeasured:
        said.append(f"{len(unmeasured)} rows not measured: {', '.join(unmeasured)}")
    if missed:
        said.append(f"{len(missed)} targets missed: {', '.join(missed)}")
    text = "; ".join(said) or f"OK {len(results)} rows, no target missed"
    return f"bench: {text}", int(bool(unmeasured))


def machine() -> str:
    """What the figures were measured on, and how busy it was before."""
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC).date().isoformat()}, {os.cpu_count()} cores ({_processor()}), "
        f"{_memory_gb():.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {load:.1f} at the start"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
