"""The heartbeat's thread: it beats at once, and a database that is away does not end it."""

from __future__ import annotations

import threading
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from integration import heartbeats
from integration.models import Heartbeat


def test_it_beats_as_soon_as_it_starts(database):
    has_beaten = threading.Event()

    @contextmanager
    def scope():
        with database.scope() as session:
            yield session
        has_beaten.set()

    with heartbeats.beating(scope):
        assert has_beaten.wait(30)

    with database.scope() as session:
        assert session.scalars(select(Heartbeat.name)).all() == ["web"]
        assert heartbeats.is_beating(session)


def test_a_database_that_is_away_is_tried_again(database, monkeypatch):
    monkeypatch.setattr(heartbeats, "EVERY_S", 0.0)
    has_beaten, failures = threading.Event(), [OperationalError("beat", {}, Exception("away"))]

    @contextmanager
    def scope():
        if failures:
            raise failures.pop()
        with database.scope() as session:
            yield session
        has_beaten.set()

    with heartbeats.beating(scope):
        assert has_beaten.wait(30)
