"""An ERP that is offline: nothing of its tenant moves, no attempt is used up, nothing is lost.

The ERP says itself that it goes and that it is back. In case it never says the second, it is
asked again every few minutes by whoever follows its sales channels, see channel_life.
"""

from __future__ import annotations

import logging
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from integration import catch_ups, observe
from integration.clock import db_now
from integration.models import Tenant

log = logging.getLogger(__name__)

#: After so long an ERP that said it goes offline is asked whether it is back. Not at once, or it
#: would answer before it goes; not much later, because events overtake each other, and an ERP that
#: is back may have said so first.
FIRST_PROBE_S = 60.0
#: And again and again, while it does not answer.
PROBE_S = 300.0


def went_offline(session: Session, tenant_id: int) -> None:
    """The ERP says that it goes offline: stop the tenant's lanes.

    Failure policy: part of the caller's transaction. Said twice, the later one counts.
    """
    session.execute(
        update(Tenant)
        .where(Tenant.id == tenant_id)
        .values(offline_since=db_now(), channels_due_at=db_now())
    )
    log.warning(observe.event("tenant.offline", tenant=_name(session, tenant_id)))


def came_online(session: Session, tenant_id: int) -> None:
    """The ERP is there: let the tenant's lanes go, and look for what changed meanwhile.

    Also when nobody said that it went: that event may be lost, or on its way still.
    """
    since = session.scalar(select(Tenant.offline_since).where(Tenant.id == tenant_id))
    session.execute(
        update(Tenant)
        .where(Tenant.id == tenant_id)
        .values(offline_since=None, channels_due_at=db_now())
    )
    catch_ups.request_tenant(session, tenant_id, _was_offline(since), since)
    log.info(observe.event("tenant.online", tenant=_name(session, tenant_id)))


def _was_offline(since: datetime | None) -> str:
    if since is None:
        return "the ERP says that it is online again; it did not say that it went offline"
    return f"the ERP was offline since {since:%Y-%m-%d %H:%M} UTC and is there again"


def sentence(offline_since: datetime | None) -> str | None:
    """Why nothing of the tenant moves; None: its ERP is there."""
    if offline_since is None:
        return None
    return (
        f"the ERP said at {offline_since:%Y-%m-%d %H:%M} UTC that it goes offline; changes are "
        f"kept, and it is asked every {PROBE_S / 60:.0f} minutes whether it is back"
    )


def _name(session: Session, tenant_id: int) -> str | None:
    return session.scalar(select(Tenant.subdomain).where(Tenant.id == tenant_id))
