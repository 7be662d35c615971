"""What a stage holds of the work queue, and what it hands back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from integration.models import Priority
from integration.topology import Topic

#: Why nothing was sent: the shop holds the same content already.
UNCHANGED = "unchanged"


@dataclass(frozen=True)
class ClaimedItem:
    """One row of a claim, as it was when the stage took the claim over."""

    id: int
    entity_id: str
    pushed_hash: str | None
    attempts: int
    #: Earlier writes without a recorded outcome: until when they may reach the shop, and whether
    #: that time was still to come. None: there are none.
    doubt_until: datetime | None = None
    is_doubtful: bool = False
    #: The page that has its state already, see integration.read_ahead; None: the ERP is asked.
    read_ahead_id: str | None = None
    #: For the brakes, as the row has them.
    pushed_value: str | None = None
    braked_value: str | None = None
    braked_in: int | None = None
    #: When the shop confirmed a write of it last; None: it never did.
    pushed_at: datetime | None = None


@dataclass
class StageNotes:
    """What the history is to know of a stage run: what was fetched, and what goes to the shop.

    `fetched` and `fetched_at` (ISO 8601) come from the stage that did. `bodies` by topic and
    entity and `hashes` by entity are what a write would send, `firsts` the
    entities whose product is new by it; nothing was sent before `has_written`.
    """

    fetched: str | None = None
    fetched_at: str | None = None
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    firsts: set[str] = field(default_factory=set)
    has_written: bool = False


@dataclass(frozen=True)
class Claim:
    """Some rows of one (channel, topic), held by one stage run until its lease ends."""

    id: str
    holder: str
    channel_id: int
    topic: Topic
    priority: Priority
    #: The sync run whose backfill this is; None: of none.
    run_id: int | None
    items: tuple[ClaimedItem, ...]
    notes: StageNotes = field(default_factory=StageNotes, compare=False, repr=False)
    #: The names that logs show; whoever takes a claim over reads the channel next.
    tenant: str = ""
    channel: str = ""

    @cached_property
    def item_by_entity(self) -> dict[str, ClaimedItem]:
        return {item.entity_id: item for item in self.items}

    @cached_property
    def item_by_id(self) -> dict[int, ClaimedItem]:
        return {item.id: item for item in self.items}


@dataclass(frozen=True)
class Settled:
    """Evidence for one row: what the shop holds now (`pushed_hash`), or why nothing was sent.

    `value`: what it holds, as the brakes compare it; None: nothing that they compare.
    """

    item_id: int
    pushed_hash: str | None = None
    skip_reason: str | None = None
    value: str | None = None


def by_outcome(
    settled: Iterable[Settled],
) -> tuple[dict[int, str], dict[str | None, list[int]]]:
    """The hash of what the shop was given, by item id; and the other item ids by why nothing was
    sent."""
    pushed: dict[int, str] = {}
    others: dict[str | None, list[int]] = {}
    for one in settled:
        if one.pushed_hash is not None and one.skip_reason is None:
            pushed[one.item_id] = one.pushed_hash
        else:
            others.setdefault(one.skip_reason, []).append(one.item_id)
    return pushed, others


@dataclass(frozen=True)
class SettleResult:
    """Item ids by what became of them; `refused`: the claim was lost, the rows go again.

    `doubted`: written, and once more when no earlier write can undo it any more.
    """

    completed: tuple[int, ...] = ()
    requeued: tuple[int, ...] = ()
    refused: tuple[int, ...] = ()
    doubted: tuple[int, ...] = ()
