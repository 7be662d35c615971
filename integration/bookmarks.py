"""Notices that our database was put back to an older state.

A number that only grows is kept twice: by us, and by the ERP among the settings of the app. If the
ERP's is larger, we have forgotten what we wrote after ours: what was sent since is in the shops and
not in our records, so no hash of ours is believed and everything is sent once more.
Source: docs/decisions/0022.
"""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import catch_ups, channels, facts, marks, observe, served, sync_runs
from integration.erp import app_settings
from integration.errors import Forbidden, Gone, Rejected
from integration.models import SalesChannel, Tenant, TenantFact
from integration.token_bucket import Share
from integration.topology import Topic

if TYPE_CHECKING:
    from integration.runtime import Runtime

log = logging.getLogger(__name__)

_FACT = "bookmark"
#: The member of the app's settings that holds the numbers, by installation: a test system may work
#: for the same tenant.
_SETTING = "relayBookmarks"
RESTORED = (
    "the database was put back to an older state: the ERP knows of later work of ours; nothing "
    "that was sent before is believed, everything is compared and sent once more"
)


def take_turn(session: Session, tenant_id: int) -> bool:
    """Be the one who compares; False: it is too early, or somebody is at it."""
    first = {"installation": uuid.uuid4().hex, "number": 0}
    return facts.take_turn(
        session, TenantFact.tenant_id, tenant_id, _FACT, every_s=marks.EVERY_S, first=first
    )


def compare(runtime: Runtime, tenant_id: int) -> bool:
    """Whether our database is older than our work; then everything is asked for.

    Needs a turn. Raises: IntegrationError when the ERP does not answer.
    Failure policy: our number is stored before the ERP's, so that a crash between them looks like
    nothing; an ERP without settings for apps is left alone, and nothing is noticed.
    """
    client = runtime.erp(tenant_id, share=Share.BACKFILL)
    try:
        settings = app_settings.read(client)
    except (Gone, Rejected, Forbidden) as error:
        log.info(observe.event("bookmark.not_kept", tenant=client.access.tenant, error=error))
        return False
    numbers = settings.get(_SETTING)
    numbers = dict(numbers) if isinstance(numbers, dict) else {}
    with runtime.scope() as session:
        row = session.get_one(TenantFact, (tenant_id, _FACT), with_for_update=True)
        installation, number = str(row.value["installation"]), int(row.value["number"])
        theirs = _number(numbers.get(installation))
        is_older = theirs > number
        if is_older:
            _ask_for_everything(session, tenant_id)
        numbers[installation] = max(theirs, number) + 1
        row.value = {"installation": installation, "number": numbers[installation]}
    app_settings.write(client, {**settings, _SETTING: numbers})
    return is_older


def _number(value: Any) -> int:
    return int(value) if str(value).isdigit() else 0


def _ask_for_everything(session: Session, tenant_id: int) -> None:
    """One forced comparison per channel, of images too."""
    found = session.execute(
        select(SalesChannel.id, SalesChannel.platform).where(
            SalesChannel.tenant_id == tenant_id, SalesChannel.deleted_at.is_(None)
        )
    ).all()
    for channel in found:
        topics = list(sync_runs.ALL_TOPICS)
        if served.carries(channel.platform, Topic.MEDIA):
            topics.append("media")
        catch_ups.compare(session, channel.id, RESTORED, topics=topics, is_forced=True)
        tenant, erp_id = channels.names(session, channel.id)
        log.error(observe.event("database.is_older", tenant=tenant, channel=erp_id))


def tenants_to_compare(session: Session) -> list[int]:
    """Tenants with a channel that moves."""
    return list(
        session.scalars(
            select(Tenant.id)
            .join(SalesChannel, SalesChannel.tenant_id == Tenant.id)
            .where(channels.is_running())
            .distinct()
            .order_by(Tenant.id)
        ).all()
    )
