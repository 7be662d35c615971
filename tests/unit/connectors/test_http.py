"""A write that comes too late is not sent; everything else is sent as it is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from integration.connectors import http
from integration.errors import ClaimLost

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BODY = b'[{"id": 1}]'


@dataclass
class Server:
    """Takes one connection and keeps what came over it."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    received: bytes = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection:
            connection.settimeout(10)
            while not self.received.endswith(BODY):
                if not (chunk := connection.recv(65_536)):
                    return
                self.received += chunk
            connection.sendall(ANSWER)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    thread.join(10)
    server.listener.close()


def test_a_write_in_time_arrives_whole_and_with_its_length(server):
    not_after = http.clock() + 60

    answer = http.send(http.session(), "POST", server.url, not_after=not_after, data=BODY)

    head, _, body = server.received.partition(b"\r\n\r\n")
    assert answer.text == "ok"
    assert body == BODY
    assert b"Content-Length: %d" % len(BODY) in head
    assert b"chunked" not in head


def test_a_write_whose_time_is_over_sends_nothing_that_could_be_applied(server):
    with pytest.raises(ClaimLost):
        http.send(http.session(), "POST", server.url, not_after=http.clock() - 0.001, data=BODY)

    assert BODY not in server.received
