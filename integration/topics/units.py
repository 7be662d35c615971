"""Units of weight and length: what a channel's mapping of a unit may say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

#: Units that need no mapping.
KG_BY_UNIT = {"kg": Decimal(1), "g": Decimal("0.001")}
MM_BY_UNIT = {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000)}
#: What other units weigh, for suggestions. Source: the pound and the ounce are defined so.
USUAL_KG = {"lb": "0.45359237", "oz": "0.028349523125", "mg": "0.000001", "t": "1000"}


def kilograms(meaning: str) -> Decimal | None:
    """How many kilograms one of a unit is, by ``kg``, ``g`` or a number; None for anything else."""
    return _factor(meaning, KG_BY_UNIT)


def millimetres(meaning: str) -> Decimal | None:
    """How many millimetres one of a unit is, by ``mm``, ``cm``, ``m`` or a number; None for
    anything else."""
    return _factor(meaning, MM_BY_UNIT)


def _factor(meaning: str, known: Mapping[str, Decimal]) -> Decimal | None:
    if (found := known.get(meaning.strip().lower())) is not None:
        return found
    try:
        factor = Decimal(meaning.strip())
    except InvalidOperation:
        return None
    return factor if factor.is_finite() and factor > 0 else None
