"""What happened to an article and when: by its history, and by the rows of now. Pure.

Where the history is younger than what the rows tell, the rows fill in. An entry has `at` (None: the
time was not recorded), the topic, what happened, and its sentence's values. More kinds of entries
may come; whoever reads them leaves out those it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from integration import wire
from integration.explaining.facts import Facts, Work
from integration.history.entries import FIRST_WRITES, PUSHED, Logged
from integration.topology import Topic

ARRIVED, FAILED = "arrived", "failed"
#: What the rows of now know of arrivals.
_ARRIVALS = ("first-unsent", "last-event")
#: Characters of a body and of a hash that a sentence shows.
LONGEST_SENT, HASH_SHOWN = 200, 12


@dataclass(frozen=True)
class Entry:
    """`event` is one of ``last-event``, ``first-unsent``, ``pushed``, ``failed``, ``due`` and
    ``held-by-hand``, or of those of the history (`logged_entries`).

    `topic` None: about the whole channel. `text`: the key of its sentence, if not the event's.
    `logged`: the entry of the history it comes from.
    """

    at: datetime | None
    topic: Topic | None
    event: str
    values: Mapping[str, object] = field(default_factory=dict)
    text: str = ""
    logged: Logged | None = None

    @property
    def key(self) -> str:
        """Of its sentence."""
        return self.text or f"time_{self.event}"


def timeline(facts: Facts) -> list[Entry]:
    """The oldest first; what has no time comes last."""
    told = [entry for one in facts.logged for entry in logged_entries(one)]
    known = {(entry.topic, entry.event) for entry in told}
    times = {(entry.topic, entry.at) for entry in told if entry.event == ARRIVED}
    entries = [
        entry
        for topic, work in facts.works.items()
        for entry in _of_work(topic, work)
        if not (entry.event in (PUSHED, FAILED) and (topic, entry.event) in known)
        and not (entry.event in _ARRIVALS and (topic, entry.at) in times)
    ]
    entries += [
        Entry(one.since, topic, "held-by-hand", {"by": one.held_by, "reason": one.reason})
        for topic, one in facts.holds.items()
    ]
    return in_order([*told, *entries])


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    never = datetime.max.replace(tzinfo=UTC)
    # Stable: entries of one time stay as the history has them.
    return sorted(entries, key=lambda one: one.at or never)


def logged_entries(one: Logged) -> Iterator[Entry]:
    """What one entry of the history tells: what arrived, what was fetched, what became of it."""
    if one.events and one.last_event_at is not None:
        by = one.hinted_by or "?"
        text = "time_arrived" if one.events == 1 else "time_arrived-many"
        values = {"events": one.events, "by": by}
        yield Entry(one.last_event_at, one.topic, ARRIVED, values, text, one)
    if one.fetched_at is not None and one.fetched:
        yield Entry(one.fetched_at, one.topic, "fetched", {"fetched": one.fetched}, logged=one)
    event = {"buried": FAILED}.get(one.kind, one.kind)
    yield Entry(one.at, one.topic, event, _values(one), _text(one), one)


def _values(one: Logged) -> dict[str, object]:
    sent = "?" if one.sent is None else wire.dumps(one.sent)
    shown = sent if len(sent) <= LONGEST_SENT else f"{sent[: LONGEST_SENT - 3]}..."
    return {
        "sent": shown,
        "hash": (one.content_hash or "?")[:HASH_SHOWN],
        "words": one.words or "?",
        "by": one.person or "?",
    }


def _text(one: Logged) -> str:
    """The key of the sentence about what became of it."""
    if one.kind == PUSHED:
        place = "first" if one.words in FIRST_WRITES else "again"
        return f"time_log-{place}" if one.sent is not None else f"time_log-{place}-bare"
    if one.kind == "command":
        return "time_command"
    ending = "doubt" if one.is_in_doubt else "sent" if one.content_hash else ""
    if one.kind in ("buried", "postponed", "requeued", "released") and ending:
        return f"time_log-{one.kind}-{ending}"
    person = "-by" if one.person else ""
    return f"time_log-{one.kind}{person}"


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
