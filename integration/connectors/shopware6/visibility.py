"""Whether customers find a product: its row for our sales channel says how far it is shown there.

The rows of a product are unique by sales channel, so that one that is there is raised instead of a
second one made. A variant without rows of its own has its main product's.
Source: shopware6.md 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.connectors.shopware6.client import Client
from integration.connectors.shopware6.refusals import Refused
from integration.errors import Held, IntegrationError, Rejected, RightMissing, TransientError

#: In listings, in the search and by direct link.
EVERYWHERE = 30
#: In the search and by direct link. With less, a customer needs the link.
IN_SEARCH = 20

ENTITY = "product_visibility"
#: What of its rows a search of products has to include.
FIELDS = {ENTITY: ["id", "visibility"]}

#: What products wait for that the shop does not let us show.
NO_RIGHT = "shop-right"


@dataclass(frozen=True)
class Listed:
    """A product's row for our sales channel, whoever made it."""

    id: str
    level: int

    @property
    def is_found(self) -> bool:
        return self.level >= IN_SEARCH


def association(client: Client) -> dict[str, Any]:
    """The rows for our sales channel, as the association `visibilities` of a search."""
    ours = client.settings.sales_channel_id
    return {"filter": [{"type": "equals", "field": "salesChannelId", "value": ours}]}


def listed(row: Mapping[str, Any]) -> Listed | None:
    """Of a product that was searched with the association."""
    rows = row.get("visibilities") or ()
    return next((Listed(str(one["id"]), int(one["visibility"])) for one in rows), None)


def is_visible(row: Mapping[str, Any]) -> bool | None:
    """Whether customers find a product. None: it was not asked for, or the main product tells."""
    if row.get("visibilities") is None:
        return None
    found = listed(row)
    if found is None:
        return None if row.get("parentId") else False
    return found.is_found


def hidden(client: Client, product_ids: Sequence[str]) -> dict[str, Listed | None]:
    """Those of these products that customers do not find, with the row that is too low."""
    if not product_ids:
        return {}
    rows = client.search(
        "product",
        ids=list(product_ids),
        includes={"product": ["id", "parentId", "visibilities"], **FIELDS},
        associations={"visibilities": association(client)},
    )
    return {str(row["id"]): listed(row) for row in rows if is_visible(row) is False}


def show(client: Client, rows: Sequence[Mapping[str, Any]]) -> dict[str, IntegrationError]:
    """Write these rows; why it cannot be done, by row.

    In a request of its own, so that what the shop has against it keeps nothing else back.
    Failure policy: at least once; the same rows again are the same write.
    """
    wanted = [str(row["id"]) for row in rows]
    if not wanted:
        return {}
    try:
        written = client.upsert(ENTITY, rows)
    except RightMissing as error:
        return dict.fromkeys(wanted, Held(NO_RIGHT, str(error)))
    except Refused as refused:
        if len(rows) > 1:
            return {row_id: one for row in rows for row_id, one in show(client, [row]).items()}
        # Somebody gave the product such a row meanwhile, or took the product away.
        return {wanted[0]: TransientError(f"the shop does not show the product: {refused}")}
    unnamed = Rejected("the shop answered 200 but did not name the visibility")
    return {one: unnamed for one in wanted if one not in written}
