"""The reading half of a catch-up: which articles changed in the ERP since a moment, page by page.

Newest first, until one is older. What changes during the read goes to the front, which is read once
more at the end; what is unlisted during it moves the pages, so each page begins with the last row
of the one before, and where that is gone the page before is read again. The hinting half is `sync`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import update
from sqlalchemy.orm import Session

from integration.erp import catalogue, changes
from integration.erp.changes import ChangedArticle, ChangedPage
from integration.errors import Rejected
from integration.models import SyncCursor, SyncRun
from integration.token_bucket import Share

if TYPE_CHECKING:
    from integration.channel_view import ChannelView
    from integration.erp.client import ErpClient
    from integration.runtime import Runtime

PAGE = 100
#: Phases of a read: all that changed, then what changed while that was read.
_FIRST, _AGAIN = "first", "again"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Cursor(NamedTuple):
    """Where a read stands. `newest`: the ERP's newest change when it began; `oldest`: the last one
    that was read; both in the ERP's clock, in microseconds, 0 for none."""

    phase: str = _FIRST
    offset: int = 0
    newest: int = 0
    oldest: int = 0

    @classmethod
    def parse(cls, text: str) -> Cursor:
        if not text:
            return cls()
        phase, *numbers = text.split()
        return cls(phase, *map(int, numbers))

    def __str__(self) -> str:
        return " ".join(map(str, self))


class Page(NamedTuple):
    """What changed, of one page. `with_images`: those of which the ERP says that they have any."""

    article_ids: list[str]
    with_images: list[str]
    following: str
    is_last: bool


def read(runtime: Runtime, run: SyncRun, channel: ChannelView, cursor: str) -> Page | None:
    """The next page; None: this ERP cannot tell what changed since, so everything is to be read.

    Raises: IntegrationError when the ERP does not answer.
    """
    client = runtime.erp(channel.tenant_id, share=Share.BACKFILL)
    facts = runtime.erp_facts(channel.tenant_id)
    offered = catalogue.discover(client, facts)
    if changes.column(offered) is None or run.changed_since is None:
        return None
    at = Cursor.parse(cursor)
    try:
        page = _rows(client, offered, channel.erp_id, at)
    except Rejected:
        catalogue.rediscover(client, facts)  # a column that an update took away
        return None
    if not _is_sorted(page.articles):
        return None
    return _page(page, at, _micros(run.changed_since))


def _rows(client: ErpClient, offered: frozenset[str], erp_id: str, at: Cursor) -> ChangedPage:
    page = changes.page(client, offered, erp_id, max(0, at.offset - 1), PAGE)
    first = page.articles[0].at if page.articles else None
    if at.offset == 0 or (first is not None and _micros(first) >= at.oldest):
        return page
    # Rows before this page have gone, and as many were jumped over.
    before = changes.page(client, offered, erp_id, max(0, at.offset - 1 - PAGE), PAGE)
    return page._replace(articles=[*before.articles, *page.articles])


def _is_sorted(articles: Sequence[ChangedArticle]) -> bool:
    """An ERP that sorts otherwise cannot be read until something is older."""
    times = [one.at for one in articles if one.at is not None]
    return all(earlier >= later for earlier, later in pairwise(times))


def _page(page: ChangedPage, at: Cursor, since: int) -> Page:
    """What counts of the rows, and where to go on. What states no time counts as changed."""
    is_again = at.phase == _AGAIN
    until = at.newest + 1 if is_again else since
    times = [_micros(one.at) for one in page.articles if one.at is not None]
    changed = [one for one in page.articles if one.at is None or _micros(one.at) >= until]
    newest = at.newest or max(times, default=0)
    is_end = not page.more or min(times, default=until) < until
    following = Cursor(at.phase, page.next_offset, newest, min(times, default=at.oldest))
    is_single = at == Cursor()  # one answer is one moment: nothing changed during it
    if is_end and not is_again and not is_single:
        following, is_end = Cursor(_AGAIN, 0, newest, 0), False
    return Page(
        list(dict.fromkeys(one.id for one in changed)),
        [one.id for one in changed if one.has_images],
        str(following),
        is_end,
    )


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def give_up(session: Session, run_id: int) -> None:
    """Let the run read everything from here on, and believe what was sent: of everything that is
    too much to be sent once more."""
    session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id)
        .values(changed_since=None, is_forced=False, seen=0)
    )
    session.execute(update(SyncCursor).where(SyncCursor.sync_run_id == run_id).values(position=""))
