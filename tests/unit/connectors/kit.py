"""What tests of connectors share: a context without a database, documents, answers of a shop."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import requests
import responses

from integration.connectors import http
from integration.connectors.base import Context, ListingView, PriceForms, no_files
from integration.connectors.shopware6 import Shopware6Connector
from integration.documents import ArticleDocument, PriceDocument, StockDocument
from integration.topology import Topic

SHOP = "https://shop.example"
SYNC, TOKEN = f"{SHOP}/api/_action/sync", f"{SHOP}/api/oauth/token"
CHANNEL_ID = "98432def39fc4624b33213a56b8c944d"
TAX_19, TAX_7 = "01a207a499cd7272a7ec9329a4f137bb", "01a207a499cd7272a7ec9329a5a10f55"
EURO = "b7d2554b0ce847cd82f3ac9bd1c0dfca"
BLANK = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"

PARAMETERS = {
    "shop_url": SHOP,
    "client_id": "SWIAEXAMPLE",
    "client_secret": "integration-secret",
    "sales_channel_id": CHANNEL_ID,
}


class Tokens:
    """One token for everybody, as long as nobody drops it."""

    def __init__(self, token: str | None = None) -> None:
        self.token, self.dropped = token, list[str]()

    def get(self, fetch: Callable[[], tuple[str, float]]) -> str:
        if self.token is None:
            self.token, self.life_s = fetch()
        return self.token

    def drop(self, token: str) -> None:
        self.dropped.append(token)
        if token == self.token:
            self.token = None


class Facts:
    """A dict that survives JSON, as the real store does."""

    def __init__(self, values: Mapping[str, Any] = {}) -> None:
        self.values = dict(values)

    def get(self, name: str) -> Any | None:
        return self.values.get(name)

    def put(self, name: str, value: Any) -> None:
        self.values[name] = json.loads(json.dumps(value))


class Forms:
    """Every form in which prices were sent, the last one last."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send_as(self, form: str) -> None:
        if self.sent[-1:] != [form]:
            self.sent.append(form)

    def is_behind(self, form: str) -> bool:
        return self.sent[-1:] not in ([], [form])


class Gate:
    """Counts the checks right before writes; may refuse one of them."""

    def __init__(self) -> None:
        self.count, self.refusal = 0, {}

    def __call__(self) -> None:
        self.count += 1
        if self.count in self.refusal:
            raise self.refusal[self.count]


def context(
    parameters: Mapping[str, str] = PARAMETERS,
    *,
    tokens: Tokens | None = None,
    facts: Facts | None = None,
    gate: Gate | None = None,
    session: requests.Session | None = None,
    namespace: str = "acme/42",
    open_file: Callable[[str], Iterator[bytes]] = no_files,
    push_s: float = Context.push_s,
    topics: frozenset[Topic] = Context.topics,
    price_forms: PriceForms | None = None,
) -> Context:
    known = {"tax-ids": {"19": TAX_19, "7": TAX_7}, "currency": "EUR"}
    return Context(
        namespace=namespace,
        parameters=parameters,
        session=session or http.session(),
        tokens=tokens or Tokens("good"),
        facts=facts or Facts(known),
        before_write=gate or Gate(),
        open_file=open_file,
        push_s=push_s,
        topics=topics,
        price_forms=price_forms or Forms(),
    )


def price(article_id: str = "1", gross: str = "19.99", net: str = "16.7983") -> PriceDocument:
    return PriceDocument(article_id, Decimal(net), Decimal(gross), "EUR", Decimal("19.00"))


def article(article_id: str = "1", **changes: Any) -> ArticleDocument:
    values: dict[str, Any] = {
        "article_id": article_id,
        "number": f"A-{article_id}",
        "name": f"Hammer {article_id}",
        "description": "Stahl, 300 g",
        "ean": "4006381333931",
        "weight_kg": Decimal("0.300"),
        "manufacturer": None,
        "tax_rate": Decimal("19.00"),
        "tax": "1",
        "is_active": True,
        "price": price(article_id),
        "stock": StockDocument(article_id, 5),
    }
    return ArticleDocument(**{**values, **changes})


