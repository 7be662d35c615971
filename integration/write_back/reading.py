"""What the ERP says of product ids now: whether it has the field, and what stands in it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.connectors.base import FactStore
from integration.erp import catalogue, vql
from integration.erp.client import ErpClient
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY, VQL_PATH
from integration.erp.rows import group, id_text
from integration.errors import Forbidden, Gone, Held, Rejected
from integration.write_back.facts import FIELD_FACT, NO_FIELD

#: The vendor's framework reads groups below its facade (vario-erp.md 4.1).
FIELD_PATH = f"/community/latest/cmn/eav-groups/by-key/{GROUP_KEY}"
LISTING_COLUMN = "listings.id"
ADVICE = "run the app's installation again; until then product ids wait, and nothing else does"


@dataclass(frozen=True)
class Found:
    """An article's listing on the channel. `is_read` false: what stands in the field is unknown."""

    article_id: str
    listing_id: str
    external_id: str | None = None
    is_read: bool = True

    @property
    def path(self) -> str:
        return f"/erp/articles/{self.article_id}/listings/{self.listing_id}"


def require_field(client: ErpClient, facts: FactStore) -> None:
    """Return when the ERP has the field for the product id; asked once a day.

    Raises: Held with the one reason that all product ids of the tenant wait for.
    """
    if facts.get(FIELD_FACT):
        return
    try:
        answer = client.get(FIELD_PATH)
    except (Gone, Forbidden) as error:
        raise no_field(client, str(error)) from error
    if not _has_attribute(answer):
        raise no_field(client, f"its group {GROUP_KEY} has no attribute {ATTRIBUTE_KEY}")
    # The columns were perhaps asked for before the field was made.
    catalogue.rediscover(client, facts)
    facts.put(FIELD_FACT, True)


def no_field(client: ErpClient, why: str) -> Held:
    """The hold of product ids that the ERP cannot take."""
    return Held(
        NO_FIELD,
        f"the ERP of tenant {client.access.tenant} has no field for the shop's product id, or does "
        f"not let the app write it ({why}); {ADVICE}",
    )


def _has_attribute(answer: Any) -> bool:
    attributes = answer.get("attributes") if isinstance(answer, dict) else None
    keys = [one.get("key") for one in attributes or () if isinstance(one, dict)]
    return ATTRIBUTE_KEY in keys


def present(
    client: ErpClient, facts: FactStore, channel_erp_id: str, article_ids: Sequence[str]
) -> dict[str, Found] | None:
    """The listings of these articles (100 at most) with what stands in the field, in one query.

    An article without an entry has no listing on the channel. None: this ERP does not offer the
    listing's id as a column, or refuses it, so every article is asked for by itself.
    """
    offered = catalogue.discover(client, facts)
    if LISTING_COLUMN not in offered:
        return None
    for is_read in (True, False) if VQL_PATH in offered else (False,):
        # A column that is refused although it was offered is no article's fault.
        with contextlib.suppress(Rejected):
            return _queried(client, is_read, channel_erp_id, article_ids)
    return None


def _queried(
    client: ErpClient, is_read: bool, channel_erp_id: str, article_ids: Sequence[str]
) -> dict[str, Found]:
    columns = [vql.Column("id"), vql.Column(LISTING_COLUMN, "listing_id")]
    if is_read:
        columns.append(vql.Column(VQL_PATH, "external_id"))
    statement = vql.select(
        columns,
        catalogue.SHOP_LISTING,
        where=(
            vql.equals_id(catalogue.CHANNEL_PATH, channel_erp_id),
            vql.in_ids("id", [one for one in article_ids if vql.is_id(one)]),
        ),
        order_by=("id",),
    )
    found = {}
    for article_id, row in group(client.vql_all(statement)).items():
        listing_id = id_text(row.get("listing_id"))
        if listing_id is not None and vql.is_id(listing_id):
            text = id_text(row.get("external_id"))
            found[article_id] = Found(article_id, listing_id, text, is_read)
    return found


def of_article(client: ErpClient, channel_erp_id: str, article_id: str) -> Found | None:
    """The article's listing on the channel by REST; None without one."""
    try:
        answer = client.get(f"/erp/articles/{article_id}/listings")
    except Gone:
        return None
    for entry in answer if isinstance(answer, list) else ():
        if not isinstance(entry, dict):
            continue
        channel = entry.get("salesChannelRef")
        channel_id = id_text(channel.get("id")) if isinstance(channel, dict) else None
        listing_id = id_text(entry.get("id"))
        # Without an id it only stands for a channel that has no listing.
        if channel_id == channel_erp_id and listing_id is not None and vql.is_id(listing_id):
            return Found(article_id, listing_id, external_id_of(entry))
    return None


def custom_of(listing: Any) -> Mapping[str, Any]:
    """The custom fields of a listing by group."""
    custom = listing.get("custom") if isinstance(listing, dict) else None
    return custom if isinstance(custom, dict) else {}


def external_id_of(listing: Any) -> str | None:
    """What stands in our field of a listing."""
    own = custom_of(listing).get(GROUP_KEY)
    return id_text(own.get(ATTRIBUTE_KEY)) if isinstance(own, dict) else None
