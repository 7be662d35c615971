"""A running sandbox ERP per test, a client that is logged in, and a receiver for its webhooks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from flask import Flask, request

from sandbox.erp import Options, create_app
from sandbox.serving import running

API = "/api/vario"


class Erp:
    """A client of one tenant; every call says what it is for."""

    def __init__(self, url: str, tenant: str = "acme") -> None:
        self.url = url
        self.session = requests.Session()
        self.credentials = self.admin("POST", "tenants", {"tenant": tenant}).json()
        self.login()

    def token_call(self, **changed: str) -> requests.Response:
        form = {"grant_type": "refresh_token", "refresh_token": self.credentials["offlineToken"],
                "client_id": self.credentials["clientId"],
                "client_secret": self.credentials["clientSecret"], **changed}
        return self.session.post(self.credentials["tokenUrl"], data=form)

    def login(self) -> None:
        token = self.token_call().json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None, **kwargs: Any) -> requests.Response:
        return self.session.request(method, self.url + API + path, json=body, **kwargs)

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, statement: str, **paging: int) -> requests.Response:
        body = {"statement": statement, "variableSubstitutionList": {"variableSubstitutions": []}}
        return self.call("POST", "/cmn/computed-queries/execute", {**body, **paging})

    def rows(self, statement: str, **paging: int) -> list[dict[str, Any]]:
        answer = self.query(statement, **paging)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def admin(self, method: str, path: str, body: Any = None) -> requests.Response:
        return requests.request(method, f"{self.url}/_sandbox/{path}", json=body, timeout=10)

    def state(self, query: str = "") -> list[dict[str, Any]]:
        return self.admin("GET", f"state{query}").json()["articles"]

    def edit(self, article: Any, **body: Any) -> dict[str, Any]:
        answer = self.admin("POST", "edit", {"article": article, **body})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set(self, **options: Any) -> None:
        answer = self.admin("POST", "options", options)
        assert answer.status_code == 200, answer.text

    def fault(self, kind: str, **more: Any) -> None:
        assert self.admin("POST", "faults", {"kind": kind, **more}).status_code == 200

    def register(self, queue: str, url: str, **more: Any) -> None:
        path = "/community/latest/cmn/system/app-message-webhook/register"
        answer = self.call("POST", path, {"destinationQueue": queue, "url": url, **more})
        assert (answer.status_code, answer.text) == (200, "")


class Receiver:
    """Takes webhooks and keeps them; answers with `status`."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any], str]] = []  # path, body, bearer token
        self.token_was_in: list[str | None] = []
        self.status = 200
        self.answering = threading.Event()  # cleared, it keeps the ERP waiting for its answer
        self.answering.set()
        self.url = ""
        self._arrived = threading.Condition()

    def app(self, url: str) -> Flask:
        self.url = url
        app = Flask("receiver")

        @app.post("/<path:path>")
        def take(path: str) -> tuple[str, int]:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            where = "header" if token else "address" if request.args.get("appToken") else None
            with self._arrived:
                self.token_was_in.append(where)
                self.received.append((path, request.get_json(), token))
                self._arrived.notify_all()
            self.answering.wait(5)
            return "", self.status

        return app

    def wait(self, count: int, timeout_s: float = 5.0) -> list[tuple[str, dict[str, Any], str]]:
        """What has arrived, once there are `count`."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.received) >= count, timeout_s), (
                f"{len(self.received)} of {count} webhooks arrived")
            return list(self.received)


@contextmanager
def served(**options: Any) -> Iterator[Erp]:
    settings = Options(**{"articles": 40, "illustrated": 40, "rate_limit": 100_000, **options})
    with running(lambda url: create_app(settings, url)) as url:
        yield Erp(url)


@pytest.fixture(scope="module")
def served_url() -> Iterator[str]:
    with served() as client:
        yield client.url


@pytest.fixture
def erp(served_url: str) -> Erp:
    """A sandbox as at start that its module's tests use one after the other, and a new client."""
    assert requests.post(f"{served_url}/_sandbox/reset", timeout=10).status_code == 200
    return Erp(served_url)


@pytest.fixture
def start() -> Iterator[Callable[..., Erp]]:
    """Starts a sandbox with options of the test's own."""
    opened = []

    def begin(**options: Any) -> Erp:
        context = served(**options)
        opened.append(context)
        return context.__enter__()

    yield begin
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taker = Receiver()
    with running(taker.app):
        yield taker
