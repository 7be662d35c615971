"""`POST /api/_action/sync`: several operations in one transaction, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import errors
from .journal import Operation
from .schema import ENTITIES
from .writer import Writer, shown_key

ACTIONS = ("upsert", "delete")


def operations_of(body: Any, has_entity: Callable[[str], bool]) -> list[Operation]:
    """Read the body: a list of operations, or an object whose keys name them. Raises ApiError."""
    if not isinstance(body, (list, dict)):
        raise _invalid("The body is a list or an object of operations.")
    entries = body.items() if isinstance(body, dict) else enumerate(body)
    return [_operation(str(key), entry, has_entity) for key, entry in entries]


def result_of(writer: Writer) -> dict[str, Any]:
    """The answer: every row written, deleted or not found, by entity."""
    return {"extensions": [], "data": _shown_rows(writer.written),
            "notFound": writer.not_found or [], "deleted": _shown_rows(writer.deleted)}


def _shown_rows(rows: dict[str, dict[Any, None]]) -> dict[str, list[Any]] | list[Any]:
    """Written or deleted rows as the answer lists them; nothing is an empty list."""
    return {table: [shown_key(ENTITIES.get(table), key) for key in keys]
            for table, keys in rows.items()} or []


def _operation(key: str, entry: Any, has_entity: Callable[[str], bool]) -> Operation:
    if not isinstance(entry, dict):
        raise _invalid(f'The operation with key "{key}" is not an object.')
    key = str(entry.get("key", key))
    entity, action = entry.get("entity"), entry.get("action")
    rows, filters = entry.get("payload") or [], entry.get("criteria") or []
    problems = []
    if not entity or not isinstance(entity, str):
        problems.append(f'Missing "entity" argument for operation with key "{key}". '
                        "It needs to be a non-empty string.")
    if action not in ACTIONS:
        problems.append(f'Missing or invalid "action" argument for operation with key "{key}". '
                        f"Supported actions are [{', '.join(ACTIONS)}]")
    if not rows and not (action == "delete" and filters):
        problems.append(f'Missing "payload"|"criteria" argument for operation with key "{key}". '
                        "It needs to be a non-empty array.")
    elif not isinstance(rows, list):
        problems.append("Invalid payload. Should contain a list of associative arrays")
    if problems:
        raise _invalid("\n".join(problems))
    if not has_entity(entity):
        raise errors.named(500, "FRAMEWORK__DEFINITION_NOT_FOUND",
                           f'Definition for entity "{entity}" does not exist.',
                           {"entityName": entity})
    # up to 6.6, as in the version recorded
    if action == "delete" and filters and len(ENTITIES[entity].key) == 1:
        raise errors.named(400, "API_INVALID_SYNC_CRITERIA_EXCEPTION",
                           f'Sync operation {key}, with action "delete", requires a criteria with '
                           "at least one filter and can only be applied for mapping entities")
    pointers = [f"/{key}/{index}" for index in range(len(rows))]
    return Operation(entity, action, rows, pointers,
                     filters=filters if isinstance(filters, list) else [])


def _invalid(detail: str) -> errors.ApiError:
    return errors.named(400, "FRAMEWORK__INVALID_SYNC_OPERATION", detail)
