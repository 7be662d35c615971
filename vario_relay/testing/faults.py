"""What the proxy does to requests: each function makes the `Fault` of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from vario_relay import dumps, loads
from vario_relay.testing.proxy import Answer, Fault, Forward, Request

PAGE = b"<!doctype html><html><body><h1>Briefly unavailable for maintenance</h1></body></html>"
#: Two common ways to word a refusal, so that a connector finds the one it knows.
REFUSAL = {
    "code": "relay_kit_refused",
    "message": "The kit refuses the whole request.",
    "data": {"status": 400},
    "errors": [
        {"code": "RELAY_KIT_REFUSED", "status": "400", "detail": "The kit refuses the request."}
    ],
}


def answered(status: int, **headers: str) -> Fault:
    """Answers instead of the shop, which does not see the request."""
    return _instead(_json(status, **headers), after=False)


def answered_after(status: int) -> Fault:
    """The shop sees the request, its answer is lost and another status comes back."""
    return _instead(_json(status), after=True)


def page(*, after: bool) -> Fault:
    """An HTML page with status 200; `after`: and the shop got the request."""
    return _instead(Answer(200, (("Content-Type", "text/html; charset=utf-8"),), PAGE), after)


def silent(*, after: bool) -> Fault:
    """No answer until the time is up; `after`: but the shop got the request."""
    return _instead(Answer(is_silent=True), after)


def closed() -> Fault:
    """The shop applies the first half of the rows, and the connection ends without an answer."""
    return _within_batch(Answer(is_closed=True))


def cut() -> Fault:
    """The shop answers, and the connection ends in the middle of its answer."""

    def answer(request: Request, forward: Forward) -> Answer:
        found = forward(request)
        # An empty answer has no middle.
        return replace(found, body=found.body or b"{}", is_cut=True)

    return Fault(answer)


def half() -> Fault:
    """The shop applies the first half of the rows, then fails."""
    return _within_batch(_json(502))


def refused_with(marker: str) -> Fault:
    """Every write that carries `marker` is refused as a whole, with a reason that names nobody."""
    answer = _json(400, REFUSAL)
    return Fault(
        lambda request, forward: answer,
        hits=lambda request: request.is_write and marker.encode() in request.body,
        times=None,
    )


def edited(change: Callable[[bytes], bytes]) -> Fault:
    """The shop gets another body than was sent, in every write."""
    return Fault(
        lambda request, forward: forward(replace(request, body=change(request.body))), times=None
    )


def halved_body(body: bytes) -> bytes | None:
    """The body with half of its rows; None if it has no rows to halve."""
    try:
        value = loads(body)
    except ValueError:
        return None
    lists = [one for one in _lists(value) if len(one) > 1]
    if not lists:
        return None
    rows = max(lists, key=len)
    del rows[len(rows) // 2 :]
    return dumps(value).encode()


def changed_rows(body: bytes, text: str, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The body after `change` of each object that has `text` as a value of its own."""
    try:
        value = loads(body)
    except ValueError:
        return body
    for one in _objects(value):
        if text in [value for value in one.values() if isinstance(value, str)]:
            change(one)
    return dumps(value).encode()


def _instead(answer: Answer, after: bool) -> Fault:
    """Another answer than the shop's; `after`: which got the request all the same."""

    def given(request: Request, forward: Forward) -> Answer:
        if after:
            forward(request)
        return answer

    return Fault(given)


def _within_batch(answer: Answer) -> Fault:
    """The shop gets the first half of the first write with several rows, which has this answer.

    The rows are the longest list of objects in the body. Of rows that go one by one the first
    passes and the second one has the answer.
    """
    seen: list[bool] = []

    def given(request: Request, forward: Forward) -> Answer:
        halved = halved_body(request.body)
        seen.append(halved is not None)
        if len(seen) != (1 if seen[0] else 2):
            return forward(request)
        if halved is not None:
            forward(replace(request, body=halved))
        return answer

    return Fault(given, times=2)


def _lists(value: Any) -> Iterator[list[Any]]:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        yield value
    for one in _below(value):
        yield from _lists(one)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for one in _below(value):
        yield from _objects(one)


def _below(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _json(status: int, body: Any = None, **headers: str) -> Answer:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    content = dumps({"message": "from the conformance kit"} if body is None else body).encode()
    return Answer(status, (("Content-Type", "application/json"), *named), content)
