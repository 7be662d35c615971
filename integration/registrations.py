"""The webhooks of a tenant in its ERP: what must be there, and making it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from integration import catch_ups, channels, facts, marks
from integration.erp import webhooks
from integration.models import SalesChannel, Tenant, TenantFact

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from integration.erp.webhooks import Changes, Registration
    from integration.runtime import Runtime

#: The fact whose time says when all of a tenant's webhooks were found registered.
_SEEN = "registrations-seen"


def desired(runtime: Runtime, tenant_id: int) -> set[Registration]:
    """What must be registered. Paused channels count: their changes come in and wait."""
    with runtime.scope() as session:
        erp_ids = session.scalars(
            select(SalesChannel.erp_id).where(
                SalesChannel.tenant_id == tenant_id, SalesChannel.deleted_at.is_(None)
            )
        ).all()
    return webhooks.desired(erp_ids, runtime.settings.public_url)


def reconcile(runtime: Runtime, tenant_id: int) -> str:
    """Make the ERP's registrations ours; what was done, as a sentence."""
    if not runtime.settings.public_url:
        return "its webhooks are not registered, because RELAY_PUBLIC_URL is not set"
    wanted = desired(runtime, tenant_id)
    changes = _register(runtime, tenant_id, wanted)
    lacking = ", ".join(one.queue for one in changes.not_offered)
    also = f"; this ERP does not offer {lacking}" if lacking else ""
    number = len(wanted) - len(changes.not_offered)
    if not changes.registered and not changes.deregistered:
        return f"all {number} webhooks of the tenant are registered already{also}"
    return (
        f"webhooks of the tenant: {len(changes.registered)} registered, "
        f"{len(changes.deregistered)} taken away, {number} in all{also}"
    )


def restore(runtime: Runtime, tenant_id: int) -> None:
    """Register what is missing and can be, and catch up with what may not have been told.

    Nothing without a public URL, and before a channel runs: `channel resume` is the first to.
    """
    if not runtime.settings.public_url or not has_running_channel(runtime, tenant_id):
        return
    _register(runtime, tenant_id, desired(runtime, tenant_id), everybody_ran=True)


def _register(
    runtime: Runtime, tenant_id: int, wanted: set[Registration], *, everybody_ran: bool = False
) -> Changes:
    settings = runtime.settings
    changes = webhooks.reconcile(
        runtime.erp(tenant_id), settings.app_identifier, settings.public_url, wanted
    )
    with runtime.scope() as session:
        _seen(session, tenant_id, changes, everybody_ran=everybody_ran)
    return changes


def _seen(session: Session, tenant_id: int, changes: Changes, *, everybody_ran: bool) -> None:
    """All is registered now. What was not may have been missed since all was the last time.

    A channel that never moved has nothing to catch up with; the first registration of a tenant is
    no repair, unless `everybody_ran` without it.
    """
    last = seen_at(session, tenant_id)
    missing = [one.queue for one in changes.registered if one.queue not in webhooks.LIFE_EVENTS]
    if missing and (everybody_ran or last is not None):
        reason = _was_missing(missing, last)
        for channel_id in _told_by(session, tenant_id, missing):
            if everybody_ran or marks.last(session, channel_id) is not None:
                _catch_up(session, channel_id, reason, last)
    facts.remember(session, TenantFact.tenant_id, tenant_id, _SEEN, True)


def _catch_up(session: Session, channel_id: int, reason: str, last: datetime | None) -> None:
    if last is None:
        catch_ups.compare(session, channel_id, reason)
    else:
        catch_ups.request(session, channel_id, reason, last)


def _was_missing(missing: list[str], last: datetime | None) -> str:
    named = missing[0] if len(missing) == 1 else f"{missing[0]} and {len(missing) - 1} more"
    since = "nobody knows when" if last is None else f"at {last:%Y-%m-%d %H:%M} UTC"
    return (
        f"webhooks were not registered in the ERP any more ({named}) and are again; they were "
        f"seen last {since}"
    )


def _told_by(session: Session, tenant_id: int, missing: list[str]) -> list[int]:
    """The channels that these events tell of."""
    named = {webhooks.channel_of(queue) for queue in missing}
    of_tenant = select(SalesChannel.id).where(
        SalesChannel.tenant_id == tenant_id, SalesChannel.deleted_at.is_(None)
    )
    if None not in named:
        of_tenant = of_tenant.where(SalesChannel.erp_id.in_(named))
    return list(session.scalars(of_tenant.order_by(SalesChannel.id)).all())


def seen_at(session: Session, tenant_id: int) -> datetime | None:
    """When all registrations were there the last time that somebody looked."""
    return session.scalar(
        select(TenantFact.learnt_at).where(
            TenantFact.tenant_id == tenant_id, TenantFact.name == _SEEN
        )
    )


def has_running_channel(runtime: Runtime, tenant_id: int) -> bool:
    """Before its first channel goes live a tenant needs no webhooks."""
    with runtime.scope() as session:
        running = session.scalar(
            select(SalesChannel.id)
            .join(Tenant, Tenant.id == SalesChannel.tenant_id)
            .where(SalesChannel.tenant_id == tenant_id, channels.is_running())
            .limit(1)
        )
    return running is not None


def withdraw(runtime: Runtime, tenant_id: int) -> None:
    """Take away what no channel of the tenant needs any more; nothing is registered."""
    settings = runtime.settings
    if not settings.public_url:
        return
    client = runtime.erp(tenant_id)
    present = webhooks.registered(client, settings.app_identifier)
    kept = desired(runtime, tenant_id) & present
    webhooks.reconcile(client, settings.app_identifier, settings.public_url, kept)


def withdraw_deleted(runtime: Runtime, tenant_id: int) -> None:
    """Take away what belongs to channels that the ERP deleted; then they are done with."""
    is_left = (
        SalesChannel.tenant_id == tenant_id,
        SalesChannel.deleted_at.is_not(None),
        SalesChannel.delete_said_at.is_not(None),
    )
    with runtime.scope() as session:
        ids = session.scalars(select(SalesChannel.id).where(*is_left)).all()
    if not ids:
        return
    withdraw(runtime, tenant_id)
    with runtime.scope() as session:
        done = update(SalesChannel).where(*is_left, SalesChannel.id.in_(ids))
        session.execute(done.values(delete_said_at=None))
