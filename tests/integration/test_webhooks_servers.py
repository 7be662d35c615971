"""Webhooks over real sockets, and with the database or the broker away."""

import http.client
import json
import os
import socket
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from sqlalchemy import Engine, create_engine, event, make_url, text

from integration.db import build_engine
from integration.errors import UsageError
from integration.topology import Queue, Topic
from tests.acceptance import template
from tests.acceptance.template import Order
from tests.unit.webhooks.support import (
    APP,
    JWKS,
    bearer,
    build_world,
    settings_for,
)
from webhooks.app import create_app

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = "article.update"
HINTED = [("acme", "42", str(Topic.ARTICLE), "5")]


@pytest.fixture
def world(sqlite_url):
    world = build_world(sqlite_url)
    yield world
    world.engine.dispose()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(
    environ: dict[str, str], database_url: str, broker_url: str, log: str | Path = os.devnull
) -> Iterator[int]:
    """A web server process as it runs in production; its port."""
    port = free_port()
    settings = {
        "RELAY_DATABASE_URL": database_url,
        "RELAY_BROKER_URL": broker_url,
        "RELAY_PORT": str(port),
        "RELAY_APP_JWK": JWKS,
        "RELAY_APP_IDENTIFIER": APP,
        "RELAY_COALESCE_S": "0.2",
    }
    arguments = ("-w", "1", "webhooks.app:create_app()")
    process = template.start(
        Order("gunicorn", arguments, str(ROOT), {**environ, **settings}, str(log))
    )
    try:
        deadline = time.monotonic() + 30
        while not answers(port):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def answers(port: int) -> bool:
    try:
        return exchange(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def exchange(port: int, method: str, path: str, **options) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, **options)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def chunks(size: int) -> Iterator[bytes]:
    """A good body of `size` bytes, sent without saying how long it is."""
    body = b'{"articleId": 5}'.ljust(size)
    return (body[start : start + 4096] for start in range(0, size, 4096))


def test_a_chunked_body_is_read_up_to_the_limit(world, sqlite_url, clean_environ):
    path = f"/api/webhooks/{ARTICLE}/42"
    with served(clean_environ, sqlite_url, "memory://") as port:
        too_long = exchange(
            port, "POST", path, body=chunks(65_537), headers=bearer(), encode_chunked=True
        )
        assert (too_long[0], json.loads(too_long[1])["error"]) == (413, "BODY_TOO_LARGE")
        assert world.items() == []

        whole = exchange(
            port, "POST", path, body=chunks(65_536), headers=bearer(), encode_chunked=True
        )
        assert whole == (200, b'{"success": true}\n')
        assert world.items() == HINTED


def test_without_a_broker_an_event_is_accepted_within_a_second(world, sqlite_url, clean_environ):
    broker_url = f"amqp://relay:hunter2@127.0.0.1:{free_port()}//"
    with served(clean_environ, sqlite_url, broker_url) as port:
        for _ in range(3):
            began = time.perf_counter()
            status, _ = exchange(
                port, "POST", f"/api/webhooks/{ARTICLE}/42", body='{"id": 5}', headers=bearer()
            )
            assert (status, time.perf_counter() - began < 1.0) == (200, True)
        status, body = exchange(port, "GET", "/readyz")

    assert world.items() == HINTED
    assert (status, json.loads(body)["broker"]) == (200, "away: [Errno 111] Connection refused")


def test_an_accepted_event_leaves_a_nudge_in_the_control_queue(
    world, sqlite_url, broker_url, clean_environ
):
    with served(clean_environ, sqlite_url, broker_url) as port:
        exchange(port, "POST", f"/api/webhooks/{ARTICLE}/42", body='{"id": 5}', headers=bearer())
        nudges = [nudge(broker_url), nudge(broker_url)]

    assert nudges == ["dispatch", "dispatch"]  # at once, and when the window may have ended


def nudge(broker_url: str) -> str:
    """The task that the next message of the control queue asks for.

    Asked on a connection of its own each time: RabbitMQ ends the whole connection of
    whoever asks a quorum queue that is declared and has no process yet ("noproc").
    """
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with Connection(broker_url) as connection:
            try:
                message = connection.default_channel.basic_get(Queue.CONTROL.value, no_ack=True)
            except connection.channel_errors + connection.connection_errors:
                message = None  # the first nudge has not declared the queue yet
        if message is not None:
            return message.headers["task"]
        time.sleep(0.05)
    return "nothing came"


