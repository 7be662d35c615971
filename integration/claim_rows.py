"""The rows of a claim: the statements that every stage runs, each built once per database.

To build one anew takes longer than to run it. Whoever locks work items does it here or with
`locking`, in the one order in which everybody locks them.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    String,
    and_,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session

from integration import doubts, sql
from integration.claims import Claim
from integration.clock import UtcDateTime, db_now
from integration.models import Lane, Priority, WorkItem, WorkItemState
from integration.topology import Topic

_table: Any = WorkItem.__table__
_item = _table.c

_is_claimed = and_(
    _item.claim_id == bindparam("claim", type_=String()),
    _item.state == WorkItemState.PROCESSING.value,
)
_is_held = and_(_is_claimed, _item.holder == bindparam("held_by", type_=String()))

#: What decides about the rows of a stage. Times are left out: they cost more than the rest.
_DECIDING = (
    _item.id,
    _item.entity_id,
    _item.generation,
    _item.claimed_generation,
    _item.holder,
    _item.attempts,
)


@dataclass(frozen=True)
class Turn:
    """Of live work, which moves in rounds (integration.dispatching): when it is a lane's turn, by
    the database's clock, and how long a round lasts."""

    at: datetime
    coalesce_s: float

    @property
    def open_since(self) -> datetime:
        """A round that began later is still open."""
        return self.at - timedelta(seconds=self.coalesce_s)


def claim(
    session: Session,
    channel_id: int,
    topic: Topic,
    *,
    priority: Priority,
    limit: int,
    lease_s: float,
    turn: Turn | None = None,
) -> tuple[str, int]:
    """Claim up to `limit` due rows of one (channel, topic) and priority; a claim's id, and how many
    rows it has.

    With a `turn`, what was due when the open round began, or at the turn where none is open: what
    comes between the claim and the note of its turn is the next round's. Without, what is due now.
    """
    claim_id = uuid.uuid4().hex
    values: dict[str, Any] = {
        "channel": channel_id,
        "of_topic": topic.value,
        "urgency": int(priority),
        "claim": claim_id,
        "most": limit,
        "lease_s": lease_s,
    }
    if turn is not None:
        values |= {"turn": turn.at, "open_since": turn.open_since}
    taken = session.scalars(_claim(turn is not None), values).all()
    return claim_id, len(taken)


@lru_cache(maxsize=2)
def _claim(in_rounds: bool) -> Any:
    channel_id = bindparam("channel", type_=Integer())
    topic = bindparam("of_topic", type_=String())
    due_before: Any = db_now()
    if in_rounds:
        lane = Lane.__table__.c
        round_began_at = select(lane.round_started_at).where(
            lane.channel_id == channel_id,
            lane.topic == topic,
            lane.round_started_at > bindparam("open_since", type_=UtcDateTime()),
        )
        turn = bindparam("turn", type_=UtcDateTime())
        due_before = func.coalesce(round_began_at.scalar_subquery(), turn)
    due = (
        select(_item.id)
        .where(
            _item.channel_id == channel_id,
            _item.topic == topic,
            _item.priority == bindparam("urgency", type_=Integer()),
            _item.state == WorkItemState.QUEUED.value,
            _item.hold_reason.is_(None),
            _item.due_at <= due_before,
        )
        .order_by(_item.due_at, _item.id)
        .limit(bindparam("most", type_=Integer()))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(_table)
        .where(_item.id.in_(select(due.c.id)))
        .values(
            state=WorkItemState.PROCESSING.value,
            claim_id=bindparam("claim", type_=String()),
            holder=None,
            claimed_generation=_item.generation,
            lease_until=db_now(bindparam("lease_s", type_=Float())),
            next_unsent_at=None,
        )
        .returning(_item.id)
    )


def take_over(session: Session, claim_id: str, lease_s: float) -> tuple[str, Sequence[Any]]:
    """Give the rows of a claim to a new holder; its name, and what it needs of each row."""
    holder = uuid.uuid4().hex
    values = {"claim": claim_id, "new_holder": holder, "lease_s": lease_s}
    rows = session.execute(_take_over(sql.is_postgres(session)), values).all()
    return holder, sorted(rows, key=lambda row: str(row.entity_id))


