"""Writes our group of custom fields into a listing, and leaves the groups of others as they are.

Whether a PATCH merges into `custom` or replaces it is not documented (vario-erp.md 4.6). Our own
group is sent whole, so that it is right either way. Those of others are safe if the ERP merges
deep, which is checked on a listing that has such a group, or if there is no other group. Otherwise
the listing is read first and all its groups are sent back: two requests instead of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from integration import wire
from integration.connectors.base import FactStore
from integration.erp import catalogue, vql
from integration.erp.client import PAGE_SIZE, ErpClient
from integration.erp.external_id import ATTRIBUTE_KEY, GROUP_KEY, VQL_PATH
from integration.erp.rows import id_text
from integration.errors import Busy, Gone, Rejected
from integration.write_back.facts import MERGE_FACT, PROBE_FACT
from integration.write_back.reading import LISTING_COLUMN, Found, custom_of, external_id_of

_CUSTOM = "listings.custom."


class Merge(StrEnum):
    """What a PATCH does to the custom fields that it does not name."""

    DEEP = "deep"
    SHALLOW = "shallow"
    #: No listing with a foreign group was found to see it.
    UNKNOWN = "unknown"


def put(
    client: ErpClient,
    found: Found,
    external_id: str,
    *,
    sends_all: bool,
    before_write: Callable[[], float],
) -> None:
    """Write the product id into the listing; `sends_all` as `must_send_all` says.

    Raises: Rejected also when the ERP's answer shows another value than the one it was sent.
    """
    own = {GROUP_KEY: {ATTRIBUTE_KEY: external_id}}
    if sends_all:
        answer = _put_all(client, found, own, before_write)
    else:
        answer = client.patch(found.path, {"custom": own}, before_write)
    shown = external_id_of(answer)
    if isinstance(answer, dict) and "custom" in answer and shown != external_id:
        raise Rejected(f"PATCH {found.path} was accepted, but the field then holds {shown!r}")


def must_send_all(client: ErpClient, facts: FactStore, channel_erp_id: str) -> bool:
    """Whether a PATCH of our group alone could cost the groups of others.

    Finds out how the ERP merges, where that makes a difference and was not seen for a day.
    """
    mend(client, facts)
    if _is_alone(client, facts):
        return False
    known = facts.get(MERGE_FACT)
    merge = verify(client, facts, channel_erp_id) if known is None else known
    return merge != Merge.DEEP


def _is_alone(client: ErpClient, facts: FactStore) -> bool:
    """Is our group the only one of listings? Sure only where the ERP shows groups as columns."""
    offered = catalogue.discover(client, facts)
    return VQL_PATH in offered and not _foreign_columns(offered)


def _foreign_columns(offered: frozenset[str]) -> list[str]:
    own = f"{_CUSTOM}{GROUP_KEY}."
    return sorted(one for one in offered if one.startswith(_CUSTOM) and not one.startswith(own))


def _put_all(
    client: ErpClient,
    found: Found,
    own: Mapping[str, Any],
    before_write: Callable[[], float],
) -> Any:
    """Send all groups back, ours changed; read once more when somebody else was faster."""
    try:
        return client.patch(found.path, _whole(client.get(found.path), own), before_write)
    except (Busy, Rejected):
        # A conflict of versions, perhaps: which status it has is unknown.
        return client.patch(found.path, _whole(client.get(found.path), own), before_write)


def _whole(listing: Any, own: Mapping[str, Any]) -> dict[str, Any]:
    """All groups with our own changed; the version guards the foreign ones."""
    body: dict[str, Any] = {"custom": {**custom_of(listing), **own}}
    version = listing.get("version") if isinstance(listing, dict) else None
    return body if version is None else {**body, "version": version}


def verify(client: ErpClient, facts: FactStore, channel_erp_id: str) -> Merge:
    """Find out how the ERP merges, on a listing of the channel that has a foreign group.

    Part of the installation; asked again once a day where there are foreign groups. At most seven
    requests. UNKNOWN: none of the first hundred listings has one.
    """
    mend(client, facts)
    place = _with_foreign_group(client, facts, channel_erp_id)
    merge = Merge.UNKNOWN if place is None else verify_merge(client, facts, place)
    facts.put(MERGE_FACT, merge.value)
    return merge


def verify_merge(client: ErpClient, facts: FactStore, found: Found) -> Merge:
    """Write our group of this listing as it is, and see whether the groups of others survive.

    Those that do not are put back at once, from the answer of a read that is stored before the
    write: whoever dies in between leaves them to `mend`. UNKNOWN: the listing has no other group.
    """
    before = dict(custom_of(client.get(found.path)))
    own = before.pop(GROUP_KEY, None) or {ATTRIBUTE_KEY: None}
    foreign = {key: value for key, value in before.items() if value}
    if not foreign:
        return Merge.UNKNOWN
    # As text: a fact knows no exact decimals.
    facts.put(PROBE_FACT, wire.dumps({"path": found.path, "custom": foreign}))
    client.patch(found.path, {"custom": {GROUP_KEY: own}})
    is_deep = not mend(client, facts)
    return Merge.DEEP if is_deep else Merge.SHALLOW


def mend(client: ErpClient, facts: FactStore) -> bool:
    """Put back what a check of the merge took away; whether there was something."""
    noted = facts.get(PROBE_FACT)
    if not isinstance(noted, str):
        return False
    probe = wire.loads(noted)
    path, foreign = probe["path"], probe["custom"]
    try:
        now = custom_of(client.get(path))
        lost = {key: value for key, value in foreign.items() if not now.get(key)}
        if lost:
            client.patch(path, {"custom": {**now, **lost}})
    except Gone:
        lost = {}
    facts.put(PROBE_FACT, None)
    return bool(lost)


def _with_foreign_group(client: ErpClient, facts: FactStore, channel_erp_id: str) -> Found | None:
    """The first listing of the channel's first page that has a value in a foreign group."""
    # Asked now: the groups may be younger than what is remembered.
    offered = catalogue.rediscover(client, facts)
    foreign = _foreign_columns(offered)
    if not foreign or LISTING_COLUMN not in offered:
        return None
    names = [f"foreign{number}" for number in range(len(foreign))]
    columns = [
        vql.Column("id"),
        vql.Column(LISTING_COLUMN, "listing_id"),
        *map(vql.Column, foreign, names),
    ]
    statement = vql.select(
        columns,
        catalogue.SHOP_LISTING,
        where=[vql.equals_id(catalogue.CHANNEL_PATH, channel_erp_id)],
        order_by=["id"],
    )
    try:
        rows = client.vql(statement, limit=PAGE_SIZE).rows
    except Rejected:  # a column that was offered is refused
        return None
    for row in rows:
        article_id, listing_id = id_text(row.get("id")), id_text(row.get("listing_id"))
        if article_id and listing_id and any(row.get(one) is not None for one in names):
            return Found(article_id, listing_id)
    return None
