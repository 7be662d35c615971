"""VQL: statements built only from checked parts, and rows mapped as the vendor's client does.

No escaping rule is documented, so nothing is ever escaped: what does not match a narrow pattern
is refused. Free text (article numbers) goes through the structured endpoint instead
(integration.erp.listings.find_by_number). Source: docs/sources.md#erp-vql.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integration.errors import Invalid

_ID = re.compile(r"[0-9]+", re.ASCII)
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*", re.ASCII)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_SOURCE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\.[A-Za-z][A-Za-z0-9_-]*", re.ASCII)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
#: The only aggregate we use; others are not attested.
_FUNCTIONS = frozenset({"count"})


@dataclass(frozen=True)
class Column:
    """A column of a SELECT; `name` is its key in the mapped row, the path by default."""

    path: str
    name: str | None = None
    function: str | None = None


@dataclass(frozen=True)
class Condition:
    """One checked predicate; made by the functions below, never from text."""

    text: str


def is_id(value: str) -> bool:
    """Whether `value` may stand in a statement as an id."""
    return _ID.fullmatch(value) is not None


def equals_id(path: str, value: str) -> Condition:
    """``path = '42'``; the vendor writes numbers in quotes too."""
    return Condition(f"{_path(path)} = '{_checked(_ID, value, 'an id')}'")


def in_ids(path: str, values: Sequence[str]) -> Condition:
    """``path IN ('1','2')``. Raises: Invalid for an empty list too."""
    if not values:
        raise Invalid(f"VQL: no ids for {path}")
    listed = ",".join(f"'{_checked(_ID, value, 'an id')}'" for value in values)
    return Condition(f"{_path(path)} IN ({listed})")


def equals_word(path: str, value: str, allowed: Collection[str]) -> Condition:
    """``path = 'APP'`` for a value of a closed list."""
    if value not in allowed:
        raise Invalid(f"VQL: {path} cannot be compared with a value outside its list")
    return Condition(f"{_path(path)} = '{_checked(_WORD, value, 'a word')}'")


def equals_uuid(path: str, value: str) -> Condition:
    return Condition(f"{_path(path)} = '{_checked(_UUID, value, 'a UUID')}'")


def equals_bool(path: str, value: bool) -> Condition:
    if not isinstance(value, bool):
        raise Invalid(f"VQL: {path} is compared with true or false only")
    return Condition(f"{_path(path)} = '{'true' if value else 'false'}'")


def select(
    columns: Sequence[Column],
    source: str,
    where: Iterable[Condition] = (),
    order_by: Sequence[str] = (),
    descending: Collection[str] = (),
) -> str:
    """The text of a statement. Its line breaks count: an annotation ends with its line.

    `descending`: those of `order_by` whose largest value comes first.

    Neither LIMIT nor OFFSET: paging travels beside the statement (`ErpClient.vql`).
    Raises: Invalid for any part that is not plainly a name or a path.
    """
    if not columns:
        raise Invalid("VQL: no columns")
    first = "SELECT " if columns[0].name is None else "SELECT\n"
    lines = [first + ",\n".join(_column(column) for column in columns)]
    lines.append(f"FROM {_checked(_SOURCE, source, 'a source')}")
    conditions = [condition.text for condition in where]
    if conditions:
        lines.append("WHERE " + " AND ".join(conditions))
    if order_by:
        keys = (f"{_path(path)} {'DESC' if path in descending else 'ASC'}" for path in order_by)
        lines.append("ORDER BY " + ", ".join(keys))
    return "\n".join(lines)


def _column(column: Column) -> str:
    text = _path(column.path)
    if column.function is not None:
        if column.function not in _FUNCTIONS:
            raise Invalid(f"VQL: {column.function!r} is not a function we use")
        text = f"{column.function}({text})"
    if column.name is None:
        return text
    name = _checked(_NAME, column.name, "a display name")
    return f"--v:result{{displayname='{name}'}}\n{text}"


def _path(path: str) -> str:
    return _checked(_PATH, path, "a field path")


def _checked(pattern: re.Pattern[str], value: str, what: str) -> str:
    # fullmatch: `$` would let a line break through
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Invalid(f"VQL: {value!r} is not {what}")
    return value


def map_row(definition: Iterable[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row keyed by display names.

    Shape: `row` is flat, its keys are attribute paths ("user.username"). A null column is a
    missing key. A nested collection (`_type` "meta") lies under the path of its definition.
    """
    record: dict[str, Any] = {}
    for column in definition:
        if not isinstance(column, dict):
            continue
        attribute = column.get("attribute")
        if isinstance(attribute, str) and row.get(attribute) is not None:
            record[_display_name(column, attribute)] = row[attribute]
        elif column.get("_type") == "meta" and isinstance(column.get("definition"), dict):
            inner = column["definition"]
            path = inner.get("path")
            if isinstance(path, str) and row.get(path):
                record[_display_name(inner, path)] = row[path]
    return record


def flat_row(definition: Sequence[Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """Like `map_row`, with the columns of nested collections under their display names too.

    Whether an article with a listing is one flat row or a row with a collection is not documented
    (vario-erp.md 3.8). Shape: the value of the only member; a list with a place for each member
    when there are several.
    """
    inner: dict[str, Any] = {}
    for column in definition:
        members = _members(column, row)
        if not members:
            continue
        records = [map_row(column["value"], member) for member in members]
        for name in dict.fromkeys(name for record in records for name in record):
            values = [record.get(name) for record in records]
            inner[name] = values[0] if len(values) == 1 else values
    return {**inner, **map_row(definition, row)}


def _members(column: Any, row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows inside a nested collection, if the column is one and says what they hold."""
    if not isinstance(column, dict) or column.get("_type") != "meta":
        return []
    outer = column.get("definition")
    path = outer.get("path") if isinstance(outer, dict) else None
    found = row.get(path) if isinstance(path, str) else None
    if not isinstance(found, list) or not isinstance(column.get("value"), list):
        return []
    return [member for member in found if isinstance(member, dict)]


def _display_name(column: Mapping[str, Any], path: str) -> str:
    name = column.get("displayName")
    return name if isinstance(name, str) and name else path
