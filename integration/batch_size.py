"""How much of a batch travels in one message of the broker."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from integration import wire, work_items
from integration.runtime import Runtime

if TYPE_CHECKING:
    from integration.stages import Work

#: A message stays below 1 MB (design.md 5.3), with room for Celery's own fields.
LARGEST_BATCH_BYTES = 900_000


def small_enough(runtime: Runtime, work: Work, rows: dict[str, Any]) -> dict[str, Any]:
    """The rows that fit into one message; the others are given back and come in the next batch."""
    while len(rows) > 1 and (
        len(zlib.compress(wire.dumps(rows).encode(errors="replace"))) > LARGEST_BATCH_BYTES
    ):
        ids = list(rows)
        keep, leave = ids[: len(ids) // 2], ids[len(ids) // 2 :]
        with runtime.scope() as session:
            by_entity = work.claim.item_by_entity
            work_items.release(session, work.claim, [by_entity[one].id for one in leave])
        rows = {one: rows[one] for one in keep}
    return rows
