"""The stages without Celery between the sandboxed ERP and a sandboxed shop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

import pytest
import requests
from flask import Flask

from integration import article_holds, channels, mapping_changes
from integration.mapping_kinds import Kind
from integration.mappings import Entry
from integration.models import Listing, SalesChannel
from integration.runtime import Runtime
from integration.topology import Topic
from sandbox import comparison, serving
from sandbox.erp import Options, create_app
from tests.integration.relay import Relay

Article = dict[str, Any]

#: For a test of what each of them does.
changes_of_a_variant = pytest.mark.parametrize(
    ("topic", "change"),
    [
        (Topic.ARTICLE, {"description": "Neu"}),
        (Topic.STOCK, {"stock": 3}),
        (Topic.PRICE, {"gross": 3}),
    ],
)


class ShopRelay(Relay):
    """The relay with its channel on a shop of `PLATFORM`."""

    PLATFORM = ""
    SECRETS: tuple[str, ...] = ()

    def __init__(
        self, database_url: str, erp_url: str, shop_url: str, credentials: dict[str, str]
    ) -> None:
        super().__init__(database_url, erp_url)
        self.shop_url = shop_url
        with self.runtime.scope() as session:
            session.get_one(SalesChannel, self.channel_id).platform = self.PLATFORM
        self.set(**{**credentials, "shop_url": shop_url})

    def hurry(self) -> None:
        """Ask the ERP as often as the test likes: its pace is not what is tested."""
        settings = replace(self.runtime.settings, erp_budget=(30_000, 6.0))
        self.runtime = Runtime(settings, self.runtime.engine)

    def set(self, **parameters: str) -> None:
        with self.runtime.scope() as session:
            for name, value in parameters.items():
                vault = self.runtime.vault if name in self.SECRETS else None
                channels.set_parameter(session, self.channel_id, name, value, vault)

    def map(self, kind: Kind, erp_value: str, shop_value: str) -> None:
        with self.runtime.scope() as session:
            mapping_changes.put(session, self.channel_id, [Entry(kind, erp_value, shop_value)])

    def change(self, article: dict[str, Any], **values: Any) -> None:
        """Change an article in the ERP and carry it over."""
        self.edit(article, **values)
        self.carry(article)

    def carry(self, *articles: dict[str, Any], topic: Topic = Topic.ARTICLE) -> None:
        self.hint(topic, *articles)
        self.drain()
        assert self.errors == []

    def product(self, article: dict[str, Any]) -> dict[str, Any] | None:
        """What the shop shows under the article's number."""
        return self.products().get(article["number"])

    def products(self) -> dict[str, dict[str, Any]]:
        return {one["number"]: one for one in self.all_products()}

    def all_products(self) -> list[dict[str, Any]]:
        """A number may be there more than once."""
        answer = requests.get(f"{self.shop_url}/_sandbox/state", params={"limit": 1000}, timeout=30)
        products: list[dict[str, Any]] = answer.json(parse_float=Decimal)["products"]
        return products

    def wrong(self, *articles: dict[str, Any]) -> list[str]:
        """What the comparison of ERP and shop, with variants, says of these articles."""
        found = comparison.compare(self.erp_url, self.shop_url, variants=True).differences
        names = tuple(f"article {one['number']}:" for one in articles)
        return [one for one in found if one.startswith(names)]

    def parameters(self) -> dict[str, str]:
        with self.runtime.scope() as session:
            stored = channels.load(session, self.channel_id)
            return dict(stored.opened(self.runtime.vault).parameters)

    def reason(self, article: dict[str, Any]) -> str | None:
        """What the article is held for."""
        return self.row(Topic.ARTICLE, article).hold_reason

    def release(self, reason: str) -> int:
        with self.runtime.scope() as session:
            return article_holds.release(session, self.channel_id, reason=reason)

    def notes(self, article: dict[str, Any]) -> dict[str, Any]:
        with self.runtime.scope() as session:
            return dict(session.get_one(Listing, (self.channel_id, article["id"])).notes)


def make_shirt(relay: Relay, main: Article, *variants: Article) -> None:
    """Have the ERP say that these are a main article without price and its variants, in size S, M
    and so on."""
    relay.edit(main, product_type="VARIANT_MAIN_ARTICLE", gross=None)
    for article, size in zip(variants, ("S", "M", "L", "XL"), strict=False):
        relay.edit(article, variant_of=main["number"], variant_values={"Größe": size})


AnyRelay = TypeVar("AnyRelay", bound=ShopRelay)


@contextmanager
def running_with(
    kind: type[AnyRelay], make_shop: Callable[[str], Flask], database_url: str, **options: Any
) -> Iterator[AnyRelay]:
    """A relay between an ERP with these options and the shop of an app."""
    credentials: dict[str, str] = {}

    def shop(url: str) -> Flask:
        made = make_shop(url)
        credentials.update(made.config["CREDENTIALS"])
        return made

    settings = Options(**{"articles": 30, "rate_limit": 100_000, **options})
    with (
        serving.running(lambda url: create_app(settings, url)) as erp_url,
        serving.running(shop) as shop_url,
    ):
        relay = kind(database_url, erp_url, shop_url, credentials)
        yield relay
        relay.close()
