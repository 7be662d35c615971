"""The HTTP proxy between a connector and its shop, which fails where a case asks it to.

It listens on the loopback address and speaks http or https to the shop, whatever the shop has.
Requests come with the shop's own address and Host header (`session.py`), so that signatures and
passwords are those of the shop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import responses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests
import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from vario_relay.testing.session import SILENT, TO, WRITES, Detour, session

_TIMEOUT = urllib3.Timeout(connect=5, read=45)
#: Headers that are about one connection.
_HOPS = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"}


@dataclass(frozen=True)
class Request:
    """`to` is scheme and host of the shop, `target` path and query."""

    method: str
    to: str
    target: str
    headers: dict[str, str]
    body: bytes
    is_write: bool


@dataclass(frozen=True)
class Answer:
    """What goes back. `is_cut`: half of the body, then the connection ends; `is_closed`: it ends
    without an answer; `is_silent`: nobody answers, but nobody has to wait for that either."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    is_cut: bool = False
    is_closed: bool = False
    is_silent: bool = False


#: Hands a request on to the shop.
Forward = Callable[[Request], Answer]


@dataclass
class Fault:
    """What happens to the requests that `hits` names, `times` of them; None: to all.

    `answer` gets the request and the way on. `hit` counts. `answers` are what went back.
    """

    answer: Callable[[Request, Forward], Answer]
    hits: Callable[[Request], bool] = lambda request: request.is_write
    times: int | None = 1
    hit: int = 0
    answers: list[Answer] = field(default_factory=list)
    #: Requests of any kind that came after the first hit.
    followers: int = 0


class Proxy:
    """`seen` counts requests, `fault` is what the next ones meet, None: nothing.

    `ca_certs` is the file of the authorities whose shops it trusts.
    """

    def __init__(self, ca_certs: str = DEFAULT_CA_BUNDLE_PATH) -> None:
        self.seen = 0
        self.fault: Fault | None = None
        self.url = ""
        self._lock = threading.Lock()
        self._pool = urllib3.PoolManager(
            maxsize=8, retries=False, timeout=_TIMEOUT, ca_certs=ca_certs
        )

    def session(self, is_write: Callable[[], bool]) -> requests.Session:
        """A session through the proxy. `is_write` tells whether the next request writes."""
        return session(Detour(self.url, is_write))

    def answer(self, request: Request) -> Answer:
        """The answer to a request, spoilt if a fault is armed for it."""
        with self._lock:
            self.seen += 1
            fault = self._due(request)
        if fault is None:
            return self.forward(request)
        answer = fault.answer(request, self.forward)
        fault.answers.append(answer)
        return answer

    def forward(self, request: Request) -> Answer:
        """The shop's own answer; a closed connection where there is none."""
        try:
            found = self._pool.urlopen(
                request.method,
                request.to + request.target,
                body=request.body or None,
                headers=request.headers,
                redirect=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError:
            return Answer(is_closed=True)
        kept = [(name, value) for name, value in found.headers.items() if name.lower() not in _HOPS]
        return Answer(found.status, tuple(kept), found.data)

    def close(self) -> None:
        self._pool.clear()

    def _due(self, request: Request) -> Fault | None:
        fault = self.fault
        if fault is None:
            return None
        fault.followers += fault.hit > 0
        is_over = fault.times is not None and fault.hit >= fault.times
        if is_over or not fault.hits(request):
            return None
        fault.hit += 1
        return fault


@contextmanager
def running(ca_certs: str = DEFAULT_CA_BUNDLE_PATH) -> Iterator[Proxy]:
    """A proxy that listens, on a port of its own. `ca_certs`: the file of those that it trusts."""
    proxy = Proxy(ca_certs)

    class Handler(_Handler):
        answer_of = staticmethod(proxy.answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        proxy.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    answer_of: Callable[[Request], Answer]

    def _handle(self) -> None:
        answer = self.answer_of(self._request())
        if answer.is_closed:
            self.close_connection = True
            return
        body = b"" if self.command == "HEAD" else answer.body
        lines = [
            f"HTTP/1.1 {answer.status} {responses.get(answer.status, 'Unknown')}",
            *(f"{name}: {value}" for name, value in answer.headers),
            f"Content-Length: {len(body)}",
            *([f"{SILENT}: 1"] if answer.is_silent else []),
        ]
        sent = body[: len(body) // 2] if answer.is_cut else body
        self.close_connection = self.close_connection or answer.is_cut
        # In one piece: two small ones would wait for each other.
        self.wfile.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + sent)

    def _request(self) -> Request:
        body = self._body()
        headers = {
            name: value
            for name, value in self.headers.items()
            if name.lower() not in _HOPS and name not in (TO, WRITES)
        }
        return Request(
            method=self.command,
            to=self.headers[TO],
            target=self.path,
            headers=headers,
            body=body,
            is_write=WRITES in self.headers,
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: addresses may carry signatures."""
