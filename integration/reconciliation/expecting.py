"""What the shop should show, by the same documents and payloads that a push makes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from integration import owned_payloads, shop_edits, shop_products, variants
from integration.channel_view import ChannelView
from integration.connectors.base import Connector, ListingView, Payload
from integration.documents import ArticleDocument, Document, WithdrawalDocument
from integration.errors import Held, IntegrationError, PermanentError, TransientError
from integration.field_ownership import edited_name
from integration.owned_payloads import Ownership
from integration.reconciliation.compare import Values, Wanted, values_of
from integration.runtime import Runtime
from integration.topics import DOCUMENT_BY_TOPIC
from integration.topology import Topic

#: The topics whose values shops show back, in the order in which they are told.
COMPARED = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)
#: Why a topic of an article cannot be compared, where no hold has a name for it.
INVALID, UNREAD = "invalid", "not-read"
#: Why one is not: the shop's word counts for it.
LEFT_TO_SHOP = "left-to-shop"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Expected:
    """An article as the ERP offers it, with its listing as we know it.

    `left_out`: why a topic's document cannot be made, or does not travel. `contents`: the hashes of
    which one says that nothing of a topic is new.
    """

    wanted: Wanted
    listing: ListingView
    contents: Mapping[Topic, tuple[str, ...]] = field(default_factory=dict)
    left_out: Mapping[Topic, str] = field(default_factory=dict)
    #: The channel has no listing of it.
    is_absent: bool = False

    @property
    def product(self) -> str | None:
        """The product that we know of."""
        return self.listing.external_id

    def gone(self) -> Expected:
        """The same of an article that the ERP does not have any more."""
        return replace(self, wanted=replace(self.wanted, is_known=False))


@dataclass(frozen=True)
class _Whose:
    """Whose the fields of an article are, and those that a person has to decide about."""

    owned: Ownership
    undecided: frozenset[str]


class Expecting:
    """Makes rows of the ERP into what the shop should show, of these topics of one channel."""

    def __init__(
        self,
        runtime: Runtime,
        channel: ChannelView,
        connector: Connector,
        topics: Collection[Topic],
    ) -> None:
        self._runtime, self._channel, self._connector = runtime, channel, connector
        self._topics = [one for one in COMPARED if one in topics]

    def expected(
        self, rows: Mapping[str, Row | None], listings: Mapping[str, ListingView]
    ) -> list[Expected]:
        """Of each row; None stands for an article that has none: it is not listed, or gone."""
        there = {key: row for key, row in rows.items() if row is not None}
        mains = variants.main_listings(self._runtime.scope, self._channel, there)
        owned = shop_edits.ownership(self._runtime.scope, self._channel, rows)
        undecided = shop_edits.undecided_fields(self._runtime.scope, self._channel, rows)
        return [
            self._of_row(
                row,
                listings.get(key, ListingView(key)),
                mains,
                _Whose(owned, undecided.get(key, frozenset())),
            )
            for key, row in rows.items()
        ]

    def _of_row(
        self,
        row: Row | None,
        listing: ListingView,
        mains: Mapping[str, ListingView],
        whose: _Whose,
    ) -> Expected:
        if row is None:
            return self._not_offered({}, listing, whose, is_absent=True)
        if row.get("active") is False and listing.external_id is None:
            return Expected(_not_offered(row, listing), listing)
        values: dict[Topic, Values] = {}
        undecided: dict[Topic, Values] = {}
        contents: dict[Topic, tuple[str, ...]] = {}
        left_out: dict[Topic, str] = {}
        # Whether it is offered at all is the article's to say, also when only prices are compared.
        for topic in dict.fromkeys((Topic.ARTICLE, *self._topics)):
            if variants.is_left_to_variants(topic, row, listing, self._channel):
                continue
            try:
                document = self._document(topic, row, listing, mains)
                if isinstance(document, WithdrawalDocument) or _is_inactive(document):
                    return self._not_offered(row, listing, whose)
                payload = self._payload(topic, document, listing, whose.owned)
                undecided[topic] = self._undecided(document, listing, whose)
            except (Held, PermanentError, TransientError) as error:
                left_out[topic] = _reason(error)
                continue
            if isinstance(payload, str):
                left_out[topic] = LEFT_TO_SHOP
                continue
            if payload is not None:
                contents[topic] = owned_payloads.contents(payload)
            if topic in self._topics:
                values[topic] = self._values(document, whose.owned.view(listing))
        wanted = Wanted(
            listing.article_id,
            _number(row, listing),
            is_offered=True,
            values_by_topic=values,
            undecided_by_topic=undecided,
        )
        return Expected(wanted, listing, contents, left_out)

    def _document(
        self, topic: Topic, row: Row, listing: ListingView, mains: Mapping[str, ListingView]
    ) -> Document:
        document: Document = DOCUMENT_BY_TOPIC[topic](row, self._channel)
        if isinstance(document, ArticleDocument):
            document = variants.placed(document, listing, mains)
        return document

    def _payload(
        self, topic: Topic, document: Document, listing: ListingView, owned: Ownership
    ) -> Payload | str | None:
        """What would be sent, or why nothing is; None for what goes with the first write."""
        if listing.external_id is None and topic is not Topic.ARTICLE:
            return None
        return owned.payload_or_reason(self._connector, document, listing)

    def _values(self, document: Document, view: ListingView) -> Values:
        """What the shop should show, without what its own word counts for."""
        texts: Mapping[str, str] = {}
        if isinstance(document, ArticleDocument):
            texts = self._connector.payload(document, view).get("texts", {"name": document.name})
        values = values_of(document, texts)
        return {name: values[name] for name in values if not view.leaves_out(edited_name(name))}

    def _undecided(self, document: Document, listing: ListingView, whose: _Whose) -> Values:
        """What the ERP says of fields about which a person has to decide."""
        if not whose.undecided:
            return {}
        view = whose.owned.view(listing)
        values = self._values(document, replace(view, left_out=view.left_out - whose.undecided))
        return {name: values[name] for name in values if edited_name(name) in whose.undecided}

    def _not_offered(
        self,
        row: Row,
        listing: ListingView,
        whose: _Whose,
        *,
        is_absent: bool = False,
    ) -> Expected:
        is_left = listing.external_id is not None and whose.owned.view(listing).leaves_out("active")
        left_out = {Topic.ARTICLE: LEFT_TO_SHOP} if is_left else {}
        wanted = _not_offered(row, listing)
        if "active" in whose.undecided:
            wanted = replace(wanted, undecided_by_topic={Topic.ARTICLE: {"active": False}})
        return Expected(wanted, listing, left_out=left_out, is_absent=is_absent)


def _is_inactive(document: Document) -> bool:
    return isinstance(document, ArticleDocument) and not document.is_active


def _not_offered(row: Row, listing: ListingView) -> Wanted:
    return Wanted(listing.article_id, _number(row, listing), is_offered=False)


def _number(row: Row, listing: ListingView) -> str:
    return str(row.get("number") or listing.number or "").strip()


def _reason(error: IntegrationError) -> str:
    if isinstance(error, Held):
        return error.reason
    return INVALID if isinstance(error, PermanentError) else UNREAD


def with_the_gone(
    expected: Sequence[Expected], known_articles: Callable[[Sequence[str]], Collection[str]]
) -> list[Expected]:
    """The same, where those of ours that have no row say whether the ERP has them at all."""
    absent = [one.wanted.article for one in expected if one.is_absent and one.product is not None]
    there = known_articles(absent) if absent else absent
    return [
        one.gone() if one.wanted.article in absent and one.wanted.article not in there else one
        for one in expected
    ]


def listings_of(
    runtime: Runtime, channel_id: int, article_ids: Sequence[str]
) -> dict[str, ListingView]:
    """What we know of these articles in the shop, by article."""
    with runtime.scope() as session:
        return shop_products.views(session, channel_id, article_ids)
