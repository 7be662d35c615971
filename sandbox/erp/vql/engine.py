"""Answers a parsed statement from a source: filter, order, page, aggregate.

A source yields its rows in the order of their ids and honours `Bounds`, what the filter says about
its indexed columns. So a lookup of a hundred ids or a page after an id touches only those rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import islice
from typing import Any

from sandbox.erp.vql.filters import comparable, matching
from sandbox.erp.vql.parts import Answer, Field, Paging, Row, Source
from sandbox.erp.vql.syntax import Column, OrderKey, Select, VqlError

AGGREGATES = ("count", "sum", "avg", "min", "max")
AS_DOCUMENTED = Paging()


def execute(select: Select, source: Source, limit: int | None = None, offset: int = 0,
            paging: Paging = AS_DOCUMENTED) -> Answer:
    """One page. The statement's LIMIT and OFFSET are a window, `limit` and `offset` page inside it.

    Raises VqlError.
    """
    if paging.refuses_more and (limit or 0) > paging.most:
        raise VqlError(f"limit is at most {paging.most}.")
    if paging.body_wins:
        select = replace(select, limit=None if limit else select.limit,
                         offset=0 if offset else select.offset)
    columns = _columns(select, source)
    rows = matching(select.where, source)
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
        get = comparable(source.field(key.path))
        filled = sorted((row for row in ordered if get(row) is not None), key=get,
                        reverse=key.descending)
        ordered = filled + [row for row in ordered if get(row) is None]  # nulls last
    return ordered
