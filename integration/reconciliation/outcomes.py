"""What became of the lines of a plan that were asked for: their work items tell."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, func, select, update
from sqlalchemy.orm import Session

from integration.clock import db_now
from integration.models import (
    Drift,
    DriftPlan,
    DriftState,
    PlanState,
    WorkItem,
    WorkItemState,
)

OPEN = (WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value)
#: Lines that are settled in one transaction.
AT_ONCE = 1_000


def settle(session: Session, plan_id: int) -> int:
    """Note what became of lines whose work item is done, failed or held; how many lines are not
    done yet. Ends the plan when none is left."""
    plan = session.get_one(DriftPlan, plan_id)
    of_item = and_(
        WorkItem.channel_id == plan.channel_id,
        WorkItem.topic == Drift.topic,
        WorkItem.entity_id == Drift.article_id,
    )
    asked = (Drift.plan_id == plan_id, Drift.state == DriftState.ASKED.value)
    rows = session.execute(
        select(
            Drift.id,
            WorkItem.state,
            WorkItem.hold_reason,
            WorkItem.skip_reason,
            WorkItem.last_error,
        )
        .join(WorkItem, of_item)
        .where(*asked, (WorkItem.state.not_in(OPEN)) | WorkItem.hold_reason.is_not(None))
        .limit(AT_ONCE)
    ).all()
    if rows:
        session.execute(update(Drift), [_settled(row) for row in rows])
    left = select(func.count()).where(
        Drift.plan_id == plan_id,
        Drift.state.in_([DriftState.ASKED.value, DriftState.PLANNED.value]),
    )
    waiting = session.scalar(left) or 0
    if not waiting:
        session.execute(
            update(DriftPlan)
            .where(DriftPlan.id == plan_id, DriftPlan.state == PlanState.APPLYING.value)
            .values(state=PlanState.DONE.value, applied_at=db_now())
        )
    return waiting


def _settled(row: Any) -> dict[str, Any]:
    state, outcome = _outcome(row)
    return {"id": row.id, "state": state.value, "outcome": outcome}


def _outcome(row: Any) -> tuple[DriftState, str | None]:
    if row.hold_reason is not None:
        return DriftState.HELD, row.last_error or row.hold_reason
    if row.state == WorkItemState.FAILED.value:
        return DriftState.FAILED, row.last_error
    return DriftState.SENT, row.skip_reason
