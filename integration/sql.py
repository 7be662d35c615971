"""The few places where SQLite and Postgres are spoken to differently."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, String, bindparam, cast, collate, func, literal, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session


def is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def insert(session: Session, model: Any) -> Any:
    """An INSERT that knows ON CONFLICT, for the dialect at hand."""
    return insert_into(is_postgres(session), model)


def insert_into(on_postgres: bool, model: Any) -> Any:
    """The same for a statement that is built before there is a session."""
    return postgresql.insert(model) if on_postgres else sqlite.insert(model)


def json_texts(on_postgres: bool, parameter: ColumnElement[str]) -> ColumnElement[str]:
    """The texts of one JSON list as rows of a SELECT, in their order.

    One parameter whatever their number, so that the statement is compiled once.
    """
    if on_postgres:
        rows = func.jsonb_array_elements_text(cast(parameter, postgresql.JSONB))
        column: ColumnElement[str] = rows.column_valued("entity")
        return column
    table = func.json_each(parameter).table_valued("value", name="entity")
    return type_coerce(table.c.value, String())


def looked_up(session: Session, texts: Mapping[int, str], key: Any) -> ColumnElement[str]:
    """The text of each row by its integer key: one parameter and one UPDATE for many rows."""
    parameter = bindparam(None, json.dumps(texts), type_=String(), unique=True)
    if is_postgres(session):
        found: ColumnElement[str] = cast(parameter, postgresql.JSONB)[cast(key, String())].astext
        return found
    path = literal('$."') + cast(key, String()) + literal('"')
    return type_coerce(func.json_extract(parameter, path), String())


def lock_order(session: Session, column: Any) -> ColumnElement[Any]:
    """Byte order, which is also Python's order of ids: everybody locks rows in one order."""
    return collate(column, "C" if is_postgres(session) else "BINARY")


def least(on_postgres: bool, *values: Any) -> ColumnElement[Any]:
    """The smallest of some values that are not NULL."""
    return func.least(*values) if on_postgres else func.min(*values)


def constant(value: str | int) -> ColumnElement[Any]:
    """A constant column, rendered into the statement so that UNION knows its type."""
    return literal(value, literal_execute=True)
