"""The price pass of each day: special offers begin and end at midnight, and no webhook says so.

It reads our own listings; what the ERP's prices did not change is skipped by its hash.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import channels, sync_runs
from integration.clock import db_now
from integration.models import SalesChannel, SyncRun, Tenant

#: The ERP's clock is past midnight by then, too.
AFTER_MIDNIGHT = timedelta(minutes=5)


def start_daily_prices(session: Session, zone: ZoneInfo) -> list[int]:
    """Begin today's price pass of each running channel that has not begun it; ids of the runs.

    Counted in the merchant's local time; two beats begin one run (unique key). A channel that
    stood still at midnight gets its pass when it runs again, on the same day; one that came today
    has no price of yesterday.
    """
    now = session.scalar(select(db_now()))
    if now is None:
        return []
    today = day_of(now.astimezone(zone))
    running = session.execute(
        select(SalesChannel.id, SalesChannel.created_at)
        .join(Tenant, Tenant.id == SalesChannel.tenant_id)
        .where(channels.is_running())
    ).all()
    key_by_channel = {
        one.id: f"{sync_runs.DAILY_PRICES}:{one.id}:{today.isoformat()}"
        for one in running
        if one.created_at.astimezone(zone).date() < today
    }
    begun = set(
        session.scalars(
            select(SyncRun.unique_key).where(SyncRun.unique_key.in_(key_by_channel.values()))
        )
    )
    runs = [
        sync_runs.start(
            session, channel_id, sync_runs.DAILY_PRICES, ["price"], unique_key=unique_key
        )
        for channel_id, unique_key in key_by_channel.items()
        if unique_key not in begun
    ]
    return [run_id for run_id in runs if run_id is not None]


def day_of(local: datetime) -> date:
    """The day whose prices count at this local time, by the merchant's wall clock."""
    return (local.replace(tzinfo=None) - AFTER_MIDNIGHT).date()
