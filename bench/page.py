"""docs/performance.md: each row as it was measured last, and on what.

A run that measured some of the rows writes those anew and leaves the others as they are, so that
no figure costs the hour that all of them take.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench import report
from bench.results import Result
from bench.targets import TARGET_BY_KEY

PATH = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
COLUMNS = (*report.COLUMNS, "run")
#: In the last column of a row that no run has measured.
NO_RUN = "-"

INTRODUCTION = """# Performance

Written by `make bench`. `ARGS='--only ingest,engine'` measures some of the groups and writes their
rows anew; `QUICK=1 make bench` measures every row with small numbers in less than five minutes on
two idle cores, and writes nothing. What small numbers say nothing of it does not judge.

Everything runs on one machine: Postgres (with fsync), RabbitMQ, both sandboxes, the service in the
processes of the `Procfile`, and the load. So ratios count: each row that is one has its baseline
from the same run. The result is the median of the repetitions, with their range in brackets. The
last column names the run, below the table.
"""


def rewritten(page: str, results: Mapping[str, Result], run: str, about: str) -> str:
    """The page with these results. `run`: when it began, `about`: machine and groups."""
    old_rows, old_runs, old_notes = _rows(page), _runs(page), _notes(page)
    rows, notes = [], []
    for key, target in TARGET_BY_KEY.items():
        name = target.measure
        if key in results:
            rows.append(_line((*report.row(target, results[key]), run)))
            notes.append(report.note(results[key]))
        elif name in old_rows:
            rows.append(old_rows[name])
            notes.append(old_notes.get(name, ""))
        else:
            rows.append(_line((*report.row(target, Result(key)), NO_RUN)))
    referred = {row.rstrip(" |").rpartition("| ")[2] for row in rows}
    runs = {**old_runs, run: f"* {run}: {about}"}
    kept = [line for name, line in sorted(runs.items()) if name in referred]
    table = [_line(COLUMNS), _line(["---"] * len(COLUMNS)), *rows]
    lines = [INTRODUCTION, *table, "", "## Runs", "", *kept, "", "## Remarks", ""]
    return "\n".join([*lines, *filter(None, notes), ""])


def _rows(page: str) -> dict[str, str]:
    """The table's rows by measure."""
    lines = (line for line in page.splitlines() if line.startswith("| "))
    by_name = {line.strip("| ").partition(" | ")[0]: line for line in lines}
    return {name: line for name, line in by_name.items() if name not in ("measure", "---")}


def _runs(page: str) -> dict[str, str]:
    return dict(_named(page, re.compile(r"\* (\d{4}-\d\d-\d\d \d\d:\d\d): ")))


def _notes(page: str) -> dict[str, str]:
    return dict(_named(page, re.compile(r"\* (.+?) \([a-z ]+\): ")))


def _named(page: str, head: re.Pattern[str]) -> Iterable[tuple[str, str]]:
    for line in page.splitlines():
        if found := head.match(line):
            yield found[1], line


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
