"""The ERP's price records of one article: which of them count on a channel today.

A ProductPrice may be scoped by article or product group, price group, customer group, account,
channel, quantity, date and currency, and may be a special offer (vario-erp.md 5 "Prices").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from integration.erp import reads
from integration.erp.client import ErpClient
from integration.erp.rows import decimal, id_text, truth
from integration.errors import Gone, Rejected
from integration.mapping_kinds import Kind

PATH = "/erp/products/sales-prices/{}"

#: Scopes that no shop has a counterpart for. A price for one customer must not become everybody's.
_FOREIGN_SCOPES = ("accountRef", "supplierGroupRef", "accessoryMainArticleRef")
#: Groups of customers. A shop's customers have one group, so no price is for members of both.
_GROUPS = {Kind.CUSTOMER_GROUP: "customerGroupRef", Kind.PRICE_GROUP: "priceGroupRef"}

Record = dict[str, Any]


@dataclass(frozen=True)
class Scope:
    """Where and when prices shall count. `now` is in the merchant's time zone.

    `price_sources`: the channels that this one takes prices from, the nearest first.
    """

    channel_erp_id: str
    currency: str
    now: datetime
    price_sources: tuple[str, ...] = ()

    def nearness(self, channel: str | None) -> int | None:
        """How near a record of this channel, or of none, is to ours; None: it is not for us."""
        nearest = (self.channel_erp_id, *self.price_sources, None)
        return -nearest.index(channel) if channel in nearest else None


def prices(client: ErpClient, article_id: str, scope: Scope) -> dict[str, Any]:
    """The records that count, under `prices`. Raises: Rejected for one that cannot be read."""
    try:
        answer = client.get(PATH.format(article_id))
    except Gone:  # the article was there a moment ago: it has no records
        answer = []
    found = [one for one in answer if isinstance(one, dict)] if isinstance(answer, list) else []
    return {"prices": counting(article_id, found, scope)}


def counting(article_id: str, found: Iterable[Record], scope: Scope) -> list[Record]:
    """Of each (group of customers, quantity, offer or not) the most particular record.

    Shape: ``{net, gross, from_quantity, group, group_label, is_offer}``, of a price group its
    ``kind``, too, and of an offer its days ``since`` and ``until`` (ISO); the channel's own goes
    before one of a channel that it takes prices from, this before a general one, the article's
    before its product group's, then the one that began last.
    """
    best: dict[tuple[Any, ...], tuple[tuple[Any, ...], Record]] = {}
    for one in found:
        since, until = (
            _day(article_id, one, "validFrom", scope),
            _day(article_id, one, "validUntil", scope),
        )
        if not _is_meant(article_id, one, scope) or not _runs(since, until, scope.now.date()):
            continue
        record = _record(article_id, one) | _offer_days(one, since, until)
        key = (
            record.get("kind"),
            record["group"],
            record["from_quantity"],
            record["is_offer"],
        )
        rank = (
            scope.nearness(_ref(one, "salesChannelRef")),
            _ref(one, "articleRef") is not None,
            since or date.min,
            id_text(one.get("id")) or "",
        )
        if key not in best or rank > best[key][0]:
            best[key] = rank, record
    return [record for _rank, record in best.values()]


def _is_meant(article_id: str, one: Record, scope: Scope) -> bool:
    currency = reads.currency_of(one.get("currencyRef"))
    return (
        one.get("qualifier") in (None, "SALES")
        and _ref(one, "articleRef") in (None, article_id)
        and scope.nearness(_ref(one, "salesChannelRef")) is not None
        and (currency is None or currency == scope.currency.upper())
        and all(one.get(name) is None for name in _FOREIGN_SCOPES)
        and _has_one_group(one)
    )


def _has_one_group(one: Record) -> bool:
    """Or none. A price for a group that cannot be read must not become everybody's."""
    stated = [name for name in _GROUPS.values() if one.get(name) is not None]
    return len(stated) <= 1 and all(_ref(one, name) is not None for name in stated)


def _runs(since: date | None, until: date | None, today: date) -> bool:
    """Both days belong to it."""
    return (since is None or since <= today) and (until is None or today <= until)


def _record(article_id: str, one: Record) -> Record:
    quantity = one.get("fromQuantity")
    kind = Kind.CUSTOMER_GROUP if one.get("priceGroupRef") is None else Kind.PRICE_GROUP
    group = one.get(_GROUPS[kind])
    record = {
        "net": _number(article_id, one, "netPrice"),
        "gross": _number(article_id, one, "grossPrice"),
        "from_quantity": 1 if quantity is None else _number(article_id, one, "fromQuantity"),
        "group": _ref(one, _GROUPS[kind]),
        "group_label": str(group.get("label") or "") if isinstance(group, dict) else "",
        "is_offer": truth(one.get("specialOfferPrice"), False),
    }
    return record if kind is Kind.CUSTOMER_GROUP else {**record, "kind": kind.value}


def _offer_days(one: Record, since: date | None, until: date | None) -> Record:
    """The first and the last day of an offer, as far as it has them."""
    if not truth(one.get("specialOfferPrice"), False):
        return {}
    days = {"since": since, "until": until}
    return {name: day.isoformat() for name, day in days.items() if day is not None}


def _number(article_id: str, one: Record, name: str) -> Any:
    value = one.get(name)
    number = decimal(value)
    if number is None and value is not None:
        raise Rejected(f"article id {article_id}: the ERP's {name} of a price is no usable number")
    return number


def _day(article_id: str, one: Record, name: str, scope: Scope) -> date | None:
    """The merchant's day that a date or a point in time falls on."""
    value = one.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and len(value) > len("2026-11-30"):
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo is None else moment.astimezone(scope.now.tzinfo)).date()
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Rejected(
            f"article id {article_id}: the ERP's {name} of a price is no date"
        ) from error


def _ref(one: Record, name: str) -> str | None:
    reference = one.get(name)
    return id_text(reference.get("id")) if isinstance(reference, dict) else None
