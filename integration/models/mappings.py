"""What people say about a channel's values and articles: mappings, and holds by hand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base

#: The hold reason of rows that wait because of an `ArticleHold`.
BY_HAND = "by-hand"


class ChannelMapping(Base):
    """What the shop calls a value of the ERP: a tax, a category, a unit. See mapping_kinds."""

    __tablename__ = "channel_mapping"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    erp_value: Mapped[str] = mapped_column(String(80), primary_key=True)
    shop_value: Mapped[str] = mapped_column(String(80))
    set_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class ArticleHold(Base):
    """A person keeps one topic of an article back, whatever hints come, until it is released."""

    __tablename__ = "article_hold"

    # In this order: each hint looks for the hold of its own (channel, topic, article).
    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(String(40), primary_key=True)
    article_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    #: Who said so: the account that ran the command.
    held_by: Mapped[str] = mapped_column(String(80))
    held_since: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
