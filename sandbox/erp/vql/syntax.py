"""Parses VQL text into a small tree. Knows nothing of sources, columns or rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError, VisitError

Literal = str | Decimal | bool


class VqlError(Exception):
    """The statement cannot be answered; the message says why."""


@dataclass(frozen=True, slots=True)
class Column:
    path: str  # "*" for the standard fields
    function: str | None = None
    display_name: str | None = None
    visible: bool = True

    @property
    def attribute(self) -> str:
        return f"{self.function}({self.path})" if self.function else self.path


@dataclass(frozen=True, slots=True)
class Compare:
    path: str
    operator: str  # = != < <= > >= LIKE
    value: Literal


@dataclass(frozen=True, slots=True)
class ComparePaths:
    """Two columns of one row; what a join is made on."""

    path: str
    operator: str  # = != < <= > >=
    other: str


@dataclass(frozen=True, slots=True)
class In:
    path: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Between:
    path: str
    low: Literal
    high: Literal


@dataclass(frozen=True, slots=True)
class IsNull:
    path: str


@dataclass(frozen=True, slots=True)
class Not:
    term: Expression


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Expression, ...]


Expression = Compare | ComparePaths | In | Between | IsNull | Not | And | Or


@dataclass(frozen=True, slots=True)
class OrderKey:
    path: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """Rows of another statement beside those they belong to; its columns are `alias.column`."""

    select: Select
    alias: str
    on: Expression


@dataclass(frozen=True, slots=True)
class Select:
    columns: tuple[Column, ...]
    source: str
    distinct: bool = False
    joins: tuple[Join, ...] = ()
    where: Expression | None = None
    order: tuple[OrderKey, ...] = ()
    limit: int | None = None
    offset: int = 0


GRAMMAR = r"""
start: statement
statement: _SELECT [DISTINCT] columns _FROM PATH join* [where] [order] [limit] [offset]
join: _JOIN "(" statement ")" _AS PATH _ON "(" expression ")"
where: _WHERE expression
order: _ORDER _BY key ("," key)*
limit: _LIMIT NUMBER
offset: _OFFSET NUMBER
key: PATH [ASC | DESC]

columns: column ("," column)*
column: ANNOTATION* selected
?selected: STAR                       -> plain
         | PATH                       -> plain
         | PATH "(" (PATH | STAR) ")" -> aggregate

expression: conjunction (_OR conjunction)*
conjunction: term (_AND term)*
?term: _NOT term             -> negation
     | "(" expression ")"
     | predicate
?predicate: PATH COMPARISON literal                    -> compare
          | PATH COMPARISON PATH                       -> compare_paths
          | PATH _IN "(" literal ("," literal)* ")"     -> is_in
          | PATH _NOT _IN "(" literal ("," literal)* ")" -> is_not_in
          | PATH _LIKE literal                         -> like
          | PATH _NOT _LIKE literal                    -> not_like
          | PATH _BETWEEN literal _AND literal         -> between
          | PATH _NOT _BETWEEN literal _AND literal    -> not_between
          | PATH (_ISNULL | _IS _NULL)                 -> is_null
          | PATH (_NOTNULL | _IS _NOT _NULL)           -> is_not_null
?literal: STRING -> text | NUMBER -> number | TRUE -> true | FALSE -> false

