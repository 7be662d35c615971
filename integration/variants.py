"""Variants of a channel that wants them: the main article first, its variants linked below it.

A product that is a product of its own stays one, and a variant stays a variant, until a person
confirms the change: orders, ratings and links of a shop hang on it. What a product is stands in the
notes of its listing. Source: vario-erp.md 5 and 8.1; what to do without a listed main article is
ours.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from integration import sql, telling, work_items
from integration.channel_view import ChannelView
from integration.clock import db_now
from integration.connectors.base import FactStore, ListingView, Payload
from integration.connectors.batches import VARIANTS_BELOW, WAITS_FOR_MAIN
from integration.db import SessionScope
from integration.documents import ArticleDocument
from integration.erp.families import main_fact
from integration.errors import Held, NeedsConfirmation, PermanentError
from integration.history import entries, recording
from integration.models import Listing, WorkItem, WorkItemState
from integration.topics.details import MAIN_UNKNOWN
from integration.topics.rows import MAIN_ARTICLE
from integration.topics.wants import has_variants
from integration.topology import Topic
from integration.work_items import Claim

SINGLE, MAIN, VARIANT = "single", "main", "variant"
#: Notes of a listing: what its product is (nothing: a product of its own), the change of that
#: which a person confirmed, and of a variant what is chosen to get it.
KIND, CONFIRMED, CHOICE = "kind", "confirmed", "choice"
#: Reasons that a person decides about begin with it, e.g. ``confirm:single-to-variant``.
CONFIRM = "confirm:"
_LEAVES_MAIN = f"{CONFIRM}{MAIN}-to-"
#: Variants that nothing tells from the others of their main article.
NO_OPTIONS = "no-options"
#: Variants that are chosen as another one is, with the id of that article.
SAME_OPTIONS = "same-options:"
NO_PRICE_OR_STOCK = "a main article has no price or stock of its own"


def kind_of(document: ArticleDocument) -> str:
    """What the product of an article is among variants."""
    if document.is_main:
        return MAIN
    return SINGLE if document.variant is None else VARIANT


def is_left_to_variants(
    topic: Topic, row: Mapping[str, Any], listing: ListingView, channel: ChannelView
) -> bool:
    """Whether it is price or stock of a main article: its variants have them, it has not.

    What the shop has as a product of its own it sells, also while its change waits for a person.
    """
    if topic not in (Topic.PRICE, Topic.STOCK):
        return False
    if listing.external_id is None:
        return row.get("product_type") == MAIN_ARTICLE and has_variants(channel)
    return listing.notes.get(KIND) == MAIN


def main_listings(
    scope: SessionScope, channel: ChannelView, rows: Mapping[str, Any]
) -> dict[str, ListingView]:
    """What is in the shop of the main articles that rows of a batch name, by article."""
    if not has_variants(channel):
        return {}
    variants = [row.get("variant") for row in rows.values() if row is not None]
    wanted = sorted({str(one["main"]) for one in variants if one and "main" in one})
    if not wanted:
        return {}
    with scope() as session:
        found = session.execute(
            select(Listing.article_id, Listing.external_id, Listing.number, Listing.notes).where(
                Listing.channel_id == channel.id,
                sql.is_one_of_texts(session, Listing.article_id, wanted),
            )
        ).all()
    return {one.article_id: ListingView(**one._mapping) for one in found}


def placed(
    document: ArticleDocument, listing: ListingView, mains: Mapping[str, ListingView]
) -> ArticleDocument:
    """The document with the shop's product that it belongs below.

    Raises: Held ``main-not-in-shop:<id>``, ``no-options``; NeedsConfirmation
    ``confirm:<from>-to-<to>``.
    """
    if document.variant is not None:
        document = _below_main(document, mains.get(document.variant.main_article_id))
    before, kind = listing.notes.get(KIND, SINGLE), kind_of(document)
    reason = f"{CONFIRM}{before}-to-{kind}"
    is_known = listing.external_id is not None and before != kind
    if is_known and listing.notes.get(CONFIRMED) != reason:
        raise NeedsConfirmation(
            reason,
            f"{_WORDS[before]} in the shop is {_WORDS[kind]} in the ERP now; nothing is changed "
            "until somebody confirms it",
        )
    return replace(document, was_main=True) if is_known and before == MAIN else document


def _below_main(document: ArticleDocument, main: ListingView | None) -> ArticleDocument:
    variant = document.variant
    assert variant is not None
    if main is None and not variant.main_is_active:
        return replace(document, variant=None)  # it is not created, so nothing to wait for
    if main is None or main.notes.get(KIND) != MAIN:
        raise Held(
            f"{WAITS_FOR_MAIN}{variant.main_article_id}",
            f"{document.number} is a variant of article id {variant.main_article_id}, which is not "
            "in the shop as a main article yet",
        )
    if not variant.options:
        raise Held(
            NO_OPTIONS,
            f"{document.number} is a variant of {main.number} without an option, so nobody could "
            "choose it; give it its values in the ERP",
        )
    return replace(document, variant=replace(variant, parent_id=main.external_id))


def describe(payload: Payload, document: ArticleDocument) -> None:
    """Have a payload say what its product is among variants."""
    payload["kind"] = kind_of(document)
    if document.variant is not None:
        payload["main_article"] = document.variant.main_article_id
        options = document.variant.options
        payload["choice"] = {one.attribute_label: one.label for one in options}


def awaited(errors: Iterable[Exception]) -> set[str]:
    """The main articles that rows with these errors wait for."""
    return {
        error.reason.removeprefix(WAITS_FOR_MAIN)
        for error in errors
        if isinstance(error, Held) and error.reason.startswith(WAITS_FOR_MAIN)
    }


def ask_around(scope: SessionScope, claim: Claim, errors: Mapping[str, Exception]) -> None:
    """Ask for the main articles that rows of a claim wait for, and for the variants of those that
    are to be main articles no more: they have to be something else, too, and no event says so.

    Before these rows are held, so that a main article that is settled meanwhile comes once more
    and lets them go. Those of the same claim come after it anyway.
    """
    left = [
        article
        for article, error in errors.items()
        if isinstance(error, NeedsConfirmation) and error.reason.startswith(_LEAVES_MAIN)
    ]
    wanted = awaited(errors.values())
    if not wanted and not left:
        return
    with scope() as session:
        below = select(Listing.article_id).where(
            Listing.channel_id == claim.channel_id, Listing.main_article.in_(left)
        )
        wanted |= set(session.scalars(below)) if left else set()
        wanted -= set(claim.item_by_entity)
        work_items.hint(
            session, claim.channel_id, Topic.ARTICLE, sorted(wanted), priority=claim.priority
        )


def release(
    session: Session,
    channel: ChannelView,
    article_ids: Collection[str],
    left: Collection[str] = (),
) -> None:
    """Let those go that wait for these articles, whatever became of them.

    `left`: the main articles that their products lay below before.
    """
    reasons = [f"{what}{one}" for what in (WAITS_FOR_MAIN, SAME_OPTIONS) for one in article_ids]
    reasons += [f"{VARIANTS_BELOW}{one}" for one in left]
    if reasons and has_variants(channel):
        _let_go(session, channel, reasons)


def give_way(session: Session, channel: ChannelView, errors: Mapping[str, Exception]) -> None:
    """Let those go that are chosen as these articles are, which cannot take their place now.

    Those that wait for a place themselves let nobody go: two could do so in turns for ever.
    """
    reasons = [f"{SAME_OPTIONS}{article}" for article, error in errors.items() if _gives_way(error)]
    if reasons and has_variants(channel):
        _let_go(session, channel, reasons)


def _gives_way(error: Exception) -> bool:
    if isinstance(error, Held):
        return not error.reason.startswith(SAME_OPTIONS)
    return isinstance(error, PermanentError)


def _let_go(session: Session, channel: ChannelView, reasons: Sequence[str]) -> None:
    waiting = select(
        WorkItem.id, WorkItem.channel_id, WorkItem.topic, WorkItem.entity_id, WorkItem.hold_reason
    ).where(
        WorkItem.channel_id == channel.id,
        WorkItem.topic == Topic.ARTICLE.value,
        WorkItem.state == WorkItemState.QUEUED.value,
        WorkItem.hold_reason.in_(reasons),
    )
    # Whoever has one of them locked, changes what it waits for; to wait for them could deadlock.
    rows = session.execute(waiting.with_for_update(skip_locked=True)).all()
    ids = [row.id for row in rows]
    work_items.update_items(session, ids, hold_reason=None, attempts=0, due_at=db_now())
    reason = "the article that it waited for was carried or cannot go"
    recording.moved(session, entries.UNHELD, ids, words=reason, only_live=True)
    telling.moved(session, "unheld", rows, reason=reason)


def release_known(
    scope: SessionScope,
    facts: FactStore,
    channel: ChannelView,
    rows: Mapping[str, Any],
    errors: Mapping[str, Exception],
) -> None:
    """Let variants go whose main article is known now: by a row of this batch, or by one that was
    fetched while those with these errors were about to be held."""
    if not has_variants(channel):
        return
    held = [one.reason for one in errors.values() if isinstance(one, Held)]
    waiting = {one.removeprefix(MAIN_UNKNOWN) for one in held if one.startswith(MAIN_UNKNOWN)}
    known = {one for one in waiting if facts.get(main_fact(one)) is not None}
    mains = [one for one in rows.values() if one and one.get("product_type") == MAIN_ARTICLE]
    known |= {one["product"] for one in mains if one.get("product")}
    if known:
        with scope() as session:
            _let_go(session, channel, [f"{MAIN_UNKNOWN}{one}" for one in sorted(known)])


def confirm(session: Session, channel_id: int, reason_by_article: Mapping[str, str]) -> None:
    """Note that a person confirmed these changes, until they are made."""
    confirmed = {
        article: reason
        for article, reason in reason_by_article.items()
        if reason.startswith(CONFIRM)
    }
    if not confirmed:
        return
    listings = session.execute(
        select(Listing.article_id, Listing.notes).where(
            Listing.channel_id == channel_id,
            sql.is_one_of_texts(session, Listing.article_id, sorted(confirmed)),
        )
    ).all()
    for one in listings:
        session.execute(
            update(Listing)
            .where(Listing.channel_id == channel_id, Listing.article_id == one.article_id)
            .values(notes={**one.notes, CONFIRMED: confirmed[one.article_id]})
            .execution_options(synchronize_session=False)
        )


def changes_kind(payload: Payload, listing: ListingView) -> bool:
    """Whether a write makes something else of a product that was in the shop."""
    is_known = listing.external_id is not None
    return is_known and payload.get("kind") not in (None, listing.notes.get(KIND, SINGLE))


def remembered(
    payload: Payload, listing: ListingView, noted: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What of a listing is to change after a write. `noted` are the connector's notes, None if it
    has nothing new."""
    kind = payload.get("kind")
    if kind is None:
        return {} if noted is None else {"notes": dict(noted)}
    own = listing.notes if noted is None else noted
    notes = {name: one for name, one in own.items() if name not in (KIND, CONFIRMED, CHOICE)}
    if kind != SINGLE:
        notes[KIND] = kind
    if kind == VARIANT:
        notes[CHOICE] = payload.get("choice", {})
    return {"notes": notes, "main_article": payload.get("main_article")}


def unnoted(
    payloads: Iterable[Payload], listing_of: Callable[[str], ListingView]
) -> dict[str, dict[str, Any]]:
    """What is to change in the listings of variants that the shop has as their payloads say, by
    article: earlier versions did not note the main article, nor what is chosen to get a variant."""
    changes = {}
    for payload in payloads:
        if payload.get("kind") != VARIANT:
            continue
        listing = listing_of(payload["article_id"])
        wanted = remembered(payload, listing, None)
        if wanted != {"notes": listing.notes, "main_article": listing.main_article}:
            changes[listing.article_id] = wanted
    return changes


_WORDS = {
    SINGLE: "what is a product of its own",
    MAIN: "what is a main article with variants",
    VARIANT: "what is a variant",
}
