"""A channel's mappings as they are stored; what changes them is in mapping_changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration.mapping_kinds import Kind, Mappings
from integration.models import ChannelMapping


@dataclass(frozen=True)
class Entry:
    """What the shop calls one value of the ERP. `set_at` None: it is not stored yet."""

    kind: Kind
    erp_value: str
    shop_value: str
    set_at: datetime | None = None


def load(session: Session, channel_id: int, kinds: Collection[Kind]) -> Mappings:
    """The channel's mappings of these kinds."""
    if not kinds:
        return Mappings()
    by_kind: dict[Kind, dict[str, str]] = {}
    for one in entries(session, channel_id, kinds):
        by_kind.setdefault(one.kind, {})[one.erp_value] = one.shop_value
    return Mappings(by_kind)


def entries(
    session: Session, channel_id: int, kinds: Collection[Kind] = tuple(Kind)
) -> list[Entry]:
    """The same as a list, by kind and ERP value."""
    rows = session.execute(
        select(
            ChannelMapping.kind,
            ChannelMapping.erp_value,
            ChannelMapping.shop_value,
            ChannelMapping.set_at,
        )
        .where(
            ChannelMapping.channel_id == channel_id,
            ChannelMapping.kind.in_([kind.value for kind in kinds]),
        )
        .order_by(ChannelMapping.kind, ChannelMapping.erp_value)
    )
    return [Entry(Kind(row.kind), row.erp_value, row.shop_value, row.set_at) for row in rows]
