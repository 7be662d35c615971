"""Tenants and sales channels: read in one go as values, held and resumed with a reason."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from integration import ids, mappings, observe, pacing, sql
from integration.channel_view import ChannelView
from integration.clock import db_now
from integration.errors import TenantError, UsageError
from integration.history import entries, recording
from integration.mapping_kinds import Kind, Mappings
from integration.models import (
    AccessToken,
    ChannelFact,
    ChannelParameter,
    RateBucket,
    SalesChannel,
    Tenant,
    TenantFact,
)
from integration.vault import Vault

log = logging.getLogger(__name__)

#: The fact of a channel that holds what the check of the ERP's columns found.
COLUMN_FINDINGS = "column-findings"
#: The fact of a tenant that holds, by the ERP's ids, which channels each takes its prices from. No
#: fact of a channel: those are forgotten with the shop, and this is the ERP's word.
PRICE_SOURCES = "price-sources"
#: Longer than anything that was learnt is believed.
LONG_AGO_S = 2 * 86_400.0


@dataclass(frozen=True)
class Stored:
    """A channel as it is in the database: its secrets are sealed."""

    channel: SalesChannel
    tenant: str
    parameters: Sequence[ChannelParameter]
    column_findings: Mapping[str, Any] | None = None
    mappings: Mappings = field(default_factory=Mappings)
    price_sources: tuple[str, ...] = ()
    #: By the database's clock.
    read_at: datetime | None = None

    def opened(self, vault: Vault, zone: tzinfo = UTC) -> ChannelView:
        """`zone` is the merchant's. Raises UsageError when no key opens a secret."""
        return ChannelView(
            id=self.channel.id,
            tenant_id=self.channel.tenant_id,
            tenant=self.tenant,
            erp_id=self.channel.erp_id,
            platform=self.channel.platform,
            parameters={
                one.key: vault.open(one.value) if one.is_secret else one.value
                for one in self.parameters
            },
            column_findings=self.column_findings,
            mappings=self.mappings,
            price_sources=self.price_sources,
            now=None if self.read_at is None else self.read_at.astimezone(zone),
        )


def load(session: Session, channel_id: int, kinds: Collection[Kind] = tuple(Kind)) -> Stored:
    """The channel with its parameters and its mappings of these kinds.

    Raises UsageError if it was removed.
    """
    row = session.execute(
        select(SalesChannel, Tenant.subdomain, ChannelFact.value, TenantFact.value, db_now())
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .outerjoin(
            ChannelFact,
            and_(ChannelFact.channel_id == channel_id, ChannelFact.name == COLUMN_FINDINGS),
        )
        .outerjoin(
            TenantFact,
            and_(TenantFact.tenant_id == Tenant.id, TenantFact.name == PRICE_SOURCES),
        )
        .where(SalesChannel.id == channel_id)
    ).one_or_none()
    if row is None:
        raise UsageError(f"sales channel {channel_id} was removed")
    parameters = session.scalars(
        select(ChannelParameter).where(ChannelParameter.channel_id == channel_id)
    ).all()
    found, tenant, findings, sources, read_at = row
    return Stored(
        found,
        tenant,
        parameters,
        None if findings is None else findings["reads"],
        mappings.load(session, channel_id, kinds),
        tuple((sources or {}).get(found.erp_id, ())),
        read_at,
    )


def doubt_columns(session: Session, channel_id: int) -> None:
    """Let the ERP's columns be compared with its own answers as soon as a worker comes to it
    (integration.column_checks)."""
    session.execute(
        update(ChannelFact)
        .where(ChannelFact.channel_id == channel_id, ChannelFact.name == COLUMN_FINDINGS)
        .values(learnt_at=db_now(-LONG_AGO_S))
    )


def names(session: Session, channel_id: int) -> tuple[str, str]:
    """The tenant's and the ERP's name of a channel; one that was removed has none left."""
    row = session.execute(
        select(Tenant.subdomain, SalesChannel.erp_id)
        .join(SalesChannel, SalesChannel.tenant_id == Tenant.id)
        .where(SalesChannel.id == channel_id)
    ).one_or_none()
    return ("removed", "removed") if row is None else (row.subdomain, row.erp_id)


def sealed_secrets(session: Session) -> list[str]:
    """Every stored secret of tenants and channels, sealed."""
    tokens = session.scalars(select(Tenant.offline_token).where(Tenant.offline_token.is_not(None)))
    values = session.scalars(
        select(ChannelParameter.value).where(ChannelParameter.is_secret.is_(True))
    )
    return [one for one in (*tokens, *values) if one is not None]


