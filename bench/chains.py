"""The baseline of the engine: chains of three tasks with empty bodies, one chain per entity.

A Celery application of its own with the service's settings (quorum queue, confirms, late acks).
`python -m bench.chains COUNT` prints the time on the machine's monotonic clock, sends so many
chains and ends. The last task of each writes one byte to the file BENCH_CHAINS_DONE, because there
is no result to wait for.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from celery import Celery

QUEUE = "bench"
DONE = "BENCH_CHAINS_DONE"

app = Celery("bench-chains")
app.config_from_object("celeryconfig")
app.conf.task_queues = {
    QUEUE: {
        "exchange": QUEUE,
        "routing_key": QUEUE,
        "queue_arguments": {"x-queue-type": "quorum"},
    }
}
app.conf.task_routes = {}
app.conf.task_default_queue = QUEUE


@app.task(name="bench.first")
def first_task(entity_id: str) -> str:
    """Nothing."""
    return entity_id


@app.task(name="bench.second")
def second_task(entity_id: str) -> str:
    """Nothing."""
    return entity_id


@app.task(name="bench.third")
def third_task(entity_id: str) -> None:
    """Nothing but to be counted."""
    with Path(os.environ[DONE]).open("ab") as done:
        done.write(b".")


def main() -> None:
    with app.connection_for_write() as connection:
        connection.connect()  # and everything is imported: from here on it is sending
    print(time.monotonic(), flush=True)
    for entity_id in range(int(sys.argv[1])):
        (first_task.s(str(entity_id)) | second_task.s() | third_task.s()).apply_async()


if __name__ == "__main__":
    main()
