"""Answers a parsed statement from a source: filter, order, page, aggregate.

A source yields its rows in the order of their ids and honours `Bounds`, what the filter says about
its indexed columns. So a lookup of a hundred ids or a page after an id touches only those rows.
Null follows SQL: a comparison with null is neither true nor false, and such a row is not selected.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from sandbox.erp.vql.syntax import (
    And,
    Between,
    Column,
    Compare,
    Expression,
    In,
    IsNull,
    Literal,
    Not,
    Or,
    OrderKey,
    Select,
    VqlError,
)

AGGREGATES = ("count", "sum", "avg", "min", "max")

Row = Any
Predicate = Callable[[Row], bool | None]


@dataclass(frozen=True, slots=True)
class Field:
    """A column that a source offers. `kind` is id, text, bool, number, time, custom or meta.

    A meta column is a collection: its value is a list with an object for each member, its
    `inner` columns are the keys of these.
    """

    path: str
    kind: str
    get: Callable[[Row], Any]
    inner: tuple[tuple[Column, Field], ...] = ()


@dataclass(frozen=True, slots=True)
class Paging:
    """How much is answered at a time; what is not known of it can be chosen (vario-erp.md 3.5)."""

    default: int = 100
    most: int = 1000
    refuses_more: bool = False  # a longer page than the longest is refused, not cut
    body_wins: bool = False  # paging beside the statement takes the place of its own window
    border: int = 0  # -1: each page begins with the last row of the one before; 1: it skips one


@dataclass
class Bounds:
    """What a filter demands of the indexed columns; None where it demands nothing."""

    among: dict[str, set] = field(default_factory=dict)
    after: int | None = None  # id > after
    upto: int | None = None  # id <= upto

    def restrict(self, path: str, values: set) -> None:
        self.among[path] = self.among[path] & values if path in self.among else values


@dataclass(frozen=True)
class Source:
    """Named rows with columns. `indexed` are the columns that `rows` filters by itself."""

    fields: dict[str, Field]
    rows: Callable[[Bounds], Iterable[Row]]
    standard: tuple[str, ...]
    indexed: frozenset[str] = frozenset()
    dynamic: Callable[[str], Field | None] = lambda path: None
    collection: str | None = None  # what is gathered to one row per id: columns that begin so

    def field(self, path: str) -> Field:
        known = self.fields.get(path) or self.dynamic(path)
        if known is None:
            raise VqlError(f"The column {path} does not exist in this source.")
        return known


@dataclass(frozen=True)
class Answer:
    columns: list[tuple[Column, Field | None]]
    rows: list[tuple]
    next_offset: int | None = None  # None on the last page


def execute(select: Select, source: Source, limit: int | None = None, offset: int = 0,
            paging: Paging = Paging()) -> Answer:
    """One page. The statement's LIMIT and OFFSET are a window, `limit` and `offset` page inside it.

    Raises VqlError.
    """
    if paging.refuses_more and (limit or 0) > paging.most:
        raise VqlError(f"limit is at most {paging.most}.")
    if paging.body_wins:
        select = replace(select, limit=None if limit else select.limit,
                         offset=0 if offset else select.offset)
    if select.has_join:
        raise VqlError("JOIN is not supported by the sandbox.")
    columns = _columns(select, source)
    rows = _matching(select.where, source)
    if any(column.function for column in select.columns):
        return _aggregated(columns, rows)
    rows = _ordered(rows, select.order, source)
    if source.collection:
        columns, rows = _gathered(columns, rows, source)
    getters = [known.get for _column, known in columns]
    page = min(limit or paging.default, paging.most)
    if offset:
        offset += paging.border
    window = page + 1 if select.limit is None else max(0, min(page + 1, select.limit - offset))
    start = select.offset + offset
    if select.distinct:
        values = _distinct(tuple(get(row) for get in getters) for row in rows)
        found = list(islice(values, start, start + window))
    else:
        found = [tuple(get(row) for get in getters) for row in islice(rows, start, start + window)]
    more = len(found) > page
    return Answer(columns, found[:page], offset + page if more else None)


def _columns(select: Select, source: Source) -> list[tuple[Column, Field | None]]:
    columns: list[tuple[Column, Field | None]] = []
    for column in select.columns:
        if column.function:
            if column.function not in AGGREGATES:
                raise VqlError(f"The function {column.function} does not exist.")
            counted_star = column.path == "*" and column.function == "count"
            columns.append((column, None if counted_star else source.field(column.path)))
        elif column.path == "*":
            columns.extend((Column(path), source.field(path)) for path in source.standard)
        else:
            columns.append((column, source.field(column.path)))
    return columns


def _gathered(columns: list[tuple[Column, Field | None]], rows: Iterable[Row],
              source: Source) -> tuple[list[tuple[Column, Field | None]], Iterable[Row]]:
    """One row per id: the columns of the collection become one, a list with an object each."""
    prefix, identity = f"{source.collection}.", source.field("id").get
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(identity(row), []).append(row)
    outer = [(column, Field(known.path, known.kind, lambda group, get=known.get: get(group[0])))
             for column, known in columns if known and not known.path.startswith(prefix)]
    inner = tuple((column, known) for column, known in columns
                  if known and known.path.startswith(prefix))
    if inner:
        def members(group: list[Row]) -> list[dict[str, Any]]:
            return [{column.attribute: known.get(row) for column, known in inner}
                    for row in group]

        path = str(source.collection)
        outer.append((Column(path), Field(path, "meta", members, inner)))
    return list(outer), groups.values()


def _aggregated(columns: list[tuple[Column, Field | None]], rows: Iterable[Row]) -> Answer:
    if not all(column.function for column, _known in columns):
        raise VqlError("Columns and aggregates cannot be mixed, there is no grouping.")
    # One aggregate reads the rows as they come; several need them more than once.
    selected = rows if len(columns) == 1 else list(rows)
    results = tuple(_aggregate(column, known, selected) for column, known in columns)
    return Answer(columns, [results])


def _aggregate(column: Column, known: Field | None, rows: Iterable[Row]) -> Any:
    if column.function == "count":
        return sum(1 for row in rows if known is None or known.get(row) is not None)
    if known is None:
        raise VqlError(f"{column.attribute} needs a column.")
    values = [value for row in rows if (value := known.get(row)) is not None]
    if column.function in ("sum", "avg") and known.kind not in ("number", "id"):
        raise VqlError(f"{column.attribute} needs a column of numbers.")
    if not values:
        return None
    if column.function == "avg":
        return Decimal(sum(values)) / len(values)
    return {"sum": sum, "min": min, "max": max}[column.function](values)


def _distinct(values: Iterable[tuple]) -> Iterator[tuple]:
    seen = set()
    for row in values:
        key = repr(row)  # a custom value may be a list
        if key not in seen:
            seen.add(key)
            yield row


def _ordered(rows: Iterable[Row], order: tuple[OrderKey, ...], source: Source) -> Iterable[Row]:
    if not order or (order[0] == OrderKey("id") and "id" in source.indexed):
        return rows  # they come in this order
    ordered = list(rows)
    for key in reversed(order):
        get = _comparable(source.field(key.path))
        filled = sorted((row for row in ordered if get(row) is not None), key=get,
                        reverse=key.descending)
        ordered = filled + [row for row in ordered if get(row) is None]  # nulls last
    return ordered


# --- filter --------------------------------------------------------------------------------------


def _matching(where: Expression | None, source: Source) -> Iterable[Row]:
    bounds = Bounds()
    terms = where.terms if isinstance(where, And) else () if where is None else (where,)
    left = [term for term in terms if not _bounded(term, source, bounds)]
    predicates = [_compiled(term, source) for term in left]
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


def _compiled(term: Expression, source: Source) -> Predicate:
    if isinstance(term, And):
        return _all([_compiled(inner, source) for inner in term.terms])
    if isinstance(term, Or):
        # Not all of (not a, not b) is a or b, also with null.
        return _not(_all([_not(_compiled(inner, source)) for inner in term.terms]))
    if isinstance(term, Not):
        return _not(_compiled(term.term, source))
    known = source.field(term.path)
    get = _comparable(known)
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


def _comparable(known: Field) -> Callable[[Row], Any]:
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
