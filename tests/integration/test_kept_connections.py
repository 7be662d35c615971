"""Connections that stay open between webhooks, as the ERP's do."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.integration.test_webhooks_servers import ARTICLE, served
from tests.unit.webhooks.support import bearer, build_world

PATH = f"/api/webhooks/{ARTICLE}/42"
THREADS = 8  # of gunicorn.conf.py


@pytest.fixture
def port(sqlite_url: str, clean_environ: dict[str, str]) -> Iterator[int]:
    """One web process."""
    build_world(sqlite_url).engine.dispose()
    with served(clean_environ, sqlite_url, "memory://") as port:
        yield port


def post(connection: http.client.HTTPConnection, article: int) -> tuple[int, float]:
    """The status of a webhook over this connection, and the seconds it took."""
    began = time.perf_counter()
    connection.request("POST", PATH, json.dumps({"articleId": article}), bearer())
    answer = connection.getresponse()
    answer.read()
    return answer.status, time.perf_counter() - began


def test_kept_connections_hold_no_thread_that_another_needs(port):
    with ExitStack() as stack:
        kept = [
            stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)))
            for _ in range(3 * THREADS)
        ]
        for round_number in range(3):
            answers = [post(one, place) for place, one in enumerate(kept, 100 * round_number)]

            assert {status for status, _ in answers} == {200}
            assert max(seconds for _, seconds in answers) < 1.0


def test_webhooks_sent_without_waiting_for_answers_are_all_answered(port):
    body = json.dumps({"articleId": 5})
    lines = {**bearer(), "Host": "relay", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    webhook = f"POST {PATH} HTTP/1.1\r\n{head}\r\n{body}".encode()

    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(webhook * 3)
        received = b""
        while received.count(b'{"success": true}') < 3:
            part = connection.recv(65_536)
            assert part, received
            received += part

    assert received.count(b"HTTP/1.1 200 OK") == 3
