"""Connections that lay idle are tested before they are used; others are not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from integration import db


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """No connection ever lay idle, however slow the test is."""
    engine = db.build_engine(postgres_url, idle_s=60.0)
    yield engine
    engine.dispose()


@pytest.fixture
def idle_engine(postgres_url: str) -> Iterator[Engine]:
    """Every connection lay idle."""
    engine = db.build_engine(postgres_url, idle_s=0.0)
    yield engine
    engine.dispose()


def backend(engine: Engine) -> int:
    """The server's process behind the connection that the next transaction gets."""
    with engine.connect() as connection:
        return connection.scalar(text("SELECT pg_backend_pid()"))


def end(postgres_url: str, pid: int) -> None:
    other = db.build_engine(postgres_url)
    with other.connect() as connection:
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    other.dispose()


def pings(engine: Engine) -> list[bool]:
    """Grows with each test of a connection."""
    asked: list[bool] = []
    real = engine.dialect.do_ping

    def do_ping(connection: object) -> bool:
        asked.append(True)
        return real(connection)

    engine.dialect.do_ping = do_ping
    return asked


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(idle_engine, postgres_url):
    first = backend(idle_engine)
    end(postgres_url, first)

    assert backend(idle_engine) != first


def test_transactions_one_after_the_other_ask_nothing(engine):
    backend(engine)
    asked = pings(engine)

    first, second = backend(engine), backend(engine)

    assert first == second
    assert asked == []


def test_an_idle_connection_is_asked_once(idle_engine):
    first = backend(idle_engine)
    asked = pings(idle_engine)

    assert backend(idle_engine) == first
    assert asked == [True]


def test_a_server_that_went_away_a_moment_ago_is_trouble_once(engine, postgres_url):
    first = backend(engine)
    end(postgres_url, first)

    with pytest.raises(db.TROUBLE):
        backend(engine)
    assert backend(engine) != first
