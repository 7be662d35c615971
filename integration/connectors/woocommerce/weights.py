"""Weights in the shop's unit and back."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from integration.connectors.batches import exact
from integration.errors import Invalid

#: Kilograms of one unit of the shop.
_KILOGRAMS = {
    "kg": Decimal(1),
    "g": Decimal("0.001"),
    "lbs": Decimal("0.45359237"),
    "oz": Decimal("0.028349523125"),
}
_DIGITS = Decimal("0.0001")


def written(kilograms: str | None, unit: str) -> str:
    """Units: text of kilograms in, of the shop's unit out; "" for none. Raises: Invalid."""
    if kilograms is None:
        return ""
    if unit not in _KILOGRAMS:
        raise Invalid(f"the shop weighs in {unit}, which is no unit we know")
    weight = Decimal(kilograms) / _KILOGRAMS[unit]
    return exact(weight if unit == "kg" else weight.quantize(_DIGITS))


def kilograms_of(text: str, unit: str) -> Decimal | None:
    """Units: text of the shop's unit in, kilograms out; None for what is no weight, as imports
    leave it, and where its unit is none we know."""
    try:
        return Decimal(text or 0) * _KILOGRAMS[unit] if unit in _KILOGRAMS else None
    except InvalidOperation:
        return None
