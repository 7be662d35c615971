"""The way back into the ERP: one task for one claimed batch of product ids."""

from __future__ import annotations

from integration import runtime
from integration.errors import IntegrationError
from integration.topology import TASK_WRITE_BACK
from integration.write_back import batch
from tasks.app import app
from tasks.outbound import ChainTask
from tasks.wake import wake


@app.task(base=ChainTask, name=TASK_WRITE_BACK, throws=(IntegrationError,))
def write_back_task(claim_id: str) -> None:
    """Write the shop's product ids into the ERP, then ask for the next batch.

    Failure policy: at least once, absolute values; a second run reads what the first one wrote.
    """
    batch.write(runtime.current(), claim_id)
    wake()
