"""Deliveries whose events were lost: found among the ERP's newest documents by a catch-up.

Asked for is what may be news to the shop: a document that nobody told us of, one that was cancelled
or closed and is not so in the shop, one that was sent before its parcels had numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import observe, served, sql
from integration.erp import recent_documents
from integration.erp.recent_documents import RecentDocument
from integration.errors import Forbidden, Gone, Rejected
from integration.models import Fulfilment, SyncRun, WorkItem
from integration.token_bucket import Share
from integration.topics.order_status import DELIVERIES, ORDER, has_ended
from integration.topology import Topic

if TYPE_CHECKING:
    from integration.channel_view import ChannelView
    from integration.runtime import Runtime

log = logging.getLogger(__name__)

#: Where nobody knows since when: deliveries are older than that when their events are lost, rarely.
BACK = timedelta(days=14)


def find(runtime: Runtime, run: SyncRun, channel: ChannelView) -> list[str]:
    """The documents that a catch-up asks for; none where the platform takes no deliveries.

    Raises: IntegrationError when the ERP does not answer.
    """
    if not served.carries(channel.platform, Topic.ORDER_STATUS):
        return []
    client = runtime.erp(channel.tenant_id, share=Share.BACKFILL)
    facts = runtime.erp_facts(channel.tenant_id)
    try:
        found = recent_documents.read(client, facts, run.changed_since, BACK)
    except (Gone, Rejected, Forbidden) as error:
        # Articles are caught up with without the right to documents.
        log.warning(observe.event("catch_up.no_documents", channel=channel.label, error=error))
        return []
    ours = [one for one in found if _is_ours(one, channel)]
    with runtime.scope() as session:
        return _news(session, channel.id, ours)


def _is_ours(document: RecentDocument, channel: ChannelView) -> bool:
    """What the ERP does not say of a document is asked when it is worked on."""
    if document.channel not in (None, channel.erp_id):
        return False
    if document.category == ORDER:
        return has_ended(document.state)
    return document.category is None or document.category in DELIVERIES


def _news(session: Session, channel_id: int, documents: Sequence[RecentDocument]) -> list[str]:
    ids = [one.id for one in documents]
    told = set(
        session.scalars(
            select(WorkItem.entity_id).where(
                WorkItem.channel_id == channel_id,
                WorkItem.topic == Topic.ORDER_STATUS.value,
                sql.is_one_of_texts(session, WorkItem.entity_id, ids),
            )
        )
    )
    sent = {
        row.document_id: row
        for row in session.scalars(
            select(Fulfilment).where(
                Fulfilment.channel_id == channel_id,
                Fulfilment.sent_at.is_not(None),
                sql.is_one_of_texts(session, Fulfilment.document_id, ids),
            )
        )
    }
    return [
        one.id
        for one in documents
        if one.id not in told or _is_unfinished(sent.get(one.id), one.state)
    ]


def _is_unfinished(sent: Fulfilment | None, state: str | None) -> bool:
    if sent is None or sent.is_withdrawn:
        return False
    return has_ended(state) or not sent.tracking_numbers
