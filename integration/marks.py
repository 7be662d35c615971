"""Marks of a channel: at this moment all was well, and this was the ERP's newest change.

Made while the channel moves and webhooks can come in, so that a gap lies behind its mark. From a
mark a catch-up knows where to begin in the ERP's own clock, whatever ours says.
Source: docs/decisions/0021.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import facts
from integration.clock import db_now
from integration.models import ChannelFact

_FACT = "change-marks"
#: Seconds between two marks of a channel: one small request each.
EVERY_S = 900.0
#: Two days of marks: registrations are verified once a day, and the night may fail once.
KEPT = 200
#: A mark counts for a gap that began so long after it: the ERP sends an event again for a while
#: (vario-erp.md 2.4: 10 s to 15 min), and what it was still at when the gap began may be lost.
LEAD = timedelta(minutes=30)


class Mark(NamedTuple):
    """`at` by our database's clock, `newest` by the ERP's; None: it does not say."""

    at: datetime
    newest: datetime | None


def take_turn(session: Session, channel_id: int) -> bool:
    """Be the one who makes the channel's next mark; False: it is too early, or somebody is at it.

    Two beats make one mark; one that could not be made is tried again by the next turn.
    """
    return facts.take_turn(
        session, ChannelFact.channel_id, channel_id, _FACT, every_s=EVERY_S, first=[]
    )


def put(session: Session, channel_id: int, newest: datetime | None) -> None:
    """Add a mark. Needs a turn. Failure policy: part of the caller's transaction."""
    row = session.get_one(ChannelFact, (channel_id, _FACT), with_for_update=True)
    now = session.scalars(select(db_now())).one()
    mark = [now.isoformat(), newest.isoformat() if newest else None]
    row.value = [*row.value, mark][-KEPT:]


def last(session: Session, channel_id: int) -> Mark | None:
    """The newest mark; None: the channel has never moved."""
    return next(reversed(_all(session, channel_id)), None)


def before_last(session: Session, channel_id: int) -> Mark | None:
    """The mark before the newest one; None: there was none."""
    made = _all(session, channel_id)
    return made[-2] if len(made) > 1 else None


def changed_since(session: Session, channel_id: int, missed_from: datetime) -> datetime | None:
    """From where in the ERP's clock a gap is to be read that began at `missed_from` of ours.

    None: no mark is old enough, or the ERP has no column; then everything is compared.
    """
    marks = _all(session, channel_id)
    return next((one.newest for one in reversed(marks) if one.at <= missed_from - LEAD), None)


def forget(session: Session, channel_id: int) -> None:
    """Believe no mark made so far, e.g. when the column turned out to leave changes out."""
    row = session.get(ChannelFact, (channel_id, _FACT), with_for_update=True)
    if row is not None:
        row.value = []


def _all(session: Session, channel_id: int) -> list[Mark]:
    made = facts.stored(session, ChannelFact.channel_id, channel_id, _FACT)
    return [
        Mark(datetime.fromisoformat(at), datetime.fromisoformat(newest) if newest else None)
        for at, newest in made or ()
    ]
