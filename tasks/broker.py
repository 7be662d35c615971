"""How Celery's processes come back to a broker that was away.

Celery asks again after 2, 4, 6 and at last every 30 seconds, which no setting changes: a worker
would sit idle for half a minute after the broker is back. Ours asks every few seconds.
"""

from __future__ import annotations

from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection

#: Seconds between two attempts; each one costs a refused connection.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1, 3


class PersistentConnection(Connection):
    """A connection that tries to be made at least every LONGEST_PAUSE_S."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Connection:
        pauses = {"interval_start": FIRST_PAUSE_S, "interval_step": 1}
        return super().ensure_connection(
            *args, **{**pauses, "interval_max": LONGEST_PAUSE_S, **kwargs}
        )


class Broker(AMQP):
    """Celery's way to the broker, with our connections."""

    Connection = PersistentConnection
