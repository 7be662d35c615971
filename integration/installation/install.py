"""Installing the app for a tenant, again and again: what is done already is left as it is."""

from __future__ import annotations

import logging

from integration import channel_life, observe
from integration.erp import auth
from integration.errors import IntegrationError, TransientError
from integration.installation import steps, tenants
from integration.installation.report import Line, Words
from integration.installation.steps import Visit
from integration.installation.tenants import Connected
from integration.runtime import Runtime
from integration.write_back import asking as write_back

log = logging.getLogger(__name__)

#: No request to the ERP begins later. Somebody waits for the page, and gateways give up after 60 s;
#: registering the webhooks of about forty channels fits.
BEGINS_WITHIN_S = 30.0
#: Longer than an install can take: from then on one that died is in nobody's way.
LEASE_S = 120.0

TENANT = "tenant"


class OfflineTokenMissing(IntegrationError):
    """No offline token was given, and none is stored."""


class InstallRunning(IntegrationError):
    """Another request installs the same tenant at this moment."""


def install(
    runtime: Runtime, subdomain: str, offline_token: str | None, words: Words
) -> list[Line]:
    """Connect the tenant and bring its ERP into the state that we need; what was done.

    Without an offline token the stored one stays. An ERP that does not answer leaves the tenant
    connected, and its steps to the next install.
    Raises: OfflineTokenMissing; InstallRunning; TenantError for a token that is not accepted, and
    then nothing is stored or changed.
    """
    token = offline_token or _stored(runtime, subdomain)
    if token is None:
        raise OfflineTokenMissing(f"tenant {subdomain}: no offline token came, and none is stored")
    _require_accepted(runtime, subdomain, token)
    connected = _connect(runtime, subdomain, offline_token)
    with runtime.scope() as session:
        if not tenants.begin_install(session, connected.tenant_id, LEASE_S):
            raise InstallRunning(f"tenant {subdomain} is being installed already")
    try:
        client = runtime.erp(connected.tenant_id, gives_up_after_s=BEGINS_WITHIN_S)
        visit = Visit(runtime, connected.tenant_id, client, words, mends=True)
        lines = [_told(connected, bool(offline_token), subdomain, words), *steps.run(visit)]
        if offline_token or connected.was_stopped or visit.has_new_field:
            with runtime.scope() as session:
                write_back.begin_anew(session, connected.tenant_id)
    finally:
        with runtime.scope() as session:
            tenants.end_install(session, connected.tenant_id)
            # Only now, as it registers webhooks, too: what there was no time for comes with it.
            channel_life.request(session, connected.tenant_id)
    _tell(subdomain, lines)
    return lines


def _stored(runtime: Runtime, subdomain: str) -> str | None:
    with runtime.scope() as session:
        found = tenants.find(session, subdomain)
    if found is None or found.offline_token is None:
        return None
    return runtime.vault.open(found.offline_token)


def _require_accepted(runtime: Runtime, subdomain: str, token: str) -> None:
    """Raises: TenantError for a token of another app or domain, and one the sign-in refuses.

    A sign-in that does not answer proves nothing: the token is taken, and the steps will tell.
    """
    access = auth.tenant_access(subdomain, token, runtime.settings)
    try:
        auth.fetch_access_token(access, runtime.http)
    except TransientError as error:
        log.warning(observe.event("tenant.sign_in_away", tenant=subdomain, error=error))


def _connect(runtime: Runtime, subdomain: str, offline_token: str | None) -> Connected:
    sealed = runtime.vault.seal(offline_token) if offline_token else None
    with runtime.scope() as session:
        if sealed is not None:
            return tenants.connect(session, subdomain, sealed)
        connected = tenants.reconnect(session, subdomain)
    if connected is None:
        raise OfflineTokenMissing(f"tenant {subdomain}: its offline token was deleted just now")
    return connected


def _told(connected: Connected, has_new_token: bool, subdomain: str, words: Words) -> Line:
    key = "renewed" if has_new_token else "kept"
    if connected.is_new or connected.was_stopped:
        key = "connected" if connected.is_new else "reconnected"
    return Line(TENANT, True, words(key, tenant=subdomain))


def _tell(subdomain: str, lines: list[Line]) -> None:
    log.info(observe.event("tenant.installed", tenant=subdomain))
    for one in lines:
        if not one.ok:
            log.warning(
                observe.event(
                    "install.step_failed", tenant=subdomain, step=one.step, detail=one.detail
                )
            )
