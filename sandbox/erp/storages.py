"""The storages of every tenant, and those that its sales channels sell from."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

STORAGES = {"5": "Hauptlager", "6": "Filiale", "7": "Retouren"}
MAIN_STORAGE, SOLD_FROM = "5", ("5", "6")  # the same for all channels


def for_sale(pieces: Mapping[str, Decimal]) -> Decimal:
    """What the storages that channels sell from have together."""
    return sum((pieces.get(key, Decimal(0)) for key in SOLD_FROM), Decimal(0))
