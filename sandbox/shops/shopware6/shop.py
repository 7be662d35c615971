"""One running shop: its rows, tokens, armed faults and journal, and the one way writes take.

Sync and the single-row routes both go through `Shop.write`, so that overlap, latency, refusals and
the journal behave the same for both.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import Faults

from . import errors, search, seed
from .auth import TOKEN_TTL_S, Tokens
from .clock import stamp
from .errors import ApiError
from .render import View
from .schema import ENTITIES, SYSTEM_LANGUAGE
from .store import Row, Store
from .writer import Writer

EXTRA_FAULTS = {
    "503": "maintenance: answers 503 without applying",
    "deadlock": "refuses a write with 400 and the inner code 1213; nothing is applied",
    "token-revoked": "refuses all tokens issued so far with 401, code 9",
    "reject": "refuses every write to the product with this `number` until cleared (or `count` "
              "times), with a pointer",
    "half": "not offered: Shopware applies a request as a whole or not at all",
}


@dataclass(frozen=True)
class Options:
    """How the shop behaves. Latency is per request plus per row; `now` is the clock of tokens."""

    client_id: str = "SWIASANDBOXSHOPWARE6KEY"
    client_secret: str = "sandbox-shopware6-secret"
    token_ttl_s: int = TOKEN_TTL_S
    latency_base_ms: float = 0.0
    latency_ms_per_100_rows: float = 0.0
    # Real: 6 of 16 overlapping syncs were refused. Modest, so that a single retry mostly helps.
    deadlock_share: float = 0.25
    random_seed: int = 1
    now: Callable[[], float] = time.time


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
    """One sent row and the product it belongs to."""

    operation: Operation
    row: Row
    product_id: str
    number: Any


class Journal:
    """Every write to every product, in order, with what became of it."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self._entries: dict[str, list[tuple[int, Row]]] = {}
        self._ids_by_number: dict[str, dict[str, None]] = {}
        self._serial = 0
        self.writes: Counter[str] = Counter()

    def note(self, product_id: str, number: str | None, entry: Row) -> None:
        self._serial += 1
        self._entries.setdefault(product_id, []).append((self._serial, {"at": stamp(), **entry}))
        if isinstance(number, str):
            self._ids_by_number.setdefault(number.casefold(), {})[product_id] = None

    def of_number(self, number: str) -> list[Row]:
        """The writes, refused ones too, to every product that has or had this number."""
        found = [entry for product_id in self._ids_by_number.get(number.casefold(), ())
                 for entry in self._entries[product_id]]
        return [entry for _, entry in sorted(found, key=lambda numbered: numbered[0])]


class Overlaps:
    """Which products are being written right now."""

    def __init__(self) -> None:
        self._lock, self._active = threading.Lock(), Counter()

    @contextmanager
    def during(self, product_ids: set[str]) -> Iterator[bool]:
        """Yields whether another request that is under way touches one of these products."""
        with self._lock:
            is_overlapping = any(self._active[one] > 0 for one in product_ids)
            self._active.update(product_ids)
        try:
            yield is_overlapping
        finally:
            with self._lock:
                self._active.subtract(product_ids)
                self._active = +self._active  # forget products nobody is writing


