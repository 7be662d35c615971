"""From price records to what a shop asks: the price now, and lists of prices by quantity. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from integration.documents import Amount, PriceStep
from integration.mapping_kinds import Kind

CENT = Decimal("0.01")

#: Kind and id of a group of customers of the ERP; None: everybody.
Whose = tuple[Kind, str] | None


@dataclass(frozen=True)
class PriceRecord:
    """A price record that counts on the channel today (integration.erp.price_records).

    `group` is the ERP's customer group or price group, as `kind` says; None: everybody. `since`
    and `until` are the first and the last day of an offer, in the merchant's time zone.
    """

    net: Decimal | None = None
    gross: Decimal | None = None
    from_quantity: Decimal = Decimal(1)
    group: str | None = None
    group_label: str = ""
    is_offer: bool = False
    since: date | None = None
    until: date | None = None
    kind: Kind = Kind.CUSTOMER_GROUP

    @property
    def whose(self) -> Whose:
        return None if self.group is None else (self.kind, self.group)


@dataclass
class _Steps:
    """Amounts by the quantity from which they count; 1 is the smallest."""

    regular: dict[int, Amount] = field(default_factory=dict)
    offers: dict[int, Amount] = field(default_factory=dict)


def amount(net: Decimal | None, gross: Decimal | None, rate: Decimal) -> Amount | None:
    """Both sides as stated; one that is missing by the tax rate, rounded half up to cents.

    None without a price: 0 is none.
    """
    factor = 1 + rate / 100
    if net is None and gross is not None:
        net = (gross / factor).quantize(CENT, ROUND_HALF_UP)
    if gross is None and net is not None:
        gross = (net * factor).quantize(CENT, ROUND_HALF_UP)
    return None if net is None or gross is None or net <= 0 or gross <= 0 else Amount(net, gross)


def steps_by_group(
    base: Amount, records: Iterable[PriceRecord], rate: Decimal
) -> dict[Whose, tuple[PriceStep, ...]]:
    """The prices by quantity, for everybody (None) and for each group of customers with a record.

    `base` is what the ERP says one piece costs; whether it includes a running offer is not known
    for its columns, so the lower one counts. The first step of each list is one piece.
    """
    found: dict[Whose, _Steps] = {None: _Steps()}
    for one in records:
        value = amount(one.net, one.gross, rate)
        if value is not None:
            steps = found.setdefault(one.whose, _Steps())
            (steps.offers if one.is_offer else steps.regular)[_whole(one.from_quantity)] = value
    general = found[None]
    if 1 in general.offers:
        general.offers[1] = min(base, general.offers[1], key=_gross)
        general.regular.setdefault(1, base)
    else:
        general.regular[1] = base
    return {whose: _listed(general, own) for whose, own in found.items()}


def offer_days(records: Iterable[PriceRecord]) -> tuple[date | None, date | None]:
    """First and last day of the offer on one piece for everybody."""
    days: tuple[date | None, date | None] = (None, None)
    for one in records:
        if one.is_offer and one.group is None and _whole(one.from_quantity) == 1:
            days = one.since, one.until
    return days


def _listed(general: _Steps, own: _Steps) -> tuple[PriceStep, ...]:
    quantities = {*general.regular, *general.offers, *own.regular, *own.offers}
    steps: list[PriceStep] = []
    for quantity in sorted(quantities):
        step = _step(general, own, quantity)
        last = steps[-1] if steps else None
        if last is None or (last.amount, last.list_price) != (step.amount, step.list_price):
            steps.append(step)
    return tuple(steps)


def _step(general: _Steps, own: _Steps, quantity: int) -> PriceStep:
    """What this many pieces cost each: never more than a running offer; then the regular price is
    the list price. An offer for everybody is also one for each group."""
    regular = _at(own.regular, quantity) or _at(general.regular, quantity)
    assert regular is not None  # everybody has a regular price of one piece
    offers = [_at(own.offers, quantity), _at(general.offers, quantity)]
    best = min((one for one in offers if one is not None), key=_gross, default=None)
    if best is not None and best.gross < regular.gross:
        return PriceStep(quantity, best, list_price=regular)
    return PriceStep(quantity, regular)


def with_lowest(
    steps: tuple[PriceStep, ...], lowest: Amount | None, regular: Amount
) -> tuple[PriceStep, ...]:
    """The steps of an offer with the lowest price of 30 days, which shops show as "before".

    `lowest` and `regular` are those of one piece for everybody, because the ERP states no other
    lowest one: where the regular price is below that, the lowest was no higher either.
    """
    if lowest is None:
        return steps
    return tuple(replace(one, lowest=_before(one.list_price, lowest, regular)) for one in steps)


def _before(list_price: Amount | None, lowest: Amount, regular: Amount) -> Amount | None:
    if list_price is None:
        return None
    return min(lowest, list_price, key=_gross) if list_price.gross < regular.gross else lowest


def _at(amounts: Mapping[int, Amount], quantity: int) -> Amount | None:
    fitting = [one for one in amounts if one <= quantity]
    return amounts[max(fitting)] if fitting else None


def _whole(quantity: Decimal) -> int:
    """Shops sell whole units: a price from 2.5 on counts from 3."""
    return max(1, math.ceil(quantity))


def _gross(value: Amount) -> Decimal:
    return value.gross


def lowest_of(
    pairs: Sequence[tuple[Decimal | None, Decimal | None]], rate: Decimal
) -> Amount | None:
    """The first pair of net and gross that states anything (vario-erp.md 8.2)."""
    return next((found for one in pairs if (found := amount(*one, rate)) is not None), None)
