"""Article numbers of the GTIN family (EAN-8, UPC, EAN-13, ITF-14)."""

from __future__ import annotations

LENGTHS = (8, 12, 13, 14)


def is_gtin(text: str) -> bool:
    """Whether `text` is a GTIN with a right check digit.

    From the right, digits weigh 1 (the check digit), 3, 1, 3, ...; the sum must end in 0.
    Source: GS1 General Specifications, section 7.9.
    """
    if len(text) not in LENGTHS or not (text.isascii() and text.isdigit()):
        return False
    if not text.strip("0"):
        return False  # all zeros passes the sum and names nothing
    weighted = (int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(text)))
    return sum(weighted) % 10 == 0
