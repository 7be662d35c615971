"""The stock pass of each hour: a stock whose event got lost is sold out or oversold by the night.

It reads the channel's stocks from the ERP, a page of articles in one request, and asks only for
those that differ from what was sent last. Where stock comes article by article it reads nothing:
that would cost more in an hour than there is, and the nightly pass does it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import (
    channels,
    owned_payloads,
    shop_edits,
    shop_products,
    sql,
    sync_runs,
    toggles,
    variants,
)
from integration.channel_view import ChannelView
from integration.clock import db_now
from integration.connectors.base import Connector, ListingView
from integration.documents import WithdrawalDocument
from integration.erp.articles import PageOfRows
from integration.errors import Held, PermanentError, TransientError
from integration.models import SalesChannel, SyncRun, Tenant, WorkItem, WorkItemState
from integration.owned_payloads import Ownership
from integration.runtime import Runtime
from integration.sync_runs import HOURLY_STOCK, OPEN_STATES
from integration.topics import DOCUMENT_BY_TOPIC
from integration.topology import Topic

#: A channel that came within it has the stocks of its initial sync.
HOUR_S = 3_600


def start_hourly_stock(session: Session) -> list[int]:
    """Begin this hour's stock pass of each running channel that has not begun it; ids of the runs.

    Not where another run that compares stocks is at it, or stock is switched off. Two beats begin
    one run (unique key).
    """
    hour = session.scalars(select(db_now())).one().strftime("%Y-%m-%dT%H")
    running = session.scalars(
        select(SalesChannel.id)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(
            channels.is_running(),
            toggles.is_switched_on(Topic.STOCK),
            SalesChannel.created_at < db_now(-HOUR_S),
        )
    ).all()
    key_by_channel = {one: f"{HOURLY_STOCK}:{one}:{hour}" for one in running}
    begun = _begun(session, key_by_channel.values())
    left = {one: key for one, key in key_by_channel.items() if key not in begun}
    busy = _busy(session, left)
    runs = [
        sync_runs.start(session, one, HOURLY_STOCK, ["stock"], unique_key=key)
        for one, key in left.items()
        if one not in busy
    ]
    return [run_id for run_id in runs if run_id is not None]


def _begun(session: Session, keys: Iterable[str]) -> set[str | None]:
    is_begun = sql.is_one_of_texts(session, SyncRun.unique_key, list(keys))
    return set(session.scalars(select(SyncRun.unique_key).where(is_begun)))


def _busy(session: Session, channel_ids: Collection[int]) -> set[int]:
    """Those whose stocks are being compared; rows that wait for their next attempt are not."""
    comparing = session.scalars(
        select(SyncRun).where(
            SyncRun.state.in_(OPEN_STATES),
            SyncRun.topics.contains("stock"),
            SyncRun.channel_id.in_(channel_ids),
        )
    ).all()
    return {one.channel_id for one in comparing if not sync_runs.is_at_rest(session, one)}


def differing(runtime: Runtime, channel: ChannelView, page: PageOfRows) -> list[str]:
    """Articles of a page whose stock is another one than the shop was sent last.

    What is on its way, held, failed or left to the shop is none of them.
    """
    with runtime.scope() as session:
        listings = shop_products.views(session, channel.id, page.ids)
        items = _items(session, channel.id, page)
    owned = shop_edits.ownership(runtime.scope, channel, listings)
    connector = runtime.connector(channel)
    return [
        one
        for one in page.ids
        if one in listings
        and one in page.rows
        and _is_another(
            connector, owned, channel, listings[one], page.rows[one], items.get(one, _NEVER)
        )
    ]


#: State and pushed hash of a stock that was never sent.
_NEVER = (WorkItemState.COMPLETED.value, None)


def _items(
    session: Session, channel_id: int, page: PageOfRows
) -> dict[str, tuple[str, str | None]]:
    rows = session.execute(
        select(WorkItem.entity_id, WorkItem.state, WorkItem.pushed_hash).where(
            WorkItem.channel_id == channel_id,
            WorkItem.topic == Topic.STOCK.value,
            sql.is_one_of_texts(session, WorkItem.entity_id, page.ids),
        )
    ).all()
    return {row.entity_id: (row.state, row.pushed_hash) for row in rows}


def _is_another(
    connector: Connector,
    owned: Ownership,
    channel: ChannelView,
    listing: ListingView,
    row: Mapping[str, Any],
    item: tuple[str, str | None],
) -> bool:
    state, pushed_hash = item
    if state != WorkItemState.COMPLETED.value:
        return False
    if variants.is_left_to_variants(Topic.STOCK, row, listing, channel):
        return False
    try:
        document = DOCUMENT_BY_TOPIC[Topic.STOCK](row, channel)
        if isinstance(document, WithdrawalDocument):
            return False  # its article's to say
        payload = owned.payload_or_reason(connector, document, listing)
    except TransientError:
        return False  # the next hour
    except (Held, PermanentError):
        return True  # the stages say what is wrong with it
    return not isinstance(payload, str) and pushed_hash not in owned_payloads.contents(payload)
