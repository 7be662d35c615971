"""Asks ERPs for their sales channels, as events and nights demand it."""

from __future__ import annotations

from integration import channel_life, runtime
from integration.errors import IntegrationError
from integration.topology import TASK_FOLLOW_CHANNELS
from tasks.app import app
from tasks.base import StageTask
from tasks.wake import wake


@app.task(base=StageTask, name=TASK_FOLLOW_CHANNELS, throws=(IntegrationError,))
def follow_task(tenant_id: int) -> None:
    """Make our sales channels of a tenant what its ERP says.

    Failure policy: at least once; what the ERP did not answer is asked again.
    """
    channel_life.follow(runtime.current(), tenant_id)
    wake()
