"""How Celery's processes come back to a broker that was away."""

from __future__ import annotations

import pytest

from tasks import broker
from tasks.app import app

#: Nobody listens there.
AWAY = "amqp://guest:guest@127.0.0.1:1//"


class Enough(Exception):
    """The test has seen what it wanted."""


def test_every_connection_of_the_application_is_ours():
    assert isinstance(app.connection_for_read(), broker.PersistentConnection)
    assert isinstance(app.connection_for_read().clone(), broker.PersistentConnection)


def test_a_worker_asks_again_every_few_seconds_and_for_ever(monkeypatch: pytest.MonkeyPatch):
    pauses: list[float] = []

    def note(_error: Exception, pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 6:
            raise Enough

    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _: None)
    with pytest.raises(Enough):
        app.connection_for_read(AWAY).ensure_connection(
            note, app.conf.broker_connection_max_retries
        )

    assert app.conf.broker_connection_max_retries is None
    assert pauses == [1, 2, 3, 3, 3, 3]
