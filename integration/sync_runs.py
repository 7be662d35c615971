"""Sync runs as rows: started once, driven by one process at a time, counted, ended.

What a run does page by page is in `sync`; here is its life.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    and_,
    case,
    delete,
    exists,
    func,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from integration import channels, db, observe, read_ahead, sql, toggles
from integration.clock import db_now
from integration.models import (
    SalesChannel,
    SyncCursor,
    SyncRun,
    SyncRunState,
    Tenant,
    WorkItem,
    WorkItemState,
)
from integration.work_items import UNCHANGED

log = logging.getLogger(__name__)

INITIAL, NIGHTLY = "initial", "nightly"
NIGHTLY_KEY = "nightly:{}:{}"  # channel, night
STOCK_PASS, PRICE_PASS, ARTICLE_PASS = "stock-pass", "price-pass", "article-pass"
CATCH_UP = "catch-up"
#: Once a day, see integration.price_days.
DAILY_PRICES = "daily-prices"
#: Once an hour, see integration.stock_hours.
HOURLY_STOCK = "hourly-stock"
#: Runs that read what is in the shop, by our own listings.
OF_LISTINGS = (STOCK_PASS, PRICE_PASS, DAILY_PRICES)
#: Runs that are asked for rather than begun; one of a kind waits per channel at most.
REQUESTED = (STOCK_PASS, PRICE_PASS, ARTICLE_PASS, CATCH_UP)
#: Topics of a run that compares everything.
ALL_TOPICS = ("article", "price", "stock")

#: A driver that says nothing for so long (or for a lease, if that is shorter) is dead, and another
#: one goes on.
DRIVER_LEASE_S = 60
#: Passes that events ask for run at most once in this time (vario-erp.md 2.5).
PASS_DEBOUNCE_S = 60
#: Hours after the nightly hour in which a missed night is still made up for.
NIGHT_LASTS_H = 6
RUNS_KEPT = timedelta(days=30)
#: Why a row waits: a person has its run wait. The end of the pause lets it go.
RUN_PAUSED = "sync-paused"
OPEN_STATES = (SyncRunState.RUNNING.value, SyncRunState.DRAINING.value)


@dataclass(frozen=True)
class Counts:
    """Work items of a run by what became of them."""

    open: int = 0
    pushed: int = 0
    unchanged: int = 0
    skipped: int = 0
    held: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        return self.pushed + self.unchanged + self.skipped + self.held + self.failed


def start(
    session: Session,
    channel_id: int,
    kind: str,
    topics: Sequence[str],
    *,
    is_forced: bool = False,
    unique_key: str | None = None,
    delay_s: float = 0.0,
    reason: str | None = None,
    changed_since: datetime | None = None,
) -> int | None:
    """Begin a run of these topics (short names); its id, None if `unique_key` was begun before."""
    statement = (
        sql.insert(session, SyncRun)
        .values(
            channel_id=channel_id,
            kind=kind,
            topics=",".join(topics),
            is_forced=is_forced,
            unique_key=unique_key,
            due_at=db_now(delay_s),
            reason=reason,
            changed_since=changed_since,
        )
        .on_conflict_do_nothing()
        .returning(SyncRun.id)
    )
    run_id: int | None = session.scalar(statement)
    if run_id is not None:
        session.add(SyncCursor(sync_run_id=run_id, position=""))
    return run_id


def open_run(session: Session, channel_id: int, kind: str) -> SyncRun | None:
    """The unfinished run of this kind, to be continued instead of started anew."""
    return session.scalar(
        select(SyncRun)
        .where(
            SyncRun.channel_id == channel_id,
            SyncRun.kind == kind,
            SyncRun.state == SyncRunState.RUNNING.value,
        )
        .order_by(SyncRun.id.desc())
        .limit(1)
    )


def request_stock_pass(session: Session, channel_id: int) -> None:
    """Ask for the stock of all listings of a channel to be compared, at most once a minute."""
    request(session, channel_id, STOCK_PASS, ["stock"])


def request_price_pass(session: Session, channel_id: int) -> None:
    """Ask for the prices of all listings of a channel to be compared, at most once a minute."""
    request(session, channel_id, PRICE_PASS, ["price"])


def request_article_pass(session: Session, channel_id: int) -> None:
    """Ask for everything listed on a channel to be compared, at most once a minute.

    New articles may be among it, so the ERP is read and not our own listings.
    """
    request(session, channel_id, ARTICLE_PASS, ["article"])


def waiting_key(kind: str, channel_id: int) -> str:
    """The unique key of the one run of a kind that waits; given back when it begins."""
    return f"{kind}:{channel_id}:waiting"


def request(
    session: Session, channel_id: int, kind: str, topics: Sequence[str], **values: Any
) -> int | None:
    """Ask for a run: its id, None if one waits already. It starts a minute after the last one of
    its kind began, or now; `values` are those of `start`."""
    last = session.execute(
        select(func.max(SyncRun.due_at).label("at"), db_now().label("now")).where(
            SyncRun.channel_id == channel_id, SyncRun.kind == kind
        )
    ).one()
    delay = 0.0
    if last.at is not None:
        delay = max(0.0, PASS_DEBOUNCE_S - (last.now - last.at).total_seconds())
    return start(
        session,
        channel_id,
        kind,
        topics,
        unique_key=waiting_key(kind, channel_id),
        delay_s=delay,
        **values,
    )


def start_nightly(session: Session, zone: ZoneInfo, hour: int) -> list[int]:
    """Begin tonight's full pass of each running channel that has not begun it; ids of the runs.

    Counted in the merchant's local time; two beats begin one run (unique key).
    """
    now = session.scalar(select(db_now()))
    night = None if now is None else night_of(now.astimezone(zone), hour)
    if night is None:
        return []
    runs = [
        start(
            session,
            channel_id,
            NIGHTLY,
            ALL_TOPICS,
            unique_key=NIGHTLY_KEY.format(channel_id, night.isoformat()),
        )
        for channel_id in channels.running(session)
    ]
    return [run_id for run_id in runs if run_id is not None]


def night_of(local: datetime, hour: int) -> date | None:
    """The day whose night this local time belongs to; None by day.

    The wall clock counts: in the night of a clock change the pass still begins at the hour that
    the merchant reads on his clock, and once.
    """
    begun = local.replace(tzinfo=None) - timedelta(hours=hour)
    return begun.date() if begun.hour < NIGHT_LASTS_H else None


def due_runs(session: Session) -> list[int]:
    """Unfinished runs that nobody drives at the moment; of the catch-ups of a channel the oldest
    that reads."""
    earlier = aliased(SyncRun)
    is_behind = exists().where(
        earlier.channel_id == SyncRun.channel_id,
        earlier.kind == CATCH_UP,
        earlier.state == SyncRunState.RUNNING.value,
        earlier.id < SyncRun.id,
    )
    return list(
        session.scalars(
            select(SyncRun.id)
            .join(SalesChannel, SalesChannel.id == SyncRun.channel_id)
            .join(Tenant, Tenant.id == SalesChannel.tenant_id)
            .where(
                SyncRun.state.in_(OPEN_STATES),
                SyncRun.paused_at.is_(None),
                SyncRun.due_at <= db_now(),
                _is_driverless(),
                channels.is_running(),
                not_(and_(SyncRun.kind == CATCH_UP, is_behind)),
            )
        ).all()
    )


def take_wheel(
    session: Session, run_id: int, driver: str, *, lease_s: float = DRIVER_LEASE_S
) -> bool:
    """Become the run's driver; False while another one is at it.

    A run that was asked for gives its unique key back here, so that it can be asked for again.
    """
    taken = session.scalars(
        update(SyncRun)
        .where(SyncRun.id == run_id, or_(_is_driverless(), SyncRun.driver == driver))
        .values(
            driver=driver,
            driver_until=db_now(lease_s),
            unique_key=case((SyncRun.kind.in_(REQUESTED), None), else_=SyncRun.unique_key),
        )
        .returning(SyncRun.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(taken)


def leave_wheel(session: Session, run_id: int, driver: str) -> None:
    """Let somebody else go on with the run."""
    session.execute(
        update(SyncRun)
        .where(SyncRun.id == run_id, SyncRun.driver == driver)
        .values(driver=None, driver_until=None)
    )


def _is_driverless() -> Any:
    return or_(SyncRun.driver.is_(None), SyncRun.driver_until < db_now())


def counts(session: Session, run_id: int) -> Counts:
    """What became of the run's work items up to now."""
    is_open = WorkItem.state.in_([WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value])
    run = session.get_one(SyncRun, run_id)
    is_off = WorkItem.topic.in_(toggles.off_topics(session, run.channel_id))
    is_held = and_(is_open, or_(WorkItem.hold_reason.is_not(None), is_off))
    is_done = WorkItem.state == WorkItemState.COMPLETED.value

    def number(condition: Any) -> Any:
        return func.count(case((condition, 1)))

    row = session.execute(
        select(
            number(and_(is_open, WorkItem.hold_reason.is_(None), not_(is_off))),
            number(and_(is_done, WorkItem.skip_reason.is_(None))),
            number(and_(is_done, WorkItem.skip_reason == UNCHANGED)),
            number(and_(is_done, WorkItem.skip_reason != UNCHANGED)),
            number(is_held),
            number(WorkItem.state == WorkItemState.FAILED.value),
        ).where(WorkItem.sync_run_id == run_id)
    ).one()
    return Counts(*row)


