"""Progress of a sync: a bar on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import click

from cli.shared import duration, say
from cli.sync_drive import Show, Step
from integration.sync_pace import SHOP, Pace

LINE_EVERY_S = 5.0
#: What a step says beside rate and remaining time; the second half came later.
NAMES = ("run", "state", "seen", "expected", "pushed", "unchanged", "failed", "cursor")
MORE_NAMES = ("skipped", "held", "open")


def choose(*, as_json: bool) -> Show:
    """The show that fits where the command runs."""
    if as_json:
        return JsonLines()
    return Bar() if sys.stderr.isatty() else PlainLines()


class JsonLines:
    """A JSON object per step on stdout; while nothing moves, one about every five seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_at = float("-inf")
        self._shown: dict[str, Any] = {}
        self._last: dict[str, Any] = {}

    def step(self, step: Step) -> None:
        shown = {name: getattr(step, name) for name in NAMES + MORE_NAMES}
        now = self._clock()
        if shown == self._shown and now < self._next_at:
            return
        self._shown, self._next_at = shown, now + LINE_EVERY_S
        known = {name: shown[name] for name in NAMES}
        more = {name: shown[name] for name in MORE_NAMES}
        self._last = {**known, "rate": step.rate, "eta_s": step.eta_s, **more}
        click.echo(json.dumps(self._last))

    def pace(self, pace: Pace) -> None:
        """The last step once more, with its pace."""
        values = {
            "limit": pace.limit,
            "limit_s": round(pace.limit_s, 1),
            "took_s": round(pace.took_s, 1),
            "reached": None if pace.reached is None else round(pace.reached, 3),
            "erp_share": round(pace.erp_share, 3),
            "shop_share": round(pace.shop_share, 3),
        }
        click.echo(json.dumps({**self._last, "pace": values}))

    def note(self, sentence: str) -> None:
        say(sentence)

    def close(self) -> None:
        """Nothing is open."""


class PlainLines:
    """A line about every five seconds, and whenever the state changes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_at = float("-inf")
        self._state = ""

    def step(self, step: Step) -> None:
        now = self._clock()
        if step.state == self._state and now < self._next_at:
            return
        self._state, self._next_at = step.state, now + LINE_EVERY_S
        click.echo(line_of(step))

    def pace(self, pace: Pace) -> None:
        say(sentence_of(pace))

    def note(self, sentence: str) -> None:
        say(sentence)

    def close(self) -> None:
        """Nothing is open."""


def line_of(step: Step) -> str:
    """One step as a line for people."""
    expected = "?" if step.expected is None else step.expected
    parts = [
        f"run {step.run} {step.state}: {step.seen} of {expected} articles read",
        f"{step.pushed} sent",
        f"{step.unchanged} unchanged",
        f"{step.skipped} skipped",
        f"{step.held} held",
        f"{step.failed} failed",
        f"{step.open} waiting",
        f"{step.rate:.1f}/s",
    ]
    return ", ".join(parts) + (f", {duration(step.eta_s)} left" if step.eta_s else "")


def sentence_of(pace: Pace) -> str:
    """How near the run came to its limit, and why not nearer."""
    if pace.reached is None:
        return f"it took {duration(pace.took_s)}; neither the ERP nor the shop had much to do"
    per_s, row_s = pace.budget.per_second, pace.shop_row_s
    budget = f"{pace.budget.requests:g} per {pace.budget.seconds:g} s"
    if pace.limit == SHOP and row_s:
        limit = (
            f"{1 / row_s:,.0f} rows/s by the shop, {row_s * 100:.2f} s per 100 rows with one writer"
        )
    else:
        limit = f"{per_s:.1f} requests/s by our budget at the ERP, {budget}"
    return (
        f"limit: {limit}, at least {duration(pace.limit_s)}; reached {pace.reached:.0%} of it, it "
        f"took {duration(pace.took_s)}. Of this time the shop was at it {_share(pace.shop_share)}, "
        f"the ERP {_share(pace.erp_share)}; what is left of the limit is our own work"
    )


def _share(share: float) -> str:
    """Two writers together may be at it for more than all of the time."""
    return f"{share:.0%}" if share <= 1 else f"{share:.0%} (several writers)"


class Bar:
    """Two bars on a terminal: what is read from the ERP, and what is settled."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            console=Console(stderr=True),
        )
        self._reading = self._progress.add_task("reading", total=None, speed="")
        self._sending = self._progress.add_task("settled", total=None, speed="")
        self._progress.start()

    def step(self, step: Step) -> None:
        speed = f"{step.rate:.1f}/s"
        if step.eta_s:
            speed += f", {duration(step.eta_s)} left"
        self._progress.update(
            self._reading,
            completed=step.seen,
            total=step.expected,
            speed=speed if step.is_paging else "",
        )
        self._progress.update(
            self._sending,
            completed=step.ended,
            total=step.ended + step.open,
            speed="" if step.is_paging else speed,
        )

    def pace(self, pace: Pace) -> None:
        self.note(sentence_of(pace))

    def note(self, sentence: str) -> None:
        self._progress.console.print(sentence, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()
