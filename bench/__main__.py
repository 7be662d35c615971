"""`python -m bench [--quick] [--only GROUP,...]`: the figures, on private servers of their own."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from bench import (
    bursts,
    commands,
    cost,
    engine,
    full_syncs,
    ingest,
    latency,
    neighbours,
    pacing,
    page,
    reconciling,
    report,
    singles,
)
from bench.results import Result
from bench.service import Bench, DurablePostgres
from bench.targets import GROUPS, TARGET_BY_KEY
from cli import server_packages
from cli.private_server import ServerError
from cli.servers import RabbitMQ, running
from tests.acceptance import template


@dataclass(frozen=True)
class Group:
    """Rows that are measured together, and the minutes it takes on two idle cores.

    `is_shared`: in a quick run it goes on with the service of the group before, if it is the same.
    """

    measure: Callable[[Bench], list[Result]]
    minutes: float
    quick_minutes: float
    is_shared: bool = False


#: In the order in which they are measured. Groups that share a service in a quick run stand
#: together, and last the one that leaves it as no other can use it.
GROUP_BY_NAME: Mapping[str, Group] = {
    "ingest": Group(ingest.measure, 3, 0.3),
    "engine": Group(engine.measure, 6, 0.6, is_shared=True),
    "memory": Group(engine.measure_memory, 2, 0.25, is_shared=True),
    "storms": Group(bursts.measure_storms, 4, 0.35, is_shared=True),
    "files": Group(singles.measure_files, 4, 0.2, is_shared=True),
    "deliveries": Group(singles.measure_deliveries, 2, 0.15, is_shared=True),
    "bursts": Group(bursts.measure, 4, 0.4, is_shared=True),
    "sync-large": Group(full_syncs.measure_large, 15, 0.3, is_shared=True),
    "sync": Group(full_syncs.measure, 3, 0.2, is_shared=True),
    "latency": Group(latency.measure, 7, 0.15, is_shared=True),
    "media": Group(full_syncs.measure_media, 10, 0.2, is_shared=True),
    "woocommerce": Group(bursts.measure_woocommerce, 8, 0.35),
    "woocommerce-sync": Group(full_syncs.measure_woocommerce, 5, 0.25),
    "reconcile": Group(reconciling.measure, 30, 0.2),
    "neighbours": Group(neighbours.measure, 8, 0.4),
    "pacing": Group(pacing.measure, 10, 0.2),
    "cost": Group(cost.measure, 5, 0.2),
    "commands": Group(commands.measure, 5, 0.2),
}


def main() -> int:
    """1 when a row could not be measured. What was measured in full goes to docs/performance.md."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers: nothing is written")
    parser.add_argument("--only", type=_names, default=GROUPS, help=f"of {', '.join(GROUPS)}")
    given = parser.parse_args()
    # Asked to stop, it stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    about, began = report.machine(), time.monotonic()
    started = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    print(f"bench: {_announcement(given.only, given.quick)}", flush=True)
    results = _measured(given.only, given.quick)
    minutes = (time.monotonic() - began) / 60
    report.show(results, f"{started} UTC, {about}")
    if not given.quick:
        about = f"{', '.join(given.only)} in {minutes:.0f} minutes on {about}"
        old = page.PATH.read_text(encoding="utf-8") if page.PATH.exists() else ""
        page.PATH.write_text(page.rewritten(old, results, started, about), encoding="utf-8")
        print("bench: written to docs/performance.md")
    line, code = report.summary(results)
    print(f"{line} ({minutes:.1f} minutes)")
    return code


def _names(given: str) -> tuple[str, ...]:
    names = tuple(name for name in given.split(",") if name)
    if unknown := [name for name in names if name not in GROUPS]:
        raise argparse.ArgumentTypeError(
            f"there is no group {', '.join(unknown)}; there are {', '.join(GROUPS)}"
        )
    return names


def _announcement(names: Sequence[str], is_quick: bool) -> str:
    groups = [GROUP_BY_NAME[name] for name in names]
    minutes = sum(one.quick_minutes if is_quick else one.minutes for one in groups)
    kind = "a quick run" if is_quick else "the full run"
    return f"{kind} of {', '.join(names)}; about {minutes:.0f} minutes on two idle cores"


def _measured(names: Sequence[str], is_quick: bool) -> dict[str, Result]:
    """A result for each row of these groups, measured or not."""
    results = {}
    reasons = server_packages.find_or_install(print)
    try:
        if reasons:
            raise ServerError("; ".join(reasons.values()))
        with _opened(is_quick) as bench:
            for name in sorted(names, key=list(GROUP_BY_NAME).index):
                results.update(_of_group(name, bench))
    except ServerError as error:
        for name in names:
            results.update(_unmeasured(name, str(error)))
    return {key: results[key] for key in TARGET_BY_KEY if key in results}


@contextmanager
def _opened(is_quick: bool) -> Iterator[Bench]:
    postgres, rabbitmq = DurablePostgres(), RabbitMQ()
    with ExitStack() as stack:
        stack.enter_context(running(postgres, rabbitmq))
        # The servers' files lie in /tmp, as ours do; the logs stay as long as the run.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if is_quick:
            stack.enter_context(template.opened())  # every start spares the imports
        yield stack.enter_context(closing(Bench(postgres.url, rabbitmq.url, folder, is_quick)))


def _of_group(name: str, bench: Bench) -> dict[str, Result]:
    began, group = time.monotonic(), GROUP_BY_NAME[name]
    try:
        if not group.is_shared:
            bench.close()
        found = group.measure(bench)
        measured = {one.key: replace(one, is_quick=bench.is_quick) for one in found}
    except Exception as error:  # noqa: BLE001 - the other groups are measured all the same
        traceback.print_exc()
        words = " ".join(str(error).split())[:300]
        measured = _unmeasured(name, f"{type(error).__name__}: {words}")
    print(f"bench: {name} took {time.monotonic() - began:.0f} s", flush=True)
    return measured


def _unmeasured(name: str, reason: str) -> dict[str, Result]:
    keys = [key for key, target in TARGET_BY_KEY.items() if target.group == name]
    return {key: Result(key, trouble=reason) for key in keys}


if __name__ == "__main__":
    raise SystemExit(main())
