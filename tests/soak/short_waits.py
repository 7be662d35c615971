"""What waits for a minute or longer, scaled down like the leases."""

from __future__ import annotations

from sqlalchemy import update

from integration import sync_runs
from integration.clock import db_now
from integration.models import SyncRun
from tests.chaos.retries import LONGEST_S, ShortRetries


class ShortWaits(ShortRetries):
    """While it is open, retries come soon, and so does a catch-up, of which a channel has one a
    minute."""

    def shorten(self) -> None:
        super().shorten()
        with self._world.runtime.scope() as session:
            session.execute(
                update(SyncRun)
                .where(SyncRun.kind == sync_runs.CATCH_UP, SyncRun.due_at > db_now(LONGEST_S))
                .values(due_at=db_now(LONGEST_S))
            )
