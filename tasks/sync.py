"""Drives sync runs in turns that fit into a stage's time limit."""

from __future__ import annotations

from integration import channel_life, price_days, runtime, stock_hours, sync, sync_runs
from integration.errors import IntegrationError
from integration.models import SyncRun
from integration.reconciliation import nights
from integration.topology import TASK_NIGHTLY, TASK_SYNC_ADVANCE
from tasks.app import app
from tasks.base import StageTask
from tasks.reconcile import nightly_comparison_task
from tasks.wake import wake

#: Share of the soft time limit that one turn takes.
TURN_SHARE = 0.3


@app.task(base=StageTask, name=TASK_SYNC_ADVANCE, throws=(IntegrationError,))
def advance_task(run_id: int) -> None:
    """Page a run for one turn; the sweep gives it the next one.

    Failure policy: at least once; the cursor moves with its page, a page may be hinted twice.
    """
    here = runtime.current()
    budget_s = here.settings.stage_soft_s * TURN_SHARE
    if sync.advance(here, run_id, sync.new_driver(), budget_s=budget_s):
        with here.scope() as session:
            if (run := session.get(SyncRun, run_id)) is not None:
                sync_runs.note_counts(session, run)
    wake()


@app.task(base=StageTask, name=TASK_NIGHTLY)
def nightly_task() -> None:
    """Begin tonight's full pass of each channel in the merchant's time zone and after it the
    comparison with the shop, after midnight the day's price pass, and every hour a stock pass.

    With the full pass goes the question which channels there are.
    Failure policy: at most once a night, day or hour and channel (unique key).
    """
    here = runtime.current()
    with here.scope() as session:
        started = sync_runs.start_nightly(session, here.settings.zone, here.settings.nightly_hour)
        if started:
            channel_life.request_all(session)
        started += price_days.start_daily_prices(session, here.settings.zone)
        started += stock_hours.start_hourly_stock(session)
        compared = nights.start_due(session, here.settings.zone, here.settings.nightly_hour)
        nights.settle_open(session)
    for channel_id, night in compared:
        nightly_comparison_task.delay(channel_id, night)
    for run_id in started:
        advance_task.delay(run_id)
