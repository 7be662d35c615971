"""Measures in the shop's unit. Source: docs/sources.md#woocommerce-measures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from integration.connectors.batches import exact
from integration.errors import Invalid

#: What a shop may measure in, in millimetres.
_MILLIMETRES = {
    "mm": Decimal(1),
    "cm": Decimal(10),
    "m": Decimal(1000),
    "in": Decimal("25.4"),
    "yd": Decimal("914.4"),
}
#: A hundredth of a millimetre, in the largest of them.
_DIGITS = Decimal("0.00001")


def dimensions(sides: Mapping[str, str | None], unit: str) -> dict[str, str]:
    """Sides as a product has them; "" for one that is none.

    Units: text of millimetres in, of the shop's unit out. Raises: Invalid for a unit we do not
    know.
    """
    if unit not in _MILLIMETRES:
        raise Invalid(f"the shop measures in {unit}, which is no unit we know")
    return {
        name: "" if side is None else exact((Decimal(side) / _MILLIMETRES[unit]).quantize(_DIGITS))
        for name, side in sides.items()
    }
