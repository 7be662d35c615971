"""What people changed in a shop of what we had sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base, BigId


class ShopEdit(Base):
    """A field of a product that somebody changed in the shop, and that is left alone since."""

    __tablename__ = "shop_edit"
    __table_args__ = (
        # A product that is forgotten is made anew, with everything.
        ForeignKeyConstraint(
            ["channel_id", "article_id"],
            ["listing.channel_id", "listing.article_id"],
            name="fk_shop_edit_listing",
            ondelete="CASCADE",
        ),
    )

    channel_id: Mapped[int] = mapped_column(BigId, primary_key=True)
    article_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: ``name``, or ``name@LANGUAGE`` of the shop.
    field: Mapped[str] = mapped_column(String(120), primary_key=True)
    #: The beginning of what the shop showed.
    shown: Mapped[str] = mapped_column(Text)
    noticed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: Who decided that the shop's value stays; None: nobody.
    kept_by: Mapped[str | None] = mapped_column(String(80))
