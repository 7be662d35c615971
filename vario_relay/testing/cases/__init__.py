"""All cases, in the order of the report."""

from __future__ import annotations

from vario_relay.testing.cases import extras, plain, refusals, troubles
from vario_relay.testing.cases.case import Case

CASES: tuple[Case, ...] = (*plain.CASES, *refusals.CASES, *troubles.CASES, *extras.CASES)

__all__ = ["CASES", "Case"]
