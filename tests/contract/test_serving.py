"""A served sandbox answers many requests at a time, however long some of them are held."""

from __future__ import annotations

import threading

import requests
from flask import Flask

from sandbox import serving
from tests.integration.support import together

HELD = serving.THREADS - 1
TIMEOUT_S = 30


def test_held_requests_keep_nobody_waiting():
    all_here, go_on = threading.Barrier(HELD + 1), threading.Event()
    app = Flask("held")

    @app.get("/held")
    def held() -> str:
        all_here.wait(TIMEOUT_S)
        go_on.wait(TIMEOUT_S)
        return "held"

    @app.get("/other")
    def other() -> str:
        return "other"

    with serving.running(app) as url:
        waiting = threading.Thread(target=together, args=([lambda: asked(url, "held")] * HELD,))
        waiting.start()
        all_here.wait(TIMEOUT_S)

        assert asked(url, "other") == "other"

        go_on.set()
        waiting.join()


def test_a_sandbox_has_few_threads_as_long_as_few_are_needed():
    before = threading.active_count()

    with serving.running(Flask("idle")) as url:
        for _ in range(20):
            requests.get(f"{url}/", timeout=TIMEOUT_S)

        assert threading.active_count() - before < 5


def asked(url: str, path: str) -> str:
    return requests.get(f"{url}/{path}", timeout=TIMEOUT_S).text
