"""Fields that people changed in the shop: noticed where the shop is read, then left alone.

What is sent of such a field is decided with each payload (`owned_payloads`); here is what is known
of them, and what people say about them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from integration import field_ownership, sql, sync_runs, work_items
from integration.channel_view import ChannelView
from integration.connectors.base import ListingView, RemoteRecord
from integration.db import SessionScope
from integration.field_ownership import WATCHING, Field, Owner, Owners
from integration.models import ChannelParameter, Listing, ShopEdit, WorkItem
from integration.owned_payloads import Ownership
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

#: Of a value that a shop shows.
SHOWN_LENGTH = 200
_KIND_BY_TOPIC = {
    Topic.ARTICLE: sync_runs.ARTICLE_PASS,
    Topic.PRICE: sync_runs.PRICE_PASS,
    Topic.STOCK: sync_runs.STOCK_PASS,
}


def ownership(
    scope: SessionScope,
    channel: ChannelView,
    article_ids: Iterable[str],
    topics: Collection[Topic] = tuple(Topic),
) -> Ownership:
    """Whose the fields of these articles are, as far as documents of these topics carry them.

    Raises: ChannelError.
    """
    owners = field_ownership.owners_of(channel.parameters)
    if not field_ownership.watches(owners, topics):
        return Ownership(owners)
    with scope() as session:
        return Ownership(owners, edited_fields(session, channel.id, list(article_ids)))


def edited_fields(
    session: Session, channel_id: int, article_ids: Collection[str]
) -> dict[str, set[str]]:
    """What was changed in the shop, by article."""
    if not article_ids:
        return {}
    rows = session.execute(
        select(ShopEdit.article_id, ShopEdit.field).where(
            ShopEdit.channel_id == channel_id,
            sql.is_one_of_texts(session, ShopEdit.article_id, article_ids),
        )
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.article_id, set()).add(row.field)
    return found


def undecided_fields(
    scope: SessionScope, channel: ChannelView, article_ids: Iterable[str]
) -> dict[str, frozenset[str]]:
    """What was changed in the shop and waits for a person (own.FIELD=ask), by article.

    Raises: ChannelError.
    """
    owners = field_ownership.owners_of(channel.parameters)
    if Owner.ASK not in owners.values():
        return {}
    with scope() as session:
        rows = session.execute(
            select(ShopEdit.article_id, ShopEdit.field, ShopEdit.kept_by).where(
                ShopEdit.channel_id == channel.id,
                sql.is_one_of_texts(session, ShopEdit.article_id, list(article_ids)),
            )
        ).all()
    found: dict[str, frozenset[str]] = {}
    for row in rows:
        if is_undecided(row, owners):
            found[row.article_id] = found.get(row.article_id, frozenset()) | {row.field}
    return found


def notice(
    session: Session,
    channel_id: int,
    owners: Owners,
    record_by_article: Mapping[str, RemoteRecord],
    *,
    read_at: datetime,
) -> int:
    """Note which of these products somebody changed, of the fields where that counts; how many
    fields are new.

    `read_at`: by the database's clock, not after the shop began to answer. What was being written
    then is not judged. An edit that somebody took back in the shop is none any more.
    """
    new = 0
    for article_id, sent in _known_for_sure(session, channel_id, record_by_article, read_at):
        found = field_ownership.edits(sent, record_by_article[article_id])
        watched = {
            name: shown
            for name, shown in found.items()
            if owners[field_ownership.field_of(name)] in WATCHING
        }
        new += _note(session, channel_id, article_id, watched)
    return new


def notice_shown(
    scope: SessionScope,
    channel: ChannelView,
    known: Mapping[str, ListingView],
    record_by_id: Mapping[str, RemoteRecord],
    *,
    read_at: datetime,
) -> None:
    """`notice` for products of the shop by their ids. Raises: ChannelError.

    `known`: what we know of the articles that are looked at, by article.
    """
    record_by_article = {
        article: record_by_id[one.external_id]
        for article, one in known.items()
        if one.external_id is not None and one.external_id in record_by_id
    }
    owners = field_ownership.owners_of(channel.parameters)
    with scope() as session:
        notice(session, channel.id, owners, record_by_article, read_at=read_at)


def notice_adopted(
    session: Session,
    channel_id: int,
    owners: Owners,
    shown: Mapping[str, tuple[Mapping[str, str], RemoteRecord]],
) -> None:
    """Note what products that were adopted show of fields about which a person is asked.

    `shown`: what their first write would have said, and the product after it, by article.
    """
    for article_id, (wanted, record) in sorted(shown.items()):
        found = field_ownership.edits(wanted, record)
        asked = {
            name: value
            for name, value in found.items()
            if owners[field_ownership.field_of(name)] is Owner.ASK
        }
        _note(session, channel_id, article_id, asked)


def _known_for_sure(
    session: Session, channel_id: int, article_ids: Collection[str], read_at: datetime
) -> list[tuple[str, dict[str, str]]]:
    """What was sent last of these articles, of topics without a write since `read_at`."""
    rows = session.execute(
        select(Listing.article_id, Listing.sent, WorkItem.topic)
        .join(
            WorkItem,
            and_(
                WorkItem.channel_id == Listing.channel_id,
                WorkItem.entity_id == Listing.article_id,
                WorkItem.topic.in_([one.value for one in _KIND_BY_TOPIC]),
            ),
        )
        .where(
            Listing.channel_id == channel_id,
            sql.is_one_of_texts(session, Listing.article_id, article_ids),
            WorkItem.pushed_hash.is_not(None),
            WorkItem.doubt_until.is_(None),
            WorkItem.pushed_at < read_at,
        )
        .order_by(Listing.article_id)
    ).all()
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        of_topic = {
            key: value
            for key, value in (row.sent or {}).items()
            if field_ownership.topic_of(field_ownership.field_of(key)) == row.topic
        }
        found.setdefault(row.article_id, {}).update(of_topic)
    return list(found.items())


def _note(
    session: Session, channel_id: int, article_id: str, shown_by_field: Mapping[str, str | None]
) -> int:
    edited = {name: shown for name, shown in shown_by_field.items() if shown is not None}
    undone = [name for name in shown_by_field if name not in edited]
    if undone:
        session.execute(
            delete(ShopEdit).where(
                ShopEdit.channel_id == channel_id,
                ShopEdit.article_id == article_id,
                ShopEdit.field.in_(undone),
                ShopEdit.kept_by.is_(None),
            )
        )
    if not edited:
        return 0
    statement = sql.insert(session, ShopEdit).on_conflict_do_nothing().returning(ShopEdit.field)
    rows = [
        {
            "channel_id": channel_id,
            "article_id": article_id,
            "field": name,
            "shown": shown[:SHOWN_LENGTH],
        }
        for name, shown in sorted(edited.items())
    ]
    return len(session.scalars(statement, rows).all())


def of_channel(session: Session, channel_id: int, article_id: str | None = None) -> Sequence[Any]:
    """Edits with their article's number, the oldest first: article_id, number, field, shown,
    noticed_at, kept_by."""
    query = (
        select(
            ShopEdit.article_id,
            Listing.number,
            ShopEdit.field,
            ShopEdit.shown,
            ShopEdit.noticed_at,
            ShopEdit.kept_by,
        )
        .join(
            Listing,
            and_(
                Listing.channel_id == ShopEdit.channel_id,
                Listing.article_id == ShopEdit.article_id,
            ),
        )
        .where(ShopEdit.channel_id == channel_id)
        .order_by(ShopEdit.noticed_at, ShopEdit.article_id, ShopEdit.field)
    )
    if article_id is not None:
        query = query.where(ShopEdit.article_id == article_id)
    return session.execute(query).all()


def is_undecided(edit: Any, owners: Owners) -> bool:
    """Whether one of `of_channel` waits for a person (own.FIELD=ask)."""
    field = field_ownership.field_of(edit.field)
    return edit.kept_by is None and owners[field] is Owner.ASK


def overwrite(
    session: Session,
    channel_id: int,
    *,
    article_id: str | None = None,
    field: Field | None = None,
) -> int:
    """Give edited fields back to the ERP, whose values go at once; how many fields.

    `article_id` None: of all articles; `field` None: all of them.
    """
    rows = session.execute(
        delete(ShopEdit)
        .where(_chosen(channel_id, article_id, field))
        .returning(ShopEdit.article_id, ShopEdit.field)
    ).all()
    by_topic: dict[Topic, set[str]] = {}
    for row in rows:
        topic = field_ownership.topic_of(field_ownership.field_of(row.field))
        by_topic.setdefault(topic, set()).add(row.article_id)
    # Articles first, as everybody locks them. The shop has something else than we sent last.
    for topic in sorted(by_topic, key=lambda one: one is not Topic.ARTICLE):
        ids = by_topic[topic]
        work_items.hint(session, channel_id, topic, ids, forgets_hash=True, by="shop-edit")
    return len(rows)


def keep(
    session: Session,
    channel_id: int,
    *,
    article_id: str | None = None,
    field: Field | None = None,
    by: str,
) -> int:
    """Note that a person leaves edited fields to the shop; how many fields."""
    kept = session.scalars(
        update(ShopEdit)
        .where(_chosen(channel_id, article_id, field))
        .values(kept_by=by)
        .returning(ShopEdit.field)
        .execution_options(synchronize_session=False)
    ).all()
    return len(kept)


def _chosen(channel_id: int, article_id: str | None, field: Field | None) -> ColumnElement[bool]:
    found: ColumnElement[bool] = ShopEdit.channel_id == channel_id
    if article_id is not None:
        found = and_(found, ShopEdit.article_id == article_id)
    if field is not None:
        found = and_(found, or_(ShopEdit.field == field, ShopEdit.field.startswith(f"{field}@")))
    return found


def owners(session: Session, channel_id: int) -> Owners:
    """Whose the fields of a channel are. Raises: ChannelError."""
    rows = session.execute(
        select(ChannelParameter.key, ChannelParameter.value).where(
            ChannelParameter.channel_id == channel_id,
            ChannelParameter.key.startswith(field_ownership.PREFIX),
        )
    )
    return field_ownership.owners_of({row.key: row.value for row in rows})


def follow(session: Session, channel_id: int, before: Owners, after: Owners) -> None:
    """Have the ERP's values sent of fields that are its own from now on.

    What was kept from the first write on was looked at by nobody, so every article goes once more.
    """
    taken = [one for one in Field if before[one] != after[one] and after[one] is Owner.OVERWRITE]
    for field in taken:
        overwrite(session, channel_id, field=field)
    for topic in sorted(
        {field_ownership.topic_of(one) for one in taken if before[one] is Owner.KEEP}
    ):
        kind, name = _KIND_BY_TOPIC[topic], SHORT_NAME_BY_TOPIC[topic]
        sync_runs.start(session, channel_id, kind, [name], is_forced=True)
