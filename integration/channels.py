"""Tenants and sales channels: read in one go as values, held and resumed with a reason."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    delete,
    exists,
    false,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from integration import facts, ids, mappings, observe, pacing, sql, toggles
from integration.channel_view import ChannelView
from integration.clock import db_now
from integration.errors import TenantError, UsageError
from integration.history import entries, recording
from integration.mapping_kinds import Kind, Mappings
from integration.models import (
    AccessToken,
    ArticleHold,
    ChannelFact,
    ChannelParameter,
    RateBucket,
    SalesChannel,
    Tenant,
    TenantFact,
)
from integration.topology import Topic
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

    id: int
    tenant_id: int
    tenant: str
    erp_id: str
    platform: str
    #: Key, value, and whether that is a secret.
    parameters: Sequence[tuple[str, str, bool]]
    column_findings: Mapping[str, Any] | None = None
    mappings: Mappings = field(default_factory=Mappings)
    price_sources: tuple[str, ...] = ()
    #: By the database's clock.
    read_at: datetime | None = None
    #: Whether nobody stopped the channel, or the topic that it was read for.
    may_travel: bool = True
    #: Whether a person keeps articles of that topic back.
    has_holds: bool = False
    #: What is remembered of the tenant's ERP under the name that was asked for.
    tenant_fact: Any = None

    def opened(self, vault: Vault, zone: tzinfo = UTC) -> ChannelView:
        """`zone` is the merchant's. Raises UsageError when no key opens a secret."""
        return ChannelView(
            id=self.id,
            tenant_id=self.tenant_id,
            tenant=self.tenant,
            erp_id=self.erp_id,
            platform=self.platform,
            parameters={
                key: vault.open(value) if is_secret else value
                for key, value, is_secret in self.parameters
            },
            column_findings=self.column_findings,
            mappings=self.mappings,
            price_sources=self.price_sources,
            now=None if self.read_at is None else self.read_at.astimezone(zone),
        )


def load(
    session: Session,
    channel_id: int,
    kinds: Collection[Kind] = tuple(Kind),
    *,
    topic: Topic | None = None,
    tenant_fact: str | None = None,
) -> Stored:
    """The channel with its parameters and its mappings of these kinds; in one statement, because
    every stage asks. `topic`: with what is to be known before something of it is fetched.
    `tenant_fact`: with this fact of the tenant's ERP.

    Raises UsageError if it was removed.
    """
    statement = _load(sql.is_postgres(session), tuple(kinds), topic, tenant_fact)
    row = session.execute(statement, {"channel": channel_id}).one_or_none()
    if row is None:
        raise UsageError(f"sales channel {channel_id} was removed")
    return Stored(
        row.id,
        row.tenant_id,
        row.subdomain,
        row.erp_id,
        row.platform,
        row.parameters or (),
        None if row.findings is None else row.findings["reads"],
        mappings.of_column(row.mappings),
        tuple((row.sources or {}).get(row.erp_id, ())),
        row.read_at,
        bool(row.may_travel),
        bool(row.has_holds),
        row.tenant_fact,
    )


@lru_cache(maxsize=16)
def _load(
    on_postgres: bool, kinds: tuple[Kind, ...], topic: Topic | None, tenant_fact: str | None
) -> Any:
    channel_id = bindparam("channel", type_=Integer())
    parameter, fact = ChannelParameter.__table__.c, ChannelFact.__table__.c
    parameters = sql.listed(
        on_postgres,
        parameter.key,
        parameter.value,
        parameter.is_secret,
        where=parameter.channel_id == channel_id,
    )
    findings = select(fact.value).where(fact.channel_id == channel_id, fact.name == COLUMN_FINDINGS)
    channel, tenant = SalesChannel.__table__.c, Tenant.__table__.c
    return (
        select(
            channel.id,
            channel.tenant_id,
            channel.erp_id,
            channel.platform,
            tenant.subdomain,
            findings.scalar_subquery().label("findings"),
            price_sources(channel.tenant_id).scalar_subquery().label("sources"),
            parameters.label("parameters"),
            mappings.column(on_postgres, channel_id, kinds).label("mappings"),
            db_now().label("read_at"),
            _may_travel(topic).label("may_travel"),
            _has_holds(topic).label("has_holds"),
            facts.of_tenant(channel.tenant_id, tenant_fact).label("tenant_fact"),
        )
        .join_from(SalesChannel.__table__, Tenant.__table__, tenant.id == channel.tenant_id)
        .where(channel.id == channel_id)
    )


def price_sources(tenant_id: Any) -> Any:
    """Of a tenant, where its channels take their prices from (PRICE_SOURCES); believed for ever."""
    fact = TenantFact.__table__.c
    return select(fact.value).where(fact.tenant_id == tenant_id, fact.name == PRICE_SOURCES)


def doubt_columns(session: Session, channel_id: int) -> None:
    """Let the ERP's columns be compared with its own answers as soon as a worker comes to it
    (integration.column_checks)."""
    session.execute(
        update(ChannelFact)
        .where(ChannelFact.channel_id == channel_id, ChannelFact.name == COLUMN_FINDINGS)
        .values(learnt_at=db_now(-LONG_AGO_S))
    )


def _may_travel(topic: Topic | None) -> ColumnElement[bool]:
    return true() if topic is None else and_(is_running(), toggles.is_switched_on(topic))


def _has_holds(topic: Topic | None) -> ColumnElement[bool]:
    if topic is None:
        return false()
    return exists().where(
        ArticleHold.channel_id == SalesChannel.id, ArticleHold.topic == topic.value
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
