"""A claim of what is due now, outside the rounds of dispatch."""

from __future__ import annotations

from sqlalchemy.orm import Session

from integration import claim_rows
from integration.models import Priority
from integration.topology import Topic


def claim_due(
    session: Session,
    channel_id: int,
    topic: Topic,
    *,
    priority: Priority,
    limit: int,
    lease_s: float,
) -> str | None:
    """The claim's id; None when nothing is due."""
    claim_id, items = claim_rows.claim(
        session, channel_id, topic, priority=priority, limit=limit, lease_s=lease_s
    )
    return claim_id if items else None
