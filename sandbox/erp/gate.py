"""What stands before every ERP call: path prefix, User-Agent, access token and rate limit."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, g, jsonify, request

from sandbox.erp.errors import api_error_body
from sandbox.erp.tokens import InvalidToken
from sandbox.erp.world import World

BASE = "/api/vario"
_COMMUNITY = f"{BASE}/community/"


class TokenBucket:
    """`limit` requests per `window_s` seconds, refilled continuously; starts full."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._filled_at: float | None = None
        self._tokens = 0.0

    def wait_s(self, limit: int, window_s: float) -> float:
        """0 after taking one token, else the seconds until there will be one."""
        with self._lock:
            now = self._clock()
            if self._filled_at is None:
                self._tokens = limit
            else:
                gained = (now - self._filled_at) * limit / window_s
                self._tokens = min(limit, self._tokens + gained)
            self._filled_at = now
            if self._tokens >= 1:
                self._tokens -= 1
                return 0.0
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
        if not request.path.startswith(BASE + "/"):
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
            refused = jsonify(api_error_body(401, "The access token is not valid."))
            refused.status_code = 401
            return refused
        bucket = buckets.setdefault(g.tenant.name, TokenBucket())
        wait_s = bucket.wait_s(world.options.rate_limit, world.options.rate_window_s)
        return _too_many(wait_s, world.options.rate_header) if wait_s else None


def _too_many(wait_s: float, header: str) -> Response:
    response = jsonify(error="TOO_MANY_REQUESTS")
    response.status_code = 429
    if header != "none":
        response.headers[header] = str(math.ceil(wait_s))
    return response