class Shop:
    """State and behaviour behind the routes."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.store, self.journal, self.overlaps = Store(), Journal(), Overlaps()
        self.faults = Faults(EXTRA_FAULTS)
        self.tokens = Tokens(options.client_id, options.client_secret, ttl_s=options.token_ttl_s,
                             now=options.now)
        self.rejects: dict[str, int | None] = {}  # folded number -> how many more times
        self._random = random.Random(options.random_seed)
        seed.fill(self.store)

    def reset(self) -> None:
        """Everything as at start; tokens stay good, as over a restart."""
        with self.store.lock:
            self.store.clear()
            self.journal.clear()
            self.rejects.clear()
            self._random = random.Random(self.options.random_seed)
            seed.fill(self.store)
        self.faults.clear()
        self.tokens.reset()

    def write(self, operations: list[Operation], *, language: str, request_id: str,
              route: str) -> Writer:
        """Apply all operations or none. Raises ApiError; either way the journal has it."""
        touched = self._touched(operations)
        with self.overlaps.during({one.product_id for one in touched}) as is_overlapping:
            self._wait(sum(len(one.rows) for one in operations))
            with self.store.lock:
                try:
                    self._refuse_deadlocks(is_overlapping, route)
                    writer = self._apply(operations, language)
                except ApiError as refusal:
                    self._note(touched, request_id, "refused " + ", ".join(refusal.codes))
                    raise
                self._note(touched, request_id, "applied")
                return writer

    def write_as_employee(self, operations: list[Operation]) -> None:
        """A change made in the shop's own administration: no latency, no faults, no `writes`."""
        touched = self._touched(operations)
        with self.store.lock:
            with self.store.transaction():
                writer = Writer(self.store, SYSTEM_LANGUAGE)
                for operation in operations:
                    self._run(writer, operation, SYSTEM_LANGUAGE)
                writer.finish()
            self._note(touched, "", "applied", by="employee")

    def _wait(self, rows: int) -> None:
        wait_ms = self.options.latency_base_ms + self.options.latency_ms_per_100_rows * rows / 100
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)

    def _refuse_deadlocks(self, is_overlapping: bool, route: str) -> None:
        if self.faults.take({"deadlock"}, route) is not None:
            raise errors.deadlock()
        if is_overlapping and self._random.random() < self.options.deadlock_share:
            raise errors.deadlock()

    def _apply(self, operations: list[Operation], language: str) -> Writer:
        writer = Writer(self.store, language, rejected=self.rejects)
        try:
            with self.store.transaction():
                for operation in operations:
                    self._run(writer, operation, language)
                writer.finish()
        finally:
            self._count_rejects(writer.refused_numbers)
        return writer

    def _run(self, writer: Writer, operation: Operation, language: str) -> None:
        if operation.action == "upsert":
            for row, pointer in zip(operation.rows, operation.pointers, strict=True):
                writer.upsert(operation.entity, row, pointer, expect=operation.expect)
            return
        for row, pointer in zip(operation.rows, operation.pointers, strict=True):
            writer.delete(operation.entity, row, pointer)
        if operation.filters:
            entity = ENTITIES[operation.entity]
            found = search.matching(View(self.store, language), entity, operation.filters)
            for row in found:
                writer.delete(operation.entity, row, "")

    def _count_rejects(self, numbers: set[str]) -> None:
        for number in numbers:
            left = self.rejects.get(number)
            if left == 1:
                del self.rejects[number]
            elif left is not None:
                self.rejects[number] = left - 1

    def _touched(self, operations: list[Operation]) -> list[Touched]:
        """The rows that belong to a product, looked up before anything is deleted."""
        with self.store.lock:
            return [Touched(one, row, product_id,
                            row.get("productNumber") or self._number(product_id))
                    for one in operations for row in one.rows if isinstance(row, dict)
                    if (product_id := self._product_id(one, row)) is not None]

    def _note(self, touched: list[Touched], request_id: str, result: str, by: str = "api") -> None:
        for one in touched:
            self.journal.note(one.product_id, one.number or self._number(one.product_id), {
                "request": request_id, "by": by, "entity": one.operation.entity,
                "action": one.operation.action, "body": one.row, "result": result})
            if one.operation.entity == "product" and (by, result) == ("api", "applied"):
                self.journal.writes[one.product_id] += 1

    def _number(self, product_id: str) -> str | None:
        return (self.store.get("product", product_id) or {}).get("productNumber")

    def _product_id(self, operation: Operation, row: Row) -> str | None:
        if operation.entity == "product":
            found = row.get("id")
        else:
            found = row.get("productId")
            if found is None and isinstance(row.get("id"), str):
                found = (self.store.get(operation.entity, row["id"]) or {}).get("productId")
        return found if isinstance(found, str) else None
