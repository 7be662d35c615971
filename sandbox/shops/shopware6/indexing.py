"""A shop whose index lags behind its writes: `availableStock` and searches follow late.

Off (no lag) everything is visible at once, as it was recorded. With a lag, a product's row as it
was before a write is what its derived members and the searches go by until the lag is over. Rows
asked for by id are always there: they come from the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Row = dict[str, Any]
Change = tuple[str, Any, Row | None]


class Index:
    """What the index knows of the products. `now` gives seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.lag_s = 0.0
        self._now = now
        # product id -> when a write becomes visible, and the row before it; oldest first
        self._pending: dict[str, list[tuple[float, Row | None]]] = {}

    def clear(self) -> None:
        self.lag_s = 0.0
        self._pending = {}

    def note(self, changes: Iterable[Change]) -> None:
        """Remember the rows that a committed transaction replaced."""
        if self.lag_s <= 0:
            return
        before: dict[str, Row | None] = {}
        for table, key, old in changes:
            if table == "product":
                before.setdefault(key, old)
        for product_id, old in before.items():
            self._pending.setdefault(product_id, []).append((self._now() + self.lag_s, old))

    def seen(self, row: Row) -> Row | None:
        """A product's row as the index has it; None if it does not know the product yet."""
        if not self._pending:
            return row
        left = [one for one in self._pending.get(row["id"], ()) if one[0] > self._now()]
        if not left:
            self._pending.pop(row["id"], None)
            return row
        self._pending[row["id"]] = left
        return left[0][1]
