"""The service as the ERP calls it to install the app: our web application in this process, the
sandboxed ERP over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from sqlalchemy import select

from integration import vault
from integration.models import SalesChannel, Tenant
from integration.runtime import Runtime
from integration.settings import from_env
from sandbox import serving
from sandbox.erp import Options, create_app
from tests.engines import engine_at
from webhooks import app as web

PUBLIC_URL = "http://127.0.0.1:8080"
#: Whose names begin so writes something in the ERP; queries are POSTs, too.
WRITES = ("POST", "PUT", "PATCH", "DELETE")
ONLY_ASKS = ("/computed-queries/", "/protocol/openid-connect/")


class Installing:
    """A service without tenants, and the ERP that installs its app."""

    def __init__(self, database_url: str, erp_url: str, **changes: str) -> None:
        self.erp_url = erp_url
        credentials = self.erp("tenants", tenant="acme")
        settings = from_env(
            {
                "RELAY_DATABASE_URL": database_url,
                "RELAY_SECRET_KEY": vault.new_key(),
                "RELAY_PUBLIC_URL": PUBLIC_URL,
                "RELAY_APP_IDENTIFIER": credentials["appIdentifier"],
                "RELAY_APP_JWK": json.dumps(credentials["jwk"]),
                "RELAY_CLIENT_ID": credentials["clientId"],
                "RELAY_CLIENT_SECRET": credentials["clientSecret"],
                "RELAY_ERP_URL": credentials["erpUrl"],
                "RELAY_ERP_TOKEN_URL": credentials["tokenUrl"],
                # The pacing has tests of its own.
                "RELAY_ERP_BUDGET": "10000/6",
                **changes,
            }
        )
        self.runtime = Runtime(settings, engine_at(database_url))
        self.wakes: list[None] = []
        app = web.create_app(
            settings,
            self.runtime.engine,
            wake=lambda: self.wakes.append(None),
            broker_state=lambda: "ok",
        )
        self.client = app.test_client()

    def erp(self, route: str, /, **body: Any) -> Any:
        """POST to the sandboxed ERP's own routes."""
        answer = requests.post(f"{self.erp_url}/_sandbox/{route}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()

    def app_token(self, tenant: str = "acme", **more: Any) -> str:
        return str(self.erp("token", tenant=tenant, **more)["token"])

    def offline_token(self, tenant: str = "acme") -> str:
        return str(self.erp("tenants", tenant=tenant)["offlineToken"])

    def post(self, action: str, tenant: str = "acme", **body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.app_token(tenant)}"}
        return self.client.post(f"/api/{action}", json=body, headers=headers)

    def install(self, tenant: str = "acme", **body: Any) -> dict[str, Any]:
        """Steps by name of an install that is answered 200."""
        body = {"offlineToken": self.offline_token(tenant), **body}
        return steps_of(self.post("install", tenant, **body))

    def refresh(self, tenant: str = "acme") -> dict[str, Any]:
        """As the ERP installs again: no offline token comes with it."""
        return steps_of(self.post("install", tenant))

    def uninstall(self, tenant: str = "acme") -> dict[str, Any]:
        return steps_of(self.post("uninstall", tenant))

    def tenant(self, subdomain: str = "acme") -> Tenant | None:
        with self.runtime.scope() as session:
            return session.scalar(select(Tenant).where(Tenant.subdomain == subdomain))

    def add_channel(self, erp_id: str = "42", tenant: str = "acme", **values: Any) -> int:
        found = self.tenant(tenant)
        assert found is not None
        values = {"platform": "memory", "is_paused": False, **values}
        with self.runtime.scope() as session:
            channel = SalesChannel(tenant_id=found.id, erp_id=erp_id, **values)
            session.add(channel)
            session.flush()
            return channel.id

    def in_erp(self, method: str, path: str, tenant: str = "acme", **options: Any) -> Any:
        """What somebody else does in the ERP, or sees there, below /api/vario."""
        credentials = self.erp("tenants", tenant=tenant)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credentials["offlineToken"],
            "client_id": credentials["clientId"],
            "client_secret": credentials["clientSecret"],
        }
        token_url = credentials["tokenUrl"].replace("{tenant}", tenant)
        access = requests.post(token_url, data=form, timeout=30).json()["access_token"]
        headers = {"Authorization": f"Bearer {access}", "User-Agent": "a person"}
        url = f"{self.erp_url}/api/vario{path}"
        answer = requests.request(method, url, headers=headers, timeout=30, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def forget_channels(self, tenant: str = "acme") -> None:
        """The app has no sales channel in the ERP."""
        for one in ("42", "43"):
            self.in_erp("DELETE", f"/erp/sales-channels/{one}", tenant)

    def rows(self, source: str, columns: str, tenant: str = "acme") -> list[dict[str, Any]]:
        """What a query in the ERP shows."""
        body = {"statement": f"SELECT {columns} FROM {source} ORDER BY id"}
        return self.in_erp("POST", "/cmn/computed-queries/execute", tenant, json=body)["data"]

    def articles(self) -> list[str]:
        """Ids of the articles of acme that are for sale on channel 42."""
        state = requests.get(f"{self.erp_url}/_sandbox/state", timeout=30).json()["articles"]
        return [one["id"] for one in state if one["listed"] and one["active"] and one["gross"]]

    def registrations(self, tenant: str = "acme") -> set[tuple[str, str]]:
        url = f"{self.erp_url}/_sandbox/registrations?tenant={tenant}"
        return {(one["queue"], one["url"]) for one in requests.get(url, timeout=30).json()}

    def writes(self) -> dict[str, int]:
        """Requests by route that changed something in the ERP since the last look."""
        counted = requests.get(f"{self.erp_url}/_sandbox/requests", timeout=30).json()["by_route"]
        requests.post(f"{self.erp_url}/_sandbox/requests/reset", timeout=30)
        return {
            route: count
            for route, count in counted.items()
            if route.startswith(WRITES)
            and "/_sandbox" not in route
            and not any(part in route for part in ONLY_ASKS)
        }


def steps_of(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return {one["step"]: one for one in answer.json["steps"]}


@contextmanager
def installing(database_url: str, **changes: str) -> Iterator[Installing]:
    options = Options(articles=12, rate_limit=100_000)
    with serving.running(lambda url: create_app(options, url)) as erp_url:
        world = Installing(database_url, erp_url, **changes)
        yield world
        world.runtime.engine.dispose()
