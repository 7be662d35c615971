"""The work item: one entity, one topic, one channel, to be brought up to date."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base, BigId


class WorkItemState(StrEnum):
    QUEUED = "QUEUED"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Priority(IntEnum):
    """Live changes before backfill (initial sync, reconciliation) before the way back."""

    LIVE = 0
    BACKFILL = 10
    #: Of the topic of that name alone.
    WRITE_BACK = 20


class WorkItem(Base):
    """Says "this entity is newer in the ERP than in the shop". Written only by work_items."""

    __tablename__ = "work_item"
    __table_args__ = (
        UniqueConstraint("channel_id", "topic", "entity_id"),
        # A claim reads only what is queued and not held: flat however many rows are done.
        Index(
            "ix_work_item_claimable",
            "channel_id",
            "topic",
            "priority",
            "due_at",
            "id",
            postgresql_where=text("state = 'QUEUED' AND hold_reason IS NULL"),
            sqlite_where=text("state = 'QUEUED' AND hold_reason IS NULL"),
        ),
        Index(
            "ix_work_item_claimed",
            "claim_id",
            postgresql_where=text("state = 'PROCESSING'"),
            sqlite_where=text("state = 'PROCESSING'"),
        ),
        Index(
            "ix_work_item_open",
            "channel_id",
            "topic",
            "state",
            postgresql_where=text("state <> 'COMPLETED'"),
            sqlite_where=text("state <> 'COMPLETED'"),
        ),
        # What is held by cause: to let go what a version carries by now.
        Index(
            "ix_work_item_held",
            "hold_reason",
            "topic",
            postgresql_where=text("hold_reason IS NOT NULL"),
            sqlite_where=text("hold_reason IS NOT NULL"),
        ),
        # To show what is held, and to let it go when the cause is gone.
        Index(
            "ix_work_item_held_for",
            "hold_reason",
            "channel_id",
            "entity_id",
            postgresql_where=text("hold_reason IS NOT NULL"),
            sqlite_where=text("hold_reason IS NOT NULL"),
        ),
        Index("ix_work_item_run", "sync_run_id"),
        # A batch changes its rows six times, three times no column of an index: with room for the
        # next version in the page of the last, Postgres leaves the indexes alone.
        {"postgresql_with": {"fillfactor": "50"}},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("sales_channel.id", ondelete="CASCADE"))
    topic: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(12), default=WorkItemState.QUEUED)
    priority: Mapped[int] = mapped_column(SmallInteger, default=int(Priority.LIVE))
    #: Hints since the last entry of the history, and by which way the last of all came.
    events: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    hinted_by: Mapped[str | None] = mapped_column(String(80))
    #: Counts the events; the claim remembers the one it works for.
    generation: Mapped[int] = mapped_column(Integer, default=1)
    claimed_generation: Mapped[int | None] = mapped_column(Integer)
    claim_id: Mapped[str | None] = mapped_column(String(32))
    #: Which stage run holds the claim; a stage that starts replaces it.
    holder: Mapped[str | None] = mapped_column(String(32))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: QUEUED: not before. COMPLETED: when it was settled.
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    error_class: Mapped[str | None] = mapped_column(String(60))
    last_error: Mapped[str | None] = mapped_column(Text)
    #: Groups failures with one cause, see integration.fingerprints.
    fingerprint: Mapped[str | None] = mapped_column(String(12))
    hold_reason: Mapped[str | None] = mapped_column(String(120))
    #: Oldest event that is not in the shop yet; freshness is measured from here.
    first_unsent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: First event that came while the claim was working; becomes first_unsent_at when it settles.
    next_unsent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_event_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: Content the shop holds for sure; None while the outcome of a write is not known.
    pushed_hash: Mapped[str | None] = mapped_column(String(64))
    pushed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What the shop confirmed last, for the brakes: a price ``net gross``, a stock its pieces. It
    #: stays during a write. None: never confirmed, or not known.
    pushed_value: Mapped[str | None] = mapped_column(String(60))
    #: The value that a brake held back, and the number of the window that it was counted in.
    #: Without a number it was let go since, and goes whenever it is met again.
    braked_value: Mapped[str | None] = mapped_column(String(60))
    braked_in: Mapped[int | None] = mapped_column(Integer)
    #: Until then a write whose outcome nobody recorded may still reach the shop; None: all of them
    #: are accounted for.
    doubt_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Why nothing had to be sent the last time; None: it was sent.
    skip_reason: Mapped[str | None] = mapped_column(String(60))
    #: The run that asked for it last, for the run's counts.
    sync_run_id: Mapped[int | None] = mapped_column(ForeignKey("sync_run.id", ondelete="SET NULL"))
    #: The page of `read_ahead` that has its current state; None: the ERP is asked.
    read_ahead_id: Mapped[str | None] = mapped_column(String(32))
