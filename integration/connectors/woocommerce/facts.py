"""How a shop is set up: what we ask once a day and remember."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import cached_property
from typing import Any

from integration.connectors.base import FactStore
from integration.connectors.woocommerce.client import Client
from integration.connectors.woocommerce.payloads import exact
from integration.errors import ChannelError

_SETUP = "setup"
_TAX_CLASSES = "tax-classes"

#: Of the standard rate; its name among the rates is another than at a product (recorded).
STANDARD = ""

STOCK_IS_OFF = (
    "the shop manages no stock; switch it on under WooCommerce > Settings > Products > Inventory"
)


@dataclass(frozen=True)
class Setup:
    """What of the shop's settings decides how we write."""

    currency: str
    country: str
    has_taxes: bool
    prices_include_tax: bool
    weight_unit: str
    manages_stock: bool

    @property
    def keeps_gross(self) -> bool:
        """Which side of a price is written. Without taxes a price is what the customer pays."""
        return self.prices_include_tax or not self.has_taxes


class Facts:
    """Facts of one shop, from the channel's store or else from the shop."""

    def __init__(self, client: Client, store: FactStore) -> None:
        self._client, self._store = client, store

    @cached_property
    def setup(self) -> Setup:
        return self.remembered() or self.learn()

    def remembered(self) -> Setup | None:
        """What we go by; None: the shop was not asked yet, or for something else."""
        known = self._store.get(_SETUP)
        names = {one.name for one in fields(Setup)}
        return Setup(**known) if isinstance(known, dict) and known.keys() == names else None

    def learn(self) -> Setup:
        """Ask the shop, whatever is remembered."""
        self.setup = setup_of(self._client)
        self._store.put(_SETUP, asdict(self.setup))
        return self.setup

    def check_currency(self, code: str) -> None:
        """Raises: ChannelError unless `code` is the shop's currency."""
        if self.setup.currency != code and (found := self.learn().currency) != code:
            raise ChannelError(
                f"the shop's currency is {found or 'unknown'}, but the channel sells in {code}; "
                "set the channel's currency to that of the shop"
            )

    def check_stock(self) -> None:
        """Raises: ChannelError unless the shop manages stock; else it takes none, silently."""
        if not self.setup.manages_stock and not self.learn().manages_stock:
            raise ChannelError(STOCK_IS_OFF)

    def tax_classes(self, rates: Iterable[str]) -> dict[str, str]:
        """Tax class by rate, the rate in percent as `exact` writes it. Lacks what the shop lacks.

        A shop without taxes has one class for all.
        """
        wanted, setup = set(rates), self.setup
        if not setup.has_taxes:
            return dict.fromkeys(wanted, STANDARD)
        known = self._store.get(_TAX_CLASSES)
        if not isinstance(known, dict) or not wanted <= known.keys():
            # A rate may have been added since; asked once per push, and only if one is missing.
            known = tax_classes(self._client, setup.country)
            self._store.put(_TAX_CLASSES, known)
        return {rate: known[rate] for rate in wanted if rate in known}


def setup_of(client: Client) -> Setup:
    """The shop's settings; missing ones as a fresh shop has them."""
    value: dict[str, str] = {}
    for group in ("general", "tax", "products"):
        rows = client.get(f"/settings/{group}", _fields="id,value")
        for row in rows if isinstance(rows, list) else ():
            value[str(row.get("id"))] = str(row.get("value") or "")
    return Setup(
        currency=value.get("woocommerce_currency", ""),
        country=value.get("woocommerce_default_country", "").partition(":")[0],
        has_taxes=value.get("woocommerce_calc_taxes") == "yes",
        prices_include_tax=value.get("woocommerce_prices_include_tax") == "yes",
        weight_unit=value.get("woocommerce_weight_unit", "kg"),
        manages_stock=value.get("woocommerce_manage_stock", "yes") == "yes",
    )


def tax_classes(client: Client, country: str) -> dict[str, str]:
    """The shop's tax classes by their rate in its own country.

    A class that has no rates there charges nothing. Several with one rate: the standard one, then
    the first in the shop's order.
    """
    rows = [one for one in client.pages("/taxes") if one.get("country") in ("", "*", country)]
    rows.sort(key=lambda row: (row.get("class") != "standard", _order(row)))
    found: dict[str, str] = {}
    for row in rows:
        found.setdefault(exact(Decimal(str(row.get("rate") or 0))), _class_of(row))
    taxed = {_class_of(row) for row in rows}
    classes = client.get("/taxes/classes")
    for one in classes if isinstance(classes, list) else ():
        slug = str(one.get("slug") or "standard")
        if slug != "standard" and slug not in taxed:
            found.setdefault("0", slug)
    return found


def _class_of(row: dict[str, Any]) -> str:
    slug = str(row.get("class") or "standard")
    return STANDARD if slug == "standard" else slug


def _order(row: dict[str, Any]) -> int:
    return int(row.get("order") or 0)