def find(session: Session, name: str) -> SalesChannel:
    """The channel a command names: the ERP's id, or ``tenant/id`` where that is not unique.

    ``042`` is ``42``.

    Raises: UsageError when there is none or more than one.
    """
    tenant, slash, named = name.rpartition("/")
    erp_id = ids.canonical(named) or named
    query = (
        select(SalesChannel, Tenant.subdomain)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(SalesChannel.erp_id == erp_id)
    )
    if slash:
        query = query.where(Tenant.subdomain == tenant)
    rows = session.execute(query).all()
    if not rows:
        raise UsageError(f"there is no sales channel {name}; `vario-relay channel list` shows all")
    if len(rows) > 1:
        full = ", ".join(sorted(f"{row.subdomain}/{erp_id}" for row in rows))
        raise UsageError(f"sales channel {name} is not unique; name one of {full}")
    channel: SalesChannel = rows[0][0]
    return channel


def set_parameter(
    session: Session, channel_id: int, key: str, value: str, vault: Vault | None
) -> None:
    """Store a parameter; with a vault it is a secret and sealed."""
    stored = value if vault is None else vault.seal(value)
    statement = sql.insert(session, ChannelParameter).values(
        channel_id=channel_id, key=key, value=stored, is_secret=vault is not None
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["channel_id", "key"],
            set_={"value": stored, "is_secret": vault is not None},
        )
    )


def remove(session: Session, channel_id: int) -> None:
    """Forget a channel with all that hangs on it; in the shop nothing changes."""
    forget_named(session, [pacing.shop_bucket_name(channel_id)])
    session.execute(delete(SalesChannel).where(SalesChannel.id == channel_id))


def forget_named(session: Session, names: Sequence[str]) -> None:
    """Forget access tokens and request budgets, which are found by name only.

    SQLite gives ids again: a token left behind would belong to the next channel or tenant.
    """
    for model in (AccessToken, RateBucket):
        session.execute(delete(model).where(model.name.in_(names)))


def hold(session: Session, channel_id: int, reason: str) -> None:
    """Stop the channel until somebody fixes what `reason` says; its items stay queued."""
    is_news = SalesChannel.held_reason.is_distinct_from(reason)
    held = session.scalars(
        update(SalesChannel)
        .where(SalesChannel.id == channel_id, is_news)
        .values(held_reason=reason)
        .returning(SalesChannel.id)
    ).all()
    for one in held:
        recording.noted(session, one, entries.HELD, reason)
    tenant, channel = names(session, channel_id)
    log.warning(observe.event("channel.held", tenant=tenant, channel=channel, reason=reason))


def hold_tenant(session: Session, tenant_id: int, error: TenantError) -> None:
    """Stop all channels of a tenant, e.g. because the app must be reconnected.

    One whose app was uninstalled is stopped already, and its reason says more than that of a stage
    which was under way and found no token. What was met with another connection than today's does
    not hold anything: it began before the app was installed again, and works now.
    """
    reason = str(error)
    is_meant = and_(Tenant.id == tenant_id, Tenant.uninstalled_at.is_(None))
    if error.connection is not None:
        is_meant = and_(is_meant, Tenant.offline_token == error.connection)
    known = session.scalar(select(Tenant.held_reason).where(Tenant.id == tenant_id))
    held = session.scalars(
        update(Tenant)
        .where(is_meant)
        .values(held_reason=reason, channels_due_at=db_now(error.tried_again_s))
        .returning(Tenant.id)
    ).all()
    if not held:
        return
    if reason != known:
        of_tenant = select(SalesChannel.id).where(SalesChannel.tenant_id == tenant_id)
        for channel_id in session.scalars(of_tenant).all():
            recording.noted(session, channel_id, entries.HELD, reason)
    named = session.scalar(select(Tenant.subdomain).where(Tenant.id == tenant_id))
    log.warning(observe.event("tenant.held", tenant=named, reason=reason))


def running(session: Session) -> Sequence[int]:
    """The channels that move, the oldest first."""
    return session.scalars(
        select(SalesChannel.id)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(is_running())
        .order_by(SalesChannel.id)
    ).all()


def is_running() -> ColumnElement[bool]:
    """The SQL condition of channels that move; needs SalesChannel joined with Tenant."""
    return and_(
        or_(
            SalesChannel.is_paused.is_(False),
            and_(SalesChannel.paused_until.is_not(None), SalesChannel.paused_until <= db_now()),
        ),
        SalesChannel.held_reason.is_(None),
        SalesChannel.delete_said_at.is_(None),
        Tenant.held_reason.is_(None),
        Tenant.uninstalled_at.is_(None),
        Tenant.offline_since.is_(None),
    )
