"""What travels between the stages of one claimed batch, and what they note of the fetch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypedDict

from integration.claims import StageNotes
from integration.clock import utc_now
from integration.connectors.base import Payload
from integration.erp.client import ErpClient, asked_for

#: What was fetched where the ERP was not asked.
READ_AHEAD = "a page of a sync run"


class Batch(TypedDict, total=False):
    """What travels between the tasks of a chain; without rows there is nothing left to do."""

    claim: str
    #: For the history: when the ERP was asked (ISO 8601), and for what.
    fetched: Sequence[str | None]
    rows: dict[str, Any]
    payloads: list[Payload]


def passed_on(batch: Batch) -> Batch:
    """What goes from stage to stage as it is."""
    following: Batch = {"claim": batch["claim"]}
    if "fetched" in batch:
        following["fetched"] = batch["fetched"]
    return following


@contextmanager
def noted_fetch(notes: StageNotes, client: ErpClient) -> Iterator[None]:
    """Have the history know what is asked in the block, also if it fails."""
    notes.fetched_at = utc_now().isoformat()
    try:
        yield
    finally:
        notes.fetched = asked_for(client.asked)


def fetched(notes: StageNotes) -> Sequence[str | None]:
    """What `note_fetch` of a later stage wants to know."""
    if notes.fetched is None:
        notes.fetched_at, notes.fetched = utc_now().isoformat(), READ_AHEAD
    return notes.fetched_at, notes.fetched


def note_fetch(notes: StageNotes, batch: Batch) -> None:
    """Have the history know of the fetch of a batch, whatever becomes of its rows."""
    # A message of the version before says nothing of it.
    if (found := batch.get("fetched")) is not None:
        notes.fetched_at, notes.fetched = found
