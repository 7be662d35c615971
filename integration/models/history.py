"""The history: what arrived for an entity, what was sent, and what became of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base, BigId

#: Entries that ended a change.
_ENDS = text("began_at IS NOT NULL")


class HistoryEntry(Base):
    """One turn of a work item, or what a person or the service did to it. Never changed.

    An empty `entity_id` is about the whole channel. Ids ascend with time, so that the oldest are
    found without an index of their own.
    """

    __tablename__ = "history_entry"
    __table_args__ = (
        Index("ix_history_entry_of", "channel_id", "entity_id", "at"),
        # What became of the changes that arrived in a time.
        Index(
            "ix_history_entry_ended",
            "channel_id",
            "began_at",
            postgresql_where=_ENDS,
            sqlite_where=_ENDS,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("sales_channel.id", ondelete="CASCADE"))
    entity_id: Mapped[str] = mapped_column(String(40))
    topic: Mapped[str | None] = mapped_column(String(40))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: A verb of `integration.telling`, ``vanished``, or ``command``.
    kind: Mapped[str] = mapped_column(String(16))
    #: How many hints came since the entry before, when the last one did, and by which way.
    events: Mapped[int] = mapped_column(Integer, default=0)
    last_event_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hinted_by: Mapped[str | None] = mapped_column(String(80))
    #: The first event of the change that ended with this entry; None: none ended.
    began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Of the content that was sent, or that the shop was found to hold.
    content_hash: Mapped[str | None] = mapped_column(String(64))
    #: Whether the shop may hold the content although nobody knows what it answered.
    is_in_doubt: Mapped[bool] = mapped_column(default=False)
    #: The shop's words, the reason of a skip or a hold, or what a person did.
    words: Mapped[str | None] = mapped_column(String(500))
    #: The person, where one did it.
    person: Mapped[str | None] = mapped_column(String(80))
    #: What was fetched and sent, by `HistoryBatch.id`. No foreign key: it ends earlier.
    batch_id: Mapped[int | None] = mapped_column(BigId)


class HistoryBatch(Base):
    """What one stage run fetched for its rows and when; the entries name it."""

    __tablename__ = "history_batch"
    __table_args__ = (Index("ix_history_batch_channel", "channel_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("sales_channel.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    fetched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Names and numbers of the requests, e.g. ``VQL article.shopListing x1``.
    fetched: Mapped[str | None] = mapped_column(String(300))


class HistoryContent(Base):
    """What one batch sent: zlib over JSON, masked. Shape: ``{topic: {entity id: body}}``."""

    __tablename__ = "history_content"
    __table_args__ = (Index("ix_history_content_channel", "channel_id"),)

    batch_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    channel_id: Mapped[int] = mapped_column(ForeignKey("sales_channel.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    body: Mapped[bytes] = mapped_column(LargeBinary)
