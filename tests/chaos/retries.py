"""The retry schedule, scaled down like the leases: a run is shorter than its third delay."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Self

from sqlalchemy import update

from integration import db
from integration.clock import db_now
from integration.models import WorkItem, WorkItemState
from tests.chaos.world import World

#: The lease is 24 times shorter than as shipped, and so is the third delay, 120 s.
LONGEST_S = 5.0
EVERY_S = 1.0


class ShortRetries:
    """While it is open, no row that was tried waits for longer than LONGEST_S for the next time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retries", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            # The database may be what is killed at this moment.
            with suppress(*db.TROUBLE):
                self.shorten()

    def shorten(self) -> None:
        with self._world.runtime.scope() as session:
            session.execute(
                update(WorkItem)
                .where(
                    WorkItem.state == WorkItemState.QUEUED.value,
                    WorkItem.attempts > 0,
                    WorkItem.due_at > db_now(LONGEST_S),
                )
                .values(due_at=db_now(LONGEST_S))
                .execution_options(synchronize_session=False)
            )
