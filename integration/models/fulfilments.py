"""What we sent about documents of the ERP that ship orders, cancel or close them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base


class Fulfilment(Base):
    """One document of the ERP on one channel: its fulfilment in the shop, once there is one.

    Ids and tracking numbers only; whom the parcels go to is never stored.
    """

    __tablename__ = "fulfilment"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    document_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: A delivery without a tracking number is sent a while after this.
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: The first write that may have reached the shop; None: none was begun.
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: What the platform calls it; None: nothing is confirmed.
    external_id: Mapped[str | None] = mapped_column(String(120))
    #: All that writes of this document may have put there, so that it can be taken away again.
    tracking_numbers: Mapped[Any] = mapped_column(JSON, default=list)
    #: A write was begun that takes a cancelled delivery back.
    is_withdrawn: Mapped[bool] = mapped_column(default=False)
