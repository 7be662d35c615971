"""The table on the screen and the line at the end."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.results import MISSED, NOT_MEASURED, Result
from bench.targets import Target

COLUMNS = ("measure", "target", "result", "baseline", "repetitions", "verdict")


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
    return [line for one in results.values() if (line := note(one))]


def note(result: Result) -> str:
    """The remark on a row; empty where there is none."""
    spent = result.spent if result.verdict == MISSED else ""
    said = "; ".join(text for text in (result.trouble, result.note, spent) if text)
    if not said and result.verdict != MISSED:
        return ""
    return f"* {result.target.measure} ({result.verdict}): {said or 'no remark'}"


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
        f"{os.cpu_count()} cores ({_processor()}), {_memory_gb():.0f} GB, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, "
        f"load {load:.1f} at the start"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
