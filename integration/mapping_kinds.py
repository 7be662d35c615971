"""Mappings of a channel as values: what the ERP calls one thing, and the shop another. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from integration.errors import MappingMissing

#: Longest ERP value and shop value; a hold reason has room for kind and value.
LONGEST_VALUE = 80

#: The shop's value of what it shall not have: articles go without it.
LEFT_OUT = "-"

_PREFIX = "mapping:"


class Kind(StrEnum):
    """What can be mapped, in the words of `vario-relay mapping`."""

    TAX = "tax"
    CATEGORY = "category"
    CUSTOMER_GROUP = "customer-group"
    PRICE_GROUP = "price-group"
    CARRIER = "carrier"
    LANGUAGE = "language"
    UNIT = "unit"
    STORAGE_LOCATION = "storage-location"
    MANUFACTURER = "manufacturer"


#: Groups of customers that the ERP has prices for. A shop has one sort of groups, so both are
#: mapped to that; of two that are mapped to the same one, the kind that is named first counts.
GROUPS = (Kind.CUSTOMER_GROUP, Kind.PRICE_GROUP)
#: Kinds that a shop can do without; an article always has a tax and a unit.
MAY_BE_LEFT_OUT = frozenset({Kind.CATEGORY, *GROUPS, Kind.STORAGE_LOCATION, Kind.MANUFACTURER})


@dataclass(frozen=True)
class Mappings:
    """The entries of one channel, the shop's value by the ERP's."""

    by_kind: Mapping[Kind, Mapping[str, str]] = field(default_factory=dict)

    def get(self, kind: Kind, erp_value: str) -> str | None:
        """The shop's value, None if nobody has set one."""
        return self.by_kind.get(kind, {}).get(key(erp_value))


def key(value: str) -> str:
    """A value as it is stored and compared."""
    return value.strip()[:LONGEST_VALUE]


def hold_reason(kind: Kind, erp_value: str) -> str:
    """What rows are held for until this value is mapped, e.g. ``mapping:unit:lb``."""
    return f"{_PREFIX}{kind.value}:{key(erp_value)}"


def of_reason(reason: str) -> tuple[Kind, str] | None:
    """Kind and ERP value of such a reason; None for any other reason."""
    if not reason.startswith(_PREFIX):
        return None
    kind, _, value = reason.removeprefix(_PREFIX).partition(":")
    return (Kind(kind), value) if kind in set(Kind) else None


def missing(kind: Kind, erp_value: str, sentence: str) -> MappingMissing:
    """The error that holds a row until the value is mapped; `sentence` names the article."""
    return MappingMissing(hold_reason(kind, erp_value), sentence)


def tax_value(tax_type: str | None, rate: Decimal) -> str:
    """The ERP's value of a tax: the id of its type (vario-erp.md 8.2).

    Where the ERP states no type, the rate stands for it: ``19%``.
    """
    return tax_type or f"{rate.normalize():f}%"
