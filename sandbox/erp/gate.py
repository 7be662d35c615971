"""What stands before every ERP call: path prefix, User-Agent, access token and rate limit."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, g, jsonify, request
from werkzeug.http import http_date

from sandbox.erp.errors import api_error_body
from sandbox.erp.options import Options
from sandbox.erp.tokens import InvalidToken
from sandbox.erp.world import World

BASE = "/api/vario"
PUBLIC = f"{BASE}/public/"
_COMMUNITY = f"{BASE}/community/"


class TokenBucket:
    """`limit` requests per `window_s` seconds; starts full.

    Refilled continuously (greedy) or all at once when a window is over (interval).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._filled_at: float | None = None
        self._tokens = 0.0

    def wait_s(self, limit: int, window_s: float, refill: str = "greedy") -> float:
        """0 after taking one token, else the seconds until there will be one."""
        with self._lock:
            now = self._clock()
            if self._filled_at is None:
                self._tokens, self._filled_at = limit, now
            elif refill == "greedy":
                gained = (now - self._filled_at) * limit / window_s
                self._tokens, self._filled_at = min(limit, self._tokens + gained), now
            elif now - self._filled_at >= window_s:
                self._tokens, self._filled_at = limit, now
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
            if refill == "interval":
                return self._filled_at + window_s - now
            return (1 - self._tokens) * window_s / limit


def strip_community(wsgi_app: Callable) -> Callable:
    """The parallel facade /community/<version>/ answers like the plain paths."""

    def stripped(environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path.startswith(_COMMUNITY):
            _version, _slash, rest = path.removeprefix(_COMMUNITY).partition("/")
            environ["PATH_INFO"] = f"{BASE}/{rest}"
        return wsgi_app(environ, start_response)

    return stripped


def install(app: Flask, world: World) -> None:
    app.wsgi_app = strip_community(app.wsgi_app)  # type: ignore[method-assign]
    buckets: dict[str, TokenBucket] = {}

    @app.before_request
    def check() -> Response | None:
        if not request.path.startswith(BASE + "/") or request.path.startswith(PUBLIC):
            return None
        if not request.headers.get("User-Agent"):
            return Response("Forbidden", 403, content_type="text/plain")
        if world.faults.take({"token-revoked"}, f"{request.method} {request.path}"):
            world.tokens.revoke_access()
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise InvalidToken("none")
            g.tenant = world.tenants.get(world.tokens.tenant_of_access(token))
        except InvalidToken:
            return _refused(401, "The access token is not valid.")
        options = world.options
        bucket = buckets.setdefault(g.tenant.name if options.rate_scope == "tenant" else "",
                                    TokenBucket())
        wait_s = bucket.wait_s(options.rate_limit, options.rate_window_s, options.rate_refill)
        return _too_many(wait_s, options) if wait_s else _closed(options)


def _closed(options: Options) -> Response | None:
    """The refusal of a tenant that is offline, or of what the app may not do."""
    if g.tenant.offline:
        return _refused(503, "The tenant is offline.")
    call = f"{request.method} {request.path}"
    if any(part in call for part in options.forbidden):
        return _refused(403, "The app lacks a permission for this.")
    return None


def _refused(status: int, sentence: str) -> Response:
    response = jsonify(api_error_body(status, sentence))
    response.status_code = status
    return response


def _too_many(wait_s: float, options: Options) -> Response:
    if options.rate_body == "api-error":
        response = _refused(429, "Too many requests.")
    elif options.rate_body == "empty":
        response = Response(status=429)
    else:
        response = jsonify(error="TOO_MANY_REQUESTS")
        response.status_code = 429
    if options.rate_header == "http-date":
        response.headers["Retry-After"] = http_date(math.ceil(time.time() + wait_s))
    elif options.rate_header != "none":
        response.headers[options.rate_header] = str(math.ceil(wait_s))
    return response
