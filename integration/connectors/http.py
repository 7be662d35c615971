"""One session factory with timeouts, and requests' failures in our own words."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from integration import counters, wire
from integration.clock import utc_now
from integration.counters import Counter, Key
from integration.errors import ClaimLost, TransientError

#: What takes longer is asked for in smaller pages (design.md 5.5).
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 45
#: A file passes through memory in pieces of this size.
CHUNK_BYTES = 1 << 16

#: Where the system has one, a clock that a suspended machine does not stop.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class _Timeouts(HTTPAdapter):
    """Puts the timeouts on every request, so that none can be forgotten (pitfall 38)."""

    def send(self, request: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        return super().send(request, **kwargs)


class Gate(Protocol):
    """What stands before the requests of a session and sees their answers."""

    def before_request(self) -> None: ...

    def answered(self, response: requests.Response, seconds: float) -> None: ...


class Session(requests.Session):
    """A session whose requests are counted as those of one target, and pass a gate, if it has one.

    What a gate holds back was no request and does not count.
    """

    target = ""
    tenant_id = channel_id = 0
    gate: Gate | None = None
    #: Shorter than usual, for who has somebody waiting.
    read_timeout_s: float | None = None
    #: What a copy takes over.
    __attrs__ = (*requests.Session.__attrs__, "read_timeout_s")

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """As of requests; the status is counted, ``none`` where no complete answer came."""
        if self.gate is not None:
            self.gate.before_request()
        if self.read_timeout_s is not None and kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_TIMEOUT_S, self.read_timeout_s)
        began, status = time.monotonic(), "none"
        try:
            response = super().send(request, **kwargs)
            status = str(response.status_code)
        finally:
            self._count(status)
        if self.gate is not None:
            self.gate.answered(response, time.monotonic() - began)
        return response

    def _count(self, status: str) -> None:
        if self.target:
            label = f"{self.target}:{status}"
            counters.PROCESS.add(Key(Counter.REQUESTS, label, self.tenant_id, self.channel_id))


def session() -> Session:
    """A session that always has timeouts and never reads proxies or netrc of the machine."""
    result = Session()
    result.trust_env = False
    # One session serves all tenants and shops: a cookie of one must never reach another.
    result.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        result.mount(scheme, _Timeouts(pool_connections=4, pool_maxsize=16))
    return result


def counted(shared: Session, target: str, *, tenant_id: int = 0, channel_id: int = 0) -> Session:
    """A session over the same connections whose requests count for `target` (``erp``, ``shop``)."""
    own = copy.copy(shared)
    own.target, own.tenant_id, own.channel_id = target, tenant_id, channel_id
    return own


def impatient(base: Session, read_timeout_s: float) -> Session:
    """A session like `base`, over its connections, that waits no longer for an answer."""
    own = copy.copy(base)
    own.read_timeout_s = read_timeout_s
    return own


def gated(base: Session, gate: Gate) -> Session:
    """A session like `base`, over its connections, that asks `gate` before each request."""
    own = counted(base, base.target, tenant_id=base.tenant_id, channel_id=base.channel_id)
    own.gate = gate
    return own


def clock() -> float:
    """Seconds that go on while this process, or the machine, is put to sleep."""
    return time.clock_gettime(_CLOCK)


class FileBody:
    """The content of a file as a body, read in chunks and anew each time it is sent."""

    def __init__(self, path: Path, size: int) -> None:
        self.path, self._size = path, size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk


class _Fenced:
    """A body that is not sent after a moment of `clock`.

    It is asked for when the connection stands and its headers are out: what lies between the look
    at the clock and the system call that sends is a few microseconds.
    """

    def __init__(self, content: bytes | FileBody, not_after: float) -> None:
        self._content, self._not_after = content, not_after

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        content = self._content
        for chunk in (content,) if isinstance(content, bytes) else content:
            if clock() > self._not_after:
                raise ClaimLost("this process stood still between the claim's check and its write")
            yield chunk


def send(
    http: requests.Session,
    method: str,
    url: str,
    *,
    writes: bool = False,
    not_after: float | None = None,
    data: bytes | FileBody | Mapping[str, str] | None = None,
    **kwargs: Any,
) -> requests.Response:
    """The answer to one request, whatever its status.

    `writes`: the request changes something at the other side, so that a cut or late answer
    leaves its outcome unknown. `not_after`: the moment of `clock` from which on a body is not sent.
    Raises: TransientError when there is no complete answer; ClaimLost when it was not sent.
    """
    host = urlsplit(url).hostname
    body: Any = data
    if isinstance(data, (bytes, FileBody)) and not_after is not None:
        body = _Fenced(data, not_after)
    try:
        return http.request(method, url, allow_redirects=False, data=body, **kwargs)
    except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError) as error:
        raise TransientError(f"{host} cannot be reached ({type(error).__name__})") from error
    except requests.exceptions.RequestException as error:
        # A refused connection and a cut one are both ConnectionError; when in doubt the write
        # may have arrived.
        raise TransientError(
            f"{host} did not answer ({type(error).__name__})", outcome_unknown=writes
        ) from error


def json_body(response: requests.Response, *, allow_nan: bool = False) -> Any:
    """The JSON of an answer with exact decimals; None for an empty body. `allow_nan` as in
    `wire.loads`.

    Raises: ValueError when the body is something else, e.g. a proxy's HTML page.
    """
    return wire.loads(response.content, allow_nan=allow_nan) if response.content else None


def retry_after_s(response: requests.Response) -> float | None:
    """Seconds of the standard Retry-After header (a number or an HTTP date), None without one."""
    value = response.headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - utc_now()).total_seconds())
    except (TypeError, ValueError):
        return None
