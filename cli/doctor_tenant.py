"""Checks of a tenant: its token, what its ERP offers, its webhooks."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from cli import doctor_catch_up, doctor_life
from cli.findings import Finding
from integration import channels, column_checks
from integration.erp import auth, catalogue
from integration.errors import IntegrationError
from integration.installation import steps, tenants
from integration.installation.steps import Visit
from integration.models import SalesChannel, Tenant
from integration.toggles import ARTICLE_TOPICS
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
        tenant = session.get_one(Tenant, tenant_id)
        held, gone = tenant.held_reason, tenant.uninstalled_at
    if gone is not None:
        yield _uninstalled(label, gone)
        return None
    if held:
        do = f"do what it says, then `vario-relay tenant add {label}` with a new offline token"
        yield Finding(f"tenant {label}", False, f"held: {held}", do)
    yield from doctor_life.offline(runtime, label, tenant_id)
    try:
        client = runtime.erp(tenant_id)
        # Anew, and not stored: the stored access token would hide a wrong RELAY_CLIENT_SECRET
        # until it ends, and then every process would stand still.
        auth.fetch_access_token(client.access, runtime.http)
        visit = Visit(runtime, tenant_id, client)
        known = {one.id: one.label for one in visit.channels}
    except IntegrationError as error:
        do = "do what the sentence says; if nothing helps, install the app in the ERP again"
        yield Finding(f"tenant {label} token", False, str(error), do)
        return None
    yield Finding(
        f"tenant {label} token", True, f"the ERP answers, the app has {len(known)} sales channels"
    )
    yield from doctor_life.waiting(runtime, label, tenant_id, known)
    yield from _columns(runtime, label, tenant_id, client)
    for line in steps.run(visit, _looked_at(runtime, known)):
        yield Finding(f"tenant {label} {line.step}", line.ok, line.detail, line.do)
    yield from doctor_catch_up.of_webhooks(runtime, label, tenant_id)
    return known


def is_installed(runtime: Runtime, tenant_id: int) -> bool:
    """Whether there is more to examine: the channels of an uninstalled tenant rest."""
    with runtime.scope() as session:
        return session.get_one(Tenant, tenant_id).uninstalled_at is None


def _uninstalled(label: str, at: datetime) -> Finding:
    forgotten = f"{at + tenants.KEPT:%Y-%m-%d}"
    return Finding(
        f"tenant {label}",
        True,
        f"the app was uninstalled on {at:%Y-%m-%d}; what is known of its products is forgotten on "
        f"{forgotten}",
    )


def _looked_at(runtime: Runtime, known: dict[str, str]) -> list[str]:
    """Steps of an install that can be looked at here.

    Without a public address nothing is registered, which is said of the settings already; each
    sales channel that there is has lines of its own.
    """
    looked_at = [steps.EXTERNAL_ID, steps.BACKEND]
    looked_at += [] if known else [steps.CHANNELS]
    looked_at += [steps.WEBHOOKS] if runtime.settings.public_url else []
    return [*looked_at, steps.EVENTS]


def _columns(runtime: Runtime, label: str, tenant_id: int, client: ErpClient) -> Iterator[Finding]:
    """Asks the ERP anew, so that a doctor after an update of the ERP refreshes what we know."""
    try:
        offered = catalogue.rediscover(client, runtime.erp_facts(tenant_id))
    except IntegrationError as error:
        yield Finding(f"tenant {label} columns", False, str(error), "do what the sentence says")
        return
    for topic in ARTICLE_TOPICS:
        reads = catalogue.plan(topic, offered).reads
        check = f"tenant {label} columns of {SHORT_NAME_BY_TOPIC[topic]}"
        if reads:
            cost = column_checks.cost_of_reads(len(reads), runtime.settings.erp_budget)
            detail = f"{', '.join(sorted(reads))} not offered; {cost}"
        else:
            detail = f"all by query, {client_page_size()} articles at a time"
        yield Finding(check, True, detail)


def client_page_size() -> int:
    from integration.erp.articles import IDS_PER_QUERY

    return IDS_PER_QUERY
