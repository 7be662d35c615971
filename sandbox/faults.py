"""Faults on demand: what a test arms under /_sandbox/faults, the sandbox does to the next requests.

`Faults` keeps what is armed and decides which request is hit. `install` applies the kinds that are
plain HTTP (HTTP_KINDS) to a Flask app. Kinds that only one sandbox understands are passed to
`Faults` by name and taken by that sandbox itself with `take`.

A fault hits `count` requests, or a random `share` of them, and only those whose "METHOD /path"
contains `route`. `seconds` is how long one request is held for the kinds in HOLDING, and how long
the fault stays armed for all others. With nothing given it hits the next request only.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Flask, Response, g, jsonify, request
from werkzeug.http import http_date

HTTP_KINDS = {
    "429": "answers 429 with the vendor's own delay header",
    "429-retry-after": "answers 429 with Retry-After",
    "429-date": "answers 429 with Retry-After as an HTTP date",
    "429-bare": "answers 429 without any delay header",
    "500": "answers 500 without applying",
    "502": "answers 502 without applying",
    "503": "answers 503 without applying",
    "504": "answers 504 without applying",
    "timeout-before": "holds the request, then answers 504; nothing is applied",
    "timeout-after": "applies the request, then holds the answer and gives 504",
    "late": "holds the request, then applies and answers it, whether the client still waits or not",
    "cut-body": "applies the request, then breaks the connection in the middle of the answer",
    "html": "answers 200 with an HTML page without applying",
    "html-502": "answers 502 with an HTML page without applying",
    "slow": "answers correctly, but late",
    "slow-body": "answers at once, but the second half of the body comes late",
}
HOLDING = {"timeout-before", "timeout-after", "late", "slow", "slow-body"}
HOLD_S = {"slow": 2.0, "slow-body": 2.0, "late": 8.0}
DEFAULT_HOLD_S = 90.0  # longer than any sensible read time-out of a client
HTML_PAGE = "<!doctype html><html><body><h1>Down for maintenance</h1></body></html>"


@dataclass
class Fault:
    """One armed fault; `count` falls as it hits."""

    kind: str
    route: str
    count: int | None
    share: float | None
    seconds: float | None
    armed_until: float  # monotonic; infinity unless `seconds` limits the arming

    def describe(self) -> dict[str, Any]:
        shown = {"kind": self.kind, "route": self.route, "count": self.count, "share": self.share,
                 "seconds": self.seconds}
        return {key: value for key, value in shown.items() if value not in (None, "")}


class Faults:
    """What is armed. Several may be; a request is hit by the first that matches."""

    def __init__(self, extra: Mapping[str, str] | None = None, *, holding: Iterable[str] = (),
                 seed: int = 0) -> None:
        self.kinds = {**HTTP_KINDS, **(extra or {})}
        self.released = threading.Event()
        self._holding = HOLDING | set(holding)
        self._armed: list[Fault] = []
        self._lock = threading.Lock()
        self._seed = seed
        self._random = random.Random(seed)

    def arm(self, kind: str, route: str = "", count: int | None = None, share: float | None = None,
            seconds: float | None = None) -> Fault:
        """Arm one more fault. Raises ValueError with a sentence if it makes no sense."""
        if kind not in self.kinds:
            raise ValueError(f"unknown fault {kind!r}; known are {', '.join(sorted(self.kinds))}")
        _check_numbers(count, share, seconds)
        window = math.inf
        if kind not in self._holding and seconds is not None:
            window = seconds
        elif count is None and share is None:
            count = 1
        fault = Fault(kind, route, count, share, seconds, time.monotonic() + window)
        with self._lock:
            self._armed.append(fault)
        return fault

    def take(self, kinds: Iterable[str], route: str = "") -> Fault | None:
        """The first armed fault of these kinds that hits a request to `route`, counted down."""
        wanted = set(kinds)
        with self._lock:
            self._drop_spent()
            for fault in self._armed:
                if fault.kind not in wanted or fault.route not in route:
                    continue
                if fault.share is not None and self._random.random() >= fault.share:
                    continue
                if fault.count is not None:
                    fault.count -= 1
                return fault
        return None

    def clear(self) -> None:
        """Disarm everything and let held requests go."""
        with self._lock:
            self._armed.clear()
            self._random = random.Random(self._seed)
            held, self.released = self.released, threading.Event()
        held.set()

    def describe(self) -> dict[str, Any]:
        """`{kinds: {name: what it does}, armed: [...]}`."""
        with self._lock:
            self._drop_spent()
            return {"kinds": self.kinds, "armed": [fault.describe() for fault in self._armed]}

    def _drop_spent(self) -> None:
        now = time.monotonic()
        self._armed = [f for f in self._armed if f.count != 0 and now < f.armed_until]


def _check_numbers(count: Any, share: Any, seconds: Any) -> None:
    if count is not None and share is not None:
        raise ValueError("give count or share, not both")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError("count is a whole number from 1")
    for name, value in (("share", share), ("seconds", seconds)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise ValueError(f"{name} is a number")
    if share is not None and not 0 < share <= 1:
        raise ValueError("share is above 0 and at most 1")
    if seconds is not None and seconds <= 0:
        raise ValueError("seconds is above 0")


def install(app: Flask, faults: Faults, *, delay_header: str = "Retry-After",
            error_body: Callable[[int, str], dict] | None = None) -> None:
    """Apply the HTTP kinds to every request of `app`, and serve /_sandbox/faults.

    `delay_header` is the vendor's header of a plain `429`; `error_body(status, sentence)` makes the
    vendor's JSON body of an error. Requests below /_sandbox are never hit.
    """
    body_of = error_body or (lambda status, sentence: {"error": sentence})

    @app.before_request
    def hit() -> Response | None:
        if request.path.startswith("/_sandbox"):
            return None
        g.fault = faults.take(HTTP_KINDS, f"{request.method} {request.path}")
        return _instead(faults, g.fault, delay_header, body_of) if g.fault else None

    @app.after_request
    def bend(response: Response) -> Response:
        fault = g.get("fault")
        return response if fault is None else _bent(faults, fault, response, body_of)

    app.register_blueprint(_admin(faults))


def hold(faults: Faults, fault: Fault) -> None:
    """Wait as long as the fault says, or until the client hangs up or everything is cleared.

    What is applied late is applied although nobody waits for the answer any more.
    """
    released = faults.released
    gone = request.environ.get("waitress.client_disconnected", lambda: False)
    is_late = fault.kind == "late"
    until = time.monotonic() + (fault.seconds or HOLD_S.get(fault.kind, DEFAULT_HOLD_S))
    while (is_late or not gone()) and (left := until - time.monotonic()) > 0:
        if released.wait(min(left, 0.2)):
            return


def _instead(faults: Faults, fault: Fault, delay_header: str, body_of: Callable) -> Response | None:
    """The answer of a fault that keeps the request from being applied, if it is one."""
    if fault.kind.startswith("429"):
        response = _error(429, "Too many requests.", body_of)
        left = fault.armed_until - time.monotonic()
        delay_s = max(1, math.ceil(left)) if left < math.inf else 1
        header = {"429": delay_header, "429-retry-after": "Retry-After"}.get(fault.kind)
        if header is not None:
            response.headers[header] = str(delay_s)
        elif fault.kind == "429-date":
            response.headers["Retry-After"] = http_date(math.ceil(time.time()) + delay_s)
        return response
    if fault.kind == "timeout-before":
        hold(faults, fault)
        return _error(504, "The gateway gave up waiting.", body_of)
    if fault.kind == "late":
        hold(faults, fault)
        return None
    if fault.kind.startswith("html"):
        status = 502 if fault.kind == "html-502" else 200
        return Response(HTML_PAGE, status, content_type="text/html; charset=utf-8")
    if fault.kind.isdigit():
        return _error(int(fault.kind), "The sandbox was asked to fail.", body_of)
    return None


def _bent(faults: Faults, fault: Fault, response: Response, body_of: Callable) -> Response:
    """The answer after a fault that spoils or delays it."""
    if fault.kind == "slow":
        hold(faults, fault)
    elif fault.kind == "timeout-after":
        hold(faults, fault)
        return _error(504, "The gateway gave up waiting.", body_of)
    elif fault.kind == "slow-body":
        whole, pause_s = response.get_data(), fault.seconds or HOLD_S[fault.kind]
        slow = Response(_halves(faults.released, whole, pause_s), response.status_code,
                        dict(response.headers))
        slow.headers["Content-Length"] = str(len(whole))
        return slow
    elif fault.kind == "cut-body":
        whole = response.get_data()
        # Announcing more than is sent makes the server close the connection early.
        cut = Response(whole[: len(whole) // 2], response.status_code, dict(response.headers))
        cut.automatically_set_content_length = False
        cut.headers["Content-Length"] = str(max(2, len(whole)))
        return cut
    return response


def _halves(released: threading.Event, whole: bytes, pause_s: float) -> Iterator[bytes]:
    yield whole[: len(whole) // 2]
    released.wait(pause_s)
    yield whole[len(whole) // 2:]


def _error(status: int, sentence: str, body_of: Callable) -> Response:
    response = jsonify(body_of(status, sentence))
    response.status_code = status
    return response


def _admin(faults: Faults) -> Blueprint:
    admin = Blueprint("sandbox_faults", __name__, url_prefix="/_sandbox/faults")
    allowed = {"kind", "route", "count", "share", "seconds"}

    @admin.get("")
    def show() -> dict[str, Any]:
        return faults.describe()

    @admin.post("")
    def arm() -> Any:
        wanted = request.get_json(silent=True)
        if not isinstance(wanted, dict) or not isinstance(wanted.get("kind"), str):
            return {"error": "BAD_REQUEST", "message": "The body names a fault as `kind`."}, 400
        try:
            if unknown := set(wanted) - allowed:
                raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
            return faults.arm(**wanted).describe()
        except ValueError as problem:
            return {"error": "BAD_REQUEST", "message": str(problem)}, 400

    @admin.delete("")
    def clear() -> dict[str, Any]:
        faults.clear()
        return faults.describe()

    return admin
