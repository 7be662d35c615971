"""One session factory with timeouts, and requests' failures in our own words."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from integration import wire
from integration.clock import utc_now
from integration.errors import TransientError

#: What takes longer is asked for in smaller pages (design.md 5.5).
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 45


class _Timeouts(HTTPAdapter):
    """Puts the timeouts on every request, so that none can be forgotten (pitfall 38)."""

    def send(self, request: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        return super().send(request, **kwargs)


def session() -> requests.Session:
    """A session that always has timeouts and never reads proxies or netrc of the machine."""
    result = requests.Session()
    result.trust_env = False
    # One session serves all tenants and shops: a cookie of one must never reach another.
    result.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        result.mount(scheme, _Timeouts(pool_connections=4, pool_maxsize=16))
    return result


class Gate(Protocol):
    """What stands before the requests of a session and sees their answers."""

    def before_request(self) -> None: ...

    def answered(self, response: requests.Response, seconds: float) -> None: ...


class _Gated(requests.Session):
    """A session that shares the connections of another one."""

    def __init__(self, base: requests.Session, gate: Gate) -> None:
        super().__init__()
        self.trust_env, self.adapters, self.cookies = base.trust_env, base.adapters, base.cookies
        self._gate = gate

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        self._gate.before_request()
        began = time.monotonic()
        response = super().send(request, **kwargs)
        self._gate.answered(response, time.monotonic() - began)
        return response


def gated(base: requests.Session, gate: Gate) -> requests.Session:
    """A session like `base`, over its connections, that asks `gate` before each request."""
    return _Gated(base, gate)


def send(
    http: requests.Session, method: str, url: str, *, writes: bool = False, **kwargs: Any
) -> requests.Response:
    """The answer to one request, whatever its status.

    `writes`: the request changes something at the other side, so that a cut or late answer
    leaves its outcome unknown.
    Raises: TransientError when there is no complete answer.
    """
    host = urlsplit(url).hostname
    try:
        return http.request(method, url, allow_redirects=False, **kwargs)
    except (requests.exceptions.ConnectTimeout, requests.exceptions.SSLError) as error:
        raise TransientError(f"{host} cannot be reached ({type(error).__name__})") from error
    except requests.exceptions.RequestException as error:
        # A refused connection and a cut one are both ConnectionError; when in doubt the write
        # may have arrived.
        raise TransientError(
            f"{host} did not answer ({type(error).__name__})", outcome_unknown=writes
        ) from error


def json_body(response: requests.Response) -> Any:
    """The JSON of an answer with exact decimals; None for an empty body.

    Raises: ValueError when the body is something else, e.g. a proxy's HTML page.
    """
    return wire.loads(response.content) if response.content else None


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
