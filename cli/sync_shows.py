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

LINE_EVERY_S = 5.0


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

    def step(self, step: Step) -> None:
        names = ("run", "state", "seen", "expected", "pushed", "unchanged", "failed", "cursor")
        shown = {name: getattr(step, name) for name in names}
        now = self._clock()
        if shown == self._shown and now < self._next_at:
            return
        self._shown, self._next_at = shown, now + LINE_EVERY_S
        click.echo(json.dumps({**shown, "rate": step.rate, "eta_s": step.eta_s}))

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
        f"{step.failed} failed",
        f"{step.open} waiting",
        f"{step.rate:.1f}/s",
    ]
    return ", ".join(parts) + (f", {duration(step.eta_s)} left" if step.eta_s else "")


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

    def note(self, sentence: str) -> None:
        self._progress.console.print(sentence, markup=False, highlight=False)

    def close(self) -> None:
        self._progress.stop()
