"""Checks of a tenant: its token, what its ERP offers, its webhooks."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from cli import doctor_life, erp_channels
from cli.findings import Finding
from integration import channels, registrations
from integration.erp import auth, catalogue, webhooks
from integration.errors import IntegrationError
from integration.models import SalesChannel, Tenant
from integration.toggles import SERVED_TOPICS
from integration.topology import SHORT_NAME_BY_TOPIC

if TYPE_CHECKING:
    from integration.erp.client import ErpClient
    from integration.runtime import Runtime

#: Our sales channels in the ERP by id; None: the ERP could not be asked.
KnownChannels = dict[str, str] | None


def chosen(runtime: Runtime, channel: str | None) -> Iterator[tuple[str, int, list[int]]]:
    """(subdomain, tenant id, channel ids) of what is to be checked."""
    with runtime.scope() as session:
        query = select(SalesChannel).order_by(SalesChannel.erp_id)
        if channel is not None:
            query = query.where(SalesChannel.id == channels.find(session, channel).id)
        found = session.scalars(query).all()
        tenants = session.scalars(select(Tenant).order_by(Tenant.subdomain)).all()
    for tenant in tenants:
        ids = [one.id for one in found if one.tenant_id == tenant.id]
        if ids or channel is None:
            yield tenant.subdomain, tenant.id, ids


def findings(
    runtime: Runtime, label: str, tenant_id: int
) -> Generator[Finding, None, KnownChannels]:
    """Yields findings, returns the tenant's sales channels as the ERP knows them."""
    with runtime.scope() as session:
        held = session.get_one(Tenant, tenant_id).held_reason
    if held:
        do = f"do what it says, then `vario-relay tenant add {label}` with a new offline token"
        yield Finding(f"tenant {label}", False, f"held: {held}", do)
    yield from doctor_life.offline(runtime, label, tenant_id)
    try:
        client = runtime.erp(tenant_id)
        # Anew, and not stored: the stored access token would hide a wrong RELAY_CLIENT_SECRET
        # until it ends, and then every process would stand still.
        auth.fetch_access_token(client.access, runtime.http)
        known = erp_channels.labels_by_id(client)
    except IntegrationError as error:
        do = "do what the sentence says; if nothing helps, install the app in the ERP again"
        yield Finding(f"tenant {label} token", False, str(error), do)
        return None
    yield Finding(
        f"tenant {label} token", True, f"the ERP answers, the app has {len(known)} sales channels"
    )
    yield from doctor_life.waiting(runtime, label, tenant_id, known)
    yield from _columns(runtime, label, tenant_id, client)
    if runtime.settings.public_url:
        yield _webhooks(runtime, label, tenant_id, client)
    return known


def _columns(runtime: Runtime, label: str, tenant_id: int, client: ErpClient) -> Iterator[Finding]:
    """Asks the ERP anew, so that a doctor after an update of the ERP refreshes what we know."""
    try:
        offered = catalogue.rediscover(client, runtime.erp_facts(tenant_id))
    except IntegrationError as error:
        yield Finding(f"tenant {label} columns", False, str(error), "do what the sentence says")
        return
    for topic in SERVED_TOPICS:
        reads = catalogue.plan(topic, offered).reads
        check = f"tenant {label} columns of {SHORT_NAME_BY_TOPIC[topic]}"
        if reads:
            detail = f"read article by article: {', '.join(sorted(reads))}; slow, but complete"
        else:
            detail = f"all by query, {client_page_size()} articles at a time"
        yield Finding(check, True, detail)


def client_page_size() -> int:
    from integration.erp.articles import IDS_PER_QUERY

    return IDS_PER_QUERY


def _webhooks(runtime: Runtime, label: str, tenant_id: int, client: ErpClient) -> Finding:
    check = f"tenant {label} webhooks"
    try:
        present = webhooks.registered(client, runtime.settings.app_identifier)
        wanted = registrations.desired(runtime, tenant_id)
    except IntegrationError as error:
        return Finding(check, False, str(error), "do what the sentence says")
    missing = wanted - present
    if not missing:
        return Finding(check, True, f"all {len(wanted)} are registered in the ERP")
    detail = f"{len(missing)} of {len(wanted)} are not registered in the ERP"
    do = "`vario-relay channel resume` of one of the tenant's channels registers them"
    # Before its first channel goes live a tenant has none, and needs none.
    is_live = _has_running_channel(runtime, tenant_id)
    return Finding(check, not is_live, detail, do)


def _has_running_channel(runtime: Runtime, tenant_id: int) -> bool:
    with runtime.scope() as session:
        running = session.scalar(
            select(SalesChannel.id)
            .join(Tenant, Tenant.id == SalesChannel.tenant_id)
            .where(SalesChannel.tenant_id == tenant_id, channels.is_running())
            .limit(1)
        )
    return running is not None