def test_with_the_database_away_the_service_starts_refuses_and_recovers(caplog):
    away = f"postgresql+psycopg2://relay:hunter2@127.0.0.1:{free_port()}/relay"
    wakes: list[None] = []
    app = create_app(settings_for(away), build_engine(away), wake=lambda: wakes.append(None))
    client = app.test_client()

    for response in (
        client.post(f"/api/webhooks/{ARTICLE}", data="{", headers=bearer()),
        client.get("/readyz"),
    ):
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
        assert response.json == {
            "error": "DATABASE_AWAY",
            "message": "The database does not answer; nothing was recorded.",
        }
    assert client.get("/healthz").status_code == 200
    assert client.post(f"/api/webhooks/{ARTICLE}", data="{").status_code == 401
    assert wakes == []
    assert "hunter2" not in caplog.text


@contextmanager
def database_away(postgres_url: str) -> Iterator[None]:
    """All sessions ended and no new ones let in, as seen from the service."""
    url = make_url(postgres_url)
    admin = create_engine(os.environ["RELAY_TEST_POSTGRES_URL"], isolation_level="AUTOCOMMIT")
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
    with admin.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS false"))
        connection.execute(text(terminate), {"name": url.database})
        try:
            yield
        finally:
            connection.execute(text(f"ALTER DATABASE {url.database} WITH ALLOW_CONNECTIONS true"))
    admin.dispose()


def test_an_outage_of_the_database_is_a_503_and_ends_by_itself(postgres_url):
    world = build_world(postgres_url)
    assert world.post(f"{ARTICLE}/42", {"id": 5}).status_code == 200

    with database_away(postgres_url):
        response = world.post(f"{ARTICLE}/42", {"id": 6})
        assert (response.status_code, response.headers["Retry-After"]) == (503, "5")

    assert world.items() == HINTED
    assert len(world.wakes) == 1
    assert world.post(f"{ARTICLE}/43", {"id": 5}).status_code == 200
    world.engine.dispose()


@contextmanager
def lost_at(engine: Engine, moment: str) -> Iterator[None]:
    """Every connection of `engine` is ended by the server at this moment."""

    def lose_the_connection(connection: Any, *_: Any) -> None:
        pid = connection.connection.driver_connection.info.backend_pid
        with create_engine(engine.url).connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})

    event.listen(engine, moment, lose_the_connection)
    yield
    event.remove(engine, moment, lose_the_connection)


def test_a_commit_that_fails_is_never_answered_with_success(postgres_url):
    world = build_world(postgres_url)

    # a price without an article: looked up and recorded in a transaction
    with lost_at(world.engine, "commit"):
        response = world.post("article-price.update/42", {"priceId": 5})

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert world.is_untouched()
    world.engine.dispose()


def test_a_single_statement_that_fails_twice_is_never_answered_with_success(postgres_url):
    world = build_world(postgres_url)

    with lost_at(world.client.application.extensions["relay"].intake, "before_cursor_execute"):
        response = world.post(f"{ARTICLE}/42", {"id": 5})

    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert world.is_untouched()
    world.engine.dispose()


def test_a_schema_that_must_be_migrated_stops_the_start(bare_sqlite_url):
    with pytest.raises(UsageError) as refused:
        create_app(settings_for(bare_sqlite_url), build_engine(bare_sqlite_url))

    assert "vario-relay db upgrade" in str(refused.value)


def test_a_schema_found_wrong_after_the_start_is_a_503(sqlite_url, tmp_path):
    folder = tmp_path / "mounted-later"
    engine = build_engine(f"sqlite:///{folder}/relay.db")
    client = create_app(settings_for(sqlite_url), engine).test_client()
    folder.mkdir()

    for response in (
        client.post(f"/api/webhooks/{ARTICLE}", data="{}", headers=bearer()),
        client.get("/readyz"),
    ):
        assert (response.status_code, response.json["error"]) == (503, "NOT_SET_UP")
        assert "vario-relay db upgrade" in response.json["message"]
    engine.dispose()


def test_no_log_of_the_server_shows_a_query_string(world, sqlite_url, clean_environ, tmp_path):
    query, log = urllib.parse.urlencode({"appToken": "eyJsecret"}), tmp_path / "web.log"
    with served(clean_environ, sqlite_url, "memory://", log) as port:
        exchange(port, "POST", f"/api/webhooks/{ARTICLE}/42?{query}", body="{}", headers=bearer())
        exchange(port, "POST", f"/api/webhooks/{ARTICLE}/42?{query}", body="{}")
        exchange(port, "GET", f"/nowhere?{query}")

    assert "event=webhook.refused status=401" in log.read_text()
    assert "eyJsecret" not in log.read_text()
