"""Plans of reconciliation: what differs between ERP and shop, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Boolean, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base, BigId


class PlanState(StrEnum):
    """COMPARING: not complete, for nobody to apply. READY, APPLYING: open. SUPERSEDED: there is a
    newer plan of the same topics."""

    COMPARING = "COMPARING"
    READY = "READY"
    APPLYING = "APPLYING"
    DONE = "DONE"
    SUPERSEDED = "SUPERSEDED"


class DriftState(StrEnum):
    """PLANNED: nothing was done about it. ASKED: its work item is on its way. SKIPPED: it is not
    what the plan saw any more. REPORTED: only a person can mend it."""

    PLANNED = "PLANNED"
    ASKED = "ASKED"
    SKIPPED = "SKIPPED"
    SENT = "SENT"
    HELD = "HELD"
    FAILED = "FAILED"
    REPORTED = "REPORTED"


class DriftPlan(Base):
    """One comparison of a channel's ERP and shop."""

    __tablename__ = "drift_plan"
    __table_args__ = (Index("ix_drift_plan_channel", "channel_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("sales_channel.id", ondelete="CASCADE"))
    state: Mapped[str] = mapped_column(String(12), default=PlanState.COMPARING)
    #: Short topic names, comma separated: those that were compared.
    topics: Mapped[str] = mapped_column(String(80))
    #: The same of those that were left out because they are switched off.
    off_topics: Mapped[str] = mapped_column(String(80), default="")
    #: Before the shop was read.
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    made_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    applied_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    articles: Mapped[int] = mapped_column(Integer, default=0)
    products: Mapped[int] = mapped_column(Integer, default=0)
    #: Differences (article and topic) that are no drift, by why: they wait, are held, were sent
    #: meanwhile.
    on_its_way: Mapped[Any] = mapped_column(JSON, default=dict)
    #: What could not be compared (article and topic), by reason.
    left_out: Mapped[Any] = mapped_column(JSON, default=dict)


class Drift(Base):
    """One line of a plan: a field of an article, or the article as a whole."""

    __tablename__ = "drift"
    __table_args__ = (Index("ix_drift_plan", "plan_id", "state", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("drift_plan.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(20))
    topic: Mapped[str] = mapped_column(String(40))
    article_id: Mapped[str] = mapped_column(String(40))
    number: Mapped[str] = mapped_column(String(255))
    #: As in `ShopEdit`.
    field: Mapped[str | None] = mapped_column(String(120))
    #: The shop's value and the ERP's, as text.
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)
    #: What we sent last is what the ERP says: the shop's value was changed there.
    is_edited: Mapped[bool] = mapped_column(Boolean, default=False)
    #: The listing's product, None without a listing; with a change of it the line does not hold.
    external_id: Mapped[str | None] = mapped_column(String(120))
    #: The work item's generation when it was compared, 0 without one; counts where the platform
    #: cannot show single products.
    generation: Mapped[int] = mapped_column(Integer, default=0)
    state: Mapped[str] = mapped_column(String(12), default=DriftState.PLANNED)
    #: Why it was skipped, held or failed, or what to do.
    outcome: Mapped[str | None] = mapped_column(Text)


class NightlyComparison(Base):
    """The comparison of one night with the shop; at most one per channel and night."""

    __tablename__ = "nightly_comparison"

    channel_id: Mapped[int] = mapped_column(
        ForeignKey("sales_channel.id", ondelete="CASCADE"), primary_key=True
    )
    #: The merchant's day on which the night began.
    night: Mapped[str] = mapped_column(String(10), primary_key=True)
    plan_id: Mapped[int | None] = mapped_column(ForeignKey("drift_plan.id", ondelete="SET NULL"))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    #: How many workers began it; one that was told to end does not count.
    tries: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    #: When its worker said last that it is at it.
    alive_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Why it broke off; None: it did not.
    trouble: Mapped[str | None] = mapped_column(Text)
