"""What a sync run does: page the listed articles in id order and hint them as backfill.

A page brings the rows where the ERP has them as columns, so that no batch asks for them again. The
work itself is done by the same chains as live changes, behind them; what the shop holds
already is skipped by its hash. The cursor is stored with each page, in the page's transaction.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from integration import (
    changed_since,
    missed_documents,
    pacing,
    read_ahead,
    served,
    stock_hours,
    sync_pace,
    sync_runs,
    toggles,
    work_items,
)
from integration.channel_view import ChannelView
from integration.clock import db_now
from integration.erp.articles import PageOfRows
from integration.errors import ChannelError, PermanentError, TenantError, UsageError
from integration.hints import PageRead
from integration.models import (
    Listing,
    Priority,
    SalesChannel,
    SyncCursor,
    SyncRun,
    SyncRunState,
    WorkItem,
    WorkItemState,
)
from integration.paging import PAGE, Position, Source, read_page, rows_of
from integration.runtime import Runtime
from integration.stages import hold_where_it_says_so
from integration.token_bucket import Share
from integration.topology import TOPIC_BY_SHORT_NAME, Topic

#: Paging stops while so much backfill waits: the queue stays short, and a pause is felt at once.
BACKLOG = 2_000


def new_driver() -> str:
    """A name for this driver of a run."""
    return uuid.uuid4().hex


def advance(runtime: Runtime, run_id: int, driver: str, *, budget_s: float) -> bool:
    """Drive a run for at most `budget_s` seconds; True while it is not over.

    Another driver at the wheel, a full backlog, and a run that waits for its work items end the
    turn early, and so does the end of its channel. Failure policy: at least once; a page read twice
    hints twice, which is harmless.
    """
    try:
        _drive(runtime, run_id, driver, budget_s)
        with runtime.scope() as session:
            return not sync_runs.end_if_drained(session, run_id)
    except (NoResultFound, IntegrityError, UsageError):
        # A channel that is deleted or removed takes its runs with it, at any moment of a turn.
        with runtime.scope() as session:
            if session.get(SyncRun, run_id) is not None:
                raise
        return False
    finally:
        with runtime.scope() as session:
            sync_runs.leave_wheel(session, run_id, driver)


def _drive(runtime: Runtime, run_id: int, driver: str, budget_s: float) -> None:
    lease_s = min(sync_runs.DRIVER_LEASE_S, runtime.settings.lease_s)
    started = time.monotonic()
    while time.monotonic() - started < budget_s:
        with runtime.scope() as session:
            if not sync_runs.take_wheel(session, run_id, driver, lease_s=lease_s):
                return
            run = session.get_one(SyncRun, run_id)
            if not _reads(run) or _backlog(session, run.channel_id) >= BACKLOG:
                return
        _turn_page_or_hold(runtime, run_id)


def _reads(run: SyncRun) -> bool:
    """Whether more pages of it are to be read now."""
    return run.state == SyncRunState.RUNNING.value and run.paused_at is None


def _backlog(session: Session, channel_id: int) -> int:
    return (
        session.scalar(
            select(func.count())
            .select_from(WorkItem)
            .where(
                WorkItem.channel_id == channel_id,
                WorkItem.priority == int(Priority.BACKFILL),
                WorkItem.state == WorkItemState.QUEUED.value,
                WorkItem.hold_reason.is_(None),
                # They wait for a person; a run that waited for them would never end.
                WorkItem.topic.not_in(toggles.off_topics(session, channel_id)),
            )
        )
        or 0
    )


def _turn_page_or_hold(runtime: Runtime, run_id: int) -> None:
    """Turn a page; an ERP that does not let us in any more holds its tenant, a channel that cannot
    be read is held, an ERP that refuses the question ends the run."""
    try:
        _turn_page(runtime, run_id)
    except PermanentError as error:
        # Asked again, it would answer the same.
        with runtime.scope() as session:
            run = session.get_one(SyncRun, run_id, with_for_update=True)
            run.state = SyncRunState.DRAINING.value
            run.message = f"the ERP does not show what is listed, nothing was withdrawn: {error}"
    except (ChannelError, TenantError) as error:
        with runtime.scope() as session:
            run = session.get_one(SyncRun, run_id)
            hold_where_it_says_so(session, run.channel_id, error)
        raise


def _turn_page(runtime: Runtime, run_id: int) -> None:
    with runtime.scope() as session:
        run = session.get_one(SyncRun, run_id)
        tenant_id = session.get_one(SalesChannel, run.channel_id).tenant_id
        cursor = session.get_one(SyncCursor, run_id).position
        read_at = session.scalars(select(db_now())).one()
    if run.kind == sync_runs.CATCH_UP and not cursor:
        _hint_documents(runtime, run)
    if run.changed_since is not None:
        _page_of_changes(runtime, run, cursor)
        return
    position = Position.parse(cursor)
    if run.kind in sync_runs.OF_LISTINGS:
        _page_of_listings(runtime, run, position)
        return
    is_hourly = run.kind == sync_runs.HOURLY_STOCK
    part = pacing.PASS_PART if is_hourly else 1.0
    client = runtime.erp(tenant_id, share=Share.BACKFILL, at_most=part)
    channel = runtime.channel(run.channel_id)
    source = Source(client, runtime.erp_facts(tenant_id), channel, rows_of(_topics(run)))
    with sync_pace.asking_erp(runtime, run_id, client):
        if run.expected is None and not is_hourly:
            _expect(runtime, run_id, source.count())
        page, following = read_page(source, position)
        if following and not page.ids and following.offset > (run.expected or 0) + PAGE:
            following = None  # an ERP that shows old rows for ever, whatever it is asked for
        seen = len(page.ids)
        if is_hourly:
            following = following if page.rows else None  # else stock comes article by article
            page = page._replace(ids=stock_hours.differing(runtime, channel, page))
        is_last = following is None
        expected = source.count() if is_last and not is_hourly else None
    with runtime.scope() as session:
        if not _reads(session.get_one(SyncRun, run_id, with_for_update=True)):
            return  # paused or cancelled meanwhile; the page is read again, or not at all
        _hint_page(session, run, source.channel, read_at, page)
        _move(session, run_id, following or position, seen)
        read_ahead.forget(session, run_id, older_than_s=runtime.settings.lease_s)
        if is_last:
            _end_paging(session, run, expected)


def _hint_documents(runtime: Runtime, run: SyncRun) -> None:
    """Before the first page of a catch-up: deliveries that nobody told of."""
    document_ids = missed_documents.find(runtime, run, runtime.channel(run.channel_id))
    with runtime.scope() as session:
        work_items.hint(
            session,
            run.channel_id,
            Topic.ORDER_STATUS,
            document_ids,
            priority=Priority.BACKFILL,
            sync_run_id=run.id,
            by=_way(run),
        )


def _page_of_changes(runtime: Runtime, run: SyncRun, cursor: str) -> None:
    """A page of what changed in the ERP, newest first; one that cannot tell shows everything."""
    channel = runtime.channel(run.channel_id)
    page = changed_since.read(runtime, run, channel, cursor)
    with runtime.scope() as session:
        if page is None:
            changed_since.give_up(session, run.id)
            return
        _hint(session, run, page.article_ids)
        _hint_images(session, run, channel.platform, page.with_images)
        _move(session, run.id, page.following, len(page.article_ids))
        if page.is_last:
            _end_paging(session, run, None)


def _page_of_listings(runtime: Runtime, run: SyncRun, position: Position) -> None:
    """A pass over what is in the shop: our own listings, no request to the ERP."""
    with runtime.scope() as session:
        ids = session.scalars(
            select(Listing.article_id)
            .where(Listing.channel_id == run.channel_id)
            .order_by(Listing.article_id)
            .offset(position.offset)
            .limit(BACKLOG)
        ).all()
        _hint(session, run, ids)
        _move(session, run.id, Position(position.offset + len(ids)), len(ids))
        if len(ids) < BACKLOG:
            _end_paging(session, run, None)


def _hint_page(
    session: Session, run: SyncRun, channel: ChannelView, read_at: datetime, page: PageOfRows
) -> None:
    """Hint what a page shows, naming the page where it brought the rows."""
    rows = {one: page.rows[one] for one in page.ids if one in page.rows}
    if rows:
        read = read_ahead.keep(session, run.id, channel, read_at, rows)
        _hint(session, run, list(rows), read)
    _hint(session, run, [one for one in page.ids if one not in rows])


def _hint(
    session: Session, run: SyncRun, article_ids: Sequence[str], read: PageRead | None = None
) -> None:
    """Articles always; prices and stocks of what is in the shop (a new product brings its own)."""
    if not article_ids:
        return  # as of most pages of an hourly pass, and beside rows of all that a page shows
    in_shop = _in_shop(session, run.channel_id, article_ids)
    for topic in _topics(run):
        work_items.hint(
            session,
            run.channel_id,
            topic,
            article_ids if topic is Topic.ARTICLE else in_shop,
            priority=Priority.BACKFILL,
            sync_run_id=run.id,
            forgets_hash=run.is_forced,
            read=read,
            by=_way(run),
        )


def _topics(run: SyncRun) -> list[Topic]:
    return [TOPIC_BY_SHORT_NAME[name] for name in run.topics.split(",")]


def _in_shop(session: Session, channel_id: int, article_ids: Sequence[str]) -> Sequence[str]:
    return session.scalars(
        select(Listing.article_id).where(
            Listing.channel_id == channel_id, Listing.article_id.in_(article_ids)
        )
    ).all()


def _hint_images(session: Session, run: SyncRun, platform: str, article_ids: Sequence[str]) -> None:
    """Of what has any, where the ERP says so. To read them costs requests for each article, so
    without that column they are left to what follows the article itself."""
    if served.carries(platform, Topic.MEDIA):
        work_items.hint(
            session,
            run.channel_id,
            Topic.MEDIA,
            _in_shop(session, run.channel_id, article_ids),
            priority=Priority.BACKFILL,
            sync_run_id=run.id,
            forgets_hash=run.is_forced,
            by=_way(run),
        )


def _expect(runtime: Runtime, run_id: int, expected: int) -> None:
    with runtime.scope() as session:
        session.execute(update(SyncRun).where(SyncRun.id == run_id).values(expected=expected))


def _move(session: Session, run_id: int, position: Position | str, seen: int) -> None:
    session.execute(
        update(SyncCursor)
        .where(SyncCursor.sync_run_id == run_id)
        .values(position=str(position), moved_at=db_now())
    )
    session.execute(update(SyncRun).where(SyncRun.id == run_id).values(seen=SyncRun.seen + seen))


def _end_paging(session: Session, run: SyncRun, counted: int | None) -> None:
    """All pages are read; `counted` is how many articles the ERP counts now, None if nobody asked.

    What we have active in the shop and did not see is asked for, so that it is withdrawn. Not when
    the ERP showed less than it counts. An ERP that lost its rights or its index must not empty a
    shop over night: the brake sees to that.
    """
    run = session.get_one(SyncRun, run.id, with_for_update=True)
    run.state = SyncRunState.DRAINING.value
    if counted is None:
        return
    # What was listed or unlisted during the walk is no fault of the walk.
    run.expected = min(counted, run.expected if run.expected is not None else counted)
    if run.seen < run.expected or "article" not in run.topics.split(","):
        return
    work_items.hint(
        session,
        run.channel_id,
        Topic.ARTICLE,
        _unseen(session, run),
        priority=Priority.BACKFILL,
        sync_run_id=run.id,
        by=_way(run),
    )


def _way(run: SyncRun) -> str:
    """For the history."""
    return f"sync {run.kind}"


def _unseen(session: Session, run: SyncRun) -> list[str]:
    """Articles active in the shop that nobody asked for since the run began.

    Not by the run of the item: another run that reads meanwhile takes it over.
    """
    asked_for = select(WorkItem.entity_id).where(
        WorkItem.channel_id == run.channel_id,
        WorkItem.topic == Topic.ARTICLE.value,
        WorkItem.last_event_at >= run.started_at,
    )
    return list(
        session.scalars(
            select(Listing.article_id).where(
                Listing.channel_id == run.channel_id,
                Listing.is_active.is_(True),
                Listing.article_id.not_in(asked_for),
            )
        ).all()
    )
