"""Which article a person means: the ERP's id, its number, or its EAN."""

from __future__ import annotations

from sqlalchemy import select

from integration import ids
from integration.erp import listings
from integration.erp.listings import FoundArticle
from integration.errors import UsageError
from integration.models import ArticleHold, Listing, SalesChannel, WorkItem
from integration.runtime import Runtime
from integration.topology import Topic


class UnknownArticle(UsageError):
    """Neither we nor the ERP know an article of that name."""


def known(runtime: Runtime, channel: SalesChannel, text: str) -> FoundArticle | None:
    """The article that `text` names by what we know ourselves, which needs no ERP."""
    wanted = text.strip()
    return _by_number(runtime, channel.id, wanted) or _by_id(runtime, channel.id, wanted)


def find(runtime: Runtime, channel: SalesChannel, text: str) -> FoundArticle:
    """The one article that `text` names on a channel; what we know ourselves needs no ERP.

    A number goes before an id: where both fit, people mean what stands on the article.
    Raises: UnknownArticle when there is none, UsageError for more than one; IntegrationError when
    the ERP, which must be asked, does not answer.
    """
    own = known(runtime, channel, text)
    if own is not None:
        return own
    wanted = text.strip()
    if not wanted:
        raise UsageError("the article is empty; name its id, its number or its EAN")
    found = listings.find_by_number(runtime.erp(channel.tenant_id), wanted)
    exact = [one for one in found if one.number == wanted] or found
    if not exact:
        raise UnknownArticle(f"the ERP has no article with the number, EAN or id {wanted}")
    if len(exact) > 1:
        shown = ", ".join(f"{one.number} (id {one.id})" for one in exact)
        raise UsageError(f"{wanted} names several articles: {shown}; name one by its id")
    return exact[0]


def _by_number(runtime: Runtime, channel_id: int, number: str) -> FoundArticle | None:
    with runtime.scope() as session:
        rows = session.execute(
            select(Listing.article_id, Listing.number).where(
                Listing.channel_id == channel_id, Listing.number == number
            )
        ).all()
    return FoundArticle(*rows[0]) if len(rows) == 1 else None


def _by_id(runtime: Runtime, channel_id: int, text: str) -> FoundArticle | None:
    """An id of which we have heard: a product, a change, a hold."""
    article_id = ids.canonical(text)
    if article_id is None:
        return None
    with runtime.scope() as session:
        number = session.scalar(
            select(Listing.number).where(
                Listing.channel_id == channel_id, Listing.article_id == article_id
            )
        )
        heard = number is not None or any(
            session.scalar(one) is not None
            for one in (
                select(WorkItem.id)
                .where(
                    WorkItem.channel_id == channel_id,
                    WorkItem.topic.in_(
                        [topic.value for topic in Topic if topic is not Topic.ORDER_STATUS]
                    ),
                    WorkItem.entity_id == article_id,
                )
                .limit(1),
                select(ArticleHold.article_id)
                .where(ArticleHold.channel_id == channel_id, ArticleHold.article_id == article_id)
                .limit(1),
            )
        )
    return FoundArticle(article_id, number) if heard else None
