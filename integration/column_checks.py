"""When a channel's columns are compared with REST, and what follows from it.

The finding is a fact of the channel that every stage reads with the channel itself. It is made
before a channel's first work (`channel resume`), by `doctor`, and once a day by beat
(docs/decisions/0015). What it costs is taken from the backfill's share of the budget.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from integration import catch_ups, channels, work_outcomes
from integration.clock import db_now
from integration.erp import catalogue
from integration.erp.comparison import Comparison
from integration.errors import IntegrationError, Rejected
from integration.facts import remember, stored, take_turn
from integration.models import ChannelFact, Listing, SalesChannel, Tenant, WorkItem
from integration.stages import hold_where_it_says_so
from integration.token_bucket import Share
from integration.topology import Topic

if TYPE_CHECKING:
    from integration.connectors.base import FactStore
    from integration.runtime import Runtime

LOST_TRUST = (
    "columns of the ERP ({}) do not hold what its own answers say, and products may have been sent "
    "from them"
)
#: A turn that is under way or was cut short: what it looked at so far.
BEGUN = "column-check"
#: The facts of a channel that are the ERP's, whatever its shop is.
FACTS = (BEGUN, channels.COLUMN_FINDINGS)
#: How old a finding may become.
DAY_S = 86_400.0
#: Between two turns of one channel, so that two beats, or two ticks, never check it together.
TURN_S = 240.0


@dataclass(frozen=True)
class ReadFinding:
    """What is known of one read (price, stock) whose columns the ERP offers."""

    read: str
    columns: tuple[str, ...]
    agrees: bool
    compared: int
    difference: str | None


def check(runtime: Runtime, channel_id: int, *, budget_s: float = math.inf) -> list[ReadFinding]:
    """Compare the channel's columns with REST, and let its stages know.

    Raises: IntegrationError when the ERP cannot be asked to the end; the next turn goes on, and a
    difference that was found counts at once. A channel without anything in its shop then starts
    without trust in columns.
    """
    channel = runtime.channel(channel_id)
    client = runtime.erp(channel.tenant_id, share=Share.BACKFILL, gives_up_after_s=budget_s)
    facts = runtime.erp_facts(channel.tenant_id)
    comparison = Comparison(client, channel.erp_id, frozenset(), currency=channel.currency)
    try:
        comparison.offered = catalogue.rediscover(client, facts)
        comparison.looked_at = _looked_at(runtime, channel_id, comparison.columns)
        _run(comparison, facts)
    except IntegrationError:
        with runtime.scope() as session:
            _record_unfinished(session, channel_id, comparison, channel.column_findings)
        raise
    with runtime.scope() as session:
        _record(session, channel_id, comparison, channel.column_findings)
    return findings_of(comparison.findings)


def _record_unfinished(
    session: Session, channel_id: int, comparison: Comparison, before: Mapping[str, Any] | None
) -> None:
    """How far it came, and what is known to differ."""
    value = {"columns": comparison.columns, "looked_at": comparison.looked_at}
    _put(session, channel_id, BEGUN, value)
    differing = {read: one for read, one in comparison.findings.items() if one["difference"]}
    if differing or (before is None and not _has_listings(session, channel_id)):
        findings = {**(before or {}), **differing}
        _put_findings(session, channel_id, findings, is_complete=False)
        _make_up_for(session, channel_id, comparison.offered, before, findings)


def _run(comparison: Comparison, facts: FactStore) -> None:
    """Once more without a column that the ERP offers and then refuses."""
    try:
        comparison.run()
    except Rejected as error:
        used = catalogue.plan(Topic.ARTICLE, comparison.offered)
        offered = catalogue.without_refused(comparison.client, facts, used, str(error))
        if offered == comparison.offered:
            raise
        comparison.offered = offered
        comparison.run()


def findings_of(stored: Mapping[str, Any] | None) -> list[ReadFinding]:
    """The stored fact as values."""
    return [
        ReadFinding(read, tuple(one["columns"]), one["agrees"], one["compared"], one["difference"])
        for read, one in (stored or {}).items()
    ]


def check_due(runtime: Runtime, budget_s: float) -> None:
    """Check one running channel after the other whose finding is missing or a day old.

    Failure policy: a channel that cannot be checked is left for its next turn, an ERP that does
    not let us in any more holds its tenant; the last error is raised when all had their turn.
    """
    ends_at, failed = time.monotonic() + budget_s, None
    for channel_id in _due(runtime):
        left_s = ends_at - time.monotonic()
        if left_s <= 0:
            break
        with runtime.scope() as session:
            is_ours = _begin_turn(session, channel_id)
        try:
            if is_ours:
                check(runtime, channel_id, budget_s=left_s)
        except IntegrationError as error:
            with runtime.scope() as session:
                hold_where_it_says_so(session, channel_id, error)
            failed = error
    if failed is not None:
        raise failed


def distrust(session: Session, channel_id: int) -> None:
    """Believe no column until they are compared anew, which is due at once: what they were
    compared with counts no more."""
    _put_findings(session, channel_id, {}, is_complete=False)
    _put(session, channel_id, BEGUN, {})


def is_fresh(session: Session, channel_id: int, life_s: float = DAY_S) -> bool:
    """Whether the channel was checked to the end within so many seconds."""
    found = session.execute(
        select(ChannelFact.value).where(
            ChannelFact.channel_id == channel_id,
            ChannelFact.name == channels.COLUMN_FINDINGS,
            ChannelFact.learnt_at > db_now(-life_s),
        )
    ).scalar_one_or_none()
    return found is not None and bool(found["is_complete"])


def _due(runtime: Runtime) -> list[int]:
    """Running channels with an old, unfinished or missing finding, or a column that is gone."""
    findings = aliased(ChannelFact)
    held = select(WorkItem.channel_id).where(
        WorkItem.hold_reason.startswith(catalogue.HELD_COLUMN, autoescape=True)
    )
    with runtime.scope() as session:
        rows = session.execute(
            select(
                SalesChannel.id,
                findings.value,
                or_(
                    findings.learnt_at.is_(None),
                    findings.learnt_at < db_now(-DAY_S),
                    SalesChannel.id.in_(held),
                ).label("is_due"),
            )
            .join(Tenant, Tenant.id == SalesChannel.tenant_id)
            .outerjoin(
                findings,
                and_(
                    findings.channel_id == SalesChannel.id,
                    findings.name == channels.COLUMN_FINDINGS,
                ),
            )
            .where(channels.is_running())
            .order_by(SalesChannel.id)
        ).all()
    return [row.id for row in rows if row.is_due or not row.value["is_complete"]]


def _begin_turn(session: Session, channel_id: int) -> bool:
    """Take the channel's turn; False when somebody had it a moment ago."""
    return take_turn(session, ChannelFact.channel_id, channel_id, BEGUN, every_s=TURN_S, first={})


