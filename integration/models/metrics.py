"""Totals of what all processes counted, for /metrics."""

from __future__ import annotations

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from integration.models.base import Base, BigId


class MetricCounter(Base):
    """One series. No foreign keys: a flush must not fail because a channel was just removed."""

    __tablename__ = "metric_counter"

    counter: Mapped[str] = mapped_column(String(20), primary_key=True)
    #: An outcome, a cause, or target and status.
    label: Mapped[str] = mapped_column(String(40), primary_key=True)
    #: 0: of no tenant in particular.
    tenant_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    #: 0: of no channel in particular.
    channel_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    #: The short name; empty: of no topic in particular.
    topic: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
