"""How a plan of reconciliation is shown: counts, a table per kind, and files with all of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.shared import print_table, say
from integration.reconciliation import export, plans
from integration.reconciliation.compare import LEFT_TO_PEOPLE, DriftKind

if TYPE_CHECKING:
    from integration.models import Drift, DriftState
    from integration.reconciliation.planning import Progress
    from integration.reconciliation.plans import PlanView
    from integration.runtime import Runtime

EXAMPLES = 5
LINE_EVERY_S = 5.0
_WIDEST = 60

TITLES: Mapping[DriftKind, str] = {
    DriftKind.MISSING: "missing in the shop",
    DriftKind.STILL_ACTIVE: "no longer listed or inactive in the ERP, but for sale",
    DriftKind.ORPHAN: "for sale by us, but gone in the ERP",
    DriftKind.DIFFERENT: "different values",
    DriftKind.UNDECIDED: "changed in the shop, a person decides (never sent: see `shop-edit`)",
    DriftKind.DUPLICATE: "several products with one number (never deleted: do it in the shop)",
}
_WAYS = {"waits": "waiting or being sent", "held": "held", "sent since": "sent meanwhile"}
_PHASES = {"shop": "products of the shop read", "erp": "articles compared"}


def progress() -> Callable[[Progress], None]:
    """Says every few seconds how far a plan is, on stderr."""
    next_at = time.monotonic() + LINE_EVERY_S

    def show(step: Progress) -> None:
        nonlocal next_at
        if time.monotonic() >= next_at:
            next_at = time.monotonic() + LINE_EVERY_S
            of = "" if step.expected is None else f" of {step.expected}"
            say(f"{step.done}{of} {_PHASES[step.phase]}")

    return show


def show_plan(
    runtime: Runtime, plan_id: int, folder: Path, *, name: str, as_json: bool
) -> PlanView:
    """Write the files, print the plan; the plan."""
    with runtime.scope() as session:
        found = plans.view(session, plan_id)
    label = runtime.channel(found.channel_id).label
    header = export.head(label, found)
    files = export.write_files(folder, header, lambda: plans.lines(runtime.scope, plan_id))
    if as_json:
        export.write_json(sys.stdout, header, plans.lines(runtime.scope, plan_id))
    else:
        _print(runtime, label, found)
    say(f"the whole plan is in {files[0].resolve()} and {files[1].resolve()}")
    if not as_json and any(found.counts[one] for one in DriftKind if one not in LEFT_TO_PEOPLE):
        click.echo(f"`vario-relay reconcile {name} --apply` sends it")
    return found


def _print(runtime: Runtime, label: str, found: PlanView) -> None:
    click.echo(
        f"plan {found.id} of sales channel {label}: {found.articles} articles of the ERP and "
        f"{found.products} products of the shop compared by {', '.join(found.topics)}"
    )
    print_counts(found)
    with runtime.scope() as session:
        for kind, title in TITLES.items():
            if found.counts[kind.value]:
                lines = plans.examples(session, found.id, kind.value, EXAMPLES)
                click.echo(f"\n{kind.value}: {title}")
                _print_lines(lines, found.counts[kind.value])


def print_counts(found: PlanView) -> None:
    """What differs, what is on its way, and what could not be compared."""
    drift = [f"{count} {kind}" for kind, count in found.counts.items() if count]
    click.echo(f"drift: {', '.join(drift) or 'none'}")
    ways = [f"{count} {_WAYS.get(why, why)}" for why, count in found.on_its_way.items()]
    if ways:
        click.echo(f"on its way, no drift: {', '.join(ways)}")
    if found.left_out:
        reasons = [f"{count} {why}" for why, count in sorted(found.left_out.items())]
        click.echo(f"left out, by reason: {', '.join(reasons)}")
    for topic in found.off_topics:
        click.echo(f"{topic} is switched off and was not compared")
    click.echo(f"not compared: {', '.join(found.not_compared)}")


def _print_lines(shown: Sequence[Drift], count: int) -> None:
    print_table(
        ("NUMBER", "ARTICLE", "FIELD", "SHOP", "ERP", ""),
        [
            (
                one.number,
                one.article_id,
                one.field,
                _short(one.old),
                _short(one.new),
                "edited in the shop" if one.is_edited else "",
            )
            for one in shown
        ],
        empty="",
    )
    if count > len(shown):
        click.echo(f"and {count - len(shown)} more")


def _short(text: str | None) -> str | None:
    if text is None or len(text) <= _WIDEST:
        return text
    return text[: _WIDEST - 1] + "…"


def show_outcome(runtime: Runtime, plan_id: int, *, name: str, as_json: bool) -> int:
    """Print what became of a plan; the exit code."""
    with runtime.scope() as session:
        found = plans.view(session, plan_id)
        counted = plans.outcomes(session, plan_id)
        told = {state: plans.reasons(session, plan_id, state) for state in plans.TOLD}
    if as_json:
        header = export.head(runtime.channel(found.channel_id).label, found)
        header["outcomes"] = {one: count for one, count in counted.items() if count}
        export.write_json(sys.stdout, header, plans.lines(runtime.scope, plan_id))
    else:
        _print_outcome(found, counted, told)
    if counted["failed"]:
        say(f"`vario-relay queue failed {name}` shows what failed")
    return 1 if counted["failed"] else 0


def _print_outcome(
    found: PlanView,
    counted: Mapping[str, int],
    told: Mapping[DriftState, Sequence[tuple[str | None, int]]],
) -> None:
    if not found.has_drift:
        click.echo(f"plan {found.id} is empty, there is nothing to send")
        return
    names = ("sent", "skipped", "held", "failed", "reported")
    parts = [f"{counted[one]} {one}" for one in names if counted[one]]
    click.echo(f"plan {found.id} is applied: {', '.join(parts)}")
    for state, reasons in told.items():
        for reason, count in reasons[:EXAMPLES]:
            click.echo(f"{count} {state.value.lower()}: {reason or 'no reason was given'}")
