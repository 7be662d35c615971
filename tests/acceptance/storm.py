"""Sends many webhooks as fast as the service takes them: `python -m tests.acceptance.storm`.

A process of its own, so that it shares no interpreter with the sandboxes. Reads one JSON object
``{port, token, threads, webhooks: [[path, body], ...]}`` and prints ``{seconds, statuses}``.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

TIMEOUT_S = 30
LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
CLOSES = re.compile(rb"connection: *close", re.IGNORECASE)


def send(port: int, token: str, webhooks: Sequence[Sequence[Any]], statuses: Counter[str]) -> None:
    """Send these webhooks one after the other over one connection.

    By hand: an HTTP library would take as much of the machine as the service under test.
    """
    connection = connected(port)
    for path, body in webhooks:
        connection.sendall(webhook(path, json.dumps(body), token))
        head, _ = answer(connection)
        statuses[head[9:12].decode()] += 1
        if CLOSES.search(head):
            connection.close()
            connection = connected(port)
    connection.close()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)


def webhook(path: str, body: str, token: str) -> bytes:
    return (
        f"POST /api/webhooks/{path} HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of an answer with a Content-Length."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += part(connection)
    head, body = received[:end], received[end + 4 :]
    length = LENGTH.search(head)
    assert length, head
    while len(body) < int(length[1]):
        body += part(connection)
    return head, body


def part(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("the service closed the connection without an answer")
    return received


def main() -> None:
    plan = json.load(sys.stdin)
    webhooks, count = plan["webhooks"], plan["threads"]
    statuses: list[Counter[str]] = [Counter() for _ in range(count)]
    threads = [
        threading.Thread(
            target=send, args=(plan["port"], plan["token"], webhooks[place::count], statuses[place])
        )
        for place in range(count)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(statuses, Counter())
    print(json.dumps({"seconds": time.monotonic() - began, "statuses": total}))


if __name__ == "__main__":
    main()
