"""Of twenty channels one is slow and one is dead: how fresh the others stay.

The 95th percentile of the freshness of the other eighteen (from the recorded event to the shop's
confirmation), alone and beside the two. gunicorn, four live worker processes, two for the rest,
beat, and a sandboxed shop for each channel: on two cores all of that together is the limit, so
changes come at a modest rate.
"""

from __future__ import annotations

import os

from bench.results import Result
from bench.service import QUICK_WAITS, Bench
from tests.acceptance.fleet import Comparison, Fleet, Run, compare
from tests.acceptance.service import AS_SHIPPED
from tests.real_servers import empty_database, remove_queues

#: Half a minute per answer, and three read time-outs of the dead shop.
FULL = Run(channels=20, slow_s=30.0, seconds=150.0, changes_per_s=5.0)
QUICK = Run(channels=4, slow_s=5.0, seconds=6.0, changes_per_s=4.0, warm_up_s=2.0)
#: The sandboxed ERP's own limit is one for each tenant; the budget is not what is measured.
OVERRIDES = {**AS_SHIPPED, "RELAY_ERP_BUDGET": "3000/6"}
#: Each article is changed once in a run, so that its age is that of one change.
ARTICLES = 60


def measure(bench: Bench) -> list[Result]:
    """Both runs one after the other, on one fleet."""
    run = QUICK if bench.is_quick else FULL
    found = _compared(bench, run)
    return [
        Result(
            "neighbours.p95",
            [found.beside_s / found.allowed_s],
            baseline=f"{found.before_s:.2f} s without the two, {found.allowed_s:.2f} s allowed",
            note=(
                f"{found.beside_s:.2f} s; {run.channels} channels, {found.changes} changes, one "
                f"shop answers after {run.slow_s:g} s and one not at all"
            ),
        )
    ]


def _compared(bench: Bench, run: Run) -> Comparison:
    folder = bench.folder / "neighbours"
    folder.mkdir()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    overrides = OVERRIDES | (QUICK_WAITS if bench.is_quick else {})
    remove_queues(bench.broker_url)
    with empty_database(bench.postgres_url) as url:
        fleet = Fleet(
            folder, environ, url, bench.broker_url, articles=ARTICLES, overrides=overrides
        )
        with fleet:
            return compare(fleet, fleet.fill(run.channels), run)
