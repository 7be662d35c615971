"""A tenant's life in our database: connected, uninstalled, connected again, forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from integration import catch_ups, channels, facts, pacing, sql
from integration.clock import db_now
from integration.models import AccessToken, ChannelParameter, SalesChannel, Tenant, TenantFact

#: How long it is remembered which product is which article (vario-erp.md 9).
KEPT = timedelta(days=30)
UNINSTALLED = "the app was uninstalled in the ERP; install it there again"
SECRETS_GONE = (
    "its secrets were deleted when the app was uninstalled; set them again with "
    "`vario-relay channel set`"
)

CONNECTED = "the app was connected to the ERP; what changed before may not have been told"
#: The fact whose age is that of an install under way.
_INSTALLING = "installing"


@dataclass(frozen=True)
class Connected:
    """What became of a tenant; `was_stopped`: nothing moved for it before."""

    tenant_id: int
    is_new: bool = False
    was_stopped: bool = False


def find(session: Session, subdomain: str) -> Tenant | None:
    return session.scalar(select(Tenant).where(Tenant.subdomain == subdomain))


def connect(session: Session, subdomain: str, sealed_token: str) -> Connected:
    """Store the offline token (sealed) of a tenant, new or known, and let everything of it move.

    Changes may have been missed, so each of its channels catches up.
    """
    is_new = _added(session, subdomain, sealed_token)
    found = session.scalars(_locked(subdomain)).one()
    found.offline_token = sealed_token
    was_stopped = _let_move(session, found)
    catch_ups.request_tenant(session, found.id, CONNECTED)
    return Connected(found.id, is_new, was_stopped)


def reconnect(session: Session, subdomain: str, reason: str = CONNECTED) -> Connected | None:
    """The same with the stored token; None without one. Where all was well nothing is compared."""
    found = session.scalar(_locked(subdomain))
    if found is None or found.offline_token is None:
        return None
    was_stopped = _let_move(session, found)
    if was_stopped:
        catch_ups.request_tenant(session, found.id, reason)
    return Connected(found.id, was_stopped=was_stopped)


def _locked(subdomain: str) -> Select[Tenant]:
    return select(Tenant).where(Tenant.subdomain == subdomain).with_for_update()


def _let_move(session: Session, found: Tenant) -> bool:
    """Whether something had stopped it."""
    stops = (found.held_reason, found.uninstalled_at, found.offline_since)
    found.held_reason = found.uninstalled_at = found.offline_since = None
    # An access token of the former installation may be revoked already.
    name = pacing.erp_bucket_name(found.id)
    session.execute(delete(AccessToken).where(AccessToken.name == name))
    was_stopped = any(one is not None for one in stops)
    if was_stopped:
        # What was to be asked of its sales channels has waited.
        found.channels_due_at = db_now()
    return was_stopped


def _added(session: Session, subdomain: str, sealed_token: str) -> bool:
    """Whether there was none of this name; two installs at once make one."""
    statement = sql.insert(session, Tenant).values(subdomain=subdomain, offline_token=sealed_token)
    added = session.scalars(statement.on_conflict_do_nothing().returning(Tenant.id)).all()
    return bool(added)


def begin_install(session: Session, tenant_id: int, lease_s: float) -> bool:
    """Be the only one who installs this tenant; False while another one is at it.

    Two at once would find nothing and both create a backend.
    """
    return facts.take_turn(
        session, TenantFact.tenant_id, tenant_id, _INSTALLING, every_s=lease_s, first={}
    )


def end_install(session: Session, tenant_id: int) -> None:
    session.execute(
        delete(TenantFact).where(TenantFact.tenant_id == tenant_id, TenantFact.name == _INSTALLING)
    )


def disconnect(session: Session, tenant_id: int) -> None:
    """Stop everything of a tenant and delete its tokens and secrets; its mappings stay.

    A stage that is under way ends with the claim it has; the next one gives its rows back.
    """
    session.execute(
        update(Tenant)
        .where(Tenant.id == tenant_id)
        .values(
            offline_token=None,
            held_reason=UNINSTALLED,
            # The first time counts: a second uninstall does not prolong what is kept.
            uninstalled_at=func.coalesce(Tenant.uninstalled_at, db_now()),
        )
    )
    ids = _channel_ids(session, tenant_id)
    with_secrets = select(ChannelParameter.channel_id).where(
        ChannelParameter.channel_id.in_(ids), ChannelParameter.is_secret.is_(True)
    )
    session.execute(
        update(SalesChannel)
        .where(SalesChannel.id.in_(with_secrets))
        .values(held_reason=SECRETS_GONE)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        delete(ChannelParameter).where(
            ChannelParameter.channel_id.in_(ids), ChannelParameter.is_secret.is_(True)
        )
    )
    _forget_access(session, tenant_id, ids)


def forget_uninstalled(session: Session) -> list[str]:
    """Remove tenants that were uninstalled long ago; their names.

    Of the others, what a stage that was still under way may have stored since is deleted again.
    """
    gone = session.scalars(
        select(Tenant).where(Tenant.uninstalled_at < db_now(-KEPT.total_seconds()))
    ).all()
    names = [one.subdomain for one in gone]
    for one in gone:
        remove(session, one.id)
    for tenant_id in session.scalars(select(Tenant.id).where(Tenant.uninstalled_at.is_not(None))):
        _forget_access(session, tenant_id, _channel_ids(session, tenant_id))
    return names


def remove(session: Session, tenant_id: int) -> None:
    """The tenant with all that hangs on it, and what is found by name only."""
    names = _named(tenant_id, _channel_ids(session, tenant_id))
    channels.forget_named(session, names)
    session.execute(delete(Tenant).where(Tenant.id == tenant_id))


def _channel_ids(session: Session, tenant_id: int) -> list[int]:
    statement = select(SalesChannel.id).where(SalesChannel.tenant_id == tenant_id)
    return list(session.scalars(statement).all())


def _forget_access(session: Session, tenant_id: int, channel_ids: list[int]) -> None:
    names = _named(tenant_id, channel_ids)
    session.execute(delete(AccessToken).where(AccessToken.name.in_(names)))


def _named(tenant_id: int, channel_ids: list[int]) -> list[str]:
    of_erp = (pacing.erp_bucket_name(tenant_id), pacing.erp_part_name(tenant_id))
    return [*of_erp, *map(pacing.shop_bucket_name, channel_ids)]
