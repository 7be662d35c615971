"""Refuses whatever of the grammar is not attested for the real ERP (vario-erp.md 3.3)."""

from __future__ import annotations

from sandbox.erp.vql.syntax import (
    And,
    Compare,
    Expression,
    In,
    IsNull,
    Not,
    Select,
    VqlError,
)


def check_attested(select: Select) -> None:
    """Raises VqlError for predicates that no source shows: or, not, <, BETWEEN, IS NULL, ..."""
    if select.where is not None:
        _check(select.where)


def _check(term: Expression) -> None:
    if isinstance(term, And):
        for inner in term.terms:
            _check(inner)
    elif isinstance(term, Not):
        if not isinstance(term.term, IsNull):  # NOTNULL is attested
            raise VqlError("NOT is not supported.")
    elif isinstance(term, Compare):
        if term.operator not in ("=", "LIKE"):
            raise VqlError(f"The operator {term.operator} is not supported.")
    elif not isinstance(term, In):
        raise VqlError(f"{type(term).__name__} is not supported.")
