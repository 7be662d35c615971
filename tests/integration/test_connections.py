"""Connections to Postgres: not shared with a forked child, replaced when the server cut them."""

from __future__ import annotations

import multiprocessing
from importlib import import_module
from multiprocessing.connection import Connection as Pipe

import pytest
from celery.signals import worker_process_init
from sqlalchemy import Engine, text

from integration import db


@pytest.fixture
def engine(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine of this process, with one connection in its pool."""
    # It was used a moment ago, and is asked all the same.
    engine = db.build_engine(postgres_url, idle_s=0.0)
    monkeypatch.setattr(db, "engine", lambda: engine)
    server_process(engine)
    yield engine
    engine.dispose()


def server_process(engine: Engine) -> int:
    """The server's process behind the connection that the pool gives."""
    with engine.connect() as connection:
        return connection.scalar(text("SELECT pg_backend_pid()"))


def work_as_child(engine: Engine, pipe: Pipe) -> None:
    """What Celery does in a child of its pool before the first task."""
    import_module("tasks.app")
    worker_process_init.send(None)
    pipe.send(server_process(engine))


@pytest.mark.pitfall(37)
def test_a_forked_child_works_with_a_connection_of_its_own_and_leaves_its_parents_alone(engine):
    before = server_process(engine)
    ours, childs = multiprocessing.Pipe()

    child = multiprocessing.get_context("fork").Process(target=work_as_child, args=(engine, childs))
    child.start()
    assert ours.poll(30)
    of_child = ours.recv()
    child.join(30)

    assert of_child != before
    assert server_process(engine) == before


@pytest.mark.pitfall(37)
def test_a_connection_that_the_server_cut_is_replaced_without_an_error(engine, postgres_url):
    before = server_process(engine)
    other = db.build_engine(postgres_url)
    with other.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
    other.dispose()

    assert server_process(engine) != before
