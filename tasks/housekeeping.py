"""Clears away what nobody asks for any more."""

from __future__ import annotations

from integration import channel_life, counter_store, runtime, sync_runs
from integration.topology import TASK_HOUSEKEEPING
from tasks.app import app
from tasks.base import StageTask


@app.task(base=StageTask, name=TASK_HOUSEKEEPING)
def housekeeping_task() -> None:
    """Remove ended sync runs and channels that the ERP deleted after 30 days, and counts that
    nobody asks for any more.

    Failure policy: safe to repeat.
    """
    with runtime.current().scope() as session:
        sync_runs.forget_old(session)
        counter_store.forget_old(session)
        channel_life.forget_deleted(session)
