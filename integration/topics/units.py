"""Units of weight: what a channel's mapping of a unit may say. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

#: Units that need no mapping.
KG_BY_UNIT = {"kg": Decimal(1), "g": Decimal("0.001")}
#: What other units weigh, for suggestions. Source: the pound and the ounce are defined so.
USUAL_KG = {"lb": "0.45359237", "oz": "0.028349523125", "mg": "0.000001", "t": "1000"}


def kilograms(meaning: str) -> Decimal | None:
    """How many kilograms one of a unit is, by ``kg``, ``g`` or a number; None for anything else."""
    known = KG_BY_UNIT.get(meaning.strip().lower())
    if known is not None:
        return known
    try:
        factor = Decimal(meaning.strip())
    except InvalidOperation:
        return None
    return factor if factor.is_finite() and factor > 0 else None
