"""A client that speaks to a sandbox shop as a connector would."""

from __future__ import annotations

import base64
from typing import Any

from sandbox.shops.woocommerce import Options, create_app
from sandbox.shops.woocommerce.auth import Key

API = "/wp-json/wc/v3"
SECURE = "https://shop.test"


class ShopClient:
    """Calls one sandbox in this process, over https unless told otherwise."""

    def __init__(self, options: Options | None = None) -> None:
        options = options or Options()
        self.app = create_app(options, SECURE)
        self.http = self.app.test_client()
        self.key = Key(options.consumer_key, options.consumer_secret)

    def call(self, method: str, path: str, body: Any = None, *, key: Key | None = None,
             base_url: str = SECURE, headers: dict[str, str] | None = None) -> Any:
        sent = {"Authorization": basic(key or self.key), **(headers or {})}
        return self.http.open(f"{API}{path}", method=method, json=body, headers=sent,
                              base_url=base_url)

    def create(self, **body: Any) -> dict:
        answer = self.call("POST", "/products", body)
        assert answer.status_code == 201, answer.get_json()
        return answer.get_json()

    def batch(self, **lists: list) -> Any:
        return self.call("POST", "/products/batch", lists)

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        return self.http.open(f"/_sandbox/{path}", method=method, json=body)

    def state(self) -> dict[str, dict]:
        """Products by number."""
        found = self.admin("GET", "state").get_json()["products"]
        return {one["number"]: one for one in found}


def basic(key: Key) -> str:
    return "Basic " + base64.b64encode(f"{key.key}:{key.secret}".encode()).decode()
