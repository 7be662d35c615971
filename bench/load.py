"""Sends requests from a process of its own: `python -m bench.load`.

Reads one JSON object ``{port, token, threads, per_s, requests: [[path, body], ...]}`` and prints
``{seconds, statuses, p50_ms, p99_ms}``. `per_s` null: each thread sends as soon as it has its
answer. Otherwise requests are due at a steady rate, and their time counts from when they were due,
so that a slow answer cannot hide behind the requests that it kept from being sent.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.results import percentile

TIMEOUT_S = 30.0


class Connection:
    """One kept-alive connection. As little Python as possible: it shares the cores it measures."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def send(self, message: bytes) -> str:
        """The status of the answer."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(message)
        head, body = self._head(self._socket)
        fields = head.lower()
        length = int(fields.partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += self._more(self._socket)
        if b"connection: close" in fields:
            # A web process that has served its time.
            self._socket.close()
            self._socket = None
        return head[9:12].decode()

    def _head(self, connection: socket.socket) -> tuple[bytes, bytes]:
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more(connection)
        head, _, body = received.partition(b"\r\n\r\n")
        return head + b"\r\n", body

    def _more(self, connection: socket.socket) -> bytes:
        received = connection.recv(65_536)
        if not received:
            raise ConnectionError("the server closed the connection without an answer")
        return received


def message(path: str, body: object, token: str) -> bytes:
    payload = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def due_times(count: int, per_s: float | None) -> list[float]:
    """When each request is due, from the start; all at once without a rate."""
    return [place / per_s if per_s else 0.0 for place in range(count)]


def run(
    port: int, messages: Sequence[bytes], threads: int, per_s: float | None
) -> tuple[float, Counter[str], list[float]]:
    """(seconds in all, answers by status, milliseconds of each)."""
    work = iter(list(zip(due_times(len(messages), per_s), messages, strict=True)))
    lock, statuses, taken = threading.Lock(), Counter[str](), list[float]()
    began = time.perf_counter()

    def following() -> Iterator[tuple[float, bytes]]:
        while True:
            with lock:
                one = next(work, None)
            if one is None:
                return
            yield one

    def send_all() -> None:
        connection, own = Connection(port), Counter[str]()
        milliseconds = []
        for due, each in following():
            if per_s and (ahead := began + due - time.perf_counter()) > 0:
                time.sleep(ahead)
            started = began + due if per_s else time.perf_counter()
            own[connection.send(each)] += 1
            milliseconds.append((time.perf_counter() - started) * 1_000)
        with lock:
            statuses.update(own)
            taken.extend(milliseconds)

    senders = [threading.Thread(target=send_all) for _ in range(threads)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    return time.perf_counter() - began, statuses, taken


def main() -> None:
    plan = json.load(sys.stdin)
    messages = [message(path, body, plan["token"]) for path, body in plan["requests"]]
    seconds, statuses, taken = run(plan["port"], messages, plan["threads"], plan["per_s"])
    told = {
        "seconds": seconds,
        "statuses": statuses,
        "p50_ms": percentile(taken, 0.50),
        "p99_ms": percentile(taken, 0.99),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
