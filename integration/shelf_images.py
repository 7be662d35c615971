"""Which article of a channel shows which document of the ERP's media shelf, and what an event on
such a document means.

The ERP leads from an article to its documents and not back, so what a fetch saw is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from integration import sql, work_items, work_outcomes
from integration.clock import db_now
from integration.erp import listings
from integration.erp.client import ErpClient
from integration.errors import Busy, TransientError
from integration.events.meaning import LISTING, SHELF_DOCUMENT
from integration.models import ShelfImage, WorkItem, WorkItemState
from integration.runtime import Runtime
from integration.topology import Topic
from integration.work_items import Claim, ClaimedItem, Settled

#: Why nothing is sent for an event on a document or a listing.
PASSED_ON = "passed on to the articles it belongs to"
NOT_SHOWN = "no article of this channel shows it"
NO_IMAGES = "the article has no images"

#: A fetch that began before the event on an unknown document may be about to tell whose it is:
#: while one is under way, the document is asked for again so often.
ASKED_AGAIN_S = 5.0


def note(session: Session, channel_id: int, rows: Mapping[str, dict[str, Any]]) -> None:
    """Remember the documents of freshly fetched rows, and tell each row whether its article had
    images before (`had_images`): if not, an empty list is no news for the shop.

    What an article shows no more is forgotten with the next image that it has.
    """
    seen = {one: row["images"] for one, row in rows.items() if row.get("images") is not None}
    known = _illustrated(session, channel_id, seen)
    for article_id, images in sorted(seen.items()):
        rows[article_id]["had_images"] = article_id in known
        if images:
            _replace(session, channel_id, article_id, [str(image["id"]) for image in images])


def _replace(
    session: Session, channel_id: int, article_id: str, document_ids: Sequence[str]
) -> None:
    session.execute(
        delete(ShelfImage).where(
            ShelfImage.channel_id == channel_id,
            ShelfImage.article_id == article_id,
            ShelfImage.document_id.not_in(document_ids),
        )
    )
    session.execute(
        sql.insert(session, ShelfImage)
        .values(
            [
                {"channel_id": channel_id, "article_id": article_id, "document_id": one}
                for one in sorted(set(document_ids))
            ]
        )
        .on_conflict_do_nothing()
    )


def _illustrated(session: Session, channel_id: int, article_ids: Collection[str]) -> frozenset[str]:
    return frozenset(
        session.scalars(
            select(ShelfImage.article_id).where(
                ShelfImage.channel_id == channel_id,
                sql.is_one_of_texts(session, ShelfImage.article_id, article_ids),
            )
        )
    )


def of_articles(
    runtime: Runtime, held: Claim, items: Sequence[ClaimedItem], erp: Callable[[], ErpClient]
) -> list[ClaimedItem]:
    """Those of the items whose entity is an article; the others are passed on to the articles that
    they mean, and settled.

    Raises: what the ERP says when it is asked for the article of a listing.
    """
    documents = _named(items, SHELF_DOCUMENT)
    listed = _named(items, LISTING)
    if not documents and not listed:
        return list(items)
    article_by_listing: Mapping[str, str] = {}
    if listed:
        article_by_listing = listings.articles_of(erp(), held.channel, list(listed))
    with runtime.scope() as session:
        shown = _articles_showing(session, held.channel_id, documents)
        work_items.hint(
            session,
            held.channel_id,
            Topic.MEDIA,
            [*(article for _, article in shown), *article_by_listing.values()],
            priority=held.priority,
        )
        known = {documents[document].id for document, _ in shown}
        known.update(item.id for one, item in listed.items() if one in article_by_listing)
        named = [*documents.values(), *listed.values()]
        _settle(session, held, named, known, longest_fetch_s=runtime.settings.stage_hard_s)
    others = {item.id for item in named}
    return [item for item in items if item.id not in others]


def _settle(
    session: Session,
    held: Claim,
    items: Iterable[ClaimedItem],
    known: Collection[int],
    *,
    longest_fetch_s: float,
) -> None:
    """Unknown ones are doubted once, and as long as a fetch may be under way that began before
    their event. What is fetched later sees what the event told anyway."""
    unknown = [item for item in items if item.id not in known]
    doubted = [item for item in unknown if item.attempts]
    young: Collection[int] = ()
    if doubted and _others_fetch(session, held):
        young = _young(session, doubted, longest_fetch_s)
    errors: dict[int, Exception] = {}
    for item in unknown:
        words = f"nobody knows yet which article shows {item.entity_id}"
        if not item.attempts:
            errors[item.id] = TransientError(words)
        elif item.id in young:
            errors[item.id] = Busy(words, ASKED_AGAIN_S)
    ended = [Settled(one, skip_reason=PASSED_ON) for one in known]
    ended += [Settled(one.id, skip_reason=NOT_SHOWN) for one in unknown if one.id not in errors]
    work_items.settle(session, held, ended)
    work_outcomes.record_errors(session, held, errors)


def _young(session: Session, items: Sequence[ClaimedItem], age_s: float) -> Collection[int]:
    """Those of the items whose last event is not older."""
    ids = [item.id for item in items]
    return session.scalars(
        select(WorkItem.id).where(
            sql.is_one_of(session, WorkItem.id, ids), WorkItem.last_event_at > db_now(-age_s)
        )
    ).all()


def _others_fetch(session: Session, held: Claim) -> bool:
    """Whether another batch of images is under way."""
    others = select(WorkItem.id).where(
        WorkItem.channel_id == held.channel_id,
        WorkItem.topic == Topic.MEDIA.value,
        WorkItem.state == WorkItemState.PROCESSING.value,
        WorkItem.claim_id != held.id,
    )
    return session.scalar(others.limit(1)) is not None


def _named(items: Sequence[ClaimedItem], prefix: str) -> dict[str, ClaimedItem]:
    """Items by the id behind the prefix of their entity."""
    return {
        item.entity_id.removeprefix(prefix): item
        for item in items
        if item.entity_id.startswith(prefix)
    }


def _articles_showing(
    session: Session, channel_id: int, document_ids: Collection[str]
) -> list[tuple[str, str]]:
    """Pairs of document and article."""
    rows = session.execute(
        select(ShelfImage.document_id, ShelfImage.article_id).where(
            ShelfImage.channel_id == channel_id,
            sql.is_one_of_texts(session, ShelfImage.document_id, document_ids),
        )
    ).all()
    return [(row.document_id, row.article_id) for row in rows]
