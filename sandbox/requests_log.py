"""Counts the requests a sandbox has answered, so that a test can say "at most twelve calls".

Requests below /_sandbox are the test's own and are not counted.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any

from flask import Blueprint, Flask, Response, request

_PLACEHOLDER = re.compile(r"<(?:(?P<converter>[^:<>]+):)?(?P<name>\w+)>")
# A placeholder of this converter stands for a kind of row, not for one of them.
ENTITY = "entity"


class RequestsLog:
    """Totals by route and by status; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._by_route: Counter[str] = Counter()
            self._by_status: Counter[str] = Counter()

    def count(self, route: str, status: int) -> None:
        """Note one answer. `route` is method and path, with placeholders for ids."""
        with self._lock:
            self._by_route[route] += 1
            self._by_status[str(status)] += 1

    def summary(self) -> dict[str, Any]:
        """`{total, by_route, by_status}`."""
        with self._lock:
            by_route, by_status = dict(self._by_route), dict(self._by_status)
        return {"total": sum(by_status.values()), "by_route": by_route, "by_status": by_status}


def install(app: Flask, log: RequestsLog) -> None:
    """Count every answer of `app`, and serve the counts under /_sandbox/requests.

    Call it before other after-request hooks are registered: Flask runs those in reverse order, and
    the status to count is the final one.
    """

    @app.after_request
    def count(response: Response) -> Response:
        if not request.path.startswith("/_sandbox"):
            log.count(route_name(), response.status_code)
        return response

    admin = Blueprint("sandbox_requests", __name__, url_prefix="/_sandbox/requests")

    @admin.get("")
    def show() -> dict[str, Any]:
        return log.summary()

    @admin.post("/reset")
    def reset() -> dict[str, Any]:
        log.reset()
        return log.summary()

    app.register_blueprint(admin)


def route_name() -> str:
    """Method and path of the current request; ids as `{name}`, so that counts add up by route."""
    path = request.url_rule.rule if request.url_rule is not None else request.path
    return request.method + " " + _PLACEHOLDER.sub(_placeholder, path)


def _placeholder(found: re.Match[str]) -> str:
    if found["converter"] == ENTITY:
        return str((request.view_args or {})[found["name"]])
    return "{" + found["name"] + "}"
