"""A source joined with the answer of another statement, row beside row (vario-erp.md 3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sandbox.erp.vql.filters import compiled
from sandbox.erp.vql.parts import Answer, Bounds, Field, Source
from sandbox.erp.vql.syntax import Join, VqlError

MOST_PAIRS = 5_000_000  # each is looked at


def joined(source: Source, join: Join, inner: Answer) -> Source:
    """The rows of `source`, each with every row of `inner` for which the condition holds.

    Raises VqlError.
    """
    own = {}
    for place, (column, known) in enumerate(inner.columns):
        path = f"{join.alias}.{column.attribute}"
        kind = "number" if known is None else known.kind
        own[path] = Field(path, kind, lambda row, place=place: row[1][place])
    fields = {path: _outer(known) for path, known in source.fields.items()}

    def dynamic(path: str) -> Field | None:
        known = source.dynamic(path)
        return None if known is None else _outer(known)

    def rows(_bounds: Bounds) -> Iterable[Any]:
        outer = list(source.rows(Bounds()))
        if len(outer) * len(inner.rows) > MOST_PAIRS:
            raise VqlError("The join is too large; filter inside it.")
        return _pairs(outer, inner.rows)

    both = Source({**fields, **own}, rows, source.standard, dynamic=dynamic)
    holds = compiled(join.on, both)
    return replace(both, rows=lambda bounds: (row for row in rows(bounds) if holds(row)))


def _outer(known: Field) -> Field:
    return Field(known.path, known.kind, lambda row: known.get(row[0]))


def _pairs(outer: list[Any], inner: list[tuple]) -> Iterator[tuple[Any, tuple]]:
    return ((row, other) for row in outer for other in inner)
