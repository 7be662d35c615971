"""Changes of the ERP that no webhook told, while webhooks could come in.

A proxy, a firewall or a certificate that ended loses webhooks on their way, and nothing of ours
stands still. So each mark of a channel (integration.gap_watch) reads which articles changed since
the one before, in the one request that it needs anyway. A quarter of an hour later, when the ERP
has had time to send an event again, each of them must have been asked for since; if not, what
changed is caught up with. Source: docs/decisions/0021.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from integration import facts, marks, sql
from integration.erp.changes import ChangedArticle
from integration.models import ChannelFact, SalesChannel, WorkItem
from integration.topology import Topic

_FACT = "changes-to-hear-of"
#: Between a change and the mark that finds it both clocks go on; no event is that old for it.
MARGIN = timedelta(minutes=1)
#: What an event about an article asks for.
_OF_ARTICLES = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK, Topic.MEDIA)


def changed_after(articles: Sequence[ChangedArticle], last: marks.Mark | None) -> list[str]:
    """Ids of those that changed after a mark, by the ERP's clock; none where it tells no times."""
    if last is None or last.newest is None:
        return []
    return [one.id for one in articles if one.at is not None and one.at > last.newest]


def expect(session: Session, channel_id: int, ids: Sequence[str]) -> None:
    """Remember of which articles something should be heard until the next mark."""
    facts.remember(session, ChannelFact.channel_id, channel_id, _FACT, list(ids))


def unheard_of(session: Session, channel_id: int, since: marks.Mark) -> list[str]:
    """Those of the last mark of which nothing was heard `since` the one before it.

    An event may name another sales channel of the tenant that lists the article; what we changed
    ourselves (product ids that go back) causes none.
    """
    expected = facts.stored(session, ChannelFact.channel_id, channel_id, _FACT)
    if not expected:
        return []
    since_at = since.at - MARGIN
    tenant_id = select(SalesChannel.tenant_id).where(SalesChannel.id == channel_id)
    siblings = select(SalesChannel.id).where(SalesChannel.tenant_id == tenant_id.scalar_subquery())
    is_ours = WorkItem.topic == Topic.WRITE_BACK.value
    was_settled = and_(is_ours, WorkItem.due_at >= since_at)
    was_asked_for = and_(~is_ours, WorkItem.last_event_at >= since_at)
    heard_of = set(
        session.scalars(
            select(WorkItem.entity_id).where(
                WorkItem.channel_id.in_(siblings),
                # The index has the topic before the article.
                WorkItem.topic.in_([one.value for one in (*_OF_ARTICLES, Topic.WRITE_BACK)]),
                sql.is_one_of_texts(session, WorkItem.entity_id, expected),
                or_(was_settled, was_asked_for),
            )
        )
    )
    return [one for one in expected if one not in heard_of]
