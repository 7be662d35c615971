"""Sets and removes mappings, and lets go at once what waited for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from integration import catch_ups, mappings, sql, work_items, work_outcomes
from integration.clock import db_now
from integration.mapping_kinds import Kind, hold_reason
from integration.mappings import Entry
from integration.models import ChannelMapping, Listing, WorkItem
from integration.topics.units import KG_BY_UNIT, MM_BY_UNIT

_SENT_OTHERWISE = (
    "values were mapped to others of the shop, and products were sent with the old ones"
)


@dataclass(frozen=True)
class Changed:
    """`entries` that differ from what was stored; `released` changes that waited for them.

    `asks_for_all`: articles in the shop were sent under another value, and all are compared.
    """

    entries: int
    released: int
    asks_for_all: bool


def put(session: Session, channel_id: int, wanted: Sequence[Entry]) -> Changed:
    """Store entries, those that are there with their new value, and release what waited."""
    stored = {(one.kind, one.erp_value): one for one in mappings.entries(session, channel_id)}
    changed = [
        one
        for one in wanted
        if (old := stored.get((one.kind, one.erp_value))) is None
        or old.shop_value != one.shop_value
    ]
    _store(session, channel_id, changed)
    released = _release(session, channel_id, wanted)
    asks_for_all = _were_sent_otherwise(session, channel_id, changed, set(stored))
    if asks_for_all:
        catch_ups.compare(session, channel_id, _SENT_OTHERWISE)
    return Changed(len(changed), released, asks_for_all)


def _store(session: Session, channel_id: int, changed: Sequence[Entry]) -> None:
    if not changed:
        return
    insert = sql.insert(session, ChannelMapping.__table__).values(
        channel_id=channel_id, set_at=db_now()
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["channel_id", "kind", "erp_value"],
            set_={"shop_value": insert.excluded.shop_value, "set_at": db_now()},
        ),
        [
            {"kind": one.kind.value, "erp_value": one.erp_value, "shop_value": one.shop_value}
            for one in changed
        ],
    )


def _release(session: Session, channel_id: int, wanted: Sequence[Entry]) -> int:
    """Let go what waits for these values, set now or before: a row that was under way when its
    mapping was set waits for one that is there."""
    reasons = {hold_reason(one.kind, one.erp_value) for one in wanted}
    held = session.scalars(
        select(WorkItem.hold_reason)
        .where(WorkItem.channel_id == channel_id, WorkItem.hold_reason.is_not(None))
        .distinct()
    )
    waiting = sorted(reasons.intersection(held.all()))
    # All rows at once and in everybody's order, before any of them changes.
    rows = select(WorkItem.id).where(
        WorkItem.channel_id == channel_id, WorkItem.hold_reason.in_(waiting)
    )
    session.execute(work_items.locking(session, rows))
    return sum(work_outcomes.release_holds(session, channel_id, one) for one in waiting)


def remove(session: Session, channel_id: int, kind: Kind, erp_value: str) -> bool:
    """Forget an entry: what needs it is held from its next change on. False if there is none."""
    gone = session.scalars(
        delete(ChannelMapping)
        .where(
            ChannelMapping.channel_id == channel_id,
            ChannelMapping.kind == kind.value,
            ChannelMapping.erp_value == erp_value,
        )
        .returning(ChannelMapping.erp_value)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(gone)


def _were_sent_otherwise(
    session: Session, channel_id: int, changed: Sequence[Entry], stored: set[tuple[Kind, str]]
) -> bool:
    """Whether products may hold what another value, or the equal tax rate, had stood for."""
    other = [one for one in changed if (one.kind, one.erp_value) in stored or _goes_without(one)]
    if not other:
        return False
    # Without a product nothing was sent, and a first sync is a person's decision.
    return bool(session.scalar(select(exists().where(Listing.channel_id == channel_id))))


def _goes_without(entry: Entry) -> bool:
    """Whether articles with this value are sent without a mapping, too."""
    if entry.kind is Kind.UNIT:
        return entry.erp_value.lower() in {*KG_BY_UNIT, *MM_BY_UNIT}
    # A tax by its rate and a manufacturer by its name; texts in a language that is not mapped do
    # not travel.
    return entry.kind in (Kind.TAX, Kind.LANGUAGE, Kind.MANUFACTURER)
