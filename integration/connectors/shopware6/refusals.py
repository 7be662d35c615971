"""Shopware's error envelope, read: what was refused, which row, and in which words. Pure.

    {"errors": [{code, status, title, detail, meta: {parameters}, source: {pointer}, template}]}

`code` is a name, a validator's UUID or a number of the database; any member may be missing, and an
empty map of PHP arrives as an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BLANK = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"
DUPLICATE_NUMBER = "CONTENT__DUPLICATE_PRODUCT_NUMBER"
MISSING_PRIVILEGE = "FRAMEWORK__MISSING_PRIVILEGE_ERROR"

#: The name of our operation; pointers begin with it.
OPERATION = "product"

DUPLICATE_FILE_NAME = "CONTENT__MEDIA_DUPLICATED_FILE_NAME"
MEDIA_NOT_FOUND = "CONTENT__MEDIA_NOT_FOUND"
#: Our own word for a 413, which comes from the web server without any.
TOO_LARGE = "TOO_LARGE"

_LOCK_CODES = {"1213", "1205"}
_LOCK_WORDS = re.compile(r"SQLSTATE\[40001\]|\b1213 Deadlock|\b1205 Lock wait timeout")
# 22: a value does not fit the column, 23: a key is missing or taken. The database says the same
# next time, whatever the HTTP status around it says (a foreign key comes as 500).
_ROW_FAULT = re.compile(r"SQLSTATE\[2[23]")
_REFERENCES = re.compile(r"REFERENCES `(\w+)`")
_HEX_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Entry:
    """One entry of `errors`."""

    code: str
    detail: str
    pointer: str
    parameters: dict[str, Any]


class Refused(Exception):
    """The shop read the request and refused it; nothing of it was written."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        super().__init__(tuple(entries))
        self.entries = tuple(entries)

    def __str__(self) -> str:
        return sentences(self.entries)


def entries_of(body: Any) -> list[Entry]:
    """The entries of an error envelope; none if `body` is something else."""
    errors = body.get("errors") if isinstance(body, dict) else None
    if not isinstance(errors, list):
        return []
    return [_entry(one) for one in errors if isinstance(one, dict)]


def _entry(raw: dict[str, Any]) -> Entry:
    source, meta = _mapping(raw.get("source")), _mapping(raw.get("meta"))
    return Entry(
        code=str(raw.get("code") or "0"),
        detail=str(raw.get("detail") or raw.get("title") or "no reason given"),
        pointer=str(source.get("pointer") or ""),
        parameters=_mapping(meta.get("parameters")),
    )


def too_large(size: int) -> Entry:
    """What a 413 means for a file of `size` bytes."""
    detail = (
        f"the shop's web server takes no file of {size / 1e6:.1f} MB; raise its limit for uploads "
        "(upload_max_filesize and post_max_size of PHP, client_max_body_size of nginx)"
    )
    return Entry(TOO_LARGE, detail, "", {})


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def is_lock(entry: Entry) -> bool:
    """A deadlock or a lock that was waited for too long: passes by itself."""
    return entry.code in _LOCK_CODES or bool(_LOCK_WORDS.search(entry.detail))


def is_row_fault(entry: Entry) -> bool:
    """The database refused the values of some row, and would refuse them again."""
    return bool(_ROW_FAULT.search(entry.detail))


def missing_table(entry: Entry) -> str | None:
    """The table that lacks the row we refer to, for a foreign key that leads nowhere."""
    if entry.code != "1452" and " 1452 " not in entry.detail:
        return None
    found = _REFERENCES.search(entry.detail)
    return found.group(1) if found else None


def duplicate_number(entry: Entry) -> str | None:
    """The product number that is taken already. The entry has no pointer."""
    if entry.code != DUPLICATE_NUMBER:
        return None
    number = entry.parameters.get("number")
    return str(number) if number is not None else None


def row_of(pointer: str, ids: Sequence[str]) -> int | None:
    """Index of the row a pointer means, `ids` being those of the rows sent; None: it names none.

    Shape: ``/product/3/price/0/gross``; some versions put the row's id where the index belongs,
    or leave the operation out (``/<id>/name``).
    """
    parts = pointer.split("/")[1:]
    if len(parts) > 1 and parts[0] == OPERATION and re.fullmatch(r"[0-9]{1,9}", parts[1]):
        index = int(parts[1])
        return index if index < len(ids) else None
    for part in parts[:2]:
        plain = part.replace("-", "").lower()
        # Rows with the same id are one product; any of them stands for all, the first is named.
        if _HEX_ID.fullmatch(plain) and plain in ids:
            return ids.index(plain)
    return None


def field_of(pointer: str) -> str:
    """The field a pointer means: ``price/0/gross``, or ``name`` for a translation's name."""
    parts = pointer.split("/")[1:]
    parts = parts[2:] if parts[:1] == [OPERATION] else parts[1:]
    if len(parts) > 2 and parts[0] == "translations":
        parts = parts[2:]
    return "/".join(parts)


def sentences(entries: Sequence[Entry]) -> str:
    """What the shop said, in its own words; each saying once."""
    return "; ".join(dict.fromkeys(_sentence(entry) for entry in entries)) or "no reason given"


def _sentence(entry: Entry) -> str:
    field, value = field_of(entry.pointer), entry.parameters.get("{{ value }}")
    text = f"{field}: {entry.detail}" if field else entry.detail
    return f"{text} (sent: {value})" if value not in (None, "null") else text