def _looked_at(runtime: Runtime, channel_id: int, columns: list[str]) -> dict[str, int]:
    """What an earlier turn looked at, if the columns are still the same."""
    with runtime.scope() as session:
        begun = stored(session, ChannelFact.channel_id, channel_id, BEGUN)
    if begun is None or begun.get("columns") != columns:
        return {}
    return dict(begun["looked_at"])


def _put_findings(
    session: Session, channel_id: int, reads: Mapping[str, Any], *, is_complete: bool
) -> None:
    _put(
        session, channel_id, channels.COLUMN_FINDINGS, {"is_complete": is_complete, "reads": reads}
    )


def _put(session: Session, channel_id: int, name: str, value: Any) -> None:
    remember(session, ChannelFact.channel_id, channel_id, name, value)


def _record(
    session: Session, channel_id: int, comparison: Comparison, before: Mapping[str, Any] | None
) -> None:
    """Store the finding. Rows that waited for a column that is gone are tried again: the check's
    query worked."""
    findings = comparison.findings
    # An empty catalogue proves nothing: it is looked at again soon.
    is_complete = all(one["compared"] or one["difference"] for one in findings.values())
    _put_findings(session, channel_id, findings, is_complete=is_complete)
    _put(session, channel_id, BEGUN, {})
    _make_up_for(session, channel_id, comparison.offered, before, findings)
    for path in catalogue.NEEDED:
        work_outcomes.release_holds(session, channel_id, catalogue.HELD_COLUMN + path)


def _make_up_for(
    session: Session,
    channel_id: int,
    offered: frozenset[str],
    before: Mapping[str, Any] | None,
    findings: Mapping[str, Any],
) -> None:
    """What was pushed from columns that are not believed any more is compared anew."""
    doubted = catalogue.distrusted_reads(offered, findings)
    lost_trust = doubted - catalogue.distrusted_reads(offered, before)
    if lost_trust and _has_listings(session, channel_id):
        named = " and ".join(sorted(lost_trust))
        catch_ups.compare(session, channel_id, LOST_TRUST.format(named))


def _has_listings(session: Session, channel_id: int) -> bool:
    found = session.scalar(
        select(Listing.article_id).where(Listing.channel_id == channel_id).limit(1)
    )
    return found is not None


def sentence(one: ReadFinding, budget: tuple[float, float]) -> str:
    """The finding for people, and what it costs; `budget` is requests per seconds."""
    columns = ", ".join(one.columns)
    if one.agrees:
        return f"{columns}: {one.compared} articles agree with the ERP's own answers, all by query"
    why = one.difference or "no article has a value that could be compared yet"
    return f"{why}; {cost_of_reads(1, budget)}"


def cost_of_reads(reads: int, budget: tuple[float, float]) -> str:
    """What it costs to ask article by article, as a sentence."""
    requests, seconds = budget
    minutes = reads * 1_000 * seconds / requests / 60
    return (
        f"read article by article, {reads * 1_000:,} requests per 1,000 articles "
        f"({minutes:.1f} minutes at {requests:g} requests per {seconds:g} s)"
    )
