"""What the ERP has of each kind that can be mapped, as far as its contract offers a list.

Customer groups, delivery methods, units and manufacturers have no list of their own (vario-erp.md
4.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from integration.connectors.base import Choice
from integration.erp import listings
from integration.erp.client import ErpClient
from integration.erp.rows import decimal, id_text
from integration.errors import Gone
from integration.mapping_kinds import Kind

#: Rows per page of a classic list, and pages at most: an ERP that ignores `_start` repeats itself.
PAGE, MAX_PAGES = 500, 40
#: Articles that are asked for their languages; there is no list of all languages.
SAMPLED = 3


def offered(client: ErpClient, channel_erp_id: str, kind: Kind) -> list[Choice] | None:
    """The ERP's choices by label; None for kinds that it does not list. Only reads."""
    ask = _ASK_BY_KIND.get(kind)
    if ask is None:
        return None
    try:
        choices = ask(client, channel_erp_id)
    except Gone:  # this ERP has no such list
        return None
    return None if choices is None else sorted(choices, key=lambda one: (one.label, one.id))


def _taxes(client: ErpClient, _channel: str) -> list[Choice]:
    """Tax types, each with its newest rate in the country that articles are taxed in by default."""
    schemas = _objects(client.get("/erp/taxes/tax-schemas"))
    countries = [one.get("defaultCountryCode") for one in schemas]
    country = next((str(code) for code in countries if code), "")
    newest: dict[str, Mapping[str, Any]] = {}
    for rate in _listed(client, "/erp/taxes/tax-rates"):
        type_id = id_text(_object(rate.get("typeRef")).get("id"))
        if type_id is None or rate.get("active") is False:
            continue
        known = newest.get(type_id)
        if known is None or _rank(rate, country) > _rank(known, country):
            newest[type_id] = rate
    return [_tax(type_id, rate) for type_id, rate in newest.items()]


def _rank(rate: Mapping[str, Any], country: str) -> tuple[bool, str]:
    return rate.get("countryCode") == country, str(rate.get("validFrom") or "")


def _tax(type_id: str, rate: Mapping[str, Any]) -> Choice:
    percent = decimal(rate.get("rate"))
    label = str(_object(rate.get("typeRef")).get("label") or f"tax type {type_id}")
    if percent is None:
        return Choice(type_id, label)
    text = f"{percent.normalize():f}"
    return Choice(type_id, f"{label} ({text} %)", text)


def _categories(client: ErpClient, _channel: str) -> list[Choice]:
    return _choices(_listed(client, "/cmn/category"))


def _languages(client: ErpClient, channel_erp_id: str) -> list[Choice] | None:
    """The languages of some articles of the channel; None without articles."""
    sample = listings.listed_page(client, channel_erp_id, limit=SAMPLED).ids
    codes: set[str] = set()
    for article_id in sample:
        path = f"/erp/articles/{article_id}/languages-available-for-article"
        answer = client.get(path, {"salesChannelId": channel_erp_id})
        codes |= {str(one) for one in answer} if isinstance(answer, list) else set()
    return [Choice(code, code, code) for code in codes] if sample else None


def _storages(client: ErpClient, channel_erp_id: str) -> list[Choice]:
    """The storage locations that the channel sells from."""
    channel = _object(client.get(f"/erp/sales-channels/{channel_erp_id}"))
    return _choices(
        [_object(one.get("storageRef")) for one in _objects(channel.get("salesChannelStorages"))]
    )


def _choices(rows: list[dict[str, Any]]) -> list[Choice]:
    labels = {id_text(row.get("id")): row.get("label") or row.get("name") for row in rows}
    return [Choice(key, str(label or key)) for key, label in labels.items() if key is not None]


def _listed(client: ErpClient, path: str) -> list[dict[str, Any]]:
    """All rows of a classic list (vario-erp.md 4.2); one that does not page answers once."""
    rows: dict[str, dict[str, Any]] = {}
    for page in range(MAX_PAGES):
        paging = {"_start": str(page * PAGE), "_limit": str(PAGE)}
        found = _objects(client.get(path, paging))
        new = {f"{row}": row for row in found if f"{row}" not in rows}
        rows.update(new)
        if len(found) != PAGE or not new:
            break
    return list(rows.values())


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


_ASK_BY_KIND: Mapping[Kind, Callable[[ErpClient, str], list[Choice] | None]] = {
    Kind.TAX: _taxes,
    Kind.CATEGORY: _categories,
    Kind.LANGUAGE: _languages,
    Kind.STORAGE_LOCATION: _storages,
}
