"""Makes the plan of a channel: reads the shop, then the ERP, and writes down what differs.

The shop is staged first, then the ERP is read page by page and each page compared and stored, so
that memory stays flat. Nothing is written to the shop or to the queue.

A change that travels meanwhile is no drift: our work items are read after the ERP's page, and an
item that is open then, or was sent since the shop was read, is counted as on its way. So is, at the
end, what was asked for after its page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import delete, select

from integration import field_ownership, pacing, patience, shop_edits, toggles
from integration.connectors.base import ListingView
from integration.erp import listings
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import IntegrationError, TransientError, UsageError
from integration.models import Drift, DriftState, Listing
from integration.paging import PAGE, Source, walk, with_long_pages
from integration.patience import Patience
from integration.reconciliation import lost, plans, work
from integration.reconciliation.compare import (
    LEFT_TO_PEOPLE,
    Difference,
    DriftKind,
    Shown,
    differences,
)
from integration.reconciliation.expecting import (
    COMPARED,
    Expected,
    Expecting,
    listings_of,
    with_the_gone,
)
from integration.reconciliation.staging import FIELDS, Stage, record_of
from integration.reconciliation.wording import texts_of
from integration.runtime import Runtime
from integration.token_bucket import Share
from integration.topology import SHORT_NAME_BY_TOPIC, Topic

#: Of our own listings, whose articles were not seen.
LISTINGS_PAGE = 1_000
#: Why a product cannot be compared that is there.
UNSHOWN = "not-shown"
#: What to do about a duplicate: nothing is ever deleted in a shop.
DO_ABOUT_DUPLICATE = (
    "nothing is deleted here: delete or renumber, in the shop, the products that are not wanted; "
    "keep the one that orders and links point to"
)
DO_ABOUT_UNDECIDED = (
    "somebody changed it in the shop, and own.{field} says ask: `vario-relay shop-edit overwrite "
    "{channel} ARTICLE --field {field}` sends the ERP's value, `shop-edit keep` leaves the shop's"
)


@dataclass(frozen=True)
class Progress:
    """`done` of `expected` (None: not known) products or articles, as `phase` says."""

    phase: str
    done: int
    expected: int | None = None


class Planning:
    """One plan of one channel.

    `topics`: those to compare, None for all.
    Raises: UsageError for topics that no comparison can tell, or that are all switched off.
    """

    def __init__(
        self,
        runtime: Runtime,
        channel_id: int,
        topics: Collection[Topic] | None = None,
        *,
        wait: Callable[[float], None] = patience.wait,
    ) -> None:
        self._runtime, self._channel = runtime, runtime.channel(channel_id)
        self._patience = Patience(wait)
        wanted = [one for one in COMPARED if topics is None or one in topics]
        with runtime.scope() as session:
            is_on = toggles.states(session, channel_id)
        self._topics = [one for one in wanted if is_on[one]]
        self._off = [one for one in wanted if not is_on[one]]
        if not self._topics:
            raise UsageError(_nothing_to_compare(self._off))
        self._connector = runtime.connector(
            self._channel, share=Share.BACKFILL, patience=self._patience
        )
        self._expecting = Expecting(runtime, self._channel, self._connector, self._topics)
        self._client = runtime.erp(
            self._channel.tenant_id, share=Share.BACKFILL, at_most=pacing.PASS_PART
        )
        self._facts = runtime.erp_facts(self._channel.tenant_id)
        self._fetch = partial(
            FETCH_BY_TOPIC[Topic.ARTICLE], self._client, self._facts, self._channel
        )
        self._on_its_way: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def steps(self) -> Iterator[Progress]:
        """Makes the plan; `plan_id` names it. Each step says how far it is.

        Failure policy: a plan that breaks off is never applied, and forgotten with the old ones.
        Raises: IntegrationError of the ERP or the shop, when waiting does not help, and when the
        ERP showed less than it counts.
        """
        with self._runtime.scope() as session:
            plan = plans.begin(session, self._channel.id, self._topics, self._off)
            self.plan_id, started_at = plan.id, plan.started_at
        with Stage() as stage:
            products = 0
            for products in self._staged(stage):
                yield Progress("shop", products)
            articles = 0
            for articles, expected in self._listed(stage, started_at):
                yield Progress("erp", articles, expected)
            self._not_listed(stage, started_at)
            self._lost(stage, started_at)
        self._leave_what_travels(started_at)
        with self._runtime.scope() as session:
            plans.make_ready(
                session,
                self.plan_id,
                articles=articles,
                products=products,
                on_its_way=dict(self._on_its_way),
                left_out=dict(self._left_out),
            )

    def _staged(self, stage: Stage) -> Iterator[int]:
        """The whole shop; yields how many products there are so far.

        A scan cannot go on where it broke off, so that it begins anew, as long as it comes further
        than before.
        """
        furthest, count, failures = 0, 0, 0
        while True:
            try:
                for count in stage.put(self._connector.scan(FIELDS)):
                    yield count
                return
            except TransientError as error:
                failures = 1 if count > furthest else failures + 1
                furthest = max(furthest, count)
                self._patience.rest(error, failures)

    def _listed(self, stage: Stage, since: datetime) -> Iterator[tuple[int, int]]:
        """Compares what is listed; yields (articles so far, how many the ERP counts)."""
        short = Source(self._client, self._facts, self._channel, Topic.ARTICLE)
        source = with_long_pages(short, self._patience)
        expected = self._patience.ask(source.count)
        seen = 0
        for page in walk(source, self._patience, expected):
            stage.saw(page.ids)
            seen += len(page.ids)
            missing = [one for one in page.ids if one not in page.rows]
            there = {one: page.rows[one] for one in page.ids if one in page.rows}
            self._compare(stage, {**there, **self._rows(missing)}, since)
            yield seen, expected
        counted = min(expected, self._patience.ask(source.count))
        if seen < counted:
            raise IntegrationError(
                f"the ERP showed {seen} of the {counted} articles that it counts on this channel; "
                "nothing is planned, run it again"
            )

    def _rows(self, ids: Sequence[str]) -> dict[str, Any]:
        """Of each article its row, None where the channel has no listing of it."""
        found = self._patience.rows(self._fetch, ids) if ids else {}
        return {one: found.get(one) for one in ids}

    def _not_listed(self, stage: Stage, since: datetime) -> None:
        """What is for sale by us and was not seen: asked for by id, because a walk by pages alone
        proves nothing about a single article."""
        for ids in self._own_articles(stage):
            known = listings_of(self._runtime, self._channel.id, stage.unseen(ids))
            shown = stage.by_ids([one.external_id for one in known.values() if one.external_id])
            for_sale = [
                article
                for article, one in known.items()
                if one.external_id in shown and shown[one.external_id].is_active
            ]
            for start in range(0, len(for_sale), PAGE):
                self._compare(stage, self._rows(for_sale[start : start + PAGE]), since)

    def _own_articles(self, stage: Stage) -> Iterator[Sequence[str]]:
        last = ""
        while True:
            with self._runtime.scope() as session:
                page = session.execute(
                    select(Listing.article_id, Listing.external_id)
                    .where(Listing.channel_id == self._channel.id, Listing.article_id > last)
                    .order_by(Listing.article_id)
                    .limit(LISTINGS_PAGE)
                ).all()
            stage.knows(row.external_id for row in page)
            yield [row.article_id for row in page]
            if len(page) < LISTINGS_PAGE:
                return
            last = page[-1].article_id

    def _lost(self, stage: Stage, since: datetime) -> None:
        """What is for sale by us, and not ours as far as we know."""
        found = lost.pages(self._runtime, self._channel.id, self._connector, self._patience, stage)
        for views in found:
            self._compare(stage, self._rows(list(views)), since, lost_views=views)

    def _compare(
        self,
        stage: Stage,
        rows: Mapping[str, Any],
        since: datetime,
        *,
        lost_views: Mapping[str, ListingView] | None = None,
    ) -> None:
        """Compares and stores one page. `lost_views`: of articles without a listing, which count
        only if they are not offered."""
        if not rows:
            return
        known = lost_views or listings_of(self._runtime, self._channel.id, list(rows))
        shown = stage.by_ids([one.external_id for one in known.values() if one.external_id])
        # What people changed in the shop, of fields where that counts, is no drift.
        records = {external_id: record_of(one) for external_id, one in shown.items()}
        shop_edits.notice_shown(self._runtime.scope, self._channel, known, records, read_at=since)
        expected = with_the_gone(self._expecting.expected(rows, known), self._known)
        if lost_views is not None:
            expected = [one for one in expected if not one.wanted.is_offered]
        stage.offers(one.wanted.article for one in expected if one.wanted.is_offered)
        same = stage.ids_by_number([one.wanted.number for one in expected])
        expected = self._without_unshown(expected, shown)
        with self._runtime.scope() as session:
            items = work.items_of(session, self._channel.id, list(rows), self._topics, since)
            lines = [
                line
                for one in expected
                for line in self._lines(one, shown.get(one.product or ""), same, items)
            ]
            plans.add(session, self.plan_id, lines)

    def _known(self, article_ids: Sequence[str]) -> Collection[str]:
        return self._patience.ask(partial(listings.known_articles, self._client, article_ids))

    def _without_unshown(
        self, expected: Sequence[Expected], shown: Mapping[str, Shown]
    ) -> list[Expected]:
        """Without products that a scan does not show although they are there, as variations of an
        elder shop: they are looked for by number before they count as missing."""
        absent = [
            one
            for one in expected
            if one.wanted.is_offered and one.product is not None and one.product not in shown
        ]
        numbers = [one.listing.number for one in absent if one.listing.number]
        if not numbers:
            return list(expected)
        there = self._patience.ask(partial(self._connector.lookup, numbers))
        unshown = {
            one.wanted.article
            for one in absent
            if there.get(one.listing.number or "") == one.product
        }
        if unshown:
            self._left_out[UNSHOWN] += len(unshown)
        return [one for one in expected if one.wanted.article not in unshown]

    def _lines(
        self,
        one: Expected,
        shown: Shown | None,
        same: Mapping[str, Sequence[str]],
        items: Mapping[work.Key, work.Item],
    ) -> Iterator[dict[str, Any]]:
        for topic, reason in one.left_out.items():
            if topic in self._topics and not one.wanted.undecided_by_topic.get(topic):
                self._left_out[reason] += 1
        counted: set[Topic] = set()
        listing, wanted = one.listing, one.wanted
        same_number = same.get(wanted.number, ())
        for found in differences(wanted, listing.external_id, shown, same_number):
            is_left = found.topic in one.left_out and found.kind is not DriftKind.UNDECIDED
            if found.topic not in self._topics or is_left:
                continue
            item = items.get((wanted.article, found.topic), work.NO_ITEM)
            if item.on_its_way is None:
                yield from self._line(one, found, item)
            elif found.topic not in counted:
                counted.add(found.topic)
                self._on_its_way[item.on_its_way] += 1

    def _line(self, one: Expected, found: Difference, item: work.Item) -> Iterator[dict[str, Any]]:
        # What the ERP says was sent: the shop's value is somebody else's.
        is_edited = item.pushed_hash in one.contents.get(found.topic, ())
        is_edited = is_edited and found.kind is DriftKind.DIFFERENT
        is_reported = found.kind in LEFT_TO_PEOPLE
        state = DriftState.REPORTED if is_reported else DriftState.PLANNED
        old, new = texts_of(found.field, found.old, found.new)
        yield {
            "kind": found.kind.value,
            "topic": found.topic.value,
            "article_id": one.wanted.article,
            "number": one.wanted.number,
            "field": found.field,
            "old": old,
            "new": new,
            "is_edited": is_edited or found.kind is DriftKind.UNDECIDED,
            "external_id": one.product,
            "generation": item.generation,
            "state": state.value,
            "outcome": self._what_to_do(found),
        }

    def _what_to_do(self, found: Difference) -> str | None:
        """What a person does about what is never sent."""
        if found.kind is DriftKind.DUPLICATE:
            return DO_ABOUT_DUPLICATE
        if found.kind is not DriftKind.UNDECIDED or found.field is None:
            return None
        field = field_ownership.field_of(found.field)
        return DO_ABOUT_UNDECIDED.format(field=field, channel=self._channel.label)

    def _leave_what_travels(self, since: datetime) -> None:
        """Take out again what was hinted or sent after its page was compared."""
        for lines in plans.pages(self._runtime.scope, self.plan_id):
            with self._runtime.scope() as session:
                articles = {line.article_id for line in lines}
                items = work.items_of(session, self._channel.id, articles, self._topics, since)
                moved = {
                    (line.article_id, Topic(line.topic)): item.on_its_way
                    for line in lines
                    if (item := items.get((line.article_id, Topic(line.topic)))) is not None
                    and item.on_its_way is not None
                }
                gone = [one.id for one in lines if (one.article_id, Topic(one.topic)) in moved]
                session.execute(delete(Drift).where(Drift.id.in_(gone)))
            self._on_its_way.update(moved.values())


def _nothing_to_compare(off: Sequence[Topic]) -> str:
    if off:
        names = ", ".join(SHORT_NAME_BY_TOPIC[one] for one in off)
        return f"{names} of this channel is switched off; there is nothing to compare"
    names = ", ".join(SHORT_NAME_BY_TOPIC[one] for one in COMPARED)
    return f"only {names} can be compared with the shop"
