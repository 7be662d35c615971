"""Fakes of what the ERP client is given: token store, request budget, facts; and a wired client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import responses

from integration.connectors import http
from integration.erp.auth import TenantAccess
from integration.erp.client import ErpClient
from integration.errors import Throttled
from integration.settings import Settings, from_env

APP = "6f0c1f2d-5a53-4d5f-8a31-9b0f6c1f2d10"
API = "https://acme.vario.cloud/api/vario"
TOKEN_URL = "https://sso.vario.cloud/realms/acme/protocol/openid-connect/token"


class Tokens:
    """Hands out its tokens one after the other; a dropped one is gone."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens) or ["token-1", "token-2", "token-3"]
        self.dropped: list[str] = []

    def get(self, fetch: Callable[[], tuple[str, float]]) -> str:
        return self.left[0]

    def drop(self, token: str) -> None:
        self.dropped.append(token)
        self.left = [one for one in self.left if one != token] or ["none left"]


class Bucket:
    """Counts; refuses once `limit` requests were taken."""

    def __init__(self, limit: int = 1_000_000) -> None:
        self.limit, self.taken, self.pauses = limit, 0, []

    def take(self) -> None:
        if self.taken >= self.limit:
            raise Throttled("the budget of tenant acme is used up", 4.5)
        self.taken += 1

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Facts(dict):
    """A FactStore that never forgets."""

    def put(self, name: str, value: Any) -> None:
        self[name] = value


def make_settings(**given: str) -> Settings:
    return from_env(
        {
            "RELAY_APP_IDENTIFIER": APP,
            "RELAY_CLIENT_ID": "app-1",
            "RELAY_CLIENT_SECRET": "the-client-secret",
            **given,
        }
    )


def make_offline_token(**claims: Any) -> str:
    standard = {"iss": "https://sso.vario.cloud/realms/acme", "azp": "app-1", "typ": "Offline"}
    payload = json.dumps({**standard, **claims}).encode()  # also claims that PyJWT refuses to write
    return jwt.api_jws.encode(payload, "a key that nobody here knows, 32 bytes", "HS256")


@pytest.fixture
def settings() -> Callable[..., Settings]:
    return make_settings


@pytest.fixture
def offline_token() -> Callable[..., str]:
    return make_offline_token


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def access() -> TenantAccess:
    return TenantAccess(
        tenant="acme",
        base_url="https://acme.vario.cloud",
        token_url=TOKEN_URL,
        app_identifier=APP,
        client_id="app-1",
        client_secret="the-client-secret",
        offline_token="the-offline-token",
    )


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def client(access: TenantAccess, tokens: Tokens, bucket: Bucket) -> ErpClient:
    return ErpClient(access, http.session(), tokens, bucket)
