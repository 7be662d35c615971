"""Where the pieces lie that a channel sells: its storage locations, and what each of them has.

Only for shops that keep stock by location; for all others the ERP has summed it up.
Source: docs/sources.md#erp-stock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from integration.erp.client import ErpClient
from integration.erp.rows import decimal, id_text
from integration.errors import Gone, Rejected, TransientError

WHOLE = Decimal(100)


@dataclass(frozen=True)
class Storage:
    """A location that a channel sells from; `percent` is the share of its pieces that it may."""

    id: str
    label: str
    percent: Decimal = WHOLE


def of_channel(client: ErpClient, channel_erp_id: str) -> list[Storage]:
    """The locations that the channel sells from, as the ERP lists them.

    Raises: Rejected for a share that cannot be read, TransientError if there is no such channel:
    that is not for the articles to say.
    """
    try:
        answer = client.get(f"/erp/sales-channels/{channel_erp_id}")
    except Gone as error:
        raise TransientError(
            f"the ERP does not tell the storages of channel {channel_erp_id}: {error}"
        ) from error
    listed = answer.get("salesChannelStorages") if isinstance(answer, dict) else None
    found: dict[str, Storage] = {}
    for one in _objects(listed):
        key, label = _storage(one)
        if key is None:
            continue
        percent = decimal(one.get("availabilityPercent"))
        if percent is None and one.get("availabilityPercent") is not None:
            raise Rejected(f"the ERP's availabilityPercent of the storage {key} is no number")
        found.setdefault(key, Storage(key, label, WHOLE if percent is None else percent))
    return list(found.values())


def stocks(client: ErpClient, article_id: str, storages: Iterable[Storage]) -> dict[str, Any]:
    """What each of these locations has of an article, under `storages`; 0 where it has none.

    Shape: ``{id, label, available, percent}``, the ERP's pieces before the channel's share.
    Raises: Rejected for a quantity that cannot be read.
    """
    try:
        answer = client.get(f"/erp/articles/{article_id}/storages")
    except Gone:  # the article was there a moment ago: it lies nowhere
        answer = []
    available: dict[str, Decimal] = {}
    for one in _objects(answer):
        key, _label = _storage(one)
        pieces = decimal(one.get("stockAvailable"))
        if pieces is None and one.get("stockAvailable") is not None:
            raise Rejected(
                f"article id {article_id}: the ERP's stockAvailable of a storage is no number"
            )
        if key is not None:
            available[key] = pieces or Decimal(0)
    return {
        "storages": [
            {
                "id": one.id,
                "label": one.label,
                "available": available.get(one.id, Decimal(0)),
                "percent": one.percent,
            }
            for one in storages
        ]
    }


def _storage(one: dict[str, Any]) -> tuple[str | None, str]:
    """Id and name of the location that a row is about."""
    reference = one.get("storageRef")
    if not isinstance(reference, dict):
        return None, ""
    key = id_text(reference.get("id"))
    return key, str(reference.get("label") or key)


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
