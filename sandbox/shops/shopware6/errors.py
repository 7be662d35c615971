"""Refusals in Shopware's envelope: `{"errors": [{status, code, title, detail, meta, source}]}`.

`code` is a name, a validator's UUID or a database error number, always as text; which of the
members are present depends on where the refusal comes from, and clients rely on that.
"""

from __future__ import annotations

import json
from decimal import Decimal
from http import HTTPStatus
from typing import Any

BLANK = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"
WRONG_TYPE = "ba785a8c-82cb-4283-967c-3cf342181b40"
MISSING_FIELD = "2fa2158c-2a7f-484b-98aa-975522539ff8"
TOO_LONG = "d94b19cc-114f-4f44-9cc4-4138e80a87b9"
CONSTRAINT = "FRAMEWORK__WRITE_CONSTRAINT_VIOLATION"

INSERT, UPDATE = "InsertCommand", "UpdateCommand"
_COMMANDS = "Shopware\\Core\\Framework\\DataAbstractionLayer\\Write\\Command\\"
_EXECUTING = "An exception occurred while executing a query: SQLSTATE"


class ApiError(Exception):
    """An answer other than success: the HTTP status, the entries of `errors`, more headers."""

    def __init__(self, status: int, errors: list[dict[str, Any]],
                 headers: dict[str, str] | None = None) -> None:
        super().__init__(status, errors)
        self.status, self.errors, self.headers = status, errors, headers or {}

    @property
    def codes(self) -> list[str]:
        return [entry["code"] for entry in self.errors]


def plain(status: int, detail: str | None, *, code: str = "0", title: str = "") -> ApiError:
    """An error without `meta`: what routing, parsing, authorisation and the database raise."""
    return ApiError(status, [{"code": code, "status": str(status),
                              "title": title or HTTPStatus(status).phrase, "detail": detail}])


def named(status: int, code: str, detail: str, parameters: dict[str, Any] | None = None,
          pointer: str | None = None) -> ApiError:
    """An error of the application: a speaking code, with the parameters of its text."""
    entry: dict[str, Any] = {"status": str(status), "code": code,
                             "title": HTTPStatus(status).phrase, "detail": detail}
    if pointer is not None:
        entry["source"] = {"pointer": pointer}
    # PHP has one type for lists and maps: an empty map arrives as an empty list.
    entry["meta"] = {"parameters": parameters or []}
    return ApiError(status, [entry])


def violation(pointer: str, code: str, template: str, parameters: dict[str, str] | None = None,
              detail: str | None = None) -> dict[str, Any]:
    """One entry for one bad value; `pointer` is what lets a client cut the bad row out."""
    text = detail or template
    for name, value in (parameters or {}).items():
        text = text.replace(name, value)
    return {"code": code, "status": "400", "detail": text, "template": template,
            "meta": {"parameters": parameters or []}, "source": {"pointer": pointer}}


def blank(pointer: str, value: Any = None) -> dict[str, Any]:
    return violation(pointer, BLANK, "This value should not be blank.",
                     {"{{ value }}": shown(value)})


def wrong_type(pointer: str, value: Any, kind: str) -> dict[str, Any]:
    return violation(pointer, WRONG_TYPE, "This value should be of type {{ type }}.",
                     {"{{ value }}": shown(value), "{{ type }}": kind})


def missing(pointer: str, field: str) -> dict[str, Any]:
    return violation(f"{pointer}/{field}", MISSING_FIELD, "This field is missing.",
                     {"{{ field }}": f'"{field}"'})


def too_long(pointer: str, value: str, limit: int) -> dict[str, Any]:
    template = "This value is too long. It should have {{ limit }} characters or less."
    return violation(pointer, TOO_LONG, template, {
        "{{ value }}": shown(value), "{{ limit }}": str(limit),
        "{{ value_length }}": str(len(value))})


def bad_uuid(pointer: str, value: Any) -> dict[str, Any]:
    return violation(pointer, CONSTRAINT, 'The string "{{ string }}" is not a valid uuid.',
                     {"{{ string }}": value if isinstance(value, str) else shown(value)})


