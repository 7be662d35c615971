"""What we ask of a shop once and remember: ids of taxes and manufacturers, its currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from integration.connectors.base import FactStore
from integration.connectors.batches import exact
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.ids import is_id
from integration.errors import ChannelError

#: The same in every shop, whatever its ISO code; each price list must have an entry in it.
DEFAULT_CURRENCY = "b7d2554b0ce847cd82f3ac9bd1c0dfca"

_TAXES = "tax-ids"
_ALL_TAXES = "all-tax-ids"
_CURRENCY = "currency"
_MANUFACTURERS = "manufacturers"
_MAPPED_MANUFACTURERS = "mapped-manufacturers"
_PRICE_RULES = "price-rules"
_WAREHOUSES = "warehouses"
#: Beyond this the list starts anew; it is read for each batch.
MANUFACTURERS_KEPT = 2_000


class Tax(NamedTuple):
    """A tax of the shop; the rate in percent as `exact` writes it."""

    id: str
    rate: str
    name: str


class Facts:
    """Facts of one shop, from the channel's store or else from the shop."""

    def __init__(self, client: Client, store: FactStore) -> None:
        self._client, self._store = client, store

    def tax_ids(self, rates: Iterable[str]) -> dict[str, str]:
        """Tax id by rate, the rate in percent as `exact` writes it. Lacks what the shop lacks."""
        wanted = set(rates)
        known = self._store.get(_TAXES)
        if not isinstance(known, dict) or not wanted <= known.keys():
            # A rate may have been added since; asked once per push, and only if one is missing.
            known = by_rate(self._asked_for_taxes())
        return {rate: known[rate] for rate in wanted if rate in known}

    def taxes_there(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of `ids` that are taxes of the shop."""
        wanted = frozenset(ids)
        known = self._store.get(_ALL_TAXES)
        if not isinstance(known, list) or not wanted <= set(known):
            known = [tax.id for tax in self._asked_for_taxes()]
        return wanted & set(known)

    def _asked_for_taxes(self) -> list[Tax]:
        found = taxes(self._client)
        self._store.put(_TAXES, by_rate(found))
        self._store.put(_ALL_TAXES, [tax.id for tax in found])
        return found

    def manufacturer_ids(self, names: Iterable[str]) -> Mapping[str, str]:
        """Manufacturer id by casefolded name. Lacks what the shop lacks."""
        known = self._store.get(_MANUFACTURERS)
        known = known if isinstance(known, dict) else {}
        missing = sorted({name for name in names if name.casefold() not in known})
        found = manufacturer_ids(self._client, missing)
        if found:
            if len(known) + len(found) > MANUFACTURERS_KEPT:
                self._store.put(_MANUFACTURERS, found)
            else:
                self._store.put(_MANUFACTURERS, {**known, **found})
        return {**known, **found}

    def manufacturers_there(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of `ids` that are manufacturers of the shop."""
        wanted = {one for one in ids if is_id(one)}
        known = set(self._store.get(_MAPPED_MANUFACTURERS) or ())
        if missing := wanted - known:
            rows = self._client.search(
                "product-manufacturer",
                ids=sorted(missing),
                includes={"product_manufacturer": ["id"]},
            )
            known |= {str(row["id"]) for row in rows}
            self._store.put(_MAPPED_MANUFACTURERS, sorted(known))
        return frozenset(wanted & known)

    def price_rules(self, marker: str) -> list[str]:
        """Ids of the rules that we made for prices, found by their description."""
        known = self._store.get(_PRICE_RULES)
        if not isinstance(known, list):
            known = rules(self._client, marker)
            self._store.put(_PRICE_RULES, known)
        return known

    def forget_price_rules(self) -> None:
        """Some were made. Asked for anew, because another worker may have made others meanwhile."""
        self._store.put(_PRICE_RULES, None)

    def warehouses_there(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of `ids` that are warehouses of the shop.

        Raises: ChannelError for a shop without Multi-Inventory.
        """
        return frozenset(ids) & self._groups_by_warehouse(ids).keys()

    def warehouse_groups(self, ids: Iterable[str]) -> list[str]:
        """Ids of the groups that have one of these warehouses."""
        known = self._groups_by_warehouse(ids)
        return sorted({group for one in ids for group in known.get(one, ())})

    def _groups_by_warehouse(self, ids: Iterable[str]) -> Mapping[str, Sequence[str]]:
        known = self._store.get(_WAREHOUSES)
        if not isinstance(known, dict) or not set(ids) <= known.keys():
            known = groups_by_warehouse(self._client)
            self._store.put(_WAREHOUSES, known)
        return known

    def forget_ids(self) -> None:
        """Somebody deleted a tax, a manufacturer, a rule or a warehouse and our ids are stale."""
        self._store.put(_WAREHOUSES, None)
        self._store.put(_PRICE_RULES, None)
        self._store.put(_TAXES, None)
        self._store.put(_ALL_TAXES, None)
        self._store.put(_MANUFACTURERS, None)
        self._store.put(_MAPPED_MANUFACTURERS, None)

    def check_currency(self, code: str) -> None:
        """Raises: ChannelError unless `code` is the shop's default currency."""
        if self._store.get(_CURRENCY) == code:
            return
        default = default_currency(self._client)
        if default != code:
            raise ChannelError(
                f"the shop's default currency is {default or 'unknown'}, but the channel sells in "
                f"{code}; set the channel's currency to that of the shop"
            )
        self._store.put(_CURRENCY, code)


def taxes(client: Client) -> list[Tax]:
    """The shop's taxes in its own order."""
    rows = client.search("tax", includes={"tax": ["id", "taxRate", "name", "position"]})
    rows.sort(key=lambda row: (row.get("position") or 0, str(row["id"])))
    return [
        Tax(str(row["id"]), exact(Decimal(str(row["taxRate"]))), str(row.get("name") or ""))
        for row in rows
    ]


def groups_by_warehouse(client: Client) -> dict[str, list[str]]:
    """Ids of the groups of each warehouse, by its id.

    Raises: ChannelError for a shop without Multi-Inventory.
    """
    rows = client.search_plugin(
        "warehouse",
        includes={"warehouse": ["id", "groups"], "warehouse_group": ["id"]},
        associations={"groups": {}},
    )
    if rows is None:
        raise no_inventory(client)
    return {
        str(row["id"]): sorted(str(one["id"]) for one in row.get("groups") or ()) for row in rows
    }


def no_inventory(client: Client) -> ChannelError:
    """What a channel with `storages` says of a shop that has no warehouses."""
    return ChannelError(
        f"{client.settings.host} has no warehouses: they belong to Multi-Inventory of Shopware "
        "Beyond, which is not active there; activate it, or set storages=off on the channel"
    )


def by_rate(found: Sequence[Tax]) -> dict[str, str]:
    """Tax id by rate. Several taxes may have one rate (a copy, a special rule): the first."""
    return {tax.rate: tax.id for tax in reversed(found)}


def manufacturer_ids(client: Client, names: Sequence[str]) -> dict[str, str]:
    """Manufacturer id by casefolded name; of several with one name, the first by id."""
    if not names:
        return {}
    rows = client.search(
        "product-manufacturer",
        filter=[{"type": "equalsAny", "field": "name", "value": list(names)}],
        includes={"product_manufacturer": ["id", "name"]},
    )
    rows.sort(key=lambda row: str(row["id"]), reverse=True)
    return {str(row.get("name") or "").casefold(): str(row["id"]) for row in rows}


def default_currency(client: Client) -> str | None:
    """ISO code of the shop's default currency; None if the shop does not show it."""
    rows = client.search(
        "currency", ids=[DEFAULT_CURRENCY], includes={"currency": ["id", "isoCode"]}
    )
    return next((str(row["isoCode"]) for row in rows if row.get("id") == DEFAULT_CURRENCY), None)


def rules(client: Client, description: str) -> list[str]:
    """Ids of the rules of this description. A shop has a few hundred at most."""
    rows = client.search(
        "rule",
        filter=[{"type": "equals", "field": "description", "value": description}],
        includes={"rule": ["id"]},
    )
    return sorted(str(row["id"]) for row in rows)
