"""What `doctor` asks a shop: only reading, each answer in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from integration.connectors.base import Context, Problem
from integration.connectors.shopware6 import facts, rights, settings
from integration.connectors.shopware6.choices import name_of
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.settings import ShopSettings
from integration.errors import ChannelError, IntegrationError, RightMissing

#: Before 6.5 a batch was accepted in parts, with another form of answer.
OLDEST_VERSION = (6, 5)

_FIX_ACCESS = "fix what the sentence says, then run doctor again"


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
    found = [_version(shop, version)]
    try:
        for check, ask in _asking(client, context):
            found += _asked(check, ask)
    except IntegrationError as error:
        found.append(Problem("access", str(error), _FIX_ACCESS))
    return found


def _asking(client: Client, context: Context) -> Iterator[tuple[str, Iterator[Problem]]]:
    """All that is asked of a shop that lets us in, by what the operator knows it as."""
    shop, uses = client.settings, rights.uses(context)
    yield "sales channel", _sales_channel(client, shop)
    yield "taxes", _taxes(client)
    yield "currency", _currency(client, shop)
    for use in uses:
        yield use.name, rights.to_read(client, use)
    if rights.ORDERS in uses:
        yield "tracking links", _tracking_links(client)
    if rights.WAREHOUSES in uses:
        yield "warehouses", _warehouses(client)
    yield "rights to write", rights.to_write(client, uses)


def _asked(check: str, asking: Iterator[Problem]) -> list[Problem]:
    """What a check says, or why it cannot. Raises: IntegrationError that any other would meet."""
    try:
        return list(asking)
    except ChannelError as error:
        do = rights.ADD if isinstance(error, RightMissing) else _FIX_ACCESS
        return [Problem(check, str(error), do)]


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
        there = "; ".join(sorted(f"{name_of(row)} has {row.get('id')}" for row in rows)) or "none"
        yield Problem(
            "sales channel",
            f"the shop has no sales channel {shop.sales_channel_id}",
            f"set sales_channel_id to one of the shop's: {there}",
        )
    elif chosen.get("active") is False:
        yield Problem(
            "sales channel",
            f"the sales channel {name_of(chosen)} is switched off, nobody sees its products",
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


def _tracking_links(client: Client) -> Iterator[Problem]:
    """The shop makes a customer's link from the number and the method's own address."""
    fields = ["name", "translated", "active", "trackingUrl"]
    rows = client.search("shipping-method", includes={"shipping_method": fields})
    names = sorted(name_of(one) for one in rows if one.get("active") and not _tracking_url(one))
    if names:
        yield Problem(
            "tracking links",
            f"without a tracking address: {', '.join(names)}; customers see the numbers of such "
            "deliveries without a link",
            "enter the carrier's in Shopware under Settings > Shop > Shipping, with %s where the "
            "number belongs",
            is_fault=False,
        )


def _tracking_url(method: dict[str, Any]) -> str:
    translated = method.get("translated") or {}
    return str(translated.get("trackingUrl") or method.get("trackingUrl") or "").strip()


def _warehouses(client: Client) -> Iterator[Problem]:
    there = client.search_plugin(
        "warehouse", includes={"warehouse": ["id"]}, associations={"groups": {}}
    )
    if there is None:
        yield Problem(
            "warehouses", "the shop has no Multi-Inventory", str(facts.no_inventory(client))
        )
    elif not there:
        yield Problem(
            "warehouses", "the shop has no warehouses", "create them, and map the ERP's storages"
        )
    client.search_plugin("product-warehouse", limit=1, includes={"product_warehouse": ["id"]})
