"""Rows that a sync run's pages brought, kept until their work items are worked on.

One request for a page brings what a fetch would ask for again, so a batch of a run asks the ERP
for nothing. A row is a fetch made early: it counts for exactly the generation that the page's own
hint made. Each other hint, and each end of a stage, takes the page away from its work item; the
ERP is asked then. So nothing depends on these rows: lost or too old, they are fetched.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from integration import wire
from integration.channel_view import ChannelView
from integration.claims import Claim
from integration.clock import db_now
from integration.hints import PageRead
from integration.models import ReadAhead
from integration.topics import wants

if TYPE_CHECKING:
    from integration.runtime import Runtime

#: What a row is made of besides what the ERP states: a row made otherwise is no use.
_PARAMETERS = (wants.CATEGORIES, wants.CUSTOM_FIELDS, wants.VARIANTS, wants.STORAGES)
#: Little is gained by more, and the driver of a run reads five pages a second.
_COMPRESSION = 1


def keep(
    session: Session, run_id: int, channel: ChannelView, read_at: datetime, rows: Mapping[str, Any]
) -> PageRead:
    """Keep the rows of a page by article id; what `hint` takes to name it.

    `read_at`: by the database's clock, from before the ERP was asked.
    """
    body = wire.dumps({"shape": _shape(channel), "rows": rows}).encode(errors="replace")
    page = PageRead(uuid.uuid4().hex, read_at)
    session.add(
        ReadAhead(
            id=page.id,
            sync_run_id=run_id,
            read_at=read_at,
            rows=zlib.compress(body, _COMPRESSION),
        )
    )
    session.flush()
    return page


def or_fetched(
    runtime: Runtime,
    held: Claim,
    channel: ChannelView,
    wanted: Collection[str],
    fetch: Callable[[Sequence[str]], Mapping[str, Any]],
) -> dict[str, Any]:
    """Rows by article id: what was read ahead and still counts, the rest of `wanted` fetched."""
    with runtime.scope() as session:
        # Not older than a claim may be when it writes.
        rows = _rows_of(session, held, channel, max_age_s=runtime.settings.lease_s)
    missing = [one for one in wanted if one not in rows]
    return {**rows, **(fetch(missing) if missing else {})}


def _rows_of(
    session: Session, held: Claim, channel: ChannelView, *, max_age_s: float
) -> dict[str, Any]:
    wanted = {item.read_ahead_id for item in held.items if item.read_ahead_id is not None}
    if not wanted:
        return {}
    found = session.execute(
        select(ReadAhead.id, ReadAhead.rows).where(
            ReadAhead.id.in_(wanted), ReadAhead.read_at > db_now(-max_age_s)
        )
    ).all()
    shape = _shape(channel)
    pages = {row.id: wire.loads(zlib.decompress(row.rows)) for row in found}
    rows_by_page = {key: page["rows"] for key, page in pages.items() if page["shape"] == shape}
    return {
        item.entity_id: rows_by_page[item.read_ahead_id][item.entity_id]
        for item in held.items
        if item.entity_id in rows_by_page.get(item.read_ahead_id or "", ())
    }


def forget(session: Session, run_id: int, *, older_than_s: float = 0.0) -> None:
    """Remove pages of a run; rows that were not used yet are fetched."""
    session.execute(
        delete(ReadAhead)
        .where(ReadAhead.sync_run_id == run_id, ReadAhead.read_at <= db_now(-older_than_s))
        .execution_options(synchronize_session=False)
    )


def _shape(channel: ChannelView) -> str:
    return wire.content_hash(
        [
            *(channel.parameters.get(name, "") for name in _PARAMETERS),
            channel.price_details,
            channel.column_findings,
        ]
    )
