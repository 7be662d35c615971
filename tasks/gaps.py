"""Looks for gaps in what channels were told, every quarter of an hour and channel."""

from __future__ import annotations

from integration import gap_watch, runtime
from integration.errors import IntegrationError
from integration.topology import TASK_WATCH_GAPS
from tasks.app import app
from tasks.base import StageTask

#: Share of the soft time limit that one round takes.
TURN_SHARE = 0.3


@app.task(base=StageTask, name=TASK_WATCH_GAPS, throws=(IntegrationError,))
def watch_task() -> None:
    """Make the marks of the channels whose turn it is, and have gaps caught up with.

    Failure policy: what an ERP does not answer waits for its next turn, which one of two beats
    takes.
    """
    here = runtime.current()
    gap_watch.watch(here, here.settings.stage_soft_s * TURN_SHARE)
