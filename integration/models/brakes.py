"""What a brake counted and whether it stops a topic of a channel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base


class Brake(Base):
    """Suspicious changes of one topic within a window; a row exists once there was one."""

    __tablename__ = "brake"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: Number of the window; work items that were counted in it carry it.
    window_number: Mapped[int] = mapped_column(default=1)
    window_began_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: Counted in this window, whatever became of them.
    seen: Mapped[int] = mapped_column(default=0)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: Products of the shop that the limit is a share of; None: not counted in this window.
    reference: Mapped[int | None]
    #: Since when some wait for the decision, and for the backlog up to which priority.
    waiting_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    waits_for: Mapped[int] = mapped_column(SmallInteger, default=0)
    #: Since when a person has to decide; None: the brake does not stop anything.
    tripped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
