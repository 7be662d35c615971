"""Sends what a stored plan says, and nothing else, through the ordinary work items.

Each line is looked at once more before its article is asked for: what is not as the plan saw it is
skipped, with the reason. ERP and shop are asked for the articles of the plan alone, a hundred at a
time. Then the item is hinted as backfill with its hash forgotten, in one transaction with the state
of its lines, so that a killed apply goes on where it was and asks for nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from integration import (
    pacing,
    patience,
    shop_edits,
    shop_products,
    sql,
    toggles,
    work_items,
)
from integration.clock import db_now
from integration.connectors.base import ListingView
from integration.connectors.besides import ShowsProducts
from integration.erp import listings
from integration.erp.plans import FETCH_BY_TOPIC
from integration.models import (
    Drift,
    DriftPlan,
    DriftState,
    Listing,
    PlanState,
    Priority,
    WorkItem,
)
from integration.patience import Patience
from integration.reconciliation import fences, lost, work
from integration.reconciliation.compare import Shown
from integration.reconciliation.expecting import (
    Expected,
    Expecting,
    listings_of,
    with_the_gone,
)
from integration.reconciliation.staging import shown_of
from integration.runtime import Runtime
from integration.token_bucket import Share
from integration.topology import TOPIC_BY_SHORT_NAME, Topic

ARTICLES_AT_ONCE = 100
#: More than one article ever has.
LINES_AT_ONCE = 1_000


@dataclass(frozen=True)
class _Now:
    """What ERP, shop and our records say of the articles of some lines at this moment.

    `shown` None: this platform cannot show single products.
    """

    expected: Mapping[str, Expected]
    shown: Mapping[str, Shown] | None
    id_by_number: Mapping[str, str]
    #: Listings of products of ours that got lost.
    lost: Mapping[str, ListingView]


class Applying:
    """One plan on its way. Failure policy: at least once, absolute values."""

    def __init__(
        self, runtime: Runtime, plan_id: int, *, wait: Callable[[float], None] = patience.wait
    ) -> None:
        self._runtime, self._plan_id, self._patience = runtime, plan_id, Patience(wait)
        with runtime.scope() as session:
            plan = session.get_one(DriftPlan, plan_id)
            self._since, channel_id = plan.started_at, plan.channel_id
            is_on = toggles.states(session, channel_id)
            topics = [TOPIC_BY_SHORT_NAME[one] for one in plan.topics.split(",")]
        self._off = [one for one in topics if not is_on[one]]
        self._channel = runtime.channel(channel_id)
        self._connector = runtime.connector(
            self._channel, share=Share.BACKFILL, patience=self._patience
        )
        self._expecting = Expecting(runtime, self._channel, self._connector, topics)
        self._client = runtime.erp(
            self._channel.tenant_id, share=Share.BACKFILL, at_most=pacing.PASS_PART
        )

    def steps(self) -> Iterator[int]:
        """Asks for everything of the plan that still holds; yields how many lines were looked at.

        Raises: IntegrationError of the ERP or the shop, when waiting does not help.
        """
        with self._runtime.scope() as session:
            begin(session, self._plan_id)
        done = 0
        while lines := self._next():
            now = self._look(lines)
            with self._runtime.scope() as session:
                self._ask(session, lines, now)
            done += len(lines)
            yield done

    def _next(self) -> Sequence[Drift]:
        """The lines of the next articles that nothing was done about yet; an article's lines stand
        together in a plan."""
        with self._runtime.scope() as session:
            lines = session.scalars(
                select(Drift)
                .where(Drift.plan_id == self._plan_id, Drift.state == DriftState.PLANNED.value)
                .order_by(Drift.id)
                .limit(LINES_AT_ONCE)
            ).all()
            session.expunge_all()
        articles = list(dict.fromkeys(line.article_id for line in lines))
        if len(lines) == LINES_AT_ONCE and len(articles) > 1:
            articles.pop()  # there may be more of it
        chosen = frozenset(articles[:ARTICLES_AT_ONCE])
        return [line for line in lines if line.article_id in chosen]

    def _look(self, lines: Sequence[Drift]) -> _Now:
        """Asks ERP and shop for these articles; no transaction is open."""
        ids = list(dict.fromkeys(line.article_id for line in lines))
        facts = self._runtime.erp_facts(self._channel.tenant_id)
        fetch = partial(FETCH_BY_TOPIC[Topic.ARTICLE], self._client, facts, self._channel)
        rows = self._patience.rows(fetch, ids)
        known = listings_of(self._runtime, self._channel.id, ids)
        missed = _lost(lines, known)
        known |= missed
        shown = self._shown(known)
        expected = with_the_gone(
            self._expecting.expected({one: rows.get(one) for one in ids}, known),
            lambda absent: self._patience.ask(
                partial(listings.known_articles, self._client, absent)
            ),
        )
        by_article = {one.wanted.article: one for one in expected}
        return _Now(by_article, shown, self._ids(lines), missed)

    def _shown(self, known: Mapping[str, ListingView]) -> Mapping[str, Shown] | None:
        ids = [one.external_id for one in known.values() if one.external_id]
        connector = self._connector
        if not isinstance(connector, ShowsProducts):
            return None
        with self._runtime.scope() as session:
            read_at = session.scalars(select(db_now())).one()
        records = self._patience.ask(lambda: connector.show(ids)) if ids else []
        by_id = {one.external_id: one for one in records}
        # A text that somebody changed in the shop must not go with what is sent of its article.
        shop_edits.notice_shown(self._runtime.scope, self._channel, known, by_id, read_at=read_at)
        return {one.external_id: shown_of(one) for one in records}

    def _ids(self, lines: Sequence[Drift]) -> Mapping[str, str]:
        numbers = [one.number for one in lines if one.kind == "missing" and one.number]
        if not numbers:
            return {}
        return self._patience.ask(partial(self._connector.lookup, numbers))

    def _ask(self, session: Session, lines: Sequence[Drift], now: _Now) -> None:
        """Skips what does not hold any more and hints the rest, in one transaction."""
        articles = list(dict.fromkeys(line.article_id for line in lines))
        _lock_items(session, self._channel.id, articles)
        missed = lost.without_owned(session, self._channel.id, now.lost)
        known = {**missed, **shop_products.views(session, self._channel.id, articles)}
        items = work.items_of(
            session, self._channel.id, articles, TOPIC_BY_SHORT_NAME.values(), self._since
        )
        asked: dict[Topic, list[str]] = {}
        for (article, topic), own in _by_item(lines).items():
            scene = fences.Scene(
                now.expected[article],
                known.get(article),
                items.get((article, topic), work.NO_ITEM),
                None if now.shown is None else now.shown.get(own[0].external_id or ""),
                can_show=now.shown is not None,
                same_number=now.id_by_number.get(own[0].number),
                is_off=topic in self._off,
            )
            reason = fences.why_not(own, scene)
            if reason is None:
                asked.setdefault(topic, []).append(article)
            state = DriftState.ASKED if reason is None else DriftState.SKIPPED
            _set_state(session, own, state, reason)
        again = asked.get(Topic.ARTICLE, ())
        self._remember(session, [one for article, one in missed.items() if article in again])
        self._hint(session, lines, asked)

    def _remember(self, session: Session, views: Sequence[ListingView]) -> None:
        """Have the listings again that got lost: without one, nothing is withdrawn."""
        rows = [
            {
                "article_id": one.article_id,
                "external_id": one.external_id,
                "number": one.number,
                "is_active": one.is_active,
                "was_adopted": False,
            }
            for one in views
        ]
        shop_products.remember(session, self._channel.id, rows)

    def _hint(
        self, session: Session, lines: Sequence[Drift], asked: Mapping[Topic, Sequence[str]]
    ) -> None:
        withdrawn = [
            one.article_id
            for one in lines
            if one.kind in fences.WITHDRAWN and one.article_id in asked.get(Topic.ARTICLE, ())
        ]
        # The shop shows it for sale, whatever we remember: or its withdrawal would be no work.
        session.execute(
            update(Listing)
            .where(
                Listing.channel_id == self._channel.id,
                sql.is_one_of_texts(session, Listing.article_id, withdrawn),
            )
            .values(is_active=True)
            .execution_options(synchronize_session=False)
        )
        # Articles first, as everybody locks them.
        for topic in sorted(asked, key=lambda one: (one is not Topic.ARTICLE, one.value)):
            work_items.hint(
                session,
                self._channel.id,
                topic,
                asked[topic],
                priority=Priority.BACKFILL,
                forgets_hash=True,
                by="reconciliation",
            )


def begin(session: Session, plan_id: int) -> None:
    """Mark an open plan as under way."""
    session.execute(
        update(DriftPlan)
        .where(DriftPlan.id == plan_id, DriftPlan.state == PlanState.READY.value)
        .values(state=PlanState.APPLYING.value)
    )


def _by_item(lines: Sequence[Drift]) -> dict[tuple[str, Topic], list[Drift]]:
    """Lines by what carries them: one work item mends all fields of its topic."""
    by_item: dict[tuple[str, Topic], list[Drift]] = {}
    for line in lines:
        by_item.setdefault((line.article_id, Topic(line.topic)), []).append(line)
    return by_item


def _lost(lines: Sequence[Drift], known: Mapping[str, ListingView]) -> dict[str, ListingView]:
    """Of products that shall be withdrawn and have no listing."""
    return {
        one.article_id: lost.view_of(one.article_id, one.external_id, one.number)
        for one in lines
        if one.kind in fences.WITHDRAWN and one.external_id and one.article_id not in known
    }


def _lock_items(session: Session, channel_id: int, article_ids: Sequence[str]) -> None:
    """Nobody hints, claims or settles them between the look and the hint."""
    wanted = select(WorkItem.id).where(
        WorkItem.channel_id == channel_id,
        sql.is_one_of_texts(session, WorkItem.entity_id, article_ids),
    )
    session.execute(work_items.locking(session, wanted)).all()


def _set_state(
    session: Session, lines: Sequence[Drift], state: DriftState, outcome: str | None
) -> None:
    session.execute(
        update(Drift)
        .where(Drift.id.in_([one.id for one in lines]))
        .values(state=state.value, outcome=outcome)
        .execution_options(synchronize_session=False)
    )
