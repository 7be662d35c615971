"""The HTTP proxy between a connector and its shop, which fails where a case asks it to.

It listens on the loopback address and speaks http or https to the shop, whatever the shop has.
Requests come with the shop's own address and Host header (`session.py`), so that signatures and
passwords are those of the shop.
"""

from __future__ import annotations

import threading
import time
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
#: Not asked of the shop either: what it packs cannot be read on the way.
_PACKING = "accept-encoding"


@dataclass(frozen=True)
class Request:
    """`to` is scheme and host of the shop, `target` path and query."""

    method: str
    to: str
    target: str
    headers: dict[str, str]
    body: bytes
    is_write: bool

    def says(self, other: Request) -> bool:
        """Whether it is the same once more. Signatures in queries differ each time."""
        place, there = self.target.partition("?")[0], other.target.partition("?")[0]
        return (self.method, place, self.body) == (other.method, there, other.body)


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


@dataclass(frozen=True)
class Follower:
    """A request of any kind that came `after_s` seconds after the last one that a fault hit."""

    request: Request
    after_s: float


@dataclass
class Fault:
    """What happens to the requests that `hits` names, `times` of them; None: to all.

    `answer` gets the request and the way on. `answers` are what went back.
    """

    answer: Callable[[Request, Forward], Answer]
    hits: Callable[[Request], bool] = lambda request: request.is_write
    times: int | None = 1
    answers: list[Answer] = field(default_factory=list)
    #: The requests that it hit, and what came since the last of them.
    requests: list[Request] = field(default_factory=list)
    followers: list[Follower] = field(default_factory=list)
    hit_at: float = 0.0

    @property
    def hit(self) -> int:
        """How many requests it hit."""
        return len(self.requests)

    @property
    def is_repeated_unannounced(self) -> bool:
        """Whether a follower says what was hit once more, without `before_write`."""
        again = [one.request for one in self.followers if not one.request.is_write]
        return any(one.says(hit) for one in again for hit in self.requests)

    def meet(self, request: Request, now: float) -> bool:
        """Whether it hits this request; it is noted as hit, or as follower of one that was."""
        is_over = self.times is not None and self.hit >= self.times
        if not is_over and self.hits(request):
            self.requests.append(request)
            self.followers, self.hit_at = [], now
            return True
        if self.requests:
            self.followers.append(Follower(request, now - self.hit_at))
        return False


class Proxy:
    """`seen` counts requests, `fault` is what the next ones meet, None: nothing.

    `ca_certs` is the file of the authorities whose shops it trusts.
    """

    def __init__(self, ca_certs: str = DEFAULT_CA_BUNDLE_PATH) -> None:
        self.seen = 0
        self.clock = time.monotonic
        self.fault: Fault | None = None
        self.url = ""
        self._heard: list[tuple[Request, Answer]] | None = None
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
            fault = self.fault
            is_hit = fault is not None and fault.meet(request, self.clock())
        if fault is None or not is_hit:
            answer = self.forward(request)
        else:
            answer = fault.answer(request, self.forward)
            fault.answers.append(answer)
        if self._heard is not None:
            self._heard.append((request, answer))
        return answer

    @contextmanager
    def listening(self) -> Iterator[list[tuple[Request, Answer]]]:
        """All requests that go by, with their answers."""
        heard: list[tuple[Request, Answer]] = []
        self._heard = heard
        try:
            yield heard
        finally:
            self._heard = None

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
            if name.lower() not in {*_HOPS, _PACKING} and name not in (TO, WRITES)
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
