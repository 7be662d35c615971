"""What we ask of a shop once and remember: ids of its taxes by rate, the id of its currency."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from integration.connectors.base import FactStore
from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.payloads import exact
from integration.errors import ChannelError

#: The same in every shop, whatever its ISO code; each price list must have an entry in it.
DEFAULT_CURRENCY = "b7d2554b0ce847cd82f3ac9bd1c0dfca"

_TAXES = "tax-ids"
_CURRENCY = "currency"


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
            known = tax_ids(self._client)
            self._store.put(_TAXES, known)
        return {rate: known[rate] for rate in wanted if rate in known}

    def forget_taxes(self) -> None:
        """Somebody deleted a tax in the shop and our ids are stale."""
        self._store.put(_TAXES, None)

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


def tax_ids(client: Client) -> dict[str, str]:
    """The shop's tax ids by rate."""
    rows = client.search("tax", includes={"tax": ["id", "taxRate", "position"]})
    # Several taxes may have one rate (a copy, a special rule): the first in the shop's order.
    rows.sort(key=lambda row: (row.get("position") or 0, str(row["id"])), reverse=True)
    return {exact(Decimal(str(row["taxRate"]))): str(row["id"]) for row in rows}


def default_currency(client: Client) -> str | None:
    """ISO code of the shop's default currency; None if the shop does not show it."""
    rows = client.search(
        "currency", ids=[DEFAULT_CURRENCY], includes={"currency": ["id", "isoCode"]}
    )
    return next((str(row["isoCode"]) for row in rows if row.get("id") == DEFAULT_CURRENCY), None)
