"""What statements are answered with: columns, what a filter demands of rows, sources, answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sandbox.erp.vql.syntax import Column, VqlError

Row = Any


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
