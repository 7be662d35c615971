"""What a dry run says of articles whose numbers the shop has already."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from integration import adoptions, field_ownership, sql
from integration.brake_rules import Rules, values_of
from integration.channel_view import ChannelView
from integration.connectors.base import Connector, Payload, RemoteRecord
from integration.connectors.besides import (
    KnowsForeignProducts,
    KnowsOwnProducts,
    LooksUpAll,
    ShowsProducts,
)
from integration.db import SessionScope
from integration.documents import ArticleDocument, Document
from integration.dry_run_outcomes import ADOPT, CONFLICT, CREATE, DUPLICATE, Change, Outcome
from integration.field_ownership import Owner
from integration.models import Listing
from integration.patience import Patience
from integration.reconciliation import compare, wording
from integration.reconciliation.compare import Difference, DriftKind, Values, Wanted
from integration.reconciliation.staging import shown_of
from integration.topology import Topic

#: As many as a batch has, for which every platform shows them at once.
SHOWN_AT_ONCE = 100


@dataclass(frozen=True)
class Candidate:
    """What the first write of an article would carry."""

    document: ArticleDocument
    payload: Payload


@dataclass(frozen=True)
class _There:
    """What the shop has under the numbers of a page."""

    ids_by_number: Mapping[str, Sequence[str]]
    #: Article by product that this channel made.
    own: Mapping[str, str]
    #: Article by product that another article of this channel has.
    taken: Mapping[str, str]
    foreign: Mapping[str, str]
    record_by_id: Mapping[str, RemoteRecord]


class Adoptions:
    """Looks up what would be created; `topics` are those that travel."""

    def __init__(
        self,
        scope: SessionScope,
        channel: ChannelView,
        topics: Collection[Topic],
        patience: Patience,
    ) -> None:
        self._scope, self._channel, self._topics = scope, channel, topics
        self._patience = patience
        self._owners = field_ownership.owners_of(channel.parameters)
        self._rules = Rules.of(channel.parameters)

    def outcomes(
        self,
        connector: Connector,
        outcomes: Sequence[Outcome],
        candidates: Mapping[str, Candidate],
    ) -> Iterator[Outcome]:
        """What the shop has under the same number is adopted, not created."""
        new = [one for one in outcomes if one.outcome == CREATE and one.number]
        there = self._patience.ask(lambda: self._there(connector, new)) if new else None
        for one in outcomes:
            ids = there.ids_by_number.get(one.number or "", ()) if there else ()
            if there is None or one.outcome != CREATE or not ids:
                yield one
            else:
                yield self._met(one, ids, there, candidates[one.article])

    def _there(self, connector: Connector, new: Sequence[Outcome]) -> _There:
        found = products_of(connector, [str(one.number) for one in new])
        ids = [one for them in found.values() for one in them]
        if not ids:
            return _There({}, {}, {}, {}, {})
        own: Mapping[str, str] = {}
        if isinstance(connector, KnowsOwnProducts):
            own = connector.own_articles(ids, [one.article for one in new])
        foreign: Mapping[str, str] = {}
        if isinstance(connector, KnowsForeignProducts):
            foreign = connector.foreign_marks(ids)
        return _There(found, own, self._taken(ids), foreign, _records(connector, ids))

    def _taken(self, ids: Sequence[str]) -> dict[str, str]:
        with self._scope() as session:
            rows = session.execute(
                select(Listing.external_id, Listing.article_id).where(
                    Listing.channel_id == self._channel.id,
                    sql.is_one_of_texts(session, Listing.external_id, ids),
                )
            ).all()
        return {str(row.external_id): row.article_id for row in rows}

    def _met(
        self, one: Outcome, ids: Sequence[str], there: _There, candidate: Candidate
    ) -> Outcome:
        ours = [product for product in ids if there.own.get(product) == one.article]
        if len(ids) > 1 and not ours:
            detail = f"the shop has several products with this number: {', '.join(ids)}"
            return replace(one, outcome=DUPLICATE, detail=detail, topics=(), others=tuple(ids))
        chosen = (ours or list(ids))[0]
        owner = there.taken.get(chosen)
        if owner is not None:
            detail = f"product {chosen} belongs to article {owner}"
            return replace(one, outcome=CONFLICT, detail=detail, topics=())
        changes = tuple(self._changes(one, candidate, there.record_by_id.get(chosen)))
        return replace(
            one,
            outcome=ADOPT,
            detail=_told(chosen, [other for other in ids if other != chosen]),
            topics=tuple(self._sent(candidate)),
            external_id=chosen,
            others=tuple(other for other in ids if other != chosen),
            changes=changes,
            made_by=there.foreign.get(chosen),
        )

    def _documents(self, candidate: Candidate) -> Iterator[tuple[Topic, Document]]:
        article = candidate.document
        for topic, document in (
            (Topic.ARTICLE, article),
            (Topic.PRICE, article.price),
            (Topic.STOCK, article.stock),
        ):
            if document is not None and topic in self._topics:
                yield topic, document

    def _sent(self, candidate: Candidate) -> Iterator[Topic]:
        whole = {topic: field for field, topic in field_ownership.WHOLE_TOPICS.items()}
        for topic, _ in self._documents(candidate):
            if topic not in whole or self._owners[whole[topic]] is not Owner.KEEP:
                yield topic

    def _changes(
        self, one: Outcome, candidate: Candidate, record: RemoteRecord | None
    ) -> Iterator[Change]:
        if record is None:
            return
        wanted = Wanted(
            one.article,
            one.number or "",
            is_offered=True,
            values_by_topic=self._values(candidate, Owner.OVERWRITE, Owner.KEEP_EDITED),
            undecided_by_topic=self._values(candidate, Owner.ASK),
        )
        id_ = record.external_id
        found = list(compare.differences(wanted, id_, shown_of(record), [id_]))
        has_gross = any(two.field == "gross" for two in found)
        for two in found:
            if two.field != "net" or not has_gross:
                yield self._change(two, candidate, record)

    def _change(self, found: Difference, candidate: Candidate, record: RemoteRecord) -> Change:
        old, new = wording.texts_of(found.field, found.old, found.new)
        asks = found.kind is DriftKind.UNDECIDED
        value = values_of(candidate.document).get(found.topic.value)
        before = adoptions.shown_value(found.topic, record, value)
        is_far = found.topic is not Topic.ARTICLE and not asks
        is_far = is_far and self._rules.is_suspicious(found.topic, before, value)
        return Change(str(found.field), old, new, asks, is_far)

    def _values(self, candidate: Candidate, *owners: Owner) -> dict[Topic, Values]:
        """What of each document has one of these owners."""
        texts = candidate.payload.get("texts", {"name": candidate.document.name})
        found: dict[Topic, Values] = {}
        for topic, document in self._documents(candidate):
            values = compare.values_of(document, texts)
            found[topic] = {
                name: value for name, value in values.items() if self._owner(name) in owners
            }
        return found

    def _owner(self, name: str) -> Owner:
        """Of what nobody can say anything else about, the ERP leads."""
        try:
            return self._owners[field_ownership.field_of(name)]
        except ValueError:
            return Owner.OVERWRITE


def _records(connector: Connector, ids: Sequence[str]) -> dict[str, RemoteRecord]:
    if not isinstance(connector, ShowsProducts):
        return {}
    return {
        record.external_id: record
        for start in range(0, len(ids), SHOWN_AT_ONCE)
        for record in connector.show(ids[start : start + SHOWN_AT_ONCE])
    }


def _told(chosen: str, others: Sequence[str]) -> str:
    told = f"product {chosen}"
    if others:
        told += f"; the shop has the number more than once: {', '.join(others)}"
    return told


def products_of(connector: Connector, numbers: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Product ids by number of what the shop has."""
    if isinstance(connector, LooksUpAll):
        return connector.lookup_all(numbers)
    return {number: (one,) for number, one in connector.lookup(numbers).items()}
