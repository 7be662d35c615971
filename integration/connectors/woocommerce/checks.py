"""What `doctor` asks a shop: nothing is changed, each answer in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from integration.connectors.base import Context, Problem
from integration.connectors.woocommerce import facts, settings, terms
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.facts import Facts, Setup
from integration.connectors.woocommerce.settings import ShopSettings
from integration.connectors.woocommerce.wordpress import WordPress
from integration.errors import Held, IntegrationError

#: Since then a product has a field for its EAN, and a refused number names its owner.
OLDEST_VERSION = (9, 1)
_API = "wc/v3"

_IMAGES = (
    "create an application password under Users > Profile, or switch images off with `vario-relay "
    "toggle off CHANNEL media`"
)
_FIX_ACCESS = "fix what the sentence says, then run doctor again"


def problems_of(context: Context) -> list[Problem]:
    """Faults and what is worth knowing. Stops where the rest would only fail the same way."""
    wrong = settings.problems_of(context.parameters)
    if wrong:
        return wrong
    shop = settings.settings_of(context.parameters)
    client = Client(shop, context)
    found: list[Problem] = []
    try:
        for step in (_reached(client), _key(client), _set_up(client, shop, context)):
            found += step
    except IntegrationError as error:
        return [*found, Problem("access", str(error), _FIX_ACCESS)]
    return [*found, *_messages(client)]


def _reached(client: Client) -> Iterator[Problem]:
    """Permalinks and the plugin, before any key is tried."""
    namespaces = client.index().get("namespaces") or []
    if _API not in namespaces:
        yield Problem(
            "rest api",
            f"{client.settings.host} is a WordPress site, but serves no {_API}",
            "activate WooCommerce under Plugins",
        )


def _key(client: Client) -> Iterator[Problem]:
    """A key may be of another user, or made for reading only."""
    client.get("/products", per_page="1", _fields="id")
    client.may_write()
    yield Problem("key", "the key reads and writes products", "nothing", is_fault=False)


def _set_up(client: Client, shop: ShopSettings, context: Context) -> Iterator[Problem]:
    yield _version(client)
    setup = Facts(client, context.facts).learn()
    yield from _currency(setup, shop)
    yield from _tax_mode(setup, context)
    yield from _taxes(client, setup)
    units = f"the shop weighs in {setup.weight_unit} and measures in {setup.dimension_unit}"
    yield Problem("units", units, "nothing", is_fault=False)
    if not terms.has_brands(client):
        detail = "the shop has no brands, so manufacturers are not sent"
        yield Problem("brands", detail, "update WooCommerce if they shall be", is_fault=False)
    yield _images(client, context)
    if context.parameters.get("price_details", "off") == "on":
        yield Problem(
            "price details",
            "special offers are sent as sale prices; WooCommerce itself has no prices by quantity "
            "or customer group, so those are not",
            "nothing",
            is_fault=False,
        )
    if not setup.manages_stock:
        yield Problem("stock", "the shop manages no stock", facts.STOCK_IS_OFF)


def _images(client: Client, context: Context) -> Problem:
    """The key of WooCommerce does not reach the media library."""
    try:
        if WordPress(client.settings, context).can_upload():
            return Problem("images", "the user uploads images", "nothing", is_fault=False)
    except Held as held:
        is_set = bool(client.settings.wp_user)
        return Problem("images", str(held), _IMAGES, is_fault=is_set)
    detail = f"the WordPress user {client.settings.wp_user} may not upload files"
    return Problem("images", detail, "give it the role Shop manager, Editor or Administrator")


def _version(client: Client) -> Problem:
    status = client.get("/system_status", _fields="environment")
    environment = status.get("environment") if isinstance(status, dict) else None
    version = str(environment.get("version")) if isinstance(environment, dict) else "unknown"
    detail = f"{client.settings.host} runs WooCommerce {version}"
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_VERSION:
        return Problem("version", detail, "update WooCommerce to 9.1 or later")
    return Problem("version", detail, "nothing", is_fault=False)


def _currency(setup: Setup, shop: ShopSettings) -> Iterator[Problem]:
    if setup.currency != shop.currency:
        yield Problem(
            "currency",
            f"the shop's currency is {setup.currency or 'unknown'}, the channel's {shop.currency}",
            f"set currency={setup.currency or '...'} on the channel, or sell in {shop.currency}",
        )


def _tax_mode(setup: Setup, context: Context) -> Iterator[Problem]:
    why = "prices include tax" if setup.prices_include_tax else "prices exclude tax"
    if not setup.has_taxes:
        why = "taxes are switched off"
    yield Problem("tax mode", f"{why}: {setup.side} prices are sent", "nothing", is_fault=False)
    if context.price_forms.is_behind(setup.side):
        yield Problem(
            "tax mode",
            f"the shop has changed its tax mode; not all of its prices are {setup.side} prices yet",
            "leave the channel running with its topic price on: all prices are sent again, begun "
            "with its next write; `vario-relay queue status` shows what holds some back",
        )


def _taxes(client: Client, setup: Setup) -> Iterator[Problem]:
    if not setup.has_taxes:
        return
    rates = facts.by_rate(facts.tax_classes(client, setup.country))
    if set(rates) <= {"0"}:
        yield Problem(
            "taxes",
            f"the shop has no tax rates for {setup.country or 'its country'}",
            "enter them under WooCommerce > Settings > Tax",
        )
        return
    shown = ", ".join(f"{rate} %" for rate in sorted(rates, key=Decimal))
    yield Problem("taxes", f"the shop has tax classes of {shown}", "nothing", is_fault=False)


def _messages(client: Client) -> Iterator[Problem]:
    if client.has_messages:
        yield Problem(
            "php messages",
            f"{client.settings.host} prints PHP's messages into its answers; they are skipped as "
            "long as the JSON behind them is whole",
            "set WP_DEBUG_DISPLAY to false in wp-config.php",
        )
