"""A sandboxed shop over HTTP and connectors to it, whatever the platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, TypeVar

import requests
from flask import Flask

from integration.connectors.base import ListingView, Payload, Receipt
from integration.documents import Document
from integration.topology import Topic
from sandbox import serving
from tests.unit.connectors.kit import Facts, Gate, article, new

FIRST_TOPICS = (Topic.ARTICLE, Topic.PRICE, Topic.STOCK)

AnyShop = TypeVar("AnyShop", bound="ServedShop")


class ServedShop:
    """A running sandbox shop; `facts` and `gate` are shared by all connectors to it."""

    #: Where a fault hits unless told.
    ROUTE = ""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        self.url, self.parameters = url, {**credentials, "shop_url": url}
        self.facts, self.gate = Facts(), Gate()

    def connector(self, *, session: requests.Session | None = None, **changes: str) -> Any:
        raise NotImplementedError

    def push(
        self,
        topic: Topic,
        documents: Sequence[Document],
        listings: Sequence[ListingView],
        **parts: Any,
    ) -> list[Receipt]:
        one = self.connector(**parts)
        payloads: list[Payload] = [
            one.payload(document, listing)
            for document, listing in zip(documents, listings, strict=True)
        ]
        receipts: list[Receipt] = one.push(topic, payloads, key="k")
        return receipts

    def article(self, article_id: str, **changes: Any) -> Any:
        """A document that the shop may have beside others."""
        return article(article_id, **changes)

    def create(self, *article_ids: str, **changes: Any) -> list[Receipt]:
        documents = [self.article(one, **changes) for one in article_ids]
        return self.push(Topic.ARTICLE, documents, [new(one) for one in article_ids])

    def admin(self, path: str, **body: Any) -> Any:
        response = requests.post(f"{self.url}/_sandbox/{path}", json=body, timeout=5)
        assert response.ok, response.text
        return response.json()

    def fault(self, kind: str, route: str | None = None, **more: Any) -> None:
        self.admin("faults", kind=kind, route=route or self.ROUTE, **more)

    def clear_faults(self) -> None:
        assert requests.delete(f"{self.url}/_sandbox/faults", timeout=5).ok

    @property
    def products(self) -> dict[str, dict[str, Any]]:
        """What the shop holds, by number."""
        response = requests.get(f"{self.url}/_sandbox/state", params={"limit": 2000}, timeout=5)
        return {one["number"]: one for one in response.json(parse_float=Decimal)["products"]}

    @property
    def routes(self) -> dict[str, int]:
        """Requests so far, by route."""
        counts: dict[str, int] = requests.get(f"{self.url}/_sandbox/requests", timeout=5).json()[
            "by_route"
        ]
        return counts


@contextmanager
def served(create: Callable[[str], Flask], kind: type[AnyShop]) -> Iterator[AnyShop]:
    """The shop of an app that `create` makes for an address."""
    credentials: dict[str, str] = {}

    def app(url: str) -> Flask:
        made = create(url)
        credentials.update(made.config["CREDENTIALS"])
        return made

    with serving.running(app) as url:
        yield kind(url, credentials)
