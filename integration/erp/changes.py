"""What changed in the ERP since a moment, newest first.

VQL attests no `>`, so nothing is filtered: the articles are sorted by the time of their last
change, newest first, and read until one is older. Only the ERP's own stamps are compared with each
other, so that its clock may be wrong. Source: docs/sources.md#erp-changes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from integration.erp import catalogue
from integration.erp.client import PAGE_SIZE, ErpClient
from integration.erp.rows import id_text
from integration.erp.vql import Column, equals_id, is_id, select

#: Above any time in seconds, below any in milliseconds.
_MILLISECONDS_FROM = 10**11


class ChangedArticle(NamedTuple):
    """`at` in the ERP's clock, None where it states nothing; `has_images` None: nobody says."""

    id: str
    at: datetime | None
    has_images: bool | None


class ChangedPage(NamedTuple):
    articles: list[ChangedArticle]
    more: bool
    next_offset: int


def column(offered: frozenset[str]) -> str | None:
    """The column with the time of an article's last change; None: this ERP offers none."""
    return catalogue.column_of(catalogue.CHANGED_AT, offered)


def page(
    client: ErpClient,
    offered: frozenset[str],
    channel_erp_id: str,
    offset: int = 0,
    limit: int = PAGE_SIZE,
) -> ChangedPage:
    """Articles listed on the channel, the one that changed last first. Needs a `column`."""
    changed_at = str(column(offered))
    names = (catalogue.CHANGED_AT, catalogue.MEDIA_REVISION)
    statement = select(
        [Column("id"), *catalogue.columns_of(names, offered)],
        catalogue.SHOP_LISTING,
        where=[equals_id(catalogue.CHANNEL_PATH, channel_erp_id)],
        order_by=[changed_at, "id"],
        descending=[changed_at],
    )
    answer = client.vql(statement, limit=limit, offset=offset)
    has_revisions = catalogue.column_of(catalogue.MEDIA_REVISION, offered) is not None
    found = [_article(row, has_revisions=has_revisions) for row in answer.rows]
    return ChangedPage(
        [one for one in found if one is not None],
        answer.more and answer.next_offset > offset,
        answer.next_offset,
    )


def _article(row: dict[str, Any], *, has_revisions: bool) -> ChangedArticle | None:
    article_id = id_text(row.get("id"))
    if article_id is None or not is_id(article_id):
        return None
    revision = row.get(catalogue.MEDIA_REVISION)
    return ChangedArticle(
        article_id,
        stamp(row.get(catalogue.CHANGED_AT)),
        id_text(revision) not in (None, catalogue.NO_REVISION) if has_revisions else None,
    )


def stamp(value: Any) -> datetime | None:
    """A time of the ERP: ISO 8601, without a zone UTC, or milliseconds; None for anything else."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        if value < _MILLISECONDS_FROM:
            return None
        return datetime.fromtimestamp(float(value) / 1000, UTC)
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def newest(client: ErpClient, offered: frozenset[str], channel_erp_id: str) -> list[ChangedArticle]:
    """The articles listed on the channel that changed last, the last one first; none: the ERP does
    not say."""
    return page(client, offered, channel_erp_id).articles if column(offered) is not None else []
