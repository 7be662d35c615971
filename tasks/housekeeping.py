"""Clears away what nobody asks for any more."""

from __future__ import annotations

import logging

from integration import (
    channel_life,
    counter_store,
    fulfilments,
    observe,
    runtime,
    stages,
    sync_runs,
)
from integration.history import retention
from integration.installation import tenants
from integration.reconciliation import nights, plans
from integration.topology import TASK_HOUSEKEEPING
from tasks.app import app
from tasks.base import StageTask

log = logging.getLogger(__name__)


@app.task(base=StageTask, name=TASK_HOUSEKEEPING)
def housekeeping_task() -> None:
    """Remove after 30 days ended sync runs, plans of reconciliation, channels that the ERP deleted,
    and tenants that were uninstalled, with all that was known of their articles; counts that nobody
    asks for any more; after a year what was sent about deliveries; what the history does not keep
    any longer.

    Failure policy: safe to repeat.
    """
    with runtime.current().scope() as session:
        sync_runs.forget_old(session)
        counter_store.forget_old(session)
        fulfilments.forget_old(session)
        nights.forget_old(session)
        plans.forget_old(session)
        channel_life.forget_deleted(session)
    with runtime.current().scope() as session:
        forgotten = tenants.forget_uninstalled(session)
    for name in forgotten:
        log.info(observe.event("tenant.forgotten", tenant=name))
    # Last, because it may be long; what it leaves goes in an hour.
    retention.forget_old(runtime.current().scope, stages.STOPPING.is_set)
