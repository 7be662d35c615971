"""Every write to every product and every order, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .clock import stamp
from .schema import ENTITIES
from .store import Row, Store


@dataclass(frozen=True)
class Operation:
    """Rows of one entity to upsert or delete. `pointers` are where a violation of a row points."""

    entity: str
    action: str
    rows: list[Any]
    pointers: list[str]
    expect: str = ""
    filters: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Touched:
    """One sent row and the product or order it belongs to."""

    operation: Operation
    row: Row
    kind: str  # product or order
    owner_id: str
    number: Any


class Journal:
    """Every write to every product (or order), in order, with what became of it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._entries: dict[str, list[tuple[int, Row]]] = {}
        self._ids_by_number: dict[str, dict[str, None]] = {}
        self._serial = 0
        self.writes: Counter[str] = Counter()

    def note(self, owner_id: str, number: str | None, entry: Row) -> None:
        self._serial += 1
        self._entries.setdefault(owner_id, []).append((self._serial, {"at": stamp(), **entry}))
        if isinstance(number, str):
            self._ids_by_number.setdefault(number.casefold(), {})[owner_id] = None

    def of_number(self, number: str) -> list[Row]:
        """The writes, refused ones too, to every product that has or had this number."""
        found = [entry for owner_id in self._ids_by_number.get(number.casefold(), ())
                 for entry in self._entries[owner_id]]
        return [entry for _, entry in sorted(found, key=lambda numbered: numbered[0])]

    def of_id(self, owner_id: str) -> list[Row]:
        return [entry for _, entry in self._entries.get(owner_id, ())]


class Journals:
    """The journals of the products and of the orders of one shop."""

    def __init__(self) -> None:
        self.products, self.orders = Journal(), Journal()

    def clear(self) -> None:
        self.products.clear()
        self.orders.clear()

    def touched(self, store: Store, operations: Iterable[Operation]) -> list[Touched]:
        """The rows that belong to a product or an order; ask before anything is deleted."""
        found = []
        for one in operations:
            for row in _with_variants(one):
                owner = _owner(store, one.entity, row)
                if owner is not None:
                    kind, owner_id = owner
                    number = row.get(_NUMBER[kind]) or number_of(store, kind, owner_id)
                    found.append(Touched(one, row, kind, owner_id, number))
        return found

    def note(self, store: Store, touched: Iterable[Touched], request_id: str, result: str,
             by: str = "api") -> None:
        for one in touched:
            journal = self.products if one.kind == "product" else self.orders
            number = one.number or number_of(store, one.kind, one.owner_id)
            journal.note(one.owner_id, number, {
                "request": request_id, "by": by, "entity": one.operation.entity,
                "action": one.operation.action, "body": one.row, "result": result})
            if one.operation.entity == one.kind and (by, result) == ("api", "applied"):
                journal.writes[one.owner_id] += 1


_NUMBER = {"product": "productNumber", "order": "orderNumber"}


def _with_variants(operation: Operation) -> Iterator[Row]:
    """The rows of an operation, and the variants nested in products as rows of their own."""
    for row in operation.rows:
        if not isinstance(row, dict):
            continue
        yield row
        nested = row.get("children") if operation.entity == "product" else None
        for child in nested if isinstance(nested, list) else ():
            if isinstance(child, dict):
                yield {**child, "parentId": row.get("id")}


def number_of(store: Store, kind: str, owner_id: str) -> str | None:
    return (store.get(kind, owner_id) or {}).get(_NUMBER[kind])


def _owner(store: Store, entity: str, row: Row) -> tuple[str, str] | None:
    """The kind and the id of what a row belongs to, from the row sent or else from the one kept."""
    if entity in _NUMBER:
        kind, found = entity, row.get("id")
    else:
        fields = ENTITIES[entity].fields
        kind = "order" if "orderId" in fields else "product"
        found = row.get(f"{kind}Id")
        if found is None and isinstance(row.get("id"), str):
            found = (store.get(entity, row["id"]) or {}).get(f"{kind}Id")
    return (kind, found) if isinstance(found, str) else None
