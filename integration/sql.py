"""The few places where SQLite and Postgres are spoken to differently."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    String,
    bindparam,
    cast,
    collate,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
)
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


def excluded(column: Any) -> ColumnElement[Any]:
    """What the row had brought into `column` that met another one, in ON CONFLICT DO UPDATE.

    The statement's own `excluded` is an alias, see `_rows_of`.
    """
    found: ColumnElement[Any] = literal_column(f"excluded.{column.key}", column.type)
    return found


def locked_or_new(
    session: Session,
    locking: Any,
    insert: Callable[[], Any],
    values: Mapping[str, Any] | None = None,
) -> Any:
    """The one row of a SELECT ... FOR UPDATE; inserted first when it is not there yet.

    In this order, because it is missing once and there a thousand times. `values`: the parameters
    of the SELECT.
    """
    row = session.execute(locking, values).one_or_none()
    if row is None:
        # Somebody else may do the same at this moment.
        session.execute(insert().on_conflict_do_nothing())
        row = session.execute(locking, values).one()
    return row


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


def is_one_of(session: Session, column: Any, numbers: Collection[int]) -> ColumnElement[bool]:
    """Whether a column is one of these whole numbers: one parameter, whatever their number.

    IN makes a parameter of each of them, and a new text of the statement with each execution.
    """
    listed = json_numbers(is_postgres(session), numbers)
    return is_listed(is_postgres(session), column, bindparam(None, listed, String(), unique=True))


def json_numbers(on_postgres: bool, numbers: Collection[int]) -> str:
    """Whole numbers as the parameter of `is_listed`."""
    listed = json.dumps(list(numbers))
    return "{" + listed[1:-1] + "}" if on_postgres else listed


def is_listed(on_postgres: bool, column: Any, parameter: ColumnElement[str]) -> ColumnElement[bool]:
    """`is_one_of` for a statement that is built before there are numbers."""
    if on_postgres:
        # Not SQLAlchemy's any_(), see `_rows_of`.
        found: ColumnElement[bool] = column == func.any(
            cast(parameter, postgresql.ARRAY(BigInteger))
        )
        return found
    return type_coerce(column.in_(_rows_of(on_postgres, parameter)), Boolean())


def is_one_of_texts(session: Session, column: Any, texts: Collection[str]) -> ColumnElement[bool]:
    """The same for texts."""
    parameter = bindparam(None, json.dumps(list(texts)), type_=String(), unique=True)
    return is_listed_text(is_postgres(session), column, parameter)


def is_listed_text(
    on_postgres: bool, column: Any, parameter: ColumnElement[str]
) -> ColumnElement[bool]:
    """`is_one_of_texts` for a statement that is built before there are texts: one JSON list."""
    return type_coerce(column.in_(_rows_of(on_postgres, parameter)), Boolean())


def _rows_of(on_postgres: bool, parameter: ColumnElement[str]) -> Select[Any]:
    """The entries of one JSON list, for IN.

    Without an alias: an aliased function and its columns refer to each other, so that each such
    expression, and the list of ids in it, stays in memory until the garbage collector comes.
    """
    if on_postgres:
        return select(func.jsonb_array_elements_text(cast(parameter, postgresql.JSONB)))
    return select(literal_column("value")).select_from(func.json_each(parameter))


def looked_up(session: Session, texts: Mapping[int, str], key: Any) -> ColumnElement[str]:
    """The text of each row by its integer key: one parameter and one UPDATE for many rows."""
    parameter = bindparam(None, json.dumps(texts), type_=String(), unique=True)
    return looked_up_in(is_postgres(session), parameter, key)


def looked_up_in(on_postgres: bool, parameter: ColumnElement[str], key: Any) -> ColumnElement[str]:
    """`looked_up` for a statement that is built before there are texts."""
    if on_postgres:
        found: ColumnElement[str] = cast(parameter, postgresql.JSONB)[cast(key, String())].astext
        return found
    path = literal('$."') + cast(key, String()) + literal('"')
    return type_coerce(func.json_extract(parameter, path), String())


def listed(on_postgres: bool, *columns: Any, where: ColumnElement[bool]) -> ColumnElement[Any]:
    """Rows of another table as one column: a JSON list of lists; None or empty without any."""
    if on_postgres:
        rows = select(func.json_agg(func.json_build_array(*columns), type_=JSON()))
    else:
        rows = select(func.json_group_array(func.json_array(*columns), type_=JSON()))
    return rows.where(where).scalar_subquery()


def lock_order(session: Session, column: Any) -> ColumnElement[Any]:
    """Byte order, which is also Python's order of ids: everybody locks rows in one order."""
    return lock_order_in(is_postgres(session), column)


def lock_order_in(on_postgres: bool, column: Any) -> ColumnElement[Any]:
    """`lock_order` for a statement that is built before there is a session."""
    return collate(column, "C" if on_postgres else "BINARY")


def least(on_postgres: bool, *values: Any) -> ColumnElement[Any]:
    """The smallest of some values that are not NULL."""
    return func.least(*values) if on_postgres else func.min(*values)


def constant(value: str | int) -> ColumnElement[Any]:
    """A constant column, rendered into the statement so that UNION knows its type."""
    return literal(value, literal_execute=True)
