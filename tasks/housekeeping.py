"""Clears away what nobody asks for any more."""

from __future__ import annotations

import logging

from integration import counter_store, observe, runtime, sync_runs
from integration.installation import tenants
from integration.topology import TASK_HOUSEKEEPING
from tasks.app import app
from tasks.base import StageTask

log = logging.getLogger(__name__)


@app.task(base=StageTask, name=TASK_HOUSEKEEPING)
def housekeeping_task() -> None:
    """Remove ended sync runs after 30 days, counts that nobody asks for any more, and tenants that
    were uninstalled 30 days ago with all that was known of their articles.

    Failure policy: safe to repeat.
    """
    with runtime.current().scope() as session:
        sync_runs.forget_old(session)
        counter_store.forget_old(session)
    with runtime.current().scope() as session:
        forgotten = tenants.forget_uninstalled(session)
    for name in forgotten:
        log.info(observe.event("tenant.forgotten", tenant=name))
