"""What a statement's WHERE and ON select. Null follows SQL: a comparison with null is neither true
nor false, and such a row is not selected.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.erp.vql.parts import Bounds, Field, Row, Source
from sandbox.erp.vql.syntax import (
    And,
    Between,
    Compare,
    ComparePaths,
    Expression,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    VqlError,
)

Predicate = Callable[[Row], bool | None]


def matching(where: Expression | None, source: Source) -> Iterable[Row]:
    bounds = Bounds()
    terms = where.terms if isinstance(where, And) else () if where is None else (where,)
    left = [term for term in terms if not _bounded(term, source, bounds)]
    predicates = [compiled(term, source) for term in left]
    rows = source.rows(bounds)
    if not predicates:
        return rows
    if len(predicates) == 1:
        only = predicates[0]
        return (row for row in rows if only(row))
    return (row for row in rows if all(predicate(row) for predicate in predicates))


def _bounded(term: Expression, source: Source, bounds: Bounds) -> bool:
    """Whether `term` is fully expressed in `bounds`, into which it is put."""
    if not isinstance(term, (Compare, In)) or term.path not in source.indexed:
        return False
    known = source.field(term.path)
    if isinstance(term, In):
        bounds.restrict(term.path, {_typed(known, value) for value in term.values})
        return True
    if term.operator == "=":
        bounds.restrict(term.path, {_typed(known, term.value)})
        return True
    if term.path != "id" or term.operator not in (">", ">=", "<", "<="):
        return False
    value = _typed(known, term.value)
    if term.operator in (">", ">="):
        after = value if term.operator == ">" else value - 1
        bounds.after = after if bounds.after is None else max(bounds.after, after)
    else:
        upto = value if term.operator == "<=" else value - 1
        bounds.upto = upto if bounds.upto is None else min(bounds.upto, upto)
    return True


_OPERATORS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
              ">": operator.gt, ">=": operator.ge}


def compiled(term: Expression, source: Source) -> Predicate:
    if isinstance(term, And):
        return _all([compiled(inner, source) for inner in term.terms])
    if isinstance(term, Or):
        # Not all of (not a, not b) is a or b, also with null.
        return _not(_all([_not(compiled(inner, source)) for inner in term.terms]))
    if isinstance(term, Not):
        return _not(compiled(term.term, source))
    known = source.field(term.path)
    get = comparable(known)
    if isinstance(term, ComparePaths):
        return _two_columns(known, source.field(term.other), _OPERATORS[term.operator])
    if isinstance(term, IsNull):
        return lambda row: get(row) is None
    if isinstance(term, In):
        values = frozenset(_typed(known, value) for value in term.values)
        return _unless_null(get, lambda value: value in values)
    if isinstance(term, Between):
        low, high = _typed(known, term.low), _typed(known, term.high)
        return _unless_null(get, lambda value: low <= value <= high)
    if term.operator == "LIKE":
        pattern = _like(_text(term.value))
        return _unless_null(get, lambda value: pattern.fullmatch(_text(value)) is not None)
    test, literal = _OPERATORS[term.operator], _typed(known, term.value)
    return _unless_null(get, lambda value: test(value, literal))


def _two_columns(one: Field, other: Field, test: Callable[[Any, Any], bool]) -> Predicate:
    """Columns of different kinds are compared as texts, as ids are numbers here and texts there."""
    get, get_other = comparable(one), comparable(other)
    as_texts = one.kind != other.kind

    def predicate(row: Row) -> bool | None:
        value, against = get(row), get_other(row)
        if value is None or against is None:
            return None
        return test(_text(value), _text(against)) if as_texts else test(value, against)
    return predicate


def _unless_null(get: Callable[[Row], Any], test: Callable[[Any], bool]) -> Predicate:
    def predicate(row: Row) -> bool | None:
        value = get(row)
        return None if value is None else test(value)
    return predicate


def _not(term: Predicate) -> Predicate:
    def predicate(row: Row) -> bool | None:
        value = term(row)
        return None if value is None else not value
    return predicate


def _all(terms: list[Predicate]) -> Predicate:
    def predicate(row: Row) -> bool | None:
        answer: bool | None = True
        for term in terms:
            value = term(row)
            if value is False:
                return False
            if value is None:
                answer = None
        return answer
    return predicate


def comparable(known: Field) -> Callable[[Row], Any]:
    if known.kind != "custom":
        return known.get

    def as_text(row: Row) -> str | None:
        value = known.get(row)
        return None if value is None else _text(value)
    return as_text


def _like(pattern: str) -> re.Pattern[str]:
    parts = (".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _typed(known: Field, literal: Literal) -> Any:
    """The literal as the column's type: numbers and truth values may be quoted. Raises VqlError."""
    text = _text(literal)
    try:
        if known.kind == "id":
            return int(text)
        if known.kind == "number":
            return Decimal(text)
        if known.kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if known.kind == "time":
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, KeyError, InvalidOperation):
        raise VqlError(f"{text!r} does not fit the column {known.path}.") from None
    return text
