"""Celery's settings, built from integration.settings and integration.topology. Nothing else."""

from integration import settings
from integration.topology import (
    QUEUES,
    TASK_CHECK_COLUMNS,
    TASK_DISPATCH,
    TASK_FETCH,
    TASK_FOLLOW_CHANNELS,
    TASK_HOUSEKEEPING,
    TASK_NIGHTLY,
    TASK_NIGHTLY_COMPARISON,
    TASK_PUSH,
    TASK_SWEEP,
    TASK_SYNC_ADVANCE,
    TASK_TRANSFORM,
    TASK_WATCH_GAPS,
    TASK_WRITE_BACK,
    Queue,
)

_settings = settings.current()
_is_rabbitmq = _settings.broker_url.startswith("amqp")

broker_url = _settings.broker_url
broker_connection_retry_on_startup = True
# For ever: the default gives up after a hundred attempts, which a broker's long night may last.
broker_connection_max_retries = None
# Without confirms a stressed broker drops messages silently (pitfall 5).
# In memory a message is found by looking: kombu looks once a second, each stage would wait for it.
broker_transport_options = {"confirm_publish": True} if _is_rabbitmq else {"polling_interval": 0.02}

_arguments = {"x-queue-type": "quorum"} if _is_rabbitmq else {}
task_queues = {
    name.value: {"exchange": name.value, "routing_key": name.value, "queue_arguments": _arguments}
    for name in QUEUES
}
task_default_queue = Queue.CONTROL.value
task_create_missing_queues = False
task_routes = {
    name: {"queue": Queue.CONTROL.value}
    for name in (
        TASK_DISPATCH,
        TASK_SWEEP,
        TASK_SYNC_ADVANCE,
        TASK_FOLLOW_CHANNELS,
        TASK_NIGHTLY,
        TASK_HOUSEKEEPING,
        TASK_CHECK_COLUMNS,
        TASK_WATCH_GAPS,
    )
} | {name: {"queue": Queue.LIVE.value} for name in (TASK_FETCH, TASK_TRANSFORM, TASK_PUSH)}
task_routes[TASK_WRITE_BACK] = {"queue": Queue.WRITE_BACK.value}
task_routes[TASK_NIGHTLY_COMPARISON] = {"queue": Queue.BACKFILL.value}

# A killed worker's task is tried again as often as StageTask.max_retries says: rejecting the
# message has no limit, and a row that kills its worker would kill them all (pitfall 2). The lease
# is the net below.
task_acks_late = True
task_reject_on_worker_lost = True
task_retry_on_worker_lost = True
task_acks_on_failure = True
task_acks_on_timeout = True
# Only processes can be ended from outside, which is what the two limits do.
worker_pool = "prefork"
task_soft_time_limit = _settings.stage_soft_s
task_time_limit = _settings.stage_hard_s
worker_prefetch_multiplier = 1
worker_max_tasks_per_child = 2_000
# Twice a warm child and more: a limit below its size would end every child after one task.
worker_max_memory_per_child = 400_000
# A stage usually ends within it, and 20 s are left of the 30 that platforms wait before SIGKILL.
# Well within the soft limit: one that strikes as the pool ends can hold the worker for 30 s more.
worker_soft_shutdown_timeout = min(10.0, _settings.stage_soft_s / 2)
worker_cancel_long_running_tasks_on_connection_loss = True

# Results are rows of the database; nobody reads a result backend (pitfall 23).
task_ignore_result = True
task_store_eager_result = False
task_serializer = "json"
accept_content = ["json"]
task_compression = "gzip"
worker_send_task_events = True
task_send_sent_event = False
worker_hijack_root_logger = False

timezone = "UTC"
enable_utc = True
# Nothing of the schedule has to survive: due times are rows, and two beats do no harm.
beat_scheduler = "tasks.beat:Scheduler"
beat_schedule = {
    "sweep": {
        "task": TASK_SWEEP,
        "schedule": _settings.sweep_s,
        "options": {"expires": _settings.sweep_s},
    },
    "nightly": {"task": TASK_NIGHTLY, "schedule": 60.0, "options": {"expires": 60.0}},
    "housekeeping": {
        "task": TASK_HOUSEKEEPING,
        "schedule": 3_600.0,
        "options": {"expires": 3_600.0},
    },
    # Finds few to do: a channel's finding lives for a day.
    "check-columns": {
        "task": TASK_CHECK_COLUMNS,
        "schedule": 300.0,
        "options": {"expires": 300.0},
    },
    # Finds few to do: a channel has its turn every quarter of an hour.
    "watch-gaps": {
        "task": TASK_WATCH_GAPS,
        "schedule": 60.0,
        "options": {"expires": 60.0},
    },
}
