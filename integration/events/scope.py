"""Whom an event speaks to: the tenant of its token, and one or all of its sales channels."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import and_, bindparam, select
from sqlalchemy.orm import Session

from integration.events.payloads import NotHere
from integration.models import SalesChannel, Tenant

# Tables, not classes: the ORM's part costs more than the query.
_channel, _tenant = SalesChannel.__table__.c, Tenant.__table__.c

#: All channels of a tenant; one row without a channel for a tenant that has none.
_CHANNELS = (
    select(_tenant.id.label("tenant_id"), _channel.id, _channel.erp_id)
    .select_from(Tenant.__table__)
    .outerjoin(
        SalesChannel.__table__,
        and_(_channel.tenant_id == _tenant.id, _channel.deleted_at.is_(None)),
    )
    .where(_tenant.subdomain == bindparam("tenant"))
    .order_by(_channel.id)
)


@dataclass(frozen=True)
class Channel:
    """A sales channel by our id and the ERP's."""

    id: int
    erp_id: str


@dataclass(frozen=True)
class Scope:
    """The channels of a tenant, in the order of their ids, and those the event speaks to."""

    tenant_id: int
    channels: tuple[Channel, ...]
    targets: tuple[Channel, ...]

    def target(self, erp_id: str) -> Channel | None:
        return next((channel for channel in self.targets if channel.erp_id == erp_id), None)


def scope_of(session: Session, tenant: str, erp_channel_id: str | None) -> Scope:
    """The channels an event of `tenant` speaks to: the named one, or all of them.

    Paused and held channels count: their items wait. One that the ERP has deleted does not.
    Raises: NotHere for an unknown tenant, and for a channel that is not this tenant's.
    """
    rows = session.execute(_CHANNELS, {"tenant": tenant}).all()
    if not rows:
        raise NotHere("UNKNOWN_TENANT", "This app is not set up for the tenant of the token.")
    tenant_id = rows[0].tenant_id
    channels = tuple(Channel(row.id, row.erp_id) for row in rows if row.id is not None)
    if erp_channel_id is None:
        return Scope(tenant_id, channels, channels)
    targets = tuple(channel for channel in channels if channel.erp_id == erp_channel_id)
    if not targets:
        raise NotHere("UNKNOWN_CHANNEL", "This tenant has no such sales channel here.")
    return Scope(tenant_id, channels, targets)
