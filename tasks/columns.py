"""Compares the ERP's columns with its REST answers, once a day and channel."""

from __future__ import annotations

from integration import column_checks, runtime
from integration.errors import IntegrationError
from integration.topology import TASK_CHECK_COLUMNS
from tasks.app import app
from tasks.base import StageTask

#: Share of the soft time limit that one turn takes.
TURN_SHARE = 0.3


@app.task(base=StageTask, name=TASK_CHECK_COLUMNS, throws=(IntegrationError,))
def check_columns_task() -> None:
    """Check the running channels whose finding is missing or a day old.

    Failure policy: what is cut short goes on with the next turn, which one of two beats takes.
    """
    here = runtime.current()
    column_checks.check_due(here, here.settings.stage_soft_s * TURN_SHARE)
