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
from dataclasses import dataclass

from sandbox.faults import Faults

from . import errors, media, orders, rights, search, seed
from .auth import TOKEN_TTL_S, Tokens
from .errors import ApiError
from .journal import Journals, Operation, Touched, number_of
from .render import View
from .schema import ENTITIES, MULTI_INVENTORY, SYSTEM_LANGUAGE
from .store import Row, Store
from .writer import Writer

EXTRA_FAULTS = {
    "503": "maintenance: answers 503 without applying",
    "deadlock": "refuses a write with 400 and the inner code 1213; nothing is applied",
    "token-revoked": "refuses all tokens issued so far with 401, code 9",
    "missing-privilege": "the role of the integration lacks a `privilege` (product:update) until "
                         "cleared: 403",
    "slow-indexing": "availableStock and searches of products follow `seconds` after each write, "
                     "until cleared",
    "maintenance": "answers everything with 503, HTML and a Retry-After of `seconds`, until "
                   "cleared",
    "token-limit": "at most `count` (10) requests for a token a minute and address, until cleared: "
                   "429 with Retry-After",
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
    # None: no limit. Web servers before a shop have one, often of a megabyte.
    upload_limit_bytes: int | None = None
    # Real: 6 of 16 overlapping syncs were refused. Modest, so that a single retry mostly helps.
    deadlock_share: float = 0.25
    # Multi-Inventory, of a commercial plan: stock by warehouse.
    multi_inventory: bool = False
    random_seed: int = 1
    now: Callable[[], float] = time.time


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
        self.store = Store(options.now)
        self.journals, self.overlaps = Journals(), Overlaps()
        self.faults = Faults(EXTRA_FAULTS)
        self.tokens = Tokens(options.client_id, options.client_secret, ttl_s=options.token_ttl_s,
                             now=options.now)
        self.rejects: dict[str, int | None] = {}  # folded number -> how many more times
        self.denied: set[str] = set()  # privileges like product:update
        self.maintenance_s: float | None = None
        self._random = random.Random(options.random_seed)
        self._fill()

    def _fill(self) -> None:
        seed.fill(self.store)
        seed.fill_integration(self.store, self.options.client_id)
        self._write_role()
        if self.options.multi_inventory:
            seed.fill_warehouses(self.store)

    def has_entity(self, name: str) -> bool:
        """Whether this shop has such a table."""
        is_plugins = name in MULTI_INVENTORY
        return name in ENTITIES and (self.options.multi_inventory or not is_plugins)

    def reset(self) -> None:
        """Everything as at start; tokens stay good, as over a restart."""
        with self.store.lock:
            self.store.clear()
            self.journals.clear()
            self._random = random.Random(self.options.random_seed)
            self._fill()
        self.faults.clear()
        self.tokens.reset()
        self.clear_standing_faults()

    def clear_standing_faults(self) -> None:
        """Lift everything that stays until it is cleared."""
        with self.store.lock:
            self.rejects.clear()
            self.denied.clear()
            self._write_role()
            self.store.index.clear()
            self.maintenance_s = self.tokens.per_minute = None

    def deny(self, privilege: str) -> None:
        """Take a right from the role of the integration until faults are cleared."""
        self.denied.add(privilege)
        self._write_role()

    def _write_role(self) -> None:
        """Let the role's row say what the integration may."""
        granted = [one for one in rights.ALL if one not in self.denied]
        role = self.store.table("acl_role")[seed.ROLE]
        self.store.put("acl_role", seed.ROLE, {**role, "privileges": granted})

    def write(self, operations: list[Operation], *, language: str, request_id: str,
              route: str) -> Writer:
        """Apply all operations or none. Raises ApiError; either way the journal has it."""
        with self.store.lock:
            touched = self.journals.touched(self.store, operations)
        with self.overlaps.during({one.owner_id for one in touched}) as is_overlapping:
            self._wait(sum(len(one.rows) for one in operations))
            with self.store.lock:
                try:
                    self._refuse_deadlocks(is_overlapping, route)
                    writer, by_filter = self._apply(operations, language)
                except ApiError as refusal:
                    self.journals.note(self.store, touched, request_id,
                                       "refused " + ", ".join(refusal.codes))
                    raise
                self.journals.note(self.store, touched + by_filter, request_id, "applied")
                return writer

    def write_as_employee(self, operations: list[Operation]) -> None:
        """A change made in the shop's own administration: no latency, no faults, no `writes`."""
        with self.store.lock:
            touched = self.journals.touched(self.store, operations)
            with self.store.transaction():
                writer = Writer(self.store, SYSTEM_LANGUAGE,
                                has_warehouses=self.options.multi_inventory)
                for operation in operations:
                    self._run(writer, operation, SYSTEM_LANGUAGE)
                writer.finish()
            self.journals.note(self.store, touched, "", "applied", by="employee")

    def transition(self, entity: str, row_id: str, action: str, body: Row, *, request_id: str,
                   route: str) -> Row:
        """Take a step in the states of an order, a delivery or a transaction; the state reached.

        Raises ApiError; either way the journal has it.
        """
        with self.store.lock:
            order_id = orders.order_id_of(self.store, entity, row_id)
        entry: Row = {"request": request_id, "by": "api", "entity": entity, "action": action,
                      "id": row_id, "body": body}
        with self.overlaps.during({order_id}) as is_overlapping:
            self._wait(1)
            with self.store.lock:
                try:
                    rights.check(self.denied, rights.to_step(entity))
                    self._refuse_deadlocks(is_overlapping, route)
                    with self.store.transaction():
                        before, after = orders.step(self.store, entity, row_id, action)
                    is_taken = before is not after
                    entry["result"] = "applied" if is_taken else "unchanged"
                    entry["mail"] = is_taken and body.get("sendMail") is not False
                except ApiError as refusal:
                    entry["result"] = "refused " + ", ".join(refusal.codes)
                    raise
                finally:
                    number = number_of(self.store, "order", order_id)
                    self.journals.orders.note(order_id, number, entry)
                return after

    def upload(self, media_id: str, file: media.File, base_url: str, *, request_id: str,
               route: str) -> None:
        """Give a media row its file. Raises ApiError; the products that show it note it."""
        self._wait(1)
        with self.store.lock:
            sent = {"fileName": file.name, "extension": file.extension, "size": file.size}
            result = "applied"
            try:
                rights.check(self.denied, rights.UPLOAD)
                self._refuse_deadlocks(is_overlapping=False, route=route)
                media.attach(self.store, media_id, file, base_url)
            except ApiError as refusal:
                result = "refused " + ", ".join(refusal.codes)
                raise
            finally:
                for link in self.store.children("product_media", "mediaId", media_id):
                    number = number_of(self.store, "product", link["productId"])
                    self.journals.products.note(link["productId"], number, {
                        "request": request_id, "by": "api", "entity": "media", "action": "upload",
                        "body": {"id": media_id, **sent}, "result": result})

    def _wait(self, rows: int) -> None:
        wait_ms = self.options.latency_base_ms + self.options.latency_ms_per_100_rows * rows / 100
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)

    def _refuse_deadlocks(self, is_overlapping: bool, route: str) -> None:
        if self.faults.take({"deadlock"}, route) is not None:
            raise errors.deadlock()
        if is_overlapping and self._random.random() < self.options.deadlock_share:
            raise errors.deadlock()

    def _apply(self, operations: list[Operation],
               language: str) -> tuple[Writer, list[Touched]]:
        """What was written, and the rows that were removed because a filter found them."""
        writer = Writer(self.store, language, rejected=self.rejects, denied=self.denied,
                        has_warehouses=self.options.multi_inventory)
        by_filter = []
        try:
            with self.store.transaction():
                for operation in operations:
                    by_filter += self._run(writer, operation, language)
                writer.finish()
        finally:
            self._count_rejects(writer.refused_numbers)
        return writer, by_filter

    def _run(self, writer: Writer, operation: Operation, language: str) -> list[Touched]:
        if operation.action == "upsert":
            for row, pointer in zip(operation.rows, operation.pointers, strict=True):
                writer.upsert(operation.entity, row, pointer, expect=operation.expect)
            return []
        for row, pointer in zip(operation.rows, operation.pointers, strict=True):
            writer.delete(operation.entity, row, pointer)
        if not operation.filters:
            return []
        entity = ENTITIES[operation.entity]
        found = search.matching(View(self.store, language), entity, operation.filters)
        keys = [{name: row[name] for name in entity.key} for row in found]
        touched = self.journals.touched(self.store, [Operation(entity.name, "delete", keys, [])])
        for key in keys:
            writer.delete(entity.name, key, "")
        return touched

    def _count_rejects(self, numbers: set[str]) -> None:
        for number in numbers:
            left = self.rejects.get(number)
            if left == 1:
                del self.rejects[number]
            elif left is not None:
                self.rejects[number] = left - 1
