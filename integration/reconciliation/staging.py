"""The shop's products in a file of their own, because the two sides come in different orders.

The shop is read by its product ids, the ERP by its article ids, so that one of them must be put
down somewhere. It is the shop: a scan cannot be asked for single numbers, and is over in minutes. A
file of its own costs the service's database nothing, is the same beside SQLite and Postgres, and
goes with the process. Why it is so is in docs/decisions/0020.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from itertools import islice
from types import TracebackType
from typing import Any, Self

from integration.connectors.base import RemoteRecord
from integration.field_ownership import RECORD_NAMES
from integration.reconciliation.compare import Shown, Value

#: What a scan is asked for.
FIELDS = (
    "name",
    "is_active",
    "net",
    "gross",
    "stock",
    "description",
    "ean",
    "weight_kg",
    "tax",
    "tax_rate",
    "texts",
    "is_visible",
)
_AT_ONCE = 500

#: Nobody needs it after a crash. Of its pages SQLite keeps 512 KB in memory: as much as a thousand
#: products fill, so that the others add nothing; its default is 2 MB, and no faster.
_PRAGMAS = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
PRAGMA cache_size=-512;
"""
_SCHEMA = """
CREATE TABLE product (external_id TEXT PRIMARY KEY, number TEXT, folded TEXT, shown TEXT);
CREATE INDEX product_number ON product (folded);
CREATE TABLE seen (article_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE offered (article_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE known (external_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


def shown_of(record: RemoteRecord) -> Shown:
    """A record of a shop in the words of a comparison."""
    values: dict[str, Value] = {
        "number": record.number,
        "name": record.name,
        "active": record.is_active,
        "net": record.net,
        "gross": record.gross,
        "stock": record.stock,
        "description": record.description,
        "ean": record.ean,
        "weight_kg": record.weight_kg,
        "tax": record.tax,
        "tax_rate": record.tax_rate,
        "visible": record.is_visible,
        **record.texts,
    }
    return Shown(record.external_id, record.number, values)


def record_of(shown: Shown) -> RemoteRecord:
    """The record again, as far as it was staged."""
    values: dict[str, Any] = {
        RECORD_NAMES.get(name, name): value
        for name, value in shown.values.items()
        if name != "number" and "@" not in name
    }
    texts = {name: str(value) for name, value in shown.values.items() if "@" in name}
    return RemoteRecord(shown.external_id, shown.number, texts=texts, **values)


class Stage:
    """The products of one scan, and the articles that were seen since; gone at its end."""

    def __init__(self) -> None:
        handle, self._path = tempfile.mkstemp(prefix="vario-relay-shop-", suffix=".db")
        os.close(handle)
        self._database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._database.executescript(_PRAGMAS + _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()
        with suppress(FileNotFoundError):
            os.unlink(self._path)

    def put(self, records: Iterable[RemoteRecord]) -> Iterable[int]:
        """Stage a scan in place of an earlier one; yields how many products there are so far."""
        count, coming = 0, iter(records)
        self._database.execute("DELETE FROM product")
        while chunk := [_row(one) for one in islice(coming, _AT_ONCE)]:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO product VALUES (?, ?, ?, ?)", chunk)
            self._database.execute("COMMIT")
            count += len(chunk)
            yield count

    def by_ids(self, external_ids: Collection[str]) -> dict[str, Shown]:
        """What the shop shows of these products, without those that it does not have."""
        rows = self._chosen("SELECT external_id, number, shown FROM product", external_ids)
        return {row[0]: Shown(row[0], row[1], _values(row[2])) for row in rows}

    def ids_by_number(self, numbers: Collection[str]) -> dict[str, list[str]]:
        """Products by number; shops compare them without regard to case."""
        folded = {one: one.casefold() for one in numbers if one}
        rows = self._chosen(
            "SELECT folded, external_id FROM product", set(folded.values()), "folded"
        )
        by_folded: dict[str, list[str]] = {}
        for number, external_id in rows:
            by_folded.setdefault(number, []).append(external_id)
        return {one: sorted(by_folded.get(key, ())) for one, key in folded.items()}

    def saw(self, article_ids: Iterable[str]) -> None:
        """Note that the ERP lists these articles."""
        self._note("INSERT OR IGNORE INTO seen VALUES (?)", article_ids)

    def unseen(self, article_ids: Sequence[str]) -> list[str]:
        """Those of these articles that were not seen, in their order."""
        return self._without("SELECT article_id FROM seen", article_ids)

    def newest(self) -> int:
        """The highest id of an article that was seen; 0 without one."""
        highest = "SELECT max(CAST(article_id AS INTEGER)) FROM seen"
        return self._database.execute(highest).fetchone()[0] or 0

    def offers(self, article_ids: Iterable[str]) -> None:
        """Note that these articles are for sale by what the ERP says."""
        self._note("INSERT OR IGNORE INTO offered VALUES (?)", article_ids)

    def not_offered(self, article_ids: Collection[str]) -> list[str]:
        """Those of these articles that are not for sale by what the ERP says, as far as noted."""
        return self._without("SELECT article_id FROM offered", article_ids)

    def knows(self, external_ids: Iterable[str]) -> None:
        """Note that we have a listing of these products."""
        self._note("INSERT OR IGNORE INTO known VALUES (?)", external_ids)

    def strangers(self, at_once: int) -> Iterator[dict[str, str]]:
        """Numbers of active products of which we have no listing, by product, so many together."""
        rows = self._database.execute(
            "SELECT external_id, number, shown FROM product "
            "WHERE external_id NOT IN (SELECT external_id FROM known) ORDER BY external_id"
        )
        shown = (Shown(row[0], row[1], _values(row[2])) for row in rows)
        active = ((one.external_id, one.number) for one in shown if one.is_active)
        while found := dict(islice(active, at_once)):
            yield found

    def _without(self, select: str, article_ids: Collection[str]) -> list[str]:
        noted = {row[0] for row in self._chosen(select, article_ids, "article_id")}
        return [one for one in article_ids if one not in noted]

    def _note(self, insert: str, keys: Iterable[str]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany(insert, [(one,) for one in keys])
        self._database.execute("COMMIT")

    def _chosen(self, select: str, keys: Collection[str], column: str = "external_id") -> Any:
        wanted = json.dumps(sorted(keys))
        chosen = f"{select} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608
        return self._database.execute(chosen, (wanted,)).fetchall()


def _row(record: RemoteRecord) -> tuple[str, str, str, str]:
    shown = shown_of(record)
    values = {
        name: {"amount": str(value)} if isinstance(value, Decimal) else value
        for name, value in shown.values.items()
        if value is not None
    }
    return shown.external_id, shown.number, shown.number.casefold(), json.dumps(values)


def _values(text: str) -> Mapping[str, Value]:
    return {
        name: Decimal(value["amount"]) if isinstance(value, dict) else value
        for name, value in json.loads(text).items()
    }
