"""`python -m tests.chaos`: kill, freeze, cut and spoil everything, and compare ERP and shop.

One run of `--faults`, or with `--total` as many runs, one seed after the other, as it takes.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.chaos import report
from tests.chaos.plan import DISTRIBUTED, EMBEDDED, MODES
from tests.chaos.run import run

#: Faults of one of several runs: some five minutes, so that a failure has a short story.
PER_RUN = 100
#: Every this many runs one is of the embedded mode.
EMBEDDED_EVERY = 5
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def main() -> int:
    """0 when everything held."""
    given = arguments()
    seed = given.seed if given.seed is not None else time.time_ns() % 10**6
    if given.total is None:
        reports = [run(seed, given.faults, given.mode or DISTRIBUTED, say)]
    else:
        reports = several(seed, given.total, given.mode)
    if given.report:
        report.write_json(given.report, reports)
    if given.page:
        command = f"make chaos N={given.total or given.faults}"
        PAGE.write_text(report.page(reports, command), encoding="utf-8")
        say(f"chaos: written {PAGE}")
    failed = [one for one in reports if not one.is_ok]
    total = sum(one.faults for one in reports)
    say(f"chaos: {'FAILED' if failed else 'OK'} runs={len(reports)} faults={total}")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=40, help="of one run")
    parser.add_argument("--total", type=int, help="of several runs, added up")
    parser.add_argument("--seed", type=int, help="repeats a run; drawn when not given")
    parser.add_argument("--mode", choices=MODES, help="distributed, of several runs also embedded")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the outcome as JSON")
    parser.add_argument("--page", action="store_true", help="write docs/reliability.md")
    return parser.parse_args()


def several(seed: int, total: int, mode: str | None) -> list[report.Report]:
    """Runs with this and the following seeds until `total` faults are committed."""
    reports: list[report.Report] = []
    while (left := total - sum(one.faults for one in reports)) > 0:
        number = len(reports)
        chosen = mode or (EMBEDDED if number % EMBEDDED_EVERY == 2 else DISTRIBUTED)
        reports.append(run(seed + number, min(PER_RUN, left), chosen, say))
    return reports


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
