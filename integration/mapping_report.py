"""A channel's mappings beside what articles need, what both sides have, and what would fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from integration.connectors.base import Choice
from integration.hold_report import HoldGroup
from integration.mapping_kinds import LEFT_OUT, Kind, of_reason
from integration.mapping_sides import Side, Sides, candidates
from integration.mappings import Entry


class State(StrEnum):
    """Of one ERP value. BY_RATE: without a mapping, the shop's tax of the same rate counts.
    BY_DEFAULT: without one, a delivery goes as without a carrier. LEFT_OUT: the shop shall not
    have it."""

    SET = "set"
    LEFT_OUT = "left-out"
    MISSING = "missing"
    BY_RATE = "by-rate"
    BY_DEFAULT = "by-default"
    NOT_IN_ERP = "not-in-erp"
    NOT_IN_SHOP = "not-in-shop"


@dataclass(frozen=True)
class Line:
    """One value of the ERP. `held` changes wait for it, `examples` are ids of their articles."""

    kind: Kind
    erp_value: str
    erp_label: str | None
    shop_value: str | None
    shop_label: str | None
    state: State
    held: int
    examples: tuple[str, ...]
    candidates: tuple[Choice, ...]


@dataclass(frozen=True)
class Report:
    """The lines by kind and ERP value; `unchecked` are sentences about what no side told."""

    lines: tuple[Line, ...]
    unchecked: tuple[str, ...]


def report(
    stored: Sequence[Entry],
    held: Sequence[HoldGroup],
    sides: Sides | None,
    kinds: Sequence[Kind],
    carriers: Mapping[str, str] | None = None,
) -> Report:
    """What is set, and what is needed and missing. Without `sides` nobody is asked.

    `held`: the groups of the channel. `carriers`: label by id of those that deliveries named.
    """
    needed = {which: one for one in held if (which := of_reason(one.reason)) is not None}
    lines: list[Line] = []
    unchecked: list[str] = []
    for kind in kinds:
        entries = {one.erp_value: one.shop_value for one in stored if one.kind is kind}
        wanted = {value: one for (of_kind, value), one in needed.items() if of_kind is kind}
        named = (carriers or {}) if kind is Kind.CARRIER else {}
        if not entries and not wanted and not named and (kind is not Kind.TAX or sides is None):
            continue
        erp, shop = _asked(kind, sides)
        if sides is not None:
            unchecked += [side.why for side in (erp, shop) if side.choices is None]
        own = _lines(kind, entries, wanted, erp, shop, named)
        lines += sorted(own, key=lambda one: one.erp_value)
    return Report(tuple(lines), tuple(dict.fromkeys(unchecked)))


def _asked(kind: Kind, sides: Sides | None) -> tuple[Side, Side]:
    if sides is None:
        return Side("ERP", None), Side("shop", None)
    if kind is Kind.UNIT:  # what it is mapped to is a weight, not something of the shop
        return sides.erp(kind), Side("shop", ())
    return sides.erp(kind), sides.shop(kind)


def _lines(
    kind: Kind,
    entries: dict[str, str],
    wanted: dict[str, HoldGroup],
    erp: Side,
    shop: Side,
    named: Mapping[str, str],
) -> list[Line]:
    """`named`: label by id of what the ERP does not list and was met all the same."""
    values = {*entries, *wanted, *named}
    if kind is Kind.TAX:
        values |= {one.id for one in erp.choices or ()}
    lines = []
    for value in values:
        group, choice = wanted.get(value), erp.by_id.get(value)
        if choice is None and value in named:
            choice = Choice(value, named[value])
        fitting = candidates(kind, choice or Choice(value, value), shop)
        shop_value = entries.get(value)
        state = _state(kind, value, shop_value, erp, shop)
        if state is State.MISSING and group is None and value in named:
            state = State.BY_DEFAULT
        found = None if shop_value is None else shop.by_id.get(shop_value)
        lines.append(
            Line(
                kind,
                value,
                choice.label if choice else None,
                shop_value,
                found.label if found else None,
                state,
                group.count if group else 0,
                group.examples if group else (),
                tuple(fitting) if state in (State.MISSING, State.BY_DEFAULT) else (),
            )
        )
    return lines


def _state(kind: Kind, value: str, shop_value: str | None, erp: Side, shop: Side) -> State:
    choice = erp.by_id.get(value)
    if shop_value is None:
        rate = choice.code if kind is Kind.TAX and choice else None
        is_by_rate = rate is not None and rate in {one.code for one in shop.choices or ()}
        return State.BY_RATE if is_by_rate else State.MISSING
    # What nobody listed, or only in part, may be there; a rate stands for taxes without a type.
    is_unlisted = erp.choices is None or erp.is_sample or value.endswith("%")
    if shop_value == LEFT_OUT:
        return State.LEFT_OUT if choice or is_unlisted else State.NOT_IN_ERP
    if kind is not Kind.UNIT and shop.choices is not None and shop_value not in shop.by_id:
        return State.NOT_IN_SHOP
    return State.SET if choice or is_unlisted else State.NOT_IN_ERP
