"""The webhooks of a tenant in its ERP: what must be there, and making it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from integration import channels
from integration.erp import webhooks
from integration.models import SalesChannel, Tenant

if TYPE_CHECKING:
    from integration.erp.webhooks import Registration
    from integration.runtime import Runtime


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
    settings = runtime.settings
    if not settings.public_url:
        return "its webhooks are not registered, because RELAY_PUBLIC_URL is not set"
    wanted = desired(runtime, tenant_id)
    changes = webhooks.reconcile(
        runtime.erp(tenant_id), settings.app_identifier, settings.public_url, wanted
    )
    lacking = ", ".join(one.queue for one in changes.not_offered)
    also = f"; this ERP does not offer {lacking}" if lacking else ""
    number = len(wanted) - len(changes.not_offered)
    if not changes.registered and not changes.deregistered:
        return f"all {number} webhooks of the tenant are registered already{also}"
    return (
        f"webhooks of the tenant: {len(changes.registered)} registered, "
        f"{len(changes.deregistered)} taken away, {number} in all{also}"
    )


def restore(runtime: Runtime, tenant_id: int) -> bool:
    """Register what is missing and can be; whether something was.

    Nothing without a public URL, and before a channel runs: `channel resume` is the first to.
    """
    settings = runtime.settings
    if not settings.public_url or not has_running_channel(runtime, tenant_id):
        return False
    changes = webhooks.reconcile(
        runtime.erp(tenant_id),
        settings.app_identifier,
        settings.public_url,
        desired(runtime, tenant_id),
    )
    return bool(changes.registered)


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
