"""Stock by location: rows of `product_warehouse`, which shops with Multi-Inventory have.

A product has one row per warehouse. Rows that somebody else made are written, too, because a second
one for the same warehouse cannot be; those that we made and whose location does not count any more
are set to 0, so that nobody buys what is not for sale. In which groups a product's warehouses count
is the shop's: only a product that we create is put into the groups of its warehouses, without which
the shop would not look at them. Source: docs/sources.md#shopware-warehouses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from integration.connectors.shopware6 import ids
from integration.connectors.shopware6.batch import Row
from integration.connectors.shopware6.client import PAGE_SIZE, Client
from integration.connectors.shopware6.facts import Facts, no_inventory

#: Of what customers see; there are others for drafts.
LIVE_VERSION = "0fa91ce3e96a4bc2be4bd9ce752c3425"

Values = Mapping[str, Any]


class Warehouses:
    """The warehouses of the products of one push."""

    def __init__(self, client: Client, facts: Facts, namespace: str) -> None:
        self._client, self._facts, self._namespace = client, facts, namespace
        #: The id of the row by warehouse, by product; asked for once, however often the shop
        #: refuses a part of the batch.
        self._there: dict[str, dict[str, str]] = {}

    def placed(self, rows: Sequence[Row]) -> list[Values]:
        """The rows' values, with the pieces that lie at `locations` as rows of warehouses.

        Raises: ChannelError for a shop without Multi-Inventory.
        """
        listed = [row.id for row in rows if "locations" in row.values]
        self._look([one for one in listed if one not in self._there])
        return [self._placed(row) if "locations" in row.values else row.values for row in rows]

    def written(self, products: Iterable[Values]) -> None:
        """Forget what these products had before a request that came through."""
        for one in products:
            self._there.pop(str(one["id"]), None)

    def _placed(self, row: Row) -> Values:
        there = self._there[row.id]
        ours = {one for one, row_id in there.items() if row_id == self._row_id(row.id, one)}
        pieces = {**dict.fromkeys(ours, 0), **row.values["locations"]}
        values = {name: value for name, value in row.values.items() if name != "locations"}
        values["warehouses"] = [
            {
                "id": there.get(warehouse) or self._row_id(row.id, warehouse),
                "productId": row.id,
                "productVersionId": LIVE_VERSION,
                "warehouseId": warehouse,
                "stock": pieces[warehouse],
            }
            for warehouse in sorted(pieces)
        ]
        if row.is_first:
            groups = self._facts.warehouse_groups(row.values["locations"])
            values["warehouseGroups"] = [{"id": one} for one in groups]
        return values

    def _row_id(self, product_id: str, warehouse: str) -> str:
        return ids.product_warehouse_id(self._namespace, product_id, warehouse)

    def _look(self, product_ids: Sequence[str]) -> None:
        if not product_ids:
            return
        self._there.update((one, {}) for one in product_ids)
        for page in count(1):
            found = self._client.search_plugin(
                "product-warehouse",
                page=page,
                limit=PAGE_SIZE,
                filter=[{"type": "equalsAny", "field": "productId", "value": list(product_ids)}],
                sort=[{"field": "id", "order": "ASC"}],
                includes={"product_warehouse": ["id", "productId", "warehouseId"]},
            )
            if found is None:
                raise no_inventory(self._client)
            for row in found:
                self._there[str(row["productId"])][str(row["warehouseId"])] = str(row["id"])
            if len(found) < PAGE_SIZE:
                return
