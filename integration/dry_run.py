"""What a sync would do, page by page, without doing it.

Reads the ERP, our own records and the numbers of the shop; makes documents and payloads like the
stages do; writes nothing to the shop and no work item. Only one page is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import select

from integration import (
    owned_payloads,
    patience,
    shop_edits,
    shop_products,
    sql,
    toggles,
    variants,
)
from integration.channel_view import ChannelView
from integration.connectors.base import Connector, ListingView
from integration.documents import ArticleDocument, Document
from integration.dry_run_adoptions import Adoptions, Candidate
from integration.dry_run_notes import Notes
from integration.dry_run_outcomes import (
    CONFLICT,
    CREATE,
    INACTIVE,
    INVALID,
    NOT_LISTED,
    TOGGLED_OFF,
    UNCHANGED,
    UPDATE,
    WITHDRAW,
    Outcome,
)
from integration.erp.articles import PageOfRows
from integration.erp.client import ErpClient
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import Held, PermanentError
from integration.models import BY_HAND, ArticleHold, Listing, WorkItem
from integration.owned_payloads import Ownership
from integration.paging import Source, walk, with_long_pages
from integration.patience import Patience
from integration.runtime import Runtime
from integration.token_bucket import Share
from integration.topics import DOCUMENT_BY_TOPIC
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

#: Rows of our own tables that are looked at together.
CHUNK = 1_000

Row = Mapping[str, Any]


@dataclass(frozen=True)
class PreviewPage:
    """The outcomes of one page; `seen` counts the articles up to here."""

    outcomes: tuple[Outcome, ...]
    seen: int
    expected: int


@dataclass(frozen=True)
class _Known:
    """Our records of the articles of one page."""

    listing_by_article: Mapping[str, ListingView]
    hash_by_item: Mapping[tuple[str, str], str | None]
    #: (article, topic) that a person keeps back.
    kept: Collection[tuple[str, str]]
    owned: Ownership

    def listing(self, article_id: str) -> ListingView:
        return self.listing_by_article.get(article_id, ListingView(article_id))


class DryRun:
    """The preview of one channel; `topics` are those that the sync would ask for."""

    def __init__(
        self,
        runtime: Runtime,
        channel: ChannelView,
        topics: Collection[Topic],
        *,
        is_forced: bool = False,
        wait: Callable[[float], None] = patience.wait,
    ) -> None:
        self._runtime, self._channel = runtime, channel
        self._is_forced, self._patience = is_forced, Patience(wait)
        with runtime.scope() as session:
            states = toggles.states(session, channel.id)
        # Images have reads of their own, article by article: the preview leaves them out.
        self._topics = [one for one in topics if states[one] and one is not Topic.MEDIA]
        self._asks_for_articles = Topic.ARTICLE in topics
        self._notes = Notes()
        self._mains: Mapping[str, ListingView] = {}
        self._candidates: dict[str, Candidate] = {}
        self._adoptions = Adoptions(runtime.scope, channel, self._topics, self._patience)

    def pages(self) -> Iterator[PreviewPage]:
        """Page by page; the last page tells what is in the shop and not listed any more.

        Raises: IntegrationError of the ERP or the shop, when waiting does not help.
        """
        client = self._runtime.erp(self._channel.tenant_id, share=Share.BACKFILL)
        connector = self._runtime.connector(
            self._channel, share=Share.BACKFILL, patience=self._patience
        )
        facts = self._runtime.erp_facts(self._channel.tenant_id)
        short = Source(client, facts, self._channel, Topic.ARTICLE)
        source = with_long_pages(short, self._patience)
        expected, seen = self._patience.ask(source.count), 0
        for page in walk(source, self._patience, expected):
            seen += len(page.ids)
            yield PreviewPage(self._page(client, connector, page), seen, expected)
        if self._asks_for_articles:
            yield from self._not_listed_any_more(seen, expected)

    def _page(
        self, client: ErpClient, connector: Connector, page: PageOfRows
    ) -> tuple[Outcome, ...]:
        ids = page.ids
        missing = [one for one in ids if one not in page.rows]
        rows: dict[str, Row] = {**page.rows, **self._rows(client, missing)}
        known = self._known(ids)
        self._mains = variants.main_listings(self._runtime.scope, self._channel, rows)
        self._notes.meet(known.listing_by_article)
        self._candidates = {}
        outcomes = [self._outcome(connector, known, one, rows.get(one)) for one in ids]
        met = self._adoptions.outcomes(connector, self._with_conflicts(outcomes), self._candidates)
        return tuple(met)

    def _rows(self, client: ErpClient, ids: Sequence[str]) -> dict[str, Row]:
        """Complete rows; an article row holds what its price and stock are made of too."""
        facts = self._runtime.erp_facts(self._channel.tenant_id)
        fetch = FETCH_BY_TOPIC[Topic.ARTICLE]
        return self._patience.rows(partial(fetch, client, facts, self._channel), ids)

    def _known(self, ids: Sequence[str]) -> _Known:
        with self._runtime.scope() as session:
            views = shop_products.views(session, self._channel.id, ids)
            hashes = session.execute(
                select(WorkItem.entity_id, WorkItem.topic, WorkItem.pushed_hash).where(
                    WorkItem.channel_id == self._channel.id,
                    WorkItem.topic.in_([topic.value for topic in self._topics]),
                    sql.is_one_of_texts(session, WorkItem.entity_id, ids),
                )
            ).all()
            kept = session.execute(
                select(ArticleHold.article_id, ArticleHold.topic).where(
                    ArticleHold.channel_id == self._channel.id,
                    sql.is_one_of_texts(session, ArticleHold.article_id, ids),
                )
            ).all()
        hash_by_item = {(row.entity_id, row.topic): row.pushed_hash for row in hashes}
        owned = shop_edits.ownership(self._runtime.scope, self._channel, views)
        return _Known(views, hash_by_item, {(row.article_id, row.topic) for row in kept}, owned)

    def _outcome(
        self, connector: Connector, known: _Known, article_id: str, row: Row | None
    ) -> Outcome:
        listing = known.listing(article_id)
        number = listing.number if row is None else row.get("number") or listing.number
        is_kept = (article_id, Topic.ARTICLE.value) in known.kept
        if is_kept and listing.external_id is None:
            return Outcome(article_id, number, BY_HAND)
        if row is None or not (row.get("listed") or "refusal" in row):
            kind = WITHDRAW if listing.is_active else NOT_LISTED
            return Outcome(article_id, number, BY_HAND if is_kept else kind)
        try:
            if listing.external_id is None:
                return self._first(connector, listing, number, row)
            return self._again(connector, known, listing, number, row)
        except Held as error:
            return Outcome(article_id, number, error.reason, str(error))
        except PermanentError as error:
            return Outcome(article_id, number, INVALID, str(error))

    def _first(
        self, connector: Connector, listing: ListingView, number: str | None, row: Row
    ) -> Outcome:
        """An article that is not in the shop as far as we know."""
        article_id = listing.article_id
        if Topic.ARTICLE not in self._topics:
            reason = TOGGLED_OFF if self._asks_for_articles else NOT_LISTED
            return Outcome(article_id, number, reason, "articles do not travel, it is not in shop")
        if "refusal" not in row and not row.get("active"):
            return Outcome(article_id, number, INACTIVE)
        document = DOCUMENT_BY_TOPIC[Topic.ARTICLE](row, self._channel)
        if not isinstance(document, ArticleDocument):
            return Outcome(article_id, number, NOT_LISTED)
        payload = connector.payload(document, listing)
        self._candidates[article_id] = Candidate(document, payload)
        return Outcome(article_id, payload["number"], CREATE, topics=(Topic.ARTICLE,))

    def _again(
        self,
        connector: Connector,
        known: _Known,
        listing: ListingView,
        number: str | None,
        row: Row,
    ) -> Outcome:
        """An article that is in the shop: what of it differs."""
        differing: list[Topic] = []
        kept: list[Topic] = []
        for topic in self._topics:
            if variants.is_left_to_variants(topic, row, listing, self._channel):
                continue
            document: Document = DOCUMENT_BY_TOPIC[topic](row, self._channel)
            if isinstance(document, ArticleDocument):
                document = variants.placed(document, listing, self._mains)
            payload = known.owned.payload_or_reason(connector, document, listing)
            if isinstance(payload, str):
                continue
            pushed = known.hash_by_item.get((listing.article_id, topic.value))
            is_kept = (listing.article_id, topic.value) in known.kept
            if self._is_forced or pushed not in owned_payloads.contents(payload):
                (kept if is_kept else differing).append(topic)
            if is_kept:
                continue
            if topic is Topic.ARTICLE and known.owned.ends_offer(document, listing):
                return Outcome(listing.article_id, number, WITHDRAW, topics=(topic,))
        names = ", ".join(SHORT_NAME_BY_TOPIC[topic] for topic in differing or kept)
        kind = UPDATE if differing else BY_HAND if kept else UNCHANGED
        return Outcome(listing.article_id, number, kind, names, tuple(differing))

    def _with_conflicts(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """A new article must not take the product of another one that has its number."""
        wanted = {one.article: one.number for one in outcomes if one.outcome == CREATE}
        number_by_article = {article: number for article, number in wanted.items() if number}
        if not number_by_article:
            return list(outcomes)
        reason = {
            article: f"article {other} has the same number"
            for article, other in self._notes.earlier(number_by_article).items()
        }
        with self._runtime.scope() as session:
            owners = shop_products.number_owners(session, self._channel.id, number_by_article)
        reason |= {
            article: f"product {owner.external_id} belongs to article {owner.article_id}"
            for article, owner in owners.items()
            if owner.is_active
        }
        return [
            replace(one, outcome=CONFLICT, detail=reason[one.article], topics=())
            if one.article in reason
            else one
            for one in outcomes
        ]

    def _not_listed_any_more(self, seen: int, expected: int) -> Iterator[PreviewPage]:
        after = ""
        while True:
            with self._runtime.scope() as session:
                active = session.execute(
                    select(Listing.article_id, Listing.number)
                    .where(
                        Listing.channel_id == self._channel.id,
                        Listing.is_active.is_(True),
                        Listing.article_id > after,
                    )
                    .order_by(Listing.article_id)
                    .limit(CHUNK)
                ).all()
            number_by_article = {row.article_id: row.number for row in active}
            gone = self._notes.unmet(number_by_article)
            outcomes = (
                Outcome(one, number_by_article[one], WITHDRAW, "no listing in the ERP")
                for one in gone
            )
            yield PreviewPage(tuple(outcomes), seen, expected)
            if len(active) < CHUNK:
                return
            after = active[-1].article_id
