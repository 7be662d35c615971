"""Price records beside an article's plain price: offers, quantity steps, customer and price groups.

They come by `/_sandbox/edit` with `prices`, which replaces all of an article's records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.catalogue import GROSS, NET, TAX_RATES, round_cents

ZONE = ZoneInfo("Europe/Berlin")
RECORD_BASE, RECORD_END = 6_000_000_000, 10_000_000_000  # between rules and listings
GROUPS = {"1": "Endkunden", "2": "Händler", "3": "Großkunden"}
PRICE_GROUPS = {"1": "VK 1", "2": "VK 2", "7": "Fachhandel"}
_KEYS = {"net", "gross", "from", "group", "price_group", "offer", "since", "until", "channel",
         "currency"}


@dataclass(frozen=True, slots=True)
class PriceRecord:
    """`since` and `until` are days of the merchant, both belong to it; `channel` 0: all;
    `currency` empty: what the ERP prices in."""

    id: int
    net: Decimal | None
    gross: Decimal | None
    start: Decimal = Decimal(1)
    group: str | None = None
    is_offer: bool = False
    since: date | None = None
    until: date | None = None
    channel: int = 0
    currency: str = ""
    price_group: str | None = None

    @property
    def base(self) -> str:
        return NET if self.gross is None else GROSS

    def runs(self) -> bool:
        today = datetime.now(ZONE).date()
        return (self.since or today) <= today <= (self.until or today)

    def taxed(self, tax: str) -> PriceRecord:
        """The same authoritative amount under another tax."""
        factor = 1 + TAX_RATES[tax] / 100
        if self.net is None or self.gross is None:
            return self
        return replace(self, net=round_cents(self.gross / factor))


def running_offer(records: Iterable[PriceRecord],
                  channels: Iterable[int]) -> PriceRecord | None:
    """The cheapest offer that one piece has today on these channels, for everybody, in the ERP's
    own currency."""
    meant = {0, *channels}
    found = [one for one in records
             if one.is_offer and one.group is None and one.price_group is None
             and one.start <= 1 and not one.currency
             and one.channel in meant and one.gross is not None and one.net is not None
             and one.runs()]
    return min(found, key=lambda one: one.gross or 0, default=None)


def read(entries: Any, first_id: int) -> tuple[PriceRecord, ...]:
    """The records of an edit. Raises ValueError that says what is wrong."""
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ValueError("prices is a list of objects")
    return tuple(_record(one, first_id + place) for place, one in enumerate(entries))


def _record(entry: dict[str, Any], identifier: int) -> PriceRecord:
    if unknown := set(entry) - _KEYS:
        raise ValueError(f"a price cannot have {', '.join(sorted(unknown))}; it has "
                         f"{', '.join(sorted(_KEYS))}")
    group = _group(entry, "group", GROUPS, "customer group")
    price_group = _group(entry, "price_group", PRICE_GROUPS, "price group")
    amounts = {name: _amount(entry, name) for name in ("net", "gross", "from")}
    if amounts["net"] is None and amounts["gross"] is None:
        raise ValueError("a price has net or gross, or both")
    return PriceRecord(
        identifier, amounts["net"], amounts["gross"], amounts["from"] or Decimal(1),
        group, bool(entry.get("offer")), _day(entry, "since"), _day(entry, "until"),
        int(entry.get("channel") or 0), str(entry.get("currency") or ""), price_group)


def _group(entry: dict[str, Any], name: str, there: Mapping[str, str], what: str) -> str | None:
    value = entry.get(name)
    if value is not None and str(value) not in there:
        raise ValueError(f"there is no {what} {value!r}")
    return None if value is None else str(value)


def _amount(entry: dict[str, Any], name: str) -> Decimal | None:
    value = entry.get(name)
    if value is None:
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{name} of a price is a number") from None


def _day(entry: dict[str, Any], name: str) -> date | None:
    value = entry.get(name)
    try:
        return None if value is None else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} of a price is a day, e.g. 2026-11-30") from None


def lowest(value: Any) -> dict[str, Decimal | None]:
    """Lowest prices of 30 days, as a listing has them. Raises ValueError."""
    names = ("custom_net", "custom_gross", "proposed_net", "proposed_gross")
    if not isinstance(value, dict) or set(value) - set(names):
        raise ValueError(f"lowest is an object with some of {', '.join(names)}")
    return {name: _amount(value, name) for name in names}
