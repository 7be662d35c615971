"""What we know of a channel's products in the shop: one row per article that has one there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, String, bindparam, select, update
from sqlalchemy.orm import Session

from integration import sql
from integration.connectors.base import ListingView
from integration.models import Listing

#: What may become different about a product that is in the shop.
_CHANGES = ("external_id", "number", "is_active", "notes", "main_article")


@dataclass(frozen=True)
class Remembered:
    """Articles whose product was not known before, and all whose product id was not."""

    new: frozenset[str]
    with_new_id: frozenset[str]


def remember(session: Session, channel_id: int, listings: Sequence[dict[str, Any]]) -> Remembered:
    """Store what is in the shop: article_id, external_id, number, is_active, was_adopted, `sent` of
    a new one, the connector's notes and the main article if they are to change."""
    # In one order, as everybody who locks them.
    wanted = {str(one["article_id"]): one for one in sorted(listings, key=_article_id)}
    known = _known(session, channel_id, list(wanted))
    new = _insert(
        session, channel_id, [one for article_id, one in wanted.items() if article_id not in known]
    )
    for article_id, values in wanted.items():
        changes = {name: values[name] for name in _CHANGES if name in values}
        before = known.get(article_id, {})
        if article_id in new or changes == {name: before.get(name) for name in changes}:
            continue
        _change(session, channel_id, article_id, changes)
    with_new_id = (
        article_id
        for article_id, values in wanted.items()
        if article_id not in known or known[article_id]["external_id"] != values["external_id"]
    )
    return Remembered(frozenset(new), frozenset(with_new_id))


def change(
    session: Session, channel_id: int, changes_by_article: Mapping[str, Mapping[str, Any]]
) -> None:
    """Store what is different of products that are in the shop, by article."""
    for article_id, changes in sorted(changes_by_article.items()):
        _change(session, channel_id, article_id, changes)


def _change(session: Session, channel_id: int, article_id: str, changes: Mapping[str, Any]) -> None:
    session.execute(
        update(Listing)
        .where(Listing.channel_id == channel_id, Listing.article_id == article_id)
        .values(**changes)
        .execution_options(synchronize_session=False)
    )


def note_sent(
    session: Session, channel_id: int, sent_by_article: Mapping[str, Mapping[str, str]]
) -> None:
    """Note what the shop was sent of these articles' fields, by field; the others stay."""
    if not sent_by_article:
        return
    rows = session.execute(
        select(Listing.article_id, Listing.sent)
        .where(
            Listing.channel_id == channel_id,
            sql.is_one_of_texts(session, Listing.article_id, sent_by_article),
        )
        .order_by(sql.lock_order(session, Listing.article_id))
    ).all()
    changed = [
        {
            "channel_id": channel_id,
            "article_id": row.article_id,
            "sent": {**(row.sent or {}), **sent_by_article[row.article_id]},
        }
        for row in rows
        if not sent_by_article[row.article_id].items() <= (row.sent or {}).items()
    ]
    if changed:
        session.execute(update(Listing), changed)


def views(
    session: Session, channel_id: int, article_ids: Collection[str]
) -> dict[str, ListingView]:
    """What we know of these articles in the shop, by article."""
    values = {"channel": channel_id, "ids": json.dumps(list(article_ids))}
    rows = session.execute(_views(sql.is_postgres(session)), values)
    return {row.article_id: ListingView(**row._mapping) for row in rows}


@lru_cache(maxsize=2)
def _views(on_postgres: bool) -> Any:
    """Built once: nearly every stage asks."""
    listing = Listing.__table__.c
    return select(
        listing.article_id,
        listing.external_id,
        listing.number,
        listing.is_active,
        listing.notes,
        listing.main_article,
    ).where(
        listing.channel_id == bindparam("channel", type_=Integer()),
        sql.is_listed_text(on_postgres, listing.article_id, bindparam("ids", type_=String())),
    )


def _article_id(listing: Mapping[str, Any]) -> str:
    return str(listing["article_id"])


def _known(
    session: Session, channel_id: int, article_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """What may change in the listings of these articles, by article."""
    columns = [getattr(Listing, name) for name in _CHANGES]
    rows = session.execute(
        select(Listing.article_id, *columns).where(
            Listing.channel_id == channel_id,
            sql.is_one_of_texts(session, Listing.article_id, article_ids),
        )
    )
    return {row.article_id: {name: getattr(row, name) for name in _CHANGES} for row in rows}


def _insert(session: Session, channel_id: int, listings: Sequence[dict[str, Any]]) -> set[str]:
    """The articles whose listing was inserted; somebody else may have been first."""
    if not listings:
        return set()
    statement = sql.insert(session, Listing.__table__).on_conflict_do_nothing()
    rows = session.execute(
        statement.returning(Listing.__table__.c.article_id),
        [{"channel_id": channel_id, "notes": {}, "main_article": None, **one} for one in listings],
    )
    return set(rows.scalars())


def number_owners(
    session: Session, channel_id: int, number_by_article: Mapping[str, str]
) -> dict[str, Listing]:
    """Listings of other articles that hold one of these numbers in the shop, by the article that
    wants it."""
    # Shops compare numbers without regard to case; the index does not, so the usual spellings.
    spellings = {one for n in number_by_article.values() for one in (n, n.lower(), n.upper())}
    rows = session.scalars(
        select(Listing).where(
            Listing.channel_id == channel_id,
            sql.is_one_of_texts(session, Listing.number, spellings),
        )
    ).all()
    owner_by_number = {row.number.casefold(): row for row in rows}
    owners = {
        article: owner_by_number.get(number.casefold())
        for article, number in number_by_article.items()
    }
    return {
        article: owner
        for article, owner in owners.items()
        if owner is not None and owner.article_id != article
    }
