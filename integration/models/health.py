"""How a shop has been doing, shared by all processes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Float, ForeignKey, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime
from integration.models.base import Base


class ShopHealth(Base):
    """The circuit breaker of a channel's shop, and how long its calls take. No row: all well."""

    __tablename__ = "shop_health"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    #: Failures in a row; 0 after each success.
    failures: Mapped[int] = mapped_column(Integer, default=0)
    #: Rests in a row; each is longer than the one before.
    trips: Mapped[int] = mapped_column(Integer, default=0)
    #: With an open breaker: before this time nothing goes to the shop. None: closed.
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Since when the breaker is open.
    opened_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What the shop did last that was not well, in words.
    reason: Mapped[str | None] = mapped_column(Text)
    #: How long a batch holds a worker at this shop, smoothed. None: nothing was sent yet.
    latency_s: Mapped[float | None] = mapped_column(Float)
    #: When the batch began that is being sent now; None: none is.
    call_began_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
