"""Two variants of one main article must not be the same choice: a shop takes both, and customers
can buy only one of them. Source: shopware6.md 2, variants.

The one that is there keeps its place, and the other one waits until the ERP says something else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, select

from integration import sql
from integration.channel_view import ChannelView
from integration.connectors.base import Payload
from integration.db import SessionScope
from integration.errors import Held
from integration.models import Listing, WorkItem
from integration.topology import Topic
from integration.variants import CHOICE, SAME_OPTIONS, VARIANT

#: A main article, and what is chosen of it; case does not tell choices from one another.
_Place = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class _Taken:
    """A variant that has a place."""

    article: str
    number: str


@dataclass(frozen=True)
class _There:
    """The variants of some main articles that the shop offers."""

    by_place: Mapping[_Place, Sequence[_Taken]]
    place_by_article: Mapping[str, _Place]
    #: The article whose place an article waits for.
    awaited_by_article: Mapping[str, str]


def apart(
    scope: SessionScope,
    channel: ChannelView,
    payloads: Sequence[Payload],
    errors: dict[str, Exception],
) -> list[Payload]:
    """The payloads that may go; why the others must not, ``same-options:<id>``, is added to the
    errors by article."""
    wanted = {one["article_id"]: one for one in payloads if _is_offered_variant(one)}
    if wanted:
        there = _there(scope, channel, {one["main_article"] for one in wanted.values()})
        errors |= _clashes(there, wanted, {one["article_id"] for one in payloads})
    return [one for one in payloads if one["article_id"] not in errors]


def _clashes(
    there: _There, wanted: Mapping[str, Payload], of_batch: Collection[str]
) -> dict[str, Held]:
    """Why some of a batch must not go, by article.

    One that must not go stays at its place, which may be in the way of another one of the batch:
    so all are looked at again until nothing changes.
    """
    errors: dict[str, Held] = {}
    while True:
        going = {article: one for article, one in wanted.items() if article not in errors}
        taken = {
            place: [one for one in found if one.article in errors or one.article not in of_batch]
            for place, found in there.by_place.items()
        }
        found = _in_the_way(_with_waits(there, going, errors), going, taken)
        if not found:
            return errors
        errors |= found


def _with_waits(there: _There, going: Mapping[str, Payload], errors: Mapping[str, Held]) -> _There:
    """Those of the batch wait, too: for the article that their error names, or for the one that
    was at the place where they go."""
    waits = {article: error.reason.removeprefix(SAME_OPTIONS) for article, error in errors.items()}
    for article, payload in going.items():
        for one in there.by_place.get(_place_of(payload), ()):
            if one.article != article:
                waits.setdefault(article, one.article)
    return replace(there, awaited_by_article={**there.awaited_by_article, **waits})


def _in_the_way(
    there: _There, going: Mapping[str, Payload], taken: dict[_Place, list[_Taken]]
) -> dict[str, Held]:
    """Those whose place is taken, by article; the others take theirs."""
    errors: dict[str, Held] = {}
    # Those that stay where they are before those that come.
    for article, payload in sorted(
        going.items(), key=lambda one: there.place_by_article.get(one[0]) != _place_of(one[1])
    ):
        place = _place_of(payload)
        rivals = [
            one for one in taken.get(place, ()) if not _waits_for(there, one.article, article)
        ]
        if rivals:
            errors[article] = _same(payload, rivals[0])
        else:
            taken.setdefault(place, []).append(_Taken(article, payload["number"]))
    return errors


def _is_offered_variant(payload: Payload) -> bool:
    return payload.get("kind") == VARIANT and payload.get("is_active", True)


def _place_of(payload: Payload) -> _Place:
    return payload["main_article"], _folded(payload["choice"])


def _folded(choice: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name.casefold(), str(one).casefold()) for name, one in choice.items()))


def _there(scope: SessionScope, channel: ChannelView, mains: set[str]) -> _There:
    row = and_(
        WorkItem.channel_id == Listing.channel_id,
        WorkItem.topic == Topic.ARTICLE.value,
        WorkItem.entity_id == Listing.article_id,
    )
    with scope() as session:
        found = session.execute(
            select(
                Listing.article_id,
                Listing.number,
                Listing.main_article,
                Listing.notes,
                WorkItem.hold_reason,
            )
            .outerjoin(WorkItem, row)
            .where(
                Listing.channel_id == channel.id,
                Listing.is_active.is_(True),
                sql.is_one_of_texts(session, Listing.main_article, sorted(mains)),
            )
            .order_by(Listing.article_id)
        ).all()
    by_place: dict[_Place, list[_Taken]] = {}
    place_by_article = {}
    for one in found:
        place = (one.main_article, _folded(one.notes.get(CHOICE, {})))
        place_by_article[one.article_id] = place
        by_place.setdefault(place, []).append(_Taken(one.article_id, one.number))
    waits = {
        one.article_id: one.hold_reason.removeprefix(SAME_OPTIONS)
        for one in found
        if (one.hold_reason or "").startswith(SAME_OPTIONS)
    }
    return _There(by_place, place_by_article, waits)


def _waits_for(there: _There, rival: str, article: str) -> bool:
    """Whether the rival, directly or by others, waits for the article to go: they change places."""
    return article in _chain(there.awaited_by_article, rival)


def _chain(awaited_by_article: Mapping[str, str], first: str) -> Iterator[str]:
    seen = {first}
    following = awaited_by_article.get(first)
    while following is not None and following not in seen:
        seen.add(following)
        yield following
        following = awaited_by_article.get(following)


def _same(payload: Payload, rival: _Taken) -> Held:
    options = ", ".join(f"{name}: {one}" for name, one in sorted(payload["choice"].items()))
    return Held(
        f"{SAME_OPTIONS}{rival.article}",
        f"{payload['number']} and {rival.number} are variants with the same options ({options}), "
        "so customers could buy only one of them; give one of them other values in the ERP",
    )