def new(article_id: str = "1") -> ListingView:
    return ListingView(article_id)


def listed(article_id: str = "1") -> ListingView:
    return ListingView(article_id, external_id=hex_id(article_id), number=f"A-{article_id}")


def hex_id(text: str) -> str:
    """An id of a product that is in the shop already."""
    return text.encode().hex().zfill(32)


def accepted(ids: Iterable[str]) -> dict[str, Any]:
    """The answer to a sync that went well; nothing written is a list, as in PHP."""
    data: Any = {"product": list(ids)}
    return {"extensions": [], "data": data, "notFound": [], "deleted": []}


def found(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"total": len(rows), "data": list(rows), "aggregations": []}


def envelope(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"errors": list(entries)}


def violation(pointer: str, detail: str, value: str, code: str = "ba785a8c") -> dict[str, Any]:
    return {
        "code": code,
        "status": "400",
        "detail": detail,
        "template": detail,
        "meta": {"parameters": {"{{ value }}": value}},
        "source": {"pointer": pointer},
    }


def blank(pointer: str) -> dict[str, Any]:
    return violation(pointer, "This value should not be blank.", "null", BLANK)


def duplicate(number: str) -> dict[str, Any]:
    return {
        "status": "400",
        "code": "CONTENT__DUPLICATE_PRODUCT_NUMBER",
        "title": "Bad Request",
        "detail": f'Product with number "{number}" already exists.',
        "meta": {"parameters": {"number": number}},
    }


def sql_error(code: str, text: str) -> dict[str, Any]:
    return {
        "code": code,
        "status": "500",
        "title": "Internal Server Error",
        "detail": f"An exception occurred while executing a query: {text}",
    }


DEADLOCK = sql_error(
    "1213",
    "SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock; try "
    "restarting transaction",
)


def missing_row(table: str, column: str) -> dict[str, Any]:
    return sql_error(
        "1452",
        "SQLSTATE[23000]: Integrity constraint violation: 1452 Cannot add or update a child row: a "
        f"foreign key constraint fails (`shopware`.`product`, CONSTRAINT `fk.product.{column}` "
        f"FOREIGN KEY (`{column}`) REFERENCES `{table}` (`id`) ON UPDATE CASCADE)",
    )


class Shop:
    """A shop by `responses`: what it is asked is recorded, what it answers is queued before."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock

    def answers(
        self, path: str, body: Any, status: int = 200, headers: dict[str, str] | None = None
    ) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        kind = "text/html" if isinstance(body, str) else "application/json"
        method = responses.GET if "_info" in path else responses.POST
        self.mock.add(
            method, SHOP + path, body=text, status=status, content_type=kind, headers=headers
        )

    def syncs(self, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answers("/api/_action/sync", body, status, headers)

    def finds(self, entity: str, *rows: dict[str, Any]) -> None:
        self.answers(f"/api/search/{entity}", found(*rows))

    def accepts_everything(self) -> None:
        """One sync that is answered with whatever ids it brings."""

        def echo(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
            rows = json.loads(request.body or b"[]")[0]["payload"]
            return 200, {}, json.dumps(accepted(row["id"] for row in rows))

        self.mock.add_callback(responses.POST, SYNC, echo, content_type="application/json")

    def bodies(self, path: str) -> list[Any]:
        """The JSON of all requests to a path, in order."""
        return [
            json.loads(call.request.body)
            for call in self.mock.calls
            if call.request.url == SHOP + path and call.request.body
        ]

    @property
    def written(self) -> list[list[dict[str, Any]]]:
        """The rows of each sync, in order."""
        return [body[0]["payload"] for body in self.bodies("/api/_action/sync")]


def connector(**parts: Any) -> Shopware6Connector:
    return Shopware6Connector(context(**parts))
