"""Numbers as text in one spelling, so that equal content has one hash."""

from __future__ import annotations

from decimal import Decimal


def exact(value: Decimal) -> str:
    """The shortest plain text of a number: ``16.80`` is ``16.8``, ``1E+2`` is ``100``."""
    return format(value.normalize(), "f") if value else "0"
