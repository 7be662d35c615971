from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, request

from bench.load import due_times, message, run
from sandbox import serving


@pytest.fixture
def server() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """(port, requests that came) of a server that answers 200, and 404 for what it lacks."""
    app, came = Flask("load"), list[tuple[str, str]]()

    @app.post("/here")
    def here() -> str:
        came.append((request.headers["Authorization"], request.get_json()["n"]))
        return "x" * 100_000

    with serving.running(app) as url:
        yield int(url.rpartition(":")[2]), came


def test_every_request_is_sent_once_and_counted_by_its_answer(server):
    port, came = server
    messages = [message("/here", {"n": n}, "secret") for n in range(20)]
    messages += [message("/elsewhere", {"n": 0}, "secret")] * 2

    _, statuses, taken = run(port, messages, threads=3, per_s=None)

    assert statuses == {"200": 20, "404": 2}
    assert sorted(came) == [("Bearer secret", n) for n in range(20)]
    assert len(taken) == 22


def test_with_a_rate_requests_are_due_one_after_the_other():
    assert due_times(3, 10.0) == [0.0, 0.1, 0.2]
    assert due_times(2, None) == [0.0, 0.0]


def test_at_a_steady_rate_nothing_is_sent_before_it_is_due(server):
    port, came = server

    seconds, _, _ = run(port, [message("/here", {"n": 1}, "t")] * 5, threads=2, per_s=50.0)

    assert len(came) == 5
    assert seconds >= 4 / 50
