"""How a shop is set up: what we ask once a day and remember."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from functools import cached_property

from integration.connectors.base import FactStore
from integration.connectors.batches import exact
from integration.connectors.woocommerce import terms
from integration.connectors.woocommerce.client import Client
from integration.errors import ChannelError

_SETUP = "setup"
_TAX_CLASSES = "tax-classes"

#: Of the standard rate.
STANDARD = "standard"

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
    dimension_unit: str
    manages_stock: bool

    @property
    def keeps_gross(self) -> bool:
        """Which side of a price is written. Without taxes a price is what the customer pays."""
        return self.prices_include_tax or not self.has_taxes

    @property
    def side(self) -> str:
        """The side of a price that is written, as bodies call it."""
        return "gross" if self.keeps_gross else "net"

    @property
    def language(self) -> str:
        """The language of the shop's customers, as far as its country tells: ``de-DE``."""
        code = _LANGUAGES.get(self.country, self.country.lower())
        return f"{code}-{self.country}"


#: Languages whose code is not their country's.
_LANGUAGES = {"AT": "de", "CH": "de", "LI": "de", "GB": "en", "US": "en", "IE": "en", "BE": "nl"}


@dataclass(frozen=True)
class TaxClass:
    """A tax class of the shop; its rate in percent as `exact` writes it."""

    slug: str
    name: str
    rate: str


class Facts:
    """Facts of one shop, from the channel's store or else from the shop."""

    def __init__(self, client: Client, store: FactStore) -> None:
        self._client, self._store = client, store

    @cached_property
    def setup(self) -> Setup:
        return self._remembered() or self.learn()

    def _remembered(self) -> Setup | None:
        """None: the shop was not asked yet, or for something else."""
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

    def brand_ids(self, names: Iterable[str]) -> terms.Brands:
        """Brand ids by folded name; missing ones are made. None for a shop without brands."""
        return terms.brand_ids(self._client, self._store, names)

    def brands_there(self, ids: Iterable[str]) -> frozenset[str] | None:
        """Those of the brands that the shop has; None for a shop without brands."""
        return terms.brands_there(self._client, self._store, ids)

    def forget_brands(self) -> None:
        """Ask the shop for its brands with the next product that has one."""
        terms.forget_brands(self._store)

    def class_by_rate(self, rates: Iterable[str]) -> dict[str, str]:
        """Tax class by rate, the rate in percent as `exact` writes it. Lacks what the shop lacks.

        A shop without taxes has one class for all.
        """
        wanted = set(rates)
        if not self.setup.has_taxes:
            return dict.fromkeys(wanted, STANDARD)
        known = self._classes(lambda found: wanted <= by_rate(found).keys())
        return {rate: one for rate, one in by_rate(known).items() if rate in wanted}

    def classes_there(self, slugs: Iterable[str]) -> frozenset[str]:
        """Those of the classes that the shop has."""
        wanted = set(slugs)
        known = self._classes(lambda found: wanted <= {one.slug for one in found})
        return frozenset(wanted & {one.slug for one in known})

    def rate_by_class(self, *, is_fresh: bool = False) -> dict[str, Decimal]:
        """The rate in percent of each class; none of a shop without taxes.

        `is_fresh`: what is remembered does not count.
        """
        if not self.setup.has_taxes:
            return {}
        known = self._classes(lambda found: bool(found) and not is_fresh)
        return {one.slug: Decimal(one.rate) for one in known}

    def _classes(self, suffices: Callable[[list[TaxClass]], bool]) -> list[TaxClass]:
        """What is remembered if it suffices; it may have been added since: asked once per push."""
        stored = self._store.get(_TAX_CLASSES)
        known = [TaxClass(*one) for one in stored] if isinstance(stored, list) else []
        if not suffices(known):
            known = tax_classes(self._client, self.setup.country)
            self._store.put(_TAX_CLASSES, [[one.slug, one.name, one.rate] for one in known])
        return known


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
        dimension_unit=value.get("woocommerce_dimension_unit", "cm"),
        manages_stock=value.get("woocommerce_manage_stock", "yes") == "yes",
    )


def tax_classes(client: Client, country: str) -> list[TaxClass]:
    """The shop's tax classes with their rate in its own country, the standard one first.

    A class that has no rates there charges nothing.
    """
    rows = [one for one in client.pages("/taxes") if one.get("country") in ("", "*", country)]
    rate_by_class: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: int(row.get("order") or 0)):
        slug = str(row.get("class") or STANDARD)
        rate_by_class.setdefault(slug, exact(Decimal(str(row.get("rate") or 0))))
    classes = client.get("/taxes/classes")
    found = [
        TaxClass(
            str(one.get("slug") or STANDARD),
            str(one.get("name") or ""),
            rate_by_class.get(str(one.get("slug") or STANDARD), "0"),
        )
        for one in (classes if isinstance(classes, list) else ())
    ]
    return sorted(found, key=lambda one: one.slug != STANDARD)


def by_rate(classes: Iterable[TaxClass]) -> dict[str, str]:
    """Class by rate; of several with one rate the first in the shop's order."""
    found: dict[str, str] = {}
    for one in classes:
        found.setdefault(one.rate, one.slug)
    return found


def written_class(slug: str) -> str:
    """The class as a product names it: the standard one has no name there (recorded)."""
    return "" if slug == STANDARD else slug
