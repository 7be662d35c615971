"""What happened to an article and when, as far as the rows of now tell. Pure.

An entry has `at` (None: the time was not recorded), the topic, what happened, and its sentence's
values. More kinds of entries may come; whoever reads them leaves out those it does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from integration.explaining.facts import Facts, Work
from integration.topology import Topic


@dataclass(frozen=True)
class Entry:
    """`event` is one of ``last-event``, ``first-unsent``, ``pushed``, ``failed``, ``due`` and
    ``held-by-hand``."""

    at: datetime | None
    topic: Topic
    event: str
    values: Mapping[str, object] = field(default_factory=dict)


def timeline(facts: Facts) -> list[Entry]:
    """The oldest first; what has no time comes last."""
    entries = [one for topic, work in facts.works.items() for one in _of_work(topic, work)]
    entries += [
        Entry(one.since, topic, "held-by-hand", {"by": one.held_by, "reason": one.reason})
        for topic, one in facts.holds.items()
    ]
    never = datetime.max.replace(tzinfo=UTC)
    return sorted(entries, key=lambda one: (one.at or never, one.topic.value, one.event))


def _of_work(topic: Topic, work: Work) -> Iterator[Entry]:
    if work.first_unsent_at is not None:
        yield Entry(work.first_unsent_at, topic, "first-unsent")
    if work.last_event_at is not None and work.last_event_at != work.first_unsent_at:
        yield Entry(work.last_event_at, topic, "last-event", {"generation": work.generation})
    if work.pushed_at is not None:
        yield Entry(work.pushed_at, topic, "pushed")
    if work.words and (work.state == "FAILED" or (work.attempts and work.is_open)):
        yield Entry(None, topic, "failed", {"attempts": work.attempts, "words": work.words})
    if work.state == "QUEUED" and work.hold_reason is None:
        yield Entry(work.due_at, topic, "due")
