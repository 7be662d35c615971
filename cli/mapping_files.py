"""Mappings as files: CSV with the columns kind, erp_value, shop_value, or the same as JSON."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from integration.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.mappings import Entry

COLUMNS = ("kind", "erp_value", "shop_value")
FORMATS = ("csv", "json")


def written(entries: Sequence[Entry], form: str) -> str:
    """The entries as a text that `read` takes."""
    rows = [
        dict(zip(COLUMNS, (one.kind.value, one.erp_value, one.shop_value), strict=True))
        for one in entries
    ]
    if form == "json":
        return json.dumps(rows, ensure_ascii=False, indent=2) + "\n"
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def read(text: str, form: str) -> list[Entry]:
    """The entries of a file, each value once.

    CSV with commas or, as German spreadsheets write it, semicolons; further columns are left out.
    Raises: UsageError that names the place.
    """
    rows = _json_rows(text) if form == "json" else _csv_rows(text)
    entries: dict[tuple[str, str], Entry] = {}
    for place, row in rows:
        entry = _entry(place, row)
        known = entries.setdefault((entry.kind, entry.erp_value), entry)
        if known.shop_value != entry.shop_value:
            raise UsageError(f"{place}: {entry.kind.value} {entry.erp_value} is there twice")
    if not entries:
        raise UsageError("the file holds no mapping; nothing was imported")
    return list(entries.values())


def _csv_rows(text: str) -> list[tuple[str, dict[str, Any]]]:
    text = text.removeprefix("\ufeff")  # spreadsheets write it
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in header else ",", strict=True
    )
    lacking = [one for one in COLUMNS if one not in (reader.fieldnames or ())]
    if lacking:
        raise UsageError(f"line 1: the columns {', '.join(lacking)} are missing")
    try:
        return [(f"line {reader.line_num}", row) for row in reader]
    except csv.Error as error:
        raise UsageError(f"line {reader.line_num}: it is no CSV: {error}") from error


def _json_rows(text: str) -> list[tuple[str, dict[str, Any]]]:
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise UsageError(f"the file is no JSON: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError("the file is no list of objects")
    return [(f"entry {number}", row) for number, row in enumerate(rows, 1)]


def _entry(place: str, row: dict[str, Any]) -> Entry:
    from integration.mapping_kinds import Kind, key
    from integration.mappings import Entry

    values = [row.get(name) for name in COLUMNS]
    if not all(isinstance(value, str) for value in values):
        raise UsageError(f"{place}: {', '.join(COLUMNS)} must be there, as texts")
    kind, erp_value, shop_value = map(str, values)
    if kind.strip() not in set(Kind):
        raise UsageError(f"{place}: there is no kind {kind!r}; there are {', '.join(Kind)}")
    return Entry(Kind(kind.strip()), key(erp_value), key(shop_value))
