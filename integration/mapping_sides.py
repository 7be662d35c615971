"""What ERP and shop say to a mapping: is there such a thing on either side, and which one fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from integration.channel_view import ChannelView
from integration.connectors.base import Choice
from integration.connectors.besides import OffersChoices
from integration.erp import offers
from integration.errors import IntegrationError, UsageError
from integration.mapping_kinds import LEFT_OUT, LONGEST_VALUE, MAY_BE_LEFT_OUT, Kind, key
from integration.mappings import Entry
from integration.runtime import Runtime
from integration.topics.units import USUAL_KG, kilograms, millimetres

#: Choices that a refusal names; more would hide the sentence.
NAMED = 12
#: An ERP value of taxes that have no type, see `mapping_kinds.tax_value`.
_RATE = re.compile(r"\d+(\.\d+)?%")


@dataclass(frozen=True)
class Side:
    """What one side has of a kind. `choices` None: unknown, and `why` says so.

    `is_away`: it could have told, but did not answer. `is_sample`: there may be more.
    """

    name: str
    choices: tuple[Choice, ...] | None
    why: str = ""
    is_away: bool = False
    is_sample: bool = False

    def find(self, value: str) -> Choice | None:
        """The choice with this id, or else the only one with this name."""
        alike = self._by_name.get(value.casefold(), [])
        return self.by_id.get(value) or (alike[0] if len(alike) == 1 else None)

    @cached_property
    def by_id(self) -> dict[str, Choice]:
        return {one.id: one for one in self.choices or ()}

    @cached_property
    def _by_name(self) -> dict[str, list[Choice]]:
        """By the whole label, and by the name alone. A file may name thousands of categories."""
        found: dict[str, list[Choice]] = {}
        for one in self.choices or ():
            for name in {one.label.casefold(), _bare(one).casefold()}:
                found.setdefault(name, []).append(one)
        return found


class Sides:
    """Asks both sides of one channel, once per kind."""

    def __init__(self, runtime: Runtime, channel: ChannelView) -> None:
        self._runtime, self._channel = runtime, channel
        self._known: dict[tuple[str, Kind], Side] = {}

    def erp(self, kind: Kind) -> Side:
        """What the ERP has."""
        return self._side("ERP", kind, self._ask_erp)

    def shop(self, kind: Kind) -> Side:
        """What the shop has."""
        return self._side("shop", kind, self._ask_shop)

    def _side(self, name: str, kind: Kind, ask: Callable[[Kind], list[Choice] | None]) -> Side:
        if (name, kind) not in self._known:
            self._known[name, kind] = self._asked(name, kind, ask)
        return self._known[name, kind]

    def _asked(self, name: str, kind: Kind, ask: Callable[[Kind], list[Choice] | None]) -> Side:
        try:
            choices = ask(kind)
        except IntegrationError as error:
            return Side(name, None, f"the {name} did not answer: {error}", is_away=True)
        if choices is None:
            return Side(name, None, f"the {name} offers no list of its {_PLURAL[kind]}")
        is_sample = name == "ERP" and kind is Kind.LANGUAGE
        return Side(name, tuple(choices), is_sample=is_sample)

    def _ask_erp(self, kind: Kind) -> list[Choice] | None:
        client = self._runtime.erp(self._channel.tenant_id)
        return offers.offered(client, self._channel.erp_id, kind)

    def _ask_shop(self, kind: Kind) -> list[Choice] | None:
        connector = self._runtime.connector(self._channel)
        return connector.offers(kind) if isinstance(connector, OffersChoices) else None


def checked(sides: Sides, entry: Entry) -> tuple[Entry, list[str]]:
    """The entry with the ids of what it names, and sentences about what was not checked.

    Raises: UsageError for what a side does not have, IntegrationError if one did not answer.
    """
    for value in (entry.erp_value, entry.shop_value):
        if len(value.strip()) > LONGEST_VALUE:
            raise UsageError(f"{value[:20]}... is longer than {LONGEST_VALUE} characters")
    erp_value, erp_notes = _checked_erp(sides, entry.kind, key(entry.erp_value))
    shop_value, shop_notes = _checked_shop(sides, entry.kind, key(entry.shop_value))
    return replace(entry, erp_value=erp_value, shop_value=shop_value), [*erp_notes, *shop_notes]


def _checked_erp(sides: Sides, kind: Kind, value: str) -> tuple[str, list[str]]:
    if kind is Kind.TAX and _RATE.fullmatch(value):
        return value, [f"{value} stands for taxes without a type, which the ERP does not list"]
    if not value and kind is not Kind.UNIT:  # an article may be weighed in no unit
        raise UsageError(f"the ERP's {kind.value} is empty")
    return _checked_on(sides.erp(kind), kind, value)


def _checked_shop(sides: Sides, kind: Kind, value: str) -> tuple[str, list[str]]:
    if kind is Kind.UNIT:
        if kilograms(value) is None and millimetres(value) is None:
            raise UsageError(
                f"{value or 'nothing'} is no unit; a unit of weight is mapped to kg, g or its "
                "kilograms, e.g. 0.45359237, one of length to mm, cm, m or its millimetres"
            )
        return value, []
    if not value:
        raise UsageError(f"the shop's {kind.value} is empty")
    if value == LEFT_OUT and kind in MAY_BE_LEFT_OUT:
        return value, []
    return _checked_on(sides.shop(kind), kind, value)


def _checked_on(side: Side, kind: Kind, value: str) -> tuple[str, list[str]]:
    if side.is_away:
        raise IntegrationError(f"{kind.value} {value} cannot be checked: {side.why}")
    if side.choices is None:
        return value, [f"{kind.value} {value} was not checked: {side.why}"]
    found = side.find(value)
    if found is not None:
        return found.id, []
    if side.is_sample:
        there = ", ".join(one.id for one in side.choices)
        return value, [f"{kind.value} {value} was not found among those of some articles: {there}"]
    raise UsageError(f"the {side.name} has no {kind.value} {value}; it has {_named(side.choices)}")


def _named(choices: Sequence[Choice]) -> str:
    shown = ", ".join(f"{one.id} ({one.label})" for one in choices[:NAMED])
    more = f" and {len(choices) - NAMED} more" if len(choices) > NAMED else ""
    return f"{shown}{more}" if choices else "none"


def candidates(kind: Kind, erp: Choice, shop: Side) -> list[Choice]:
    """Choices of the shop that are likely meant: of the same rate or code, or the same name."""
    if kind is Kind.UNIT:
        usual = USUAL_KG.get(erp.id.lower())
        return [] if usual is None else [Choice(usual, f"{usual} kg")]
    choices = shop.choices or ()
    same_code = [one for one in choices if _is_same_code(one.code, erp.code)]
    same_name = [one for one in choices if _bare(one).casefold() == _bare(erp).casefold()]
    return list(dict.fromkeys([*same_code, *same_name]))


def _is_same_code(one: str | None, other: str | None) -> bool:
    """``19`` and ``19``; ``de`` and ``de-DE``."""
    if not one or not other:
        return False
    short, long = sorted((one.casefold(), other.casefold()), key=len)
    return long == short or long.startswith(f"{short}-")


def _bare(choice: Choice) -> str:
    """The name alone: without the rate behind a tax and the path before a category."""
    return choice.label.rpartition(" > ")[2].partition(" (")[0].strip()


_PLURAL = {
    Kind.TAX: "taxes",
    Kind.CATEGORY: "categories",
    Kind.CUSTOMER_GROUP: "customer groups",
    Kind.PRICE_GROUP: "price groups",
    Kind.CARRIER: "carriers",
    Kind.LANGUAGE: "languages",
    Kind.UNIT: "units",
    Kind.STORAGE_LOCATION: "storage locations",
    Kind.MANUFACTURER: "manufacturers",
}