def own_parent(pointer: str, entity: str, row_id: str) -> dict[str, Any]:
    return violation(
        f"{pointer}/parentId", "FRAMEWORK__PARENT_RELATION_DOES_NOT_ALLOW_SELF_REFERENCES",
        'The {{ entity }} entity with id "{{ id }}" can not reference to itself as parent.',
        {"{{ entity }}": entity, "{{ id }}": row_id})


def state_by_write(pointer: str) -> dict[str, Any]:
    return violation(
        pointer, CONSTRAINT, "Changing the state-machine-state of this entity is not allowed for "
        "scope {{ scope }}. Either change the state-machine-state via a state-transition or use a "
        "different scope.", {"{{ scope }}": "crud"})


def duplicate_number(number: str) -> ApiError:
    """Without a pointer, as in the original: only the number tells which row it was."""
    return named(400, "CONTENT__DUPLICATE_PRODUCT_NUMBER",
                 f'Product with number "{number}" already exists.', {"number": number})


def intent(entity: str, expected: str, actual: str) -> ApiError:
    """POST on an id that exists, or PATCH on one that does not: 400, not 409 or 404."""
    hint = "Hint: Use POST method to create new entities." if expected == UPDATE else ""
    return named(400, "FRAMEWORK__WRITE_TYPE_INTEND_ERROR",
                 f'Expected command for "{entity}" to be "{_COMMANDS}{expected}". '
                 f'(Got: {_COMMANDS}{actual}){hint}',
                 {"definition": entity, "expectedClass": _COMMANDS + expected,
                  "actualClass": _COMMANDS + actual})


def foreign_key(table: str, column: str, target: str, on_delete: str = "") -> ApiError:
    """A reference to a row that does not exist: a permanent fault of the caller, answered 500."""
    on_delete = f" ON DELETE {on_delete}" if on_delete else ""
    return plain(500, f"{_EXECUTING}[23000]: Integrity constraint violation: 1452 Cannot add or "
                      f"update a child row: a foreign key constraint fails (`shopware`.`{table}`, "
                      f"CONSTRAINT `fk.{table}.{column}` FOREIGN KEY (`{column}`) REFERENCES "
                      f"`{target}` (`id`){on_delete} ON UPDATE CASCADE)", code="1452")


def duplicate_row(table: str) -> ApiError:
    """A second row where the database allows one, under another id."""
    return plain(500, f"{_EXECUTING}[23000]: Integrity constraint violation: 1062 Duplicate entry "
                      f"for a unique key of '{table}'", code="1062")


def deadlock() -> ApiError:
    """A transient fault in a 400: only the inner status and the number 1213 tell."""
    entry = plain(500, f"{_EXECUTING}[40001]: Serialization failure: 1213 Deadlock found when "
                       "trying to get lock; try restarting transaction", code="1213").errors[0]
    return ApiError(400, [entry, dict(entry)])


def too_many(seconds: int) -> ApiError:
    """The limit of the vendor's cloud on its token route."""
    entry = named(429, "FRAMEWORK__RATE_LIMIT_EXCEEDED",
                  f"Too many requests, try again in {seconds} seconds.", {"seconds": seconds})
    return ApiError(429, entry.errors, {"Retry-After": str(seconds)})


def missing_privileges(names: list[str]) -> ApiError:
    """What the role of the integration lacks; the detail is a JSON text."""
    detail = json.dumps({"message": "Missing privilege", "missingPrivileges": names})
    return named(403, "FRAMEWORK__MISSING_PRIVILEGE_ERROR", detail)


def not_found(entity: str, row_id: str) -> ApiError:
    key = f"id({row_id})"
    return named(404, "FRAMEWORK__RESOURCE_NOT_FOUND",
                 f"The {entity} resource with the following primary key was not found: {key}",
                 {"type": entity, "primaryKey": {"id": row_id}, "primaryKeyString": key})


def shown(value: Any) -> str:
    """A value as the validator prints it into its messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    return "array"
