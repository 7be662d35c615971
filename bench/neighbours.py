"""Of twenty channels one is slow and one is dead: `python -m bench.neighbours [--quick]`.

Measures the 95th percentile of the freshness of the other eighteen (from the recorded event to the
shop's confirmation), alone and beside the two, with the settings as shipped. A private Postgres and
RabbitMQ, gunicorn, four live worker processes, two for the rest, beat, and a sandboxed shop for
each channel: on two cores all of that together is the limit, so changes come at a modest rate.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from bench.figures import Figure
from cli.servers import Postgres, RabbitMQ, running
from integration.clock import utc_now
from tests.acceptance.fleet import Comparison, Fleet, Run, compare
from tests.acceptance.service import AS_SHIPPED

#: Half a minute per answer, and three read time-outs of the dead shop.
FULL = Run(channels=20, slow_s=30.0, seconds=150.0, changes_per_s=5.0)
QUICK = Run(channels=8, slow_s=30.0, seconds=60.0, changes_per_s=3.0)
#: The sandboxed ERP's own limit is one for each tenant; the budget is not what is measured.
OVERRIDES = {**AS_SHIPPED, "RELAY_ERP_BUDGET": "3000/6"}
#: Each article is changed once in a run, so that its age is that of one change.
ARTICLES = 60


def measure(run: Run) -> Comparison:
    """Both runs one after the other, on servers of their own."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    postgres, rabbitmq = Postgres(), RabbitMQ()
    with running(postgres, rabbitmq), tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(
            Path(folder),
            environ,
            postgres.url,
            rabbitmq.url,
            articles=ARTICLES,
            overrides=OVERRIDES,
        )
        with fleet:
            return compare(fleet, fleet.fill(run.channels), run)


def figure(found: Comparison, run: Run) -> Figure:
    return Figure(
        "postgres",
        "p95 freshness beside a slow and a dead shop",
        f"{found.beside_s:.2f} s",
        f"{run.channels} channels, {found.changes} changes; without the two {found.before_s:.2f} s",
    )


def main() -> int:
    """1 when the healthy channels are slower than allowed."""
    parser = argparse.ArgumentParser(prog="bench.neighbours", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="eight channels, a minute each")
    run = QUICK if parser.parse_args().quick else FULL
    found = measure(run)
    one = figure(found, run)
    print(f"{utc_now():%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores")
    print(f"{one.measure}: {one.result} ({one.how})")
    return 0 if found.is_good else 1


if __name__ == "__main__":
    raise SystemExit(main())
