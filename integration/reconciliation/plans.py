"""Plans as rows: begun, filled page by page, made ready, found again, forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from integration.clock import db_now
from integration.db import SessionScope
from integration.errors import UsageError
from integration.models import Drift, DriftPlan, DriftState, PlanState
from integration.reconciliation import compare
from integration.reconciliation.compare import DriftKind
from integration.topology import SHORT_NAME_BY_TOPIC, TOPIC_BY_SHORT_NAME, Topic

#: States of lines whose reasons people are told.
TOLD = (DriftState.SKIPPED, DriftState.HELD, DriftState.FAILED, DriftState.REPORTED)
PLANS_KEPT = timedelta(days=30)
OPEN_STATES = (PlanState.READY.value, PlanState.APPLYING.value)
#: Lines of one page of a plan that is read through.
PAGE = 1_000


@dataclass(frozen=True)
class PlanView:
    """A plan without its lines. `counts` by kind has every kind."""

    id: int
    channel_id: int
    state: PlanState
    topics: tuple[str, ...]
    off_topics: tuple[str, ...]
    articles: int
    products: int
    counts: Mapping[str, int]
    on_its_way: Mapping[str, int]
    left_out: Mapping[str, int]

    @property
    def has_drift(self) -> bool:
        return any(self.counts.values())

    @property
    def not_compared(self) -> tuple[str, ...]:
        """What no line of it can tell."""
        return compare.not_compared(TOPIC_BY_SHORT_NAME[one] for one in self.topics)


def short_names(topics: Collection[Topic]) -> str:
    """Short names in the order of the topics, as a column keeps them."""
    return ",".join(SHORT_NAME_BY_TOPIC[one] for one in topics)


def begin(
    session: Session, channel_id: int, topics: Collection[Topic], off: Collection[Topic]
) -> DriftPlan:
    """A plan that is being made; its clock runs from here."""
    plan = DriftPlan(channel_id=channel_id, topics=short_names(topics), off_topics=short_names(off))
    session.add(plan)
    session.flush()
    session.refresh(plan)
    return plan


def add(session: Session, plan_id: int, lines: Sequence[Mapping[str, Any]]) -> None:
    """Lines of a plan that is being made."""
    if lines:
        session.execute(insert(Drift), [{"plan_id": plan_id, **one} for one in lines])


def make_ready(session: Session, plan_id: int, **values: Any) -> None:
    """The plan is complete. Open plans of the channel that it covers are out of date."""
    plan = session.get_one(DriftPlan, plan_id)
    session.execute(
        update(DriftPlan)
        .where(DriftPlan.id == plan_id)
        .values(state=PlanState.READY.value, made_at=db_now(), **values)
    )
    open_ones = session.execute(
        select(DriftPlan.id, DriftPlan.topics).where(
            DriftPlan.channel_id == plan.channel_id,
            DriftPlan.id < plan_id,
            DriftPlan.state.in_(OPEN_STATES),
        )
    ).all()
    mine = set(plan.topics.split(","))
    covered = [one.id for one in open_ones if set(one.topics.split(",")) <= mine]
    session.execute(
        update(DriftPlan).where(DriftPlan.id.in_(covered)).values(state=PlanState.SUPERSEDED.value)
    )


def view(session: Session, plan_id: int) -> PlanView:
    """A plan with its counts. Raises: NoResultFound."""
    plan = session.get_one(DriftPlan, plan_id, populate_existing=True)
    counted = session.execute(
        select(Drift.kind, func.count()).where(Drift.plan_id == plan_id).group_by(Drift.kind)
    ).all()
    counts = dict.fromkeys((kind.value for kind in DriftKind), 0)
    counts.update({row[0]: row[1] for row in counted})
    return PlanView(
        plan.id,
        plan.channel_id,
        PlanState(plan.state),
        _names(plan.topics),
        _names(plan.off_topics),
        plan.articles,
        plan.products,
        counts,
        dict(plan.on_its_way),
        dict(plan.left_out),
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def find(session: Session, channel_id: int, plan_id: int | None) -> int:
    """The plan of a channel to be applied: this one, or the newest.

    Raises: UsageError when there is none, and for one that is no longer open.
    """
    of_channel = select(DriftPlan).where(
        DriftPlan.channel_id == channel_id, DriftPlan.state != PlanState.COMPARING.value
    )
    if plan_id is not None:
        of_channel = of_channel.where(DriftPlan.id == plan_id)
    found = session.scalars(of_channel.order_by(DriftPlan.id.desc()).limit(1)).one_or_none()
    if found is None:
        named = "no plan" if plan_id is None else f"no plan {plan_id}"
        raise UsageError(
            f"there is {named} of this channel; `vario-relay reconcile --plan` makes one"
        )
    if found.state == PlanState.SUPERSEDED.value:
        raise UsageError(
            f"plan {found.id} is out of date, a newer one was made since; "
            "`vario-relay reconcile --apply` without a number takes the newest"
        )
    return found.id


def pages(scope: SessionScope, plan_id: int, *conditions: Any) -> Iterator[Sequence[Drift]]:
    """The lines of a plan in their order, page by page, so that memory stays flat."""
    last = 0
    while True:
        with scope() as session:
            page = session.scalars(
                select(Drift)
                .where(Drift.plan_id == plan_id, Drift.id > last, *conditions)
                .order_by(Drift.id)
                .limit(PAGE)
            ).all()
            session.expunge_all()
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1].id


def lines(scope: SessionScope, plan_id: int) -> Iterator[Drift]:
    """The lines one by one."""
    for page in pages(scope, plan_id):
        yield from page


def examples(session: Session, plan_id: int, kind: str, limit: int) -> Sequence[Drift]:
    """The first lines of a kind."""
    return session.scalars(
        select(Drift)
        .where(Drift.plan_id == plan_id, Drift.kind == kind)
        .order_by(Drift.id)
        .limit(limit)
    ).all()


def reasons(session: Session, plan_id: int, state: DriftState) -> list[tuple[str | None, int]]:
    """Why lines are in this state, and how many, the most first."""
    count = func.count()
    rows = session.execute(
        select(Drift.outcome, count)
        .where(Drift.plan_id == plan_id, Drift.state == state.value)
        .group_by(Drift.outcome)
        .order_by(count.desc(), Drift.outcome)
    ).all()
    return [(row[0], row[1]) for row in rows]


def outcomes(session: Session, plan_id: int) -> dict[str, int]:
    """How many lines are in which state, in lower case."""
    rows = session.execute(
        select(Drift.state, func.count()).where(Drift.plan_id == plan_id).group_by(Drift.state)
    ).all()
    counted = {row[0]: row[1] for row in rows}
    return {one.value.lower(): counted.get(one.value, 0) for one in DriftState}


def forget_old(session: Session) -> None:
    """Remove plans of long ago, also those that were never completed."""
    session.execute(
        delete(DriftPlan).where(DriftPlan.started_at < db_now(-PLANS_KEPT.total_seconds()))
    )