def note_counts(session: Session, run: SyncRun) -> Counts:
    """Count, and write it into the run, so that the database shows how far it is."""
    found = counts(session, run.id)
    run.pushed, run.unchanged, run.failed = found.pushed, found.unchanged, found.failed
    return found


def end_if_drained(session: Session, run_id: int) -> bool:
    """End a run whose work items are all settled, held or failed; whether it is over."""
    run = session.get_one(SyncRun, run_id, with_for_update=True)
    if run.state != SyncRunState.DRAINING.value or run.paused_at is not None:
        return run.state not in OPEN_STATES
    if _has_open(session, run):
        return False
    if note_counts(session, run).open:
        return False
    is_short = run.expected is not None and run.seen < run.expected
    if is_short and not run.message:
        run.message = (
            f"the ERP counts {run.expected} listed articles but showed only {run.seen}; "
            "nothing was withdrawn, run `vario-relay sync` again"
        )
    run.state = SyncRunState.RED if run.message else SyncRunState.DONE
    run.message = run.message or _shared_counts(session, run)
    run.ended_at = session.scalar(select(db_now()))
    read_ahead.forget(session, run_id)
    _tell(session, run)
    return True


def _has_open(session: Session, run: SyncRun, *conditions: ColumnElement[bool]) -> bool:
    """Whether something of it is still to be done; found sooner than all is counted."""
    is_open = exists().where(
        WorkItem.sync_run_id == run.id,
        WorkItem.state.in_([WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value]),
        WorkItem.hold_reason.is_(None),
        WorkItem.topic.not_in(toggles.off_topics(session, run.channel_id)),
        *conditions,
    )
    return bool(session.scalar(select(is_open)))


