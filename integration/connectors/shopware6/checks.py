"""What `doctor` asks a shop: only reading, each answer in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from integration.connectors.base import Context, Problem
from integration.connectors.shopware6 import facts, settings
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.settings import ShopSettings
from integration.errors import IntegrationError

#: Before 6.5 a batch was accepted in parts, with another form of answer.
OLDEST_VERSION = (6, 5)

_FIX_ACCESS = "fix what the sentence says, then run doctor again"
_ROLE = "give the integration's role the right to read it (Settings > System > Integrations)"


def problems_of(context: Context) -> list[Problem]:
    """Faults and what is worth knowing. Stops where the rest would only fail the same way."""
    wrong = settings.problems_of(context.parameters)
    if wrong:
        return wrong
    shop = settings.settings_of(context.parameters)
    client = Client(shop, context)
    try:
        version = client.version()
    except IntegrationError as error:
        # Failed logins are counted by the shop: asking on would only lengthen its pause.
        return [Problem("access", str(error), _FIX_ACCESS)]
    return [
        _version(shop, version),
        *_asked("sales channel", lambda: _sales_channel(client, shop)),
        *_asked("taxes", lambda: _taxes(client)),
        *_asked("currency", lambda: _currency(client, shop)),
        *_asked("products", lambda: _products(client)),
        *_asked("orders", lambda: _orders(client)),
        *_asked("prices by rule", lambda: _price_lists(client, context)),
        *_asked("warehouses", lambda: _warehouses(client, context)),
    ]


def _asked(check: str, ask: Callable[[], Iterator[Problem]]) -> list[Problem]:
    try:
        return list(ask())
    except IntegrationError as error:
        return [Problem(check, str(error), _ROLE)]


def _version(shop: ShopSettings, version: str) -> Problem:
    detail = f"{shop.host} runs Shopware {version}"
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_VERSION:
        return Problem("version", detail, "update the shop to Shopware 6.5 or later")
    return Problem("version", detail, "nothing", is_fault=False)


def _sales_channel(client: Client, shop: ShopSettings) -> Iterator[Problem]:
    rows = client.search("sales-channel", includes={"sales_channel": ["id", "name", "active"]})
    chosen = next((row for row in rows if row.get("id") == shop.sales_channel_id), None)
    if chosen is None:
        there = "; ".join(sorted(f"{_name(row)} has {row.get('id')}" for row in rows)) or "none"
        yield Problem(
            "sales channel",
            f"the shop has no sales channel {shop.sales_channel_id}",
            f"set sales_channel_id to one of the shop's: {there}",
        )
    elif chosen.get("active") is False:
        yield Problem(
            "sales channel",
            f"the sales channel {_name(chosen)} is switched off, nobody sees its products",
            "activate it in the shop when it is meant to sell",
            is_fault=False,
        )


def _taxes(client: Client) -> Iterator[Problem]:
    rates = facts.by_rate(facts.taxes(client))
    if not rates:
        yield Problem("taxes", "the shop has no taxes", "create them under Settings > Shop > Tax")
    else:
        shown = ", ".join(f"{rate} %" for rate in sorted(rates, key=float))
        yield Problem("taxes", f"the shop has taxes of {shown}", "nothing", is_fault=False)


def _currency(client: Client, shop: ShopSettings) -> Iterator[Problem]:
    default = facts.default_currency(client)
    if default != shop.currency:
        yield Problem(
            "currency",
            f"the shop's default currency is {default or 'unknown'}, the channel's {shop.currency}",
            f"set currency={default or '...'} on the channel, or sell in {shop.currency}",
        )


def _products(client: Client) -> Iterator[Problem]:
    client.search("product", limit=1, includes={"product": ["id"]})
    yield from ()


def _orders(client: Client) -> Iterator[Problem]:
    client.search(
        "order",
        limit=1,
        includes={"order": ["id", "deliveries"], "order_delivery": ["id"]},
        associations={"deliveries": {}},
    )
    yield from ()


def _price_lists(client: Client, context: Context) -> Iterator[Problem]:
    """Only for a channel that writes them: others need no right for them."""
    if context.parameters.get("price_details", "off") != "off":
        client.search("rule", limit=1, includes={"rule": ["id"]})
        client.search("product-price", limit=1, includes={"product_price": ["id"]})
    yield from ()


def _warehouses(client: Client, context: Context) -> Iterator[Problem]:
    """Only for a channel that keeps stock by location."""
    if context.parameters.get("storages", "off") == "off":
        return
    there = client.search_plugin("warehouse", includes={"warehouse": ["id", "name"]})
    if there is None:
        yield Problem(
            "warehouses", "the shop has no Multi-Inventory", str(facts.no_inventory(client))
        )
    elif not there:
        yield Problem(
            "warehouses", "the shop has no warehouses", "create them, and map the ERP's storages"
        )
    client.search_plugin("product-warehouse", limit=1, includes={"product_warehouse": ["id"]})


def _name(row: dict[str, Any]) -> str:
    return str(row.get("name") or "without a name")
