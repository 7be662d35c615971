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
from tests.chaos.shops import PLATFORMS, SHOPWARE6, WOOCOMMERCE

#: Faults of one of several runs: some five minutes, so that a failure has a short story.
PER_RUN = 100
#: Every this many runs one is of the embedded mode.
EMBEDDED_EVERY = 5
#: And of so many one is with WooCommerce.
WOOCOMMERCE_EVERY = 3
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"


def main() -> int:
    """0 when everything held."""
    given = arguments()
    seed = given.seed if given.seed is not None else time.time_ns() % 10**6
    if given.total is None:
        where = given.mode or DISTRIBUTED, given.platform or SHOPWARE6
        reports = [run(seed, given.faults, *where, say)]
    else:
        reports = several(seed, given.total, given.mode, given.platform)
    if given.report:
        report.write_json(given.report, reports)
    if given.page:
        command = f"make chaos N={given.total or given.faults}"
        command += f" PLATFORM={given.platform}" if given.platform else ""
        PAGE.write_text(report.page(reports, command), encoding="utf-8")
        say(f"chaos: written {PAGE}")
    failed = [one for one in reports if not one.is_ok]
    total = sum(one.faults for one in reports)
    for one in failed:
        say(f"chaos: repeat it: python -m tests.chaos {one.again}")
    say(f"chaos: {'FAILED' if failed else 'OK'} runs={len(reports)} faults={total}")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=40, help="of one run")
    parser.add_argument("--total", type=int, help="of several runs, added up")
    parser.add_argument("--seed", type=int, help="repeats a run; drawn when not given")
    parser.add_argument("--mode", choices=MODES, help="distributed, of several runs also embedded")
    parser.add_argument("--platform", choices=PLATFORMS, help="shopware6, of several runs all")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the outcome as JSON")
    parser.add_argument("--page", action="store_true", help="write docs/reliability.md")
    return parser.parse_args()


def several(seed: int, total: int, mode: str | None, platform: str | None) -> list[report.Report]:
    """Runs with this and the following seeds until `total` faults are committed."""
    reports: list[report.Report] = []
    while (left := total - sum(one.faults for one in reports)) > 0:
        number = len(reports)
        where = place(number, mode, platform)
        reports.append(run(seed + number, min(PER_RUN, left), *where, say))
    return reports


def place(number: int, mode: str | None, platform: str | None) -> tuple[str, str]:
    """Mode and platform of one of several runs, counted from 0; what is given holds for all."""
    return (
        mode or (EMBEDDED if number % EMBEDDED_EVERY == 2 else DISTRIBUTED),
        platform or (WOOCOMMERCE if number % WOOCOMMERCE_EVERY == 1 else SHOPWARE6),
    )


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
