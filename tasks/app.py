"""The Celery application: `celery -A tasks.app worker|beat|flower`."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import (
    beat_init,
    setup_logging,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
)

from integration import counter_store, counters, db, observe, runtime, settings, stages
from integration.errors import UsageError
from integration.memory import collect_seldom
from tasks import beat

collect_seldom()
stages.INTERRUPTIONS.append(SoftTimeLimitExceeded)

app = Celery("vario-relay", amqp="tasks.broker:Broker")
app.config_from_object("celeryconfig")
app.conf.imports = (
    "tasks.outbound",
    "tasks.write_back",
    "tasks.dispatch",
    "tasks.sync",
    "tasks.channels",
    "tasks.housekeeping",
    "tasks.columns",
    "tasks.gaps",
)


@setup_logging.connect
def _log(**_: Any) -> None:
    observe.set_up_logging(settings.current().log_level)


@worker_init.connect
@beat_init.connect
def _refuse_wrong_start(**_: Any) -> None:
    """A worker on a wrong schema or with a wrong key would fail item by item; it does not start."""
    try:
        runtime.current().require_ready()
    except UsageError as error:
        raise SystemExit(f"vario-relay: {error}") from error


@beat_init.connect
def _end_when_told(sender: Any, **_: Any) -> None:
    beat.end_when_told(sender)


@worker_init.connect
def _count(**_: Any) -> None:
    counters.PROCESS.flush_into(counter_store.sink_of(db.session_scope))


@worker_process_init.connect
def _own_connections(**_: Any) -> None:
    db.forget_inherited_connections()


@worker_process_shutdown.connect
def _last_counts(**_: Any) -> None:
    # Pool processes end without Python's own exit handlers.
    counters.PROCESS.flush()
