"""A channel's mappings as they are stored; what changes them is in mapping_changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, null, select
from sqlalchemy.orm import Session

from integration import sql
from integration.mapping_kinds import Kind, Mappings
from integration.models import ChannelMapping


@dataclass(frozen=True)
class Entry:
    """What the shop calls one value of the ERP. `set_at` None: it is not stored yet."""

    kind: Kind
    erp_value: str
    shop_value: str
    set_at: datetime | None = None


def column(
    on_postgres: bool, channel_id: ColumnElement[int], kinds: Collection[Kind]
) -> ColumnElement[Any]:
    """The mappings of a channel of these kinds as one column of a SELECT, for `of_column`."""
    if not kinds:
        return null()
    mapping = ChannelMapping.__table__.c
    return sql.listed(
        on_postgres,
        mapping.kind,
        mapping.erp_value,
        mapping.shop_value,
        where=and_(
            mapping.channel_id == channel_id, mapping.kind.in_([kind.value for kind in kinds])
        ),
    )


def of_column(rows: Sequence[Sequence[str]] | None) -> Mappings:
    """What `column` brought."""
    by_kind: dict[Kind, dict[str, str]] = {}
    for kind, erp_value, shop_value in rows or ():
        by_kind.setdefault(Kind(kind), {})[erp_value] = shop_value
    return Mappings(by_kind)


def entries(
    session: Session, channel_id: int, kinds: Collection[Kind] = tuple(Kind)
) -> list[Entry]:
    """The channel's mappings of these kinds, by kind and ERP value."""
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
