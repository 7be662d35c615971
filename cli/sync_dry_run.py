"""`vario-relay sync --dry-run`: the preview of a sync, for people and for programs."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli.gentle_stop import stopping_gently
from cli.shared import duration, print_table, say
from cli.sync_drive import ALL_TOPICS
from integration import channels, counter_store, counters
from integration.dry_run import DryRun, PreviewPage
from integration.dry_run_outcomes import ADOPT, CONFLICT, DUPLICATE, Change, Outcome
from integration.errors import IntegrationError
from integration.topology import SHORT_NAME_BY_TOPIC, TOPIC_BY_SHORT_NAME, Topic

if TYPE_CHECKING:
    from integration.runtime import Runtime

BANNER = "*** DRY RUN: nothing is written, neither to the shop nor to the ERP nor to the queue ***"
EXAMPLES = 5
#: More adoptions than a person reads; `--json` names all of them.
ADOPTIONS_SHOWN = 50
LINE_EVERY_S = 5.0
#: Characters of a value that a person is shown.
WIDEST = 60


def show_dry_run(
    runtime: Runtime, name: str, topic: Topic | None, *, is_forced: bool, as_json: bool
) -> None:
    """Preview the channel and print what was found. A paused channel can be previewed too."""
    with runtime.scope() as session:
        channel_id = channels.find(session, name).id
    channel = runtime.channel(channel_id)
    topics = [TOPIC_BY_SHORT_NAME[one] for one in ALL_TOPICS] if topic is None else [topic]
    summary = Summary(channel.label)
    if as_json:
        say(BANNER)
    else:
        click.echo(BANNER)
    show = _as_json(summary) if as_json else _for_people()
    try:
        # It asks ERP and shop in this process; /metrics shows these requests, too.
        with (
            counters.PROCESS.flushing_into(counter_store.sink_of(runtime.scope)),
            stopping_gently() as stop,
        ):
            preview = DryRun(runtime, channel, topics, is_forced=is_forced, wait=stop.pause)
            for page in preview.pages():
                summary.add(page)
                show(page)
                stop.check()
    except KeyboardInterrupt as error:
        raise IntegrationError("stopped; nothing was written") from error
    if as_json:
        click.echo(json.dumps(summary.total(), ensure_ascii=False))
    else:
        summary.print()


def _as_json(summary: Summary) -> Callable[[PreviewPage], None]:
    """A line per page on stdout."""
    return lambda page: click.echo(json.dumps(summary.step(page), ensure_ascii=False))


def _for_people() -> Callable[[PreviewPage], None]:
    """A line every few seconds on stderr, with the time that is left."""
    began = time.monotonic()
    next_at = began + LINE_EVERY_S

    def show(page: PreviewPage) -> None:
        nonlocal next_at
        now = time.monotonic()
        if now >= next_at and page.seen:
            next_at = now + LINE_EVERY_S
            left_s = (now - began) * max(0, page.expected - page.seen) / page.seen
            about = f", about {duration(left_s)} left" if left_s else ""
            say(f"{page.seen} of {page.expected} articles looked at{about}")

    return show


class Summary:
    """Counts per outcome, a few examples of each, and the adoptions."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._counts: Counter[str] = Counter()
        self._by_topic: Counter[str] = Counter()
        self._examples: dict[str, list[Outcome]] = {}
        self._adoptions: list[Outcome] = []
        #: Products that would be adopted, by what becomes of them.
        self._changes: Counter[str] = Counter()
        self._far: Counter[str] = Counter()
        self._asked = self._made_by_others = 0
        self._seen = self._expected = 0

    def add(self, page: PreviewPage) -> None:
        self._seen, self._expected = page.seen, page.expected
        for one in page.outcomes:
            self._counts[one.outcome] += 1
            self._by_topic.update(SHORT_NAME_BY_TOPIC[topic] for topic in one.topics)
            examples = self._examples.setdefault(one.outcome, [])
            if len(examples) < EXAMPLES:
                examples.append(one)
            if one.outcome == ADOPT:
                self._add_adoption(one)

    def _add_adoption(self, one: Outcome) -> None:
        self._changes.update({_name(change) for change in one.changes if not change.asks})
        self._far.update({_name(change) for change in one.changes if change.is_far})
        self._asked += any(change.asks for change in one.changes)
        self._made_by_others += one.made_by is not None
        if len(self._adoptions) < ADOPTIONS_SHOWN:
            self._adoptions.append(one)

    def step(self, page: PreviewPage) -> dict[str, Any]:
        """How far the preview is, and the adoptions, conflicts and duplicates of this page."""
        lists = {"adoptions": ADOPT, "conflicts": CONFLICT, "duplicates": DUPLICATE}
        return {
            **self._head(is_done=False),
            **{
                name: [_shown(one) for one in page.outcomes if one.outcome == kind]
                for name, kind in lists.items()
            },
        }

    def total(self) -> dict[str, Any]:
        """The last line."""
        examples = {kind: [_shown(one) for one in them] for kind, them in self._examples.items()}
        return {**self._head(is_done=True), "examples": examples}

    def _head(self, *, is_done: bool) -> dict[str, Any]:
        return {
            "dry_run": True,
            "channel": self._label,
            "done": is_done,
            "seen": self._seen,
            "expected": self._expected,
            "counts": dict(self._counts),
            "topics": dict(self._by_topic),
            "changes": dict(self._changes),
            "far": dict(self._far),
            "asked": self._asked,
            "made_by_others": self._made_by_others,
        }

    def print(self) -> None:
        click.echo(f"sales channel {self._label}: {self._seen} articles are listed in the ERP")
        print_table(
            ("OUTCOME", "ARTICLES", "FOR EXAMPLE"),
            [
                (kind, count, ", ".join(_label(one) for one in self._examples[kind]))
                for kind, count in self._counts.most_common()
            ],
            empty="no article is listed on this channel",
        )
        if self._by_topic:
            sent = ", ".join(f"{count} {name}" for name, count in sorted(self._by_topic.items()))
            click.echo(f"would be sent: {sent}")
        for kind, examples in self._examples.items():
            for one in examples:
                if one.detail and kind != ADOPT:
                    click.echo(f"{kind}: {_label(one)}: {one.detail}")
        self._print_adoptions()
        click.echo(BANNER)

    def _print_adoptions(self) -> None:
        for one in self._adoptions:
            click.echo(f"would adopt {_label(one)}: {one.detail}")
            for change in one.changes:
                click.echo(f"    {_sentence(change)}")
        more = self._counts[ADOPT] - len(self._adoptions)
        if more > 0:
            click.echo(f"would adopt {more} more; --json names all")
        self._print_changes()
        self._print_troubles()

    def _print_changes(self) -> None:
        """What becomes of the products that would be adopted, all of them."""
        if not self._counts[ADOPT]:
            return
        told = ", ".join(f"{count} in {name}" for name, count in self._changes.most_common())
        click.echo(
            f"adopted products: {self._counts[ADOPT]}; of them would change: {told or 'none'}. "
            "`own.<field>=keep` leaves a field to the shop"
        )
        if self._far:
            far = ", ".join(f"{count} in {name}" for name, count in self._far.most_common())
            click.echo(
                f"so far off that the brakes count them: {far}; few of them wait for seconds, many "
                "wait for a decision before any is written"
            )
        if self._asked:
            click.echo(f"{self._asked} of them wait for a decision about a field (own.<field>=ask)")
        if self._made_by_others:
            click.echo(
                f"{self._made_by_others} of them were made by another sales channel of this "
                "service; if that still runs, both would write them. --json names it"
            )

    def _print_troubles(self) -> None:
        if self._counts[DUPLICATE]:
            click.echo(
                f"{self._counts[DUPLICATE]} numbers are on several products of the shop; their "
                "articles would be held until one product has the number. --json names all"
            )
        if self._counts[CONFLICT]:
            click.echo(
                f"{self._counts[CONFLICT]} articles want a number that another article has; give "
                "one of the two another number in the ERP before anything is sent. --json names all"
            )


