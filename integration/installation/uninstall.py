"""Uninstalling the app for a tenant: nothing moves any more, and no secret of it is left."""

from __future__ import annotations

import logging

from integration import observe
from integration.erp import webhooks
from integration.errors import IntegrationError
from integration.installation import tenants
from integration.installation.report import Line, Words
from integration.runtime import Runtime

log = logging.getLogger(__name__)

#: No request to the ERP begins later; with one slow answer the page still hears of it.
BEGINS_WITHIN_S = 20.0

TENANT, WEBHOOKS, SECRETS, MAPPINGS = "tenant", "webhooks", "secrets", "mappings"


def uninstall(runtime: Runtime, subdomain: str, words: Words) -> list[Line]:
    """Take our webhooks out of the ERP, then stop the tenant and delete its tokens and secrets.

    Failure policy: an ERP that does not answer keeps nobody here. What is known of the products is
    kept for a while, so that a new install finds it (`tenants.forget_uninstalled`).
    """
    with runtime.scope() as session:
        found = tenants.find(session, subdomain)
    if found is None:
        return [Line(TENANT, True, words("unknown_tenant", tenant=subdomain))]
    # First: without the token nothing can be taken away any more.
    has_access = found.offline_token is not None and bool(runtime.settings.public_url)
    lines = [_withdrawn(runtime, found.id, words)] if has_access else []
    with runtime.scope() as session:
        tenants.disconnect(session, found.id)
    log.warning(observe.event("tenant.uninstalled", tenant=subdomain))
    return [
        *lines,
        Line(SECRETS, True, words("stopped")),
        Line(MAPPINGS, True, words("remembered", days=tenants.KEPT.days)),
    ]


def _withdrawn(runtime: Runtime, tenant_id: int, words: Words) -> Line:
    settings = runtime.settings
    try:
        client = runtime.erp(tenant_id, gives_up_after_s=BEGINS_WITHIN_S)
        changes = webhooks.reconcile(client, settings.app_identifier, settings.public_url, [])
    except IntegrationError as error:
        detail = words("not_withdrawn", error=error)
        return Line(WEBHOOKS, False, detail, words("do_nothing_withdrawn"))
    return Line(WEBHOOKS, True, words("withdrawn", count=len(changes.deregistered)))
