"""Sales channels, their parameters and toggles, and the listings on them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base, BigId


class SalesChannel(Base):
    """One shop of one merchant on one platform. `erp_id` is the ERP's sales channel id."""

    __tablename__ = "sales_channel"
    __table_args__ = (UniqueConstraint("tenant_id", "erp_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    erp_id: Mapped[str] = mapped_column(String(40))
    platform: Mapped[str] = mapped_column(String(40))
    #: Paused by a person; a new channel starts so.
    is_paused: Mapped[bool] = mapped_column(default=True)
    #: With a pause: when it ends by itself.
    paused_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Held by the service, in words that say what to fix; None: all well.
    held_reason: Mapped[str | None] = mapped_column(Text)
    #: The ERP said that it deleted the channel; until that is made sure nothing moves, and then
    #: until its webhooks are taken away.
    delete_said_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: The ERP deleted the channel. What is left of it here are its listings.
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class ChannelParameter(Base):
    """One setting of a channel; secrets are sealed by the vault."""

    __tablename__ = "channel_parameter"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    value: Mapped[str] = mapped_column(Text)
    is_secret: Mapped[bool] = mapped_column(default=False)


class TransferToggle(Base):
    """May this topic of this channel travel at all? No row means yes."""

    __tablename__ = "transfer_toggle"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    topic: Mapped[str] = mapped_column(String(40), primary_key=True)
    is_on: Mapped[bool] = mapped_column(default=True)


class Listing(Base):
    """An article as offered on one channel. A row exists only for what is in the shop."""

    __tablename__ = "listing"
    __table_args__ = (
        Index("ix_listing_number", "channel_id", "number"),
        Index(
            "ix_listing_main_article",
            "channel_id",
            "main_article",
            sqlite_where=text("main_article IS NOT NULL"),
            postgresql_where=text("main_article IS NOT NULL"),
        ),
    )

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    article_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: The platform's id of the product.
    external_id: Mapped[str] = mapped_column(String(120))
    number: Mapped[str] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(default=True)
    #: Found in the shop by its number and taken over, not created by us.
    was_adopted: Mapped[bool] = mapped_column(default=False)
    #: The connector's own notes about this listing.
    notes: Mapped[Any] = mapped_column(JSON, default=dict)
    #: What was sent last of fields that may be edited in the shop, see field_ownership.
    sent: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    #: The main article below whose product this one lies, if it is a variant.
    main_article: Mapped[str | None] = mapped_column(String(40))


class ShelfImage(Base):
    """A document of the ERP's media shelf that an article of a channel shows."""

    __tablename__ = "shelf_image"
    __table_args__ = (Index("ix_shelf_image_article", "channel_id", "article_id"),)

    # In this order: an event names the document.
    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    document_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    article_id: Mapped[str] = mapped_column(String(40), primary_key=True)


class ChannelFact(Base):
    """Something asked of a shop once and remembered: tax ids, the currency's id."""

    __tablename__ = "channel_fact"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    learnt_at: Mapped[datetime] = mapped_column(UtcDateTime)