STAR: "*"
COMPARISON: "=" | "!=" | "<>" | "<=" | ">=" | "<" | ">"
STRING: /'(?:[^']|'')*'/
NUMBER: /-?\d+(?:\.\d+)?/
PATH: /[A-Za-z_]\w*(?:-\w+)*(?:\.[A-Za-z0-9_]\w*(?:-\w+)*)*/
// An annotation ends with its line; on one line with the rest it is a comment that eats the rest.
ANNOTATION.3: /--v:result\{[^}\n]*\}[ \t\r]*\n/
COMMENT.2: /--[^\n]*/
%ignore COMMENT
%ignore /\s+/
"""

_KEYWORDS = ("SELECT", "DISTINCT", "FROM", "JOIN", "AS", "ON", "WHERE", "ORDER", "BY", "LIMIT",
             "OFFSET", "ASC", "DESC", "AND", "OR", "NOT", "IN", "LIKE", "BETWEEN", "ISNULL",
             "NOTNULL", "IS", "NULL", "TRUE", "FALSE")
_KEPT = {"DISTINCT", "ASC", "DESC", "TRUE", "FALSE"}  # the tree needs to see these
_OPTION = re.compile(r"\s*(displayname|visible)\s*=\s*(?:'((?:[^']|'')*)'|(true|false))\s*",
                     re.IGNORECASE)


def _terminals() -> str:
    # A keyword is not the start of a longer name: `order.id` and `android` are paths.
    return "\n".join(f"{name if name in _KEPT else '_' + name}.2: /{name}(?![\\w.-])/i"
                     for name in _KEYWORDS)


@v_args(inline=True)
class _Tree(Transformer):
    """Turns the parse tree into the classes above."""

    def start(self, statement: Select) -> Select:
        return statement

    def statement(self, distinct: Any, columns: Any, source: Token, *clauses: Any) -> Select:
        if str(source).count(".") != 1:
            raise VqlError(f"{source} is no source; a source is group.template")
        joins = tuple(clause for clause in clauses if isinstance(clause, Join))
        given = {name: value for clause in clauses if clause and not isinstance(clause, Join)
                 for name, value in clause}
        return Select(columns, str(source), bool(distinct), joins, **given)

    def join(self, select: Select, alias: Token, on: Expression) -> Join:
        if "." in alias:
            raise VqlError(f"{alias} is no alias; an alias has no dot")
        return Join(select, str(alias), on)

    def where(self, expression: Expression) -> Any:
        return (("where", expression),)

    def order(self, *keys: OrderKey) -> Any:
        return (("order", keys),)

    def limit(self, number: Token) -> Any:
        return (("limit", _whole(number)),)

    def offset(self, number: Token) -> Any:
        return (("offset", _whole(number)),)

    def key(self, path: Token, direction: Token | None, *_none: Any) -> OrderKey:
        return OrderKey(str(path), direction is not None and direction.lower() == "desc")

    def columns(self, *columns: Column) -> tuple[Column, ...]:
        return columns

    def column(self, *parts: Any) -> Column:
        *annotations, (path, function) = parts
        options: dict[str, Any] = {}
        for annotation in annotations:
            options.update(_annotation(annotation))
        return Column(path, function, **options)

    def plain(self, path: Token) -> tuple[str, None]:
        return str(path), None

    def aggregate(self, function: Token, path: Token) -> tuple[str, str]:
        return str(path), function.lower()

    def expression(self, *terms: Expression) -> Expression:
        return terms[0] if len(terms) == 1 else Or(terms)

    def conjunction(self, *terms: Expression) -> Expression:
        return terms[0] if len(terms) == 1 else And(terms)

    def negation(self, term: Expression) -> Expression:
        return Not(term)

    def compare(self, path: Token, operator: Token, value: Literal) -> Expression:
        return Compare(str(path), "!=" if operator == "<>" else str(operator), value)

    def compare_paths(self, path: Token, operator: Token, other: Token) -> Expression:
        return ComparePaths(str(path), "!=" if operator == "<>" else str(operator), str(other))

    def is_in(self, path: Token, *values: Literal) -> Expression:
        return In(str(path), values)

    def is_not_in(self, path: Token, *values: Literal) -> Expression:
        return Not(In(str(path), values))

    def like(self, path: Token, value: Literal) -> Expression:
        return Compare(str(path), "LIKE", value)

    def not_like(self, path: Token, value: Literal) -> Expression:
        return Not(Compare(str(path), "LIKE", value))

    def between(self, path: Token, low: Literal, high: Literal) -> Expression:
        return Between(str(path), low, high)

    def not_between(self, path: Token, low: Literal, high: Literal) -> Expression:
        return Not(Between(str(path), low, high))

    def is_null(self, path: Token) -> Expression:
        return IsNull(str(path))

    def is_not_null(self, path: Token) -> Expression:
        return Not(IsNull(str(path)))

    def text(self, token: Token) -> str:
        return token[1:-1].replace("''", "'")

    def number(self, token: Token) -> Decimal:
        return Decimal(token)

    def true(self, _token: Token) -> bool:
        return True

    def false(self, _token: Token) -> bool:
        return False


def _whole(token: Token) -> int:
    if not token.isdigit():
        raise VqlError(f"LIMIT and OFFSET take whole numbers, not {token}")
    return int(token)


def _annotation(comment: Token) -> dict[str, Any]:
    inside = comment[comment.index("{") + 1:comment.index("}")]
    options: dict[str, Any] = {}
    for part in inside.split(","):
        match = _OPTION.fullmatch(part)
        if match is None:
            raise VqlError(f"unknown annotation {{{inside}}}")
        name, text, flag = match.groups()
        if name.lower() == "visible":
            options["visible"] = (flag or text or "").lower() == "true"
        else:
            options["display_name"] = (text or "").replace("''", "'")
    return options


_PARSER = Lark(GRAMMAR + _terminals(), parser="lalr", maybe_placeholders=True, transformer=_Tree())


@lru_cache(maxsize=256)
def parse(statement: str) -> Select:
    """The statement as a tree. Raises VqlError."""
    try:
        return _PARSER.parse(statement)
    except VisitError as error:
        raise error.orig_exc if isinstance(error.orig_exc, VqlError) else error from None
    except LarkError as error:
        place = f"line {getattr(error, 'line', '?')}, column {getattr(error, 'column', '?')}"
        raise VqlError(f"The statement is not understood at {place}.") from None
