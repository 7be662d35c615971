"""A client against a sandbox ERP of its own, over HTTP, on one of its two profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from integration.connectors import http
from integration.erp.auth import tenant_access
from integration.erp.client import ErpClient
from integration.settings import from_env
from sandbox import serving
from sandbox.erp.app import create_app
from sandbox.erp.options import Options

CHANNEL = "42"


class Tokens:
    """A TokenStore of one process that keeps a token until it is dropped."""

    def __init__(self) -> None:
        self.token: str | None = None
        self.lives: list[float] = []
        self.dropped = 0

    def get(self, fetch: Callable[[], tuple[str, float]]) -> str:
        if self.token is None:
            self.token, life_s = fetch()
            self.lives.append(life_s)
        return self.token

    def drop(self, token: str) -> None:
        self.dropped += 1
        if token == self.token:
            self.token = None


@dataclass
class Bucket:
    taken: int = 0
    pauses: list[float] = field(default_factory=list)

    def take(self) -> None:
        self.taken += 1

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Facts(dict):
    def put(self, name: str, value: Any) -> None:
        self[name] = value


@dataclass
class Erp:
    """A running sandbox with a client of its tenant `acme`."""

    url: str
    app_identifier: str
    client: ErpClient
    tokens: Tokens
    bucket: Bucket
    facts: Facts

    def admin(self, method: str, path: str, **body: Any) -> Any:
        answer = requests.request(
            method, f"{self.url}/_sandbox{path}", json=body or None, timeout=5
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def edit(self, article: str, **values: Any) -> None:
        self.admin("POST", "/edit", article=article, set=values, silent=True)

    def fault(self, kind: str, route: str = "", **more: Any) -> None:
        self.admin("POST", "/faults", kind=kind, route=route, **more)

    def articles(self) -> list[dict[str, Any]]:
        return self.admin("GET", "/state?limit=10000")["articles"]

    def counted(self) -> dict[str, int]:
        return dict(self.admin("GET", "/requests")["by_route"])


@contextmanager
def starting() -> Iterator[Callable[..., Erp]]:
    """Starts sandboxes with the options of sandbox.erp and gives an `Erp` for each."""
    with ExitStack() as running:

        def started(**options: Any) -> Erp:
            # The rate limit has tests of its own; here it would only make the others slow.
            given = Options(**{"articles": 120, "rate_limit": 100_000, **options})
            app = {}

            def make(url: str) -> Any:
                app["made"] = create_app(given, url)
                return app["made"]

            url = running.enter_context(serving.running(make))
            return _connected(url, app["made"].config["CREDENTIALS"])

        yield started


@pytest.fixture
def start() -> Iterator[Callable[..., Erp]]:
    with starting() as started:
        yield started


def _connected(url: str, credentials: dict[str, Any]) -> Erp:
    settings = from_env(
        {
            "RELAY_APP_IDENTIFIER": credentials["appIdentifier"],
            "RELAY_CLIENT_ID": credentials["clientId"],
            "RELAY_CLIENT_SECRET": credentials["clientSecret"],
            "RELAY_ERP_URL": url,
            "RELAY_ERP_TOKEN_URL": credentials["tokenUrl"],
        }
    )
    access = tenant_access("acme", credentials["offlineToken"], settings)
    tokens, bucket = Tokens(), Bucket()
    client = ErpClient(access, http.session(), tokens, bucket)
    return Erp(url, credentials["appIdentifier"], client, tokens, bucket, Facts())


@pytest.fixture(params=["columns", "rest"])
def erp(request: pytest.FixtureRequest, start: Callable[..., Erp]) -> Erp:
    """A sandbox on each profile."""
    return start(profile=request.param)
