"""Sync runs and cursors, lanes, and rate buckets."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base, BigId


class SyncRunState(StrEnum):
    """RUNNING pages the ERP; DRAINING waits for its work items; RED saw too little; CANCELLED was
    ended by a person."""

    RUNNING = "RUNNING"
    DRAINING = "DRAINING"
    DONE = "DONE"
    RED = "RED"
    CANCELLED = "CANCELLED"


class SyncRun(Base):
    """One full pass over a channel: by command, nightly, or asked for by a stock event."""

    __tablename__ = "sync_run"
    __table_args__ = (Index("ix_sync_run_state", "state"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("sales_channel.id", ondelete="CASCADE"))
    #: ``initial``, ``nightly``, ``catch-up``, ``article-pass``, ``stock-pass``,
    #: ``price-pass``, ``daily-prices`` or ``hourly-stock``
    kind: Mapped[str] = mapped_column(String(20))
    #: At most one run per value: two beats, two webhooks start one run.
    unique_key: Mapped[str | None] = mapped_column(String(120), unique=True)
    #: Short topic names, comma separated.
    topics: Mapped[str] = mapped_column(String(80))
    is_forced: Mapped[bool] = mapped_column(Boolean, default=False)
    state: Mapped[str] = mapped_column(String(12), default=SyncRunState.RUNNING)
    #: Why it was asked for, in words; None: its kind says it all.
    reason: Mapped[str | None] = mapped_column(Text)
    #: In the ERP's clock: only what changed there from then on is read; None: everything.
    changed_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Not before this time (debounce of stock passes).
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Who pages at the moment; a driver that died loses it with its lease.
    driver: Mapped[str | None] = mapped_column(String(32))
    driver_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Since when a person has it wait; `paused_s` it has waited before.
    paused_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    paused_s: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    expected: Mapped[int | None] = mapped_column(Integer)
    seen: Mapped[int] = mapped_column(Integer, default=0)
    pushed: Mapped[int] = mapped_column(Integer, default=0)
    unchanged: Mapped[int] = mapped_column(Integer, default=0)
    failed: Mapped[int] = mapped_column(Integer, default=0)
    #: What it asked of the ERP and how long it waited for that, budget included; rows that the shop
    #: was given, how long it took in all, and for a row at its best. See integration.sync_pace.
    erp_requests: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    erp_s: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    shop_rows: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    shop_s: Mapped[float] = mapped_column(Float, default=0.0, server_default="0")
    shop_row_s: Mapped[float | None] = mapped_column(Float)
    #: Why it is RED, or what a reader of the counts of a run that is DONE should know.
    message: Mapped[str | None] = mapped_column(Text)


class SyncCursor(Base):
    """Up to where a source was read: the highest article id of the page that is recorded."""

    __tablename__ = "sync_cursor"

    sync_run_id: Mapped[int] = mapped_column(
        ForeignKey("sync_run.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[str] = mapped_column(String(80), default="")
    moved_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class ReadAhead(Base):
    """A page of a run as the ERP showed it, until its work items are worked on.

    A work item names the page that has its current state; see integration.read_ahead.
    """

    __tablename__ = "read_ahead"
    __table_args__ = (Index("ix_read_ahead_run", "sync_run_id", "read_at"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sync_run_id: Mapped[int] = mapped_column(ForeignKey("sync_run.id", ondelete="CASCADE"))
    #: Before the ERP was asked.
    read_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Rows by article id: JSON, compressed.
    rows: Mapped[bytes] = mapped_column(LargeBinary)


class Heartbeat(Base):
    """A part of the service, and when it was last known to be at work."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    beaten_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Lane(Base):
    """The dispatcher's notebook of one (channel, topic): rounds and fairness."""

    __tablename__ = "lane"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: A round takes what was due at its start; rounds start RELAY_COALESCE_S apart.
    round_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    served_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: How often other lanes of the channel went first while this one was due; None: never.
    passed_live: Mapped[int | None] = mapped_column(Integer)
    passed_backfill: Mapped[int | None] = mapped_column(Integer)


class RateBucket(Base):
    """A token bucket shared by all processes: ``erp:<tenant id>`` or ``shop:<channel id>``."""

    __tablename__ = "rate_bucket"

    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    #: May fall below 0: each taker then owes its own waiting time.
    tokens: Mapped[float] = mapped_column(Float)
    filled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What backfill and write-back may take although others wait; None: nothing was taken yet.
    backfill_tokens: Mapped[float | None] = mapped_column(Float)
    write_back_tokens: Mapped[float | None] = mapped_column(Float)
    #: The rate a shop was found to bear; None: the one to start with. Not used for an ERP.
    per_second: Mapped[float | None] = mapped_column(Float)
    #: When the rate was lowered last.
    slowed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
