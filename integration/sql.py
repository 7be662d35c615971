"""The few places where SQLite and Postgres are spoken to differently."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, cast, collate, func, literal, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def insert(session: Session, model: Any) -> Any:
    """An INSERT that knows ON CONFLICT, for the dialect at hand."""
    return postgresql.insert(model) if is_postgres(session) else sqlite.insert(model)


def texts(session: Session, values: Sequence[str]) -> ColumnElement[str]:
    """The values as rows of a SELECT, in their order.

    One JSON parameter whatever their number, so that the statement is compiled once.
    """
    parameter = bindparam(None, json.dumps(list(values)), type_=String(), unique=True)
    if is_postgres(session):
        rows = func.jsonb_array_elements_text(cast(parameter, postgresql.JSONB))
        column: ColumnElement[str] = rows.column_valued("entity")
        return column
    table = func.json_each(parameter).table_valued("value", name="entity")
    return type_coerce(table.c.value, String())


def lock_order(session: Session, column: Any) -> ColumnElement[Any]:
    """Byte order, which is also Python's order of ids: everybody locks rows in one order."""
    return collate(column, "C" if is_postgres(session) else "BINARY")


def least(session: Session, *values: Any) -> ColumnElement[Any]:
    """The smallest of some values that are not NULL."""
    return func.least(*values) if is_postgres(session) else func.min(*values)


def constant(value: str | int) -> ColumnElement[Any]:
    """A constant column, rendered into the statement so that UNION knows its type."""
    return literal(value, literal_execute=True)
