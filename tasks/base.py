"""What every task shares: one log line per run, with duration and outcome."""

from __future__ import annotations

import logging
import time
from typing import Any

from celery import Task

from integration import db, observe
from integration.errors import ClaimLost, IntegrationError

log = logging.getLogger("tasks")


class StageTask(Task):
    """A task whose retries belong to the database: Celery retries only "database unreachable"."""

    abstract = True
    autoretry_for = db.TROUBLE
    max_retries = 3
    default_retry_delay = 1
    # Short and in the broker: the claim outlives it, and its lease is the net below.
    retry_backoff = 1
    retry_backoff_max = 5

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        started = time.monotonic()
        outcome = "ok"
        try:
            return super().__call__(*args, **kwargs)
        except ClaimLost:
            outcome = "claim-lost"
            raise
        except IntegrationError as error:
            outcome = type(error).__name__
            raise
        finally:
            ms = round((time.monotonic() - started) * 1000)
            level = logging.DEBUG if outcome in ("ok", "claim-lost") else logging.INFO
            log.log(level, observe.event("task.ended", task=self.name, outcome=outcome, ms=ms))