@lru_cache(maxsize=2)
def _take_over(on_postgres: bool) -> Any:
    return (
        _update(on_postgres, _is_claimed)
        .values(
            holder=bindparam("new_holder", type_=String()),
            lease_until=db_now(bindparam("lease_s", type_=Float())),
        )
        .returning(
            _item.id,
            _item.channel_id,
            _item.topic,
            _item.entity_id,
            _item.priority,
            _item.attempts,
            _item.pushed_hash,
            _item.doubt_until,
            doubts.IS_OPEN,
            _item.read_ahead_id,
            _item.sync_run_id,
            _item.pushed_value,
            _item.braked_value,
            _item.braked_in,
            _item.pushed_at,
        )
    )


def begin_write(
    session: Session, held: Claim, item_ids: Collection[int], lease_s: float
) -> Collection[int]:
    """Mark these rows before a write, as far as they are still held; the ids of those."""
    on_postgres = sql.is_postgres(session)
    values = {**_held(on_postgres, held, item_ids), "lease_s": lease_s}
    values["doubt_s"] = doubts.LEASES * lease_s
    return session.scalars(_begin_write(on_postgres), values).all()


@lru_cache(maxsize=2)
def _begin_write(on_postgres: bool) -> Any:
    return (
        _update(on_postgres, _is_held, _is_listed(on_postgres))
        .values(
            pushed_hash=None,
            lease_until=db_now(bindparam("lease_s", type_=Float())),
            doubt_until=db_now(bindparam("doubt_s", type_=Float())),
        )
        .returning(_item.id)
    )


def held_rows(session: Session, held: Claim, item_ids: Collection[int]) -> Sequence[Any]:
    """These rows, locked, as far as they are still held."""
    if not item_ids:
        return []
    on_postgres = sql.is_postgres(session)
    statement = _locked(on_postgres, only_held=True)
    return session.execute(statement, _held(on_postgres, held, item_ids)).all()


def locked_rows(session: Session, item_ids: Collection[int]) -> Sequence[Any]:
    """Rows, locked, whoever holds them."""
    if not item_ids:
        return []
    on_postgres = sql.is_postgres(session)
    statement = _locked(on_postgres, only_held=False)
    return session.execute(statement, {"ids": sql.json_numbers(on_postgres, item_ids)}).all()


@lru_cache(maxsize=4)
def _locked(on_postgres: bool, *, only_held: bool) -> Any:
    rows = select(*_DECIDING).where(_is_listed(on_postgres))
    return _locking(on_postgres, rows.where(_is_held) if only_held else rows)


def locking(session: Session, statement: Any) -> Any:
    """The statement, locking work items in the one order in which everybody locks them."""
    return _locking(sql.is_postgres(session), statement)


def is_current(row: Any) -> bool:
    """Whether nothing was heard of a locked row since it was claimed."""
    return bool(row.generation == row.claimed_generation)


def _locking(on_postgres: bool, statement: Any) -> Any:
    """Articles first, because their transitions go on to prices and stocks; then topic and id."""
    return statement.order_by(
        case((_item.topic == Topic.ARTICLE.value, 0), else_=1),
        sql.lock_order_in(on_postgres, _item.topic),
        sql.lock_order_in(on_postgres, _item.entity_id),
    ).with_for_update(of=_table)


def _update(on_postgres: bool, *conditions: ColumnElement[bool]) -> Any:
    """An UPDATE of the rows that meet these conditions, locked before any of them changes."""
    locked = _locking(on_postgres, select(_item.id).where(*conditions)).cte("locked")
    return update(_table).where(_item.id.in_(select(locked.c.id)))


def _is_listed(on_postgres: bool) -> ColumnElement[bool]:
    return sql.is_listed(on_postgres, _item.id, bindparam("ids", type_=String()))


def _held(on_postgres: bool, held: Claim, item_ids: Collection[int]) -> dict[str, Any]:
    ids = sql.json_numbers(on_postgres, item_ids)
    return {"claim": held.id, "held_by": held.holder, "ids": ids}
