"""The chain of one claimed batch: fetch_task | transform_task | push_task, one stage each."""

from __future__ import annotations

from typing import Any

from integration import pushing, runtime, stages
from integration.batch import Batch
from integration.errors import IntegrationError
from integration.topology import TASK_FETCH, TASK_PUSH, TASK_TRANSFORM
from tasks.app import app
from tasks.base import StageTask
from tasks.wake import wake


class ChainTask(StageTask):
    """A stage that fails ends its chain; the next batch is asked for all the same."""

    abstract = True
    # Of a batch only the claim's id, which comes first: payloads are a merchant's data, and large.
    resultrepr_maxsize = len("{'claim': ''") + 32

    def signature_from_request(self, request: Any = None, *args: Any, **kwargs: Any) -> Any:
        """A retry shows in Flower what its first run showed."""
        signature = super().signature_from_request(request, *args, **kwargs)
        shown = (request or self.request).get("argsrepr")
        return signature.set(argsrepr=shown or "(a batch)", kwargsrepr="{}")

    def on_failure(self, *_: Any, **__: Any) -> None:
        wake()


@app.task(base=ChainTask, name=TASK_FETCH, throws=(IntegrationError,))
def fetch_task(claim_id: str) -> Batch:
    """Fetch the current state of a claimed batch.

    Failure policy: reads only; a second run fetches again and fences the first one out.
    """
    return stages.fetch(runtime.current(), claim_id)


@app.task(base=ChainTask, name=TASK_TRANSFORM, throws=(IntegrationError,))
def transform_task(batch: Batch) -> Batch:
    """Turn ERP rows into the platform's payloads.

    Failure policy: records rows that cannot travel; a second run records the same.
    """
    return stages.transform(runtime.current(), batch)


@app.task(base=ChainTask, name=TASK_PUSH, throws=(IntegrationError,))
def push_task(batch: Batch) -> None:
    """Send the payloads and settle the work items, then ask for the next batch.

    Failure policy: at least once; connectors push absolute values under stable ids.
    """
    pushing.push(runtime.current(), batch)
    wake()