def _label(one: Outcome) -> str:
    return one.number or f"id {one.article}"


def _shown(one: Outcome) -> dict[str, Any]:
    shown: dict[str, Any] = {"article": one.article, "number": one.number}
    if one.detail:
        shown["detail"] = one.detail
    if one.external_id is not None:
        shown["external_id"] = one.external_id
    if one.others:
        shown["others"] = list(one.others)
    if one.changes:
        shown["changes"] = [_shown_change(change) for change in one.changes]
    if one.made_by is not None:
        shown["made_by"] = one.made_by
    return shown


def _shown_change(change: Change) -> dict[str, Any]:
    shown: dict[str, Any] = {"field": change.field, "old": change.old, "new": change.new}
    if change.asks:
        shown["asks"] = True
    if change.is_far:
        shown["far"] = True
    return shown


def _name(change: Change) -> str:
    """What a person calls the field: both sides of a price the price, a text in any language."""
    field = change.field.partition("@")[0]
    return "price" if field in ("net", "gross") else field


def _sentence(change: Change) -> str:
    old, new = (_short(one or "nothing") for one in (change.old, change.new))
    told = f"{change.field}: {old} -> {new}"
    if change.asks:
        told += " (a person decides first)"
    return f"{told} (far off)" if change.is_far else told


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
