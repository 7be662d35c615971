"""Whose turn it is on the way back: one batch of a tenant at a time, few of all tenants together.

The tenant's request budget is the limit, which all its channels share, and a batch mostly waits
for it: a second one of the same tenant would only take a worker. Shops have no part in it, so none
of their limits counts here, and nothing of this counts there.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from integration import claim_rows, dispatching, pacing, sql
from integration.clock import db_now
from integration.dispatching import Chain
from integration.erp.articles import IDS_PER_QUERY
from integration.models import Lane, Priority, SalesChannel, Tenant, WorkItem, WorkItemState
from integration.rota import DueLane, Rota, Served
from integration.topology import Topic

#: Batches of all tenants together: in the embedded service they share the threads with live work.
MOST_CHAINS = 2


def rota(session: Session) -> Rota:
    """Lanes with a product id that may go to the ERP now, tenants in turn."""
    rows = session.execute(dispatching.due_lanes((Topic.WRITE_BACK,), 0.0)).all()
    if not rows:
        return Rota([])
    paused, busy = pacing.paused_until(session), _tenants_under_way(session)
    return Rota(
        [
            DueLane(
                row.id,
                Topic.WRITE_BACK,
                Priority.WRITE_BACK,
                row.platform,
                row.served_at,
                row.tenant_id,
                tenant=row.subdomain,
                channel=row.erp_id,
            )
            for row in rows
            if len(busy) < MOST_CHAINS
            and row.tenant_id not in busy
            and pacing.erp_bucket_name(row.tenant_id) not in paused
        ],
        _served(session),
    )


def claim_next(session: Session, lane: DueLane, *, lease_s: float) -> Chain | None:
    """Claim the next batch of a lane; None when the lane may not go on now.

    The tenant's row is locked, so that two dispatchers together send it one batch; each of them
    may exceed MOST_CHAINS by one at the same moment.
    """
    session.execute(
        select(Tenant.id).where(Tenant.id == lane.tenant_id).with_for_update(key_share=True)
    )
    busy = _tenants_under_way(session)
    if lane.tenant_id in busy or len(busy) >= MOST_CHAINS:
        return None
    claim_id, items = claim_rows.claim(
        session,
        lane.channel_id,
        lane.topic,
        priority=lane.priority,
        limit=IDS_PER_QUERY,
        lease_s=lease_s,
    )
    if not items:
        return None
    _note_served(session, lane)
    return dispatching.chain_of(lane, claim_id, items)


def _tenants_under_way(session: Session) -> set[int]:
    return set(
        session.scalars(
            select(SalesChannel.tenant_id)
            .join(WorkItem, WorkItem.channel_id == SalesChannel.id)
            .where(
                WorkItem.state == WorkItemState.PROCESSING.value,
                WorkItem.topic == Topic.WRITE_BACK.value,
            )
            .distinct()
        )
    )


def _served(session: Session) -> list[Served]:
    rows = session.execute(
        select(SalesChannel.tenant_id, SalesChannel.id, Lane.served_at)
        .join(Lane, Lane.channel_id == SalesChannel.id)
        .where(Lane.topic == Topic.WRITE_BACK.value)
    )
    return [Served(row.tenant_id, row.id, row.served_at) for row in rows]


def _note_served(session: Session, lane: DueLane) -> None:
    statement = sql.insert(session, Lane).values(
        channel_id=lane.channel_id, topic=lane.topic.value, served_at=db_now()
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["channel_id", "topic"], set_={"served_at": db_now()}
        )
    )