def is_at_rest(session: Session, run: SyncRun) -> bool:
    """Whether it has ended, or all that is left of it waits for its next attempt.

    That may be hours away, and nothing else should wait for it: one bad row stops nobody.
    """
    if run.state != SyncRunState.DRAINING.value:
        return run.ended_at is not None
    is_due = or_(WorkItem.state == WorkItemState.PROCESSING.value, WorkItem.due_at <= db_now())
    return not _has_open(session, run, is_due)


def _tell(session: Session, run: SyncRun) -> None:
    """One line per run that ended, after the commit."""
    tenant, channel = channels.names(session, run.channel_id)
    line = observe.event(
        "sync_run.ended",
        tenant=tenant,
        channel=channel,
        run=run.id,
        kind=run.kind,
        state=run.state,
        seen=run.seen,
        pushed=run.pushed,
        unchanged=run.unchanged,
        failed=run.failed,
        reason=run.reason or "",
    )
    db.after_commit(session, partial(log.info, line))


def _shared_counts(session: Session, run: SyncRun) -> str | None:
    """A sentence about runs that asked for the same articles meanwhile; None: there was none.

    An item belongs to the run that asked for it last, so the counts of the others lack it.
    """
    others = session.execute(
        select(SyncRun.id, SyncRun.topics)
        .where(
            SyncRun.channel_id == run.channel_id,
            SyncRun.id != run.id,
            SyncRun.seen > 0,
            or_(SyncRun.ended_at.is_(None), SyncRun.ended_at > run.started_at),
        )
        .order_by(SyncRun.id)
    ).all()
    topics = set(run.topics.split(","))
    ids = [str(one.id) for one in others if topics & set(one.topics.split(","))]
    if not ids:
        return None
    return (
        f"run {', '.join(ids)} of this channel ran at the same time; what both asked for is "
        "counted by the one that asked last"
    )


def forget_old(session: Session) -> None:
    """Remove runs that ended long ago."""
    session.execute(delete(SyncRun).where(SyncRun.ended_at < db_now(-RUNS_KEPT.total_seconds())))
