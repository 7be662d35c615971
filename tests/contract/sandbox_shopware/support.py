"""A client that speaks to a sandbox shop as a connector would, and rows to send."""

from __future__ import annotations

from typing import Any

from sandbox.shops.shopware6 import Options, create_app
from sandbox.shops.shopware6.seed import STANDARD_TAX

EUR = "b7d2554b0ce847cd82f3ac9bd1c0dfca"


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class ShopClient:
    """Calls one sandbox in this process."""

    def __init__(self, options: Options) -> None:
        self.app = create_app(options, "http://shop.test")
        self.http = self.app.test_client()
        self.credentials = self.app.config["CREDENTIALS"]
        self.token = self.login().get_json()["access_token"]

    def login(self, **changed: Any) -> Any:
        names = ("client_id", "client_secret")
        body = {"grant_type": "client_credentials",
                **{name: self.credentials[name] for name in names}, **changed}
        return self.http.post("/api/oauth/token", json=body)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        plain = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        sent = {**plain, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.http.open(path, method=method, json=body, headers=sent)

    def upsert(self, *rows: dict, entity: str = "product", **headers: str) -> Any:
        operation = {"entity": entity, "action": "upsert", "payload": list(rows)}
        return self.call("POST", "/api/_action/sync", {"w": operation}, **headers)

    def delete(self, *rows: dict, entity: str = "product") -> Any:
        operation = {"entity": entity, "action": "delete", "payload": list(rows)}
        return self.call("POST", "/api/_action/sync", {"d": operation})

    def search(self, entity: str = "product", **criteria: Any) -> Any:
        return self.call("POST", f"/api/search/{entity}", criteria)

    def numbers(self, *filters: dict) -> list[str]:
        """The numbers of the products that the filters let through, sorted by number."""
        found = self.search(filter=list(filters), sort=[{"field": "productNumber"}],
                            includes={"product": ["productNumber"]}).get_json()
        return [row["productNumber"] for row in found["data"]]

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        return self.http.open(f"/_sandbox/{path}", method=method, json=body)

    def order(self, *lines: dict, **wanted: Any) -> dict:
        """Puts an order into the shop and tells what the shop says of it."""
        placed = self.admin("POST", "orders", {"lines": list(lines), **wanted})
        assert placed.status_code == 200, placed.get_json()
        return placed.get_json()["orders"][0]

    def seen_order(self, number: str) -> dict:
        return self.admin("GET", f"orders?number={number}").get_json()["orders"][0]

    def step(self, entity: str, row_id: str, action: str, **body: Any) -> Any:
        return self.call("POST", f"/api/_action/{entity}/{row_id}/state/{action}", body)

    def state(self) -> dict[str, dict]:
        """Products by number."""
        found = self.admin("GET", "state").get_json()["products"]
        return {one["number"]: one for one in found}


def product(digit: str, number: str, **changed: Any) -> dict:
    """A complete product row whose id is one digit, repeated."""
    return {"id": digit * 32, "productNumber": number, "name": f"Name {number}", "stock": 5,
            "taxId": STANDARD_TAX, "price": [price(11.9, 10)], **changed}


def price(gross: Any, net: Any) -> dict:
    return {"currencyId": EUR, "gross": gross, "net": net, "linked": False}


def line(article: str, quantity: int = 1) -> dict:
    return {"article": article, "quantity": quantity}
