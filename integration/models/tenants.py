"""Tenants, their tokens and what was learnt about their ERP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from integration.clock import UtcDateTime, db_now
from integration.models.base import Base, BigId


class Tenant(Base):
    """A merchant's ERP. `subdomain` is the vendor's tenant key (claim `tenantSubdomain`)."""

    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subdomain: Mapped[str] = mapped_column(String(63), unique=True)
    #: Sealed by the vault. None: the app is not installed (any more).
    offline_token: Mapped[str | None] = mapped_column(Text)
    #: Why nothing moves for this tenant, in words; None: all well.
    held_reason: Mapped[str | None] = mapped_column(Text)
    #: Nothing moves from then on; after a while what is known of its articles is forgotten, too.
    uninstalled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: From when on the ERP is to be asked for its sales channels; None: nobody wants to know.
    channels_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When the ERP said last that it goes offline; None: it is there, as far as we know.
    offline_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=db_now())


class TenantFact(Base):
    """Something asked of a tenant's ERP once and remembered: offered columns, tax rates."""

    __tablename__ = "tenant_fact"

    tenant_id: Mapped[int] = mapped_column(
        ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True
    )
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)
    learnt_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AccessToken(Base):
    """A short-lived token shared by all processes, with a lease for the one who renews it."""

    __tablename__ = "access_token"

    #: ``erp:<tenant id>`` or ``shop:<channel id>``
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    token: Mapped[str | None] = mapped_column(Text)
    #: From here on it is renewed although it still works.
    renew_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    renewing_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
