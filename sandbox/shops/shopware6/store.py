"""The shop's rows in memory: tables, the look-ups that keep it quick, and all-or-nothing writes.

A row is never changed in place, it is replaced: an undo log of old rows then rolls a transaction
back, and readers may keep what they got without holding the lock.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .clock import stamp
from .indexing import Index
from .schema import ENTITIES, SYSTEM_LANGUAGE

Key = str | tuple[str, ...]
Row = dict[str, Any]


class DuplicateNumber(Exception):
    """Another product has this number already."""


class Store:
    """All tables. Take `lock` for anything that reads more than one row or writes."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.lock = threading.RLock()
        self.index = Index(now)
        self.clear()

    def clear(self) -> None:
        with self.lock:
            self._tables: dict[str, dict[Key, Row]] = {name: {} for name in ENTITIES}
            # (table, foreign key) -> value -> keys of the rows that have it, in order of insertion
            self._by_foreign: dict[tuple[str, str], dict[str, dict[Key, None]]] = {
                (entity.name, name): defaultdict(dict)
                for entity in ENTITIES.values() for name in entity.foreign}
            self._id_by_number: dict[str, str] = {}
            self._id_by_file: dict[str, str] = {}
            self._undo: list[tuple[str, Key, Row | None]] = []
            self._serial = 0
            self.index.clear()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens, or, if it raises, nothing of it."""
        with self.lock:
            self._undo = []
            try:
                yield
            except BaseException:
                for table, key, old in reversed(self._undo):
                    self._replace(table, key, old)
                raise
            else:
                self.index.note(self._undo)
            finally:
                self._undo = []

    def table(self, name: str) -> dict[Key, Row]:
        return self._tables[name]

    def get(self, table: str, key: Key | None) -> Row | None:
        return self._tables[table].get(key)

    def children(self, table: str, foreign: str, value: str) -> list[Row]:
        """The rows of `table` whose `foreign` key is `value`."""
        keys = self._by_foreign[table, foreign].get(value)
        if not keys:
            return []
        rows = self._tables[table]
        return [rows[key] for key in keys]

    def child_keys(self, table: str, foreign: str, value: str) -> list[Key]:
        return list(self._by_foreign[table, foreign].get(value, ()))

    def product_id(self, number: str) -> str | None:
        return self._id_by_number.get(number.casefold())

    def media_id(self, file: str) -> str | None:
        """The media that has a file of this name with its extension."""
        return self._id_by_file.get(file.casefold())

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def put(self, table: str, key: Key, row: Row) -> None:
        """Insert or replace one row. Raises DuplicateNumber."""
        number = row.get("productNumber") if table == "product" else None
        # The database compares text without regard to case, so does its unique index.
        if number is not None and self.product_id(number) not in (None, key):
            raise DuplicateNumber(number)
        self._undo.append((table, key, self._tables[table].get(key)))
        self._replace(table, key, row)

    def insert(self, table: str, key: str, **values: Any) -> Row:
        """A new row as the shop itself makes one: unchecked, texts in its own language."""
        entity = ENTITIES[table]
        texts = {name: values.pop(name) for name in entity.translated if name in values}
        row: Row = {**entity.defaults, **values, "id": key, "createdAt": stamp(),
                    "updatedAt": None, "autoIncrement": self.next_serial()}
        if entity.translated:
            row["translations"] = {SYSTEM_LANGUAGE: texts}
        self.put(table, key, row)
        return row

    def remove(self, table: str, key: Key) -> None:
        self._undo.append((table, key, self._tables[table].get(key)))
        self._replace(table, key, None)

    def _replace(self, table: str, key: Key, row: Row | None) -> None:
        rows = self._tables[table]
        old = rows.get(key)
        for name in ENTITIES[table].foreign:
            before, after = (old or {}).get(name), (row or {}).get(name)
            if before == after:
                continue
            index = self._by_foreign[table, name]
            if before is not None:
                index[before].pop(key, None)
            if after is not None:
                index[after][key] = None
        if table == "product":
            _rename(self._id_by_number, key, (old or {}).get("productNumber"),
                    (row or {}).get("productNumber"))
        elif table == "media":
            _rename(self._id_by_file, key, _file_of(old), _file_of(row))
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row


def _file_of(media: Row | None) -> str | None:
    return f"{media['fileName']}.{media['fileExtension']}" if media and (
        media.get("hasFile")) else None


def _rename(id_by_text: dict[str, str], key: Any, before: str | None, after: str | None) -> None:
    """Keep an index of texts that only one row can have."""
    if before == after:
        return
    if before is not None and id_by_text.get(before.casefold()) == key:
        del id_by_text[before.casefold()]
    if after is not None:
        id_by_text[after.casefold()] = key
