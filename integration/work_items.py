"""The work queue: the only writer of a work item's state.

    hint --> QUEUED --claim--> PROCESSING --settle--> COMPLETED
                ^                 |  |
                |<-- postpone ----+  +-- bury --> FAILED --replay--> QUEUED

A hint says that an entity changed. Whatever happens to a claim, a hint that came after it leads
to another run: a row is done only for the generation it was claimed with. What becomes of a row
whose stage failed is decided in `work_outcomes`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import String, bindparam, func, select, update
from sqlalchemy.orm import Session

from integration import claim_rows, doubts, sql, telling
from integration.claim_rows import held_rows, is_current, locked_rows, locking
from integration.claims import UNCHANGED, Claim, ClaimedItem, Settled, SettleResult, by_outcome
from integration.clock import db_now
from integration.doubts import rehint
from integration.errors import ClaimLost
from integration.hints import hint
from integration.history import recording
from integration.models import Priority, WorkItem, WorkItemState
from integration.topology import Topic

__all__ = [
    "RELEASED",
    "UNCHANGED",
    "Claim",
    "ClaimedItem",
    "SettleResult",
    "Settled",
    "begin_write",
    "held_rows",
    "hint",
    "is_current",
    "locked_rows",
    "locking",
    "rehint",
    "release",
    "release_unsent",
    "settle",
    "take_over",
    "update_items",
]

QUEUED, PROCESSING = WorkItemState.QUEUED, WorkItemState.PROCESSING
COMPLETED, FAILED = WorkItemState.COMPLETED, WorkItemState.FAILED


#: A row without a holder. The claim's generation goes with it, and so does what was read for it.
RELEASED: dict[str, Any] = {
    "claim_id": None,
    "holder": None,
    "lease_until": None,
    "claimed_generation": None,
    "next_unsent_at": None,
    "read_ahead_id": None,
}

#: A row with nothing left to say or to do.
_DONE: dict[str, Any] = {
    **RELEASED,
    **recording.TOLD,
    "state": COMPLETED.value,
    "due_at": db_now(),
    "attempts": 0,
    "error_class": None,
    "last_error": None,
    "fingerprint": None,
    "hold_reason": None,
    "first_unsent_at": None,
    "doubt_until": None,
    "braked_value": None,
    "braked_in": None,
}


def take_over(session: Session, claim_id: str, *, lease_s: float) -> Claim:
    """Become the holder of a claim, fencing out whoever held it before (a redelivered message).

    Raises: ClaimLost when nothing of the claim is left: its lease ended or it is settled.
    """
    holder, rows = claim_rows.take_over(session, claim_id, lease_s)
    if not rows:
        raise ClaimLost(f"claim {claim_id} is not held any more")
    first = rows[0]
    # Rows that turned live meanwhile do not make a backfill live.
    priority = Priority(max(row.priority for row in rows))
    runs = [row.sync_run_id for row in rows if row.sync_run_id is not None]
    return Claim(
        id=claim_id,
        holder=holder,
        channel_id=first.channel_id,
        topic=Topic(first.topic),
        priority=priority,
        run_id=max(runs, default=None) if priority is Priority.BACKFILL else None,
        items=tuple(
            ClaimedItem(
                row.id,
                row.entity_id,
                row.pushed_hash,
                row.attempts,
                row.doubt_until,
                bool(row.is_doubtful),
                row.read_ahead_id,
                row.pushed_value,
                row.braked_value,
                row.braked_in,
                row.pushed_at,
            )
            for row in rows
        ),
    )


def begin_write(session: Session, held: Claim, item_ids: Sequence[int], *, lease_s: float) -> None:
    """Check the claim right before a write to the shop, and forget the hashes of its rows.

    From here until settle nobody knows what the shop holds (design.md 4: A pushed, B pushed,
    crash before settle, back to A must not be skipped). Whoever finds the row without a settle
    knows that this write may still come, and until when.
    Raises: ClaimLost; then nothing may be written.
    """
    marked = claim_rows.begin_write(session, held, item_ids, lease_s)
    if len(marked) != len(set(item_ids)):
        raise ClaimLost(f"claim {held.id} was taken over before its write")


def settle(session: Session, held: Claim, settled: Sequence[Settled]) -> SettleResult:
    """Record the evidence for rows of a claim.

    A row that was hinted meanwhile goes again, and its hash stays forgotten: the hint may stand
    for a late write of somebody who lost the claim. So does a row with an earlier write that may
    still come, once that cannot be any more: its sender may be dead and tell nobody.
    """
    rows = {row.id: row for row in held_rows(session, held, [one.item_id for one in settled])}
    current = [one for one in settled if one.item_id in rows and is_current(rows[one.item_id])]
    done = [one for one in current if not held.item_by_id[one.item_id].is_doubtful]
    doubted = [one for one in current if held.item_by_id[one.item_id].is_doubtful]
    again = [
        one.item_id for one in settled if one.item_id in rows and not is_current(rows[one.item_id])
    ]
    refused = [one.item_id for one in settled if one.item_id not in rows]
    recording.settled(session, held, [one for one in settled if one.item_id in rows])
    _complete(session, done)
    _remember_values(session, held, [one for one in done if one.pushed_hash is None] + doubted)
    doubts.restore(session, held, [*again, *(one.item_id for one in doubted)])
    update_items(
        session,
        again,
        **RELEASED,
        **recording.TOLD,
        state=QUEUED.value,
        due_at=db_now(),
        attempts=0,
        first_unsent_at=func.coalesce(WorkItem.next_unsent_at, WorkItem.last_event_at),
    )
    _look_again(session, doubted)
    doubts.spread(session, held, [one.item_id for one in done])
    telling.settled(session, held, done, doubted=doubted, again=again)
    return SettleResult(
        completed=tuple(one.item_id for one in done),
        requeued=tuple(again),
        refused=tuple(refused),
        doubted=tuple(one.item_id for one in doubted),
    )


def _look_again(session: Session, doubted: Sequence[Settled]) -> None:
    """Queue rows whose newest value is in the shop as far as we know: they are not unsent."""
    written = [one.item_id for one in doubted if one.pushed_hash is not None]
    update_items(session, written, pushed_at=db_now(), skip_reason=None)
    update_items(
        session,
        [one.item_id for one in doubted],
        **{
            **_DONE,
            "state": QUEUED.value,
            "doubt_until": WorkItem.doubt_until,
            "due_at": WorkItem.doubt_until,
        },
        pushed_hash=None,
    )


def release(
    session: Session, held: Claim, item_ids: Sequence[int], *, delay_s: float = 0.0
) -> None:
    """Give rows back as they are; costs no attempt. Rows that are not held any more stay."""
    rows = held_rows(session, held, item_ids)
    ids = {row.id for row in rows}
    update_items(session, list(ids), **RELEASED, state=QUEUED.value, due_at=db_now(delay_s))
    telling.became(session, held, "released", [item for item in held.items if item.id in ids])


def release_unsent(session: Session, claim_id: str) -> None:
    """Give a claim back whose chain could not be sent."""
    of_claim = select(WorkItem.id).where(
        WorkItem.claim_id == claim_id, WorkItem.state == PROCESSING.value
    )
    ids = session.scalars(locking(session, of_claim)).all()
    update_items(session, ids, **RELEASED, state=QUEUED.value, due_at=db_now())


def _complete(session: Session, done: Sequence[Settled]) -> None:
    """One UPDATE for all that was pushed, and one for each reason why something was not."""
    pushed, others = by_outcome(done)
    if pushed:
        on_postgres = sql.is_postgres(session)
        compared = {one.item_id: one.value for one in done if one.value is not None}
        values = {"ids": sql.json_numbers(on_postgres, pushed), "hashes": json.dumps(pushed)}
        if compared:
            values["compared"] = json.dumps(compared)
        session.execute(_pushed(on_postgres, bool(compared)), values)
    for reason, item_ids in others.items():
        update_items(session, item_ids, **_DONE, skip_reason=reason)


@lru_cache(maxsize=4)
def _pushed(on_postgres: bool, is_compared: bool) -> Any:
    """Built once: every batch ends with it."""
    table: Any = WorkItem.__table__

    def looked_up(name: str) -> Any:
        return sql.looked_up_in(on_postgres, bindparam(name, type_=String()), table.c.id)

    values = {**_DONE, "skip_reason": None, "pushed_at": db_now()}
    if is_compared:
        values["pushed_value"] = looked_up("compared")
    ids = bindparam("ids", type_=String())
    return (
        update(table)
        .where(sql.is_listed(on_postgres, table.c.id, ids))
        .values(**values, pushed_hash=looked_up("hashes"))
    )


def _remember_values(session: Session, held: Claim, settled: Sequence[Settled]) -> None:
    """What the brakes compare with, of rows that `_complete` did not say it of.

    Of those that were unchanged it was not known if an earlier version sent them.
    """
    values = {
        one.item_id: one.value
        for one in settled
        if one.value is not None and one.value != held.item_by_id[one.item_id].pushed_value
    }
    if values:
        update_items(
            session, list(values), pushed_value=sql.looked_up(session, values, WorkItem.id)
        )


def update_items(session: Session, item_ids: Sequence[int], **values: Any) -> None:
    if item_ids:
        session.execute(
            update(WorkItem)
            .where(sql.is_one_of(session, WorkItem.id, item_ids))
            .values(**values)
            .execution_options(synchronize_session=False)
        )
