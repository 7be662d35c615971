"""Compares the shop of a channel with the ERP at night."""

from __future__ import annotations

from integration import runtime
from integration.errors import IntegrationError
from integration.reconciliation import nights
from integration.topology import TASK_NIGHTLY_COMPARISON
from tasks.app import app
from tasks.base import StageTask
from tasks.wake import wake

#: Seconds: 100,000 articles take a quarter of an hour, article by article hours.
LONGEST_S = 6 * 3_600


# Taken when it begins: a broker waits half an hour for the end of what it handed out, and the next
# beat finds one that died.
@app.task(
    base=StageTask,
    name=TASK_NIGHTLY_COMPARISON,
    throws=(IntegrationError,),
    acks_late=False,
    soft_time_limit=LONGEST_S,
    time_limit=LONGEST_S + 60,
)
def nightly_comparison_task(channel_id: int, night: str) -> None:
    """Compare a channel and send what differs.

    Failure policy: at least once; one whose worker died begins anew within the night.
    """
    nights.compare(runtime.current(), channel_id, night)
    wake()
