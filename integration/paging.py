"""Walks over what is listed on a channel, page by page, so that nobody is passed over.

VQL attests no `>`, so pages go by offset, and articles that are listed or unlisted meanwhile move
the pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from integration.channel_view import ChannelView
from integration.connectors.base import FactStore
from integration.erp import listings, plans
from integration.erp.articles import PageOfRows
from integration.erp.client import PAGE_SIZE, ErpClient
from integration.errors import Rejected, Throttled, TransientError
from integration.patience import Patience
from integration.topology import Topic

PAGE = PAGE_SIZE
#: Rows that a long walk asks for at once, where the ERP gives so many: no source says what it gives
#: at most, and beyond 200 nobody is to rely on it without a try (docs/decisions/0007). An answer of
#: so many articles stays below a few megabytes and seconds.
LONG_PAGE = 500


@dataclass(frozen=True)
class Position:
    """Where paging stands: `offset` rows read, the last of them `last_id`.

    The last id is read again with the next page; when it is not there, rows before it have gone,
    and the reader steps back.
    """

    offset: int = 0
    last_id: int = 0

    @classmethod
    def parse(cls, text: str) -> Position:
        return cls(**json.loads(text)) if text else cls()

    def __str__(self) -> str:
        return json.dumps({"offset": self.offset, "last_id": self.last_id})


@dataclass(frozen=True)
class Source:
    """Where pages come from."""

    client: ErpClient
    facts: FactStore
    channel: ChannelView
    #: Whose rows the pages bring; None: pages of ids.
    topic: Topic | None
    #: Rows of one page.
    size: int = PAGE

    def count(self) -> int:
        """How many listings the ERP counts."""
        return listings.count_listed(self.client, self.channel.erp_id)

    def page(self, offset: int) -> PageOfRows:
        """One page, with rows where one request brings them."""
        found = None
        if self.topic is not None:
            found = plans.read_page(
                self.client, self.facts, self.channel, self.topic, offset, self.size
            )
        if found is None:
            ids = listings.listed_page(self.client, self.channel.erp_id, offset, self.size)
            found = PageOfRows(*ids, rows={})
        return found


def with_long_pages(source: Source, patience: Patience) -> Source:
    """The same with pages as long as the ERP gives them: its first page is tried.

    Where that is refused, takes too long or brings no rows, pages stay as they are.
    """
    long = replace(source, size=LONG_PAGE)

    def first() -> PageOfRows | None:
        try:
            return long.page(0)
        except Throttled:
            raise
        except (Rejected, TransientError):
            return None

    page = patience.ask(first)
    if page is None or not page.rows:
        return source
    # Of a page that was cut off, the last article comes again with the next one.
    rows = page.next_offset if page.more else LONG_PAGE
    return replace(source, size=min(LONG_PAGE, max(source.size, rows)))


def rows_of(topics: Sequence[Topic]) -> Topic | None:
    """The topic whose rows serve all of these; None: there is none, or not by pages.

    An article's row has what its price and stock are made of.
    """
    if Topic.ARTICLE in topics:
        return Topic.ARTICLE
    only = topics[0] if len(topics) == 1 else None
    return only if only in (Topic.PRICE, Topic.STOCK) else None


def walk(source: Source, patience: Patience, expected: int) -> Iterator[PageOfRows]:
    """All pages from the first one on, of a channel of which the ERP counts so many listings.

    Raises: IntegrationError of the ERP, when waiting does not help.
    """
    position: Position | None = Position()
    while position is not None:
        page, following = patience.ask(partial(read_page, source, position))
        if not page.ids and position.offset > expected + source.size:
            return  # an ERP that shows old rows for ever, whatever it is asked for
        yield page
        position = following


def read_page(source: Source, position: Position) -> tuple[PageOfRows, Position | None]:
    """The next page with its unseen ids, and where to go on; None after the last page."""
    offset = max(0, position.offset - 1)
    ahead = page = source.page(offset)
    while offset > 0 and (not page.ids or int(page.ids[0]) > position.last_id):
        offset = max(0, offset - source.size)
        page = source.page(offset)
    if page.ids and int(page.ids[-1]) <= position.last_id and page.more:
        # Nothing has gone: the ERP left out the row that shall be read again. Reading back once
        # more would find the same for ever.
        page = ahead
    unseen = [one for one in page.ids if int(one) > position.last_id]
    last_id = int(unseen[-1]) if unseen else position.last_id
    following = Position(page.next_offset, last_id) if page.more else None
    return page._replace(ids=unseen), following
