"""The query engine against a naive evaluator, on random expressions."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.erp.vql.engine import execute
from sandbox.erp.vql.parts import Bounds, Field, Source
from sandbox.erp.vql.syntax import (
    And,
    Between,
    Compare,
    In,
    IsNull,
    Not,
    Or,
    VqlError,
    parse,
)

ROWS = [{"id": place, "name": name, "amount": amount, "on": place % 2 == 0}
        for place, (name, amount) in enumerate([
            ("it's", Decimal("1.5")), ("ÄÖ%", None), (None, Decimal(-3)), ("a_b", Decimal(0)),
            ("", Decimal("1.50")), ("and", None), ("10", Decimal(10)), ("9", Decimal(9))], start=8)]
KINDS = {"id": "id", "name": "text", "amount": "number", "on": "bool"}
FIELDS = {path: Field(path, kind, lambda row, path=path: row[path])
          for path, kind in KINDS.items()}


def indexed_rows(bounds: Bounds):
    for row in ROWS:
        if "id" in bounds.among and row["id"] not in bounds.among["id"]:
            continue
        if bounds.after is not None and row["id"] <= bounds.after:
            continue
        if bounds.upto is None or row["id"] <= bounds.upto:
            yield row


SOURCE = Source(FIELDS, indexed_rows, ("id",), frozenset({"id"}))

LITERALS = {
    "id": st.integers(7, 17).map(Decimal),
    "name": st.sampled_from(["it's", "ÄÖ%", "a_b", "", "and", "10", "9", "%b", "_", "zz"]),
    "amount": st.sampled_from([Decimal("1.5"), Decimal(-3), Decimal(0), Decimal(10)]),
    "on": st.booleans(),
}


@st.composite
def predicates(draw):
    path = draw(st.sampled_from(sorted(KINDS)))
    literal = LITERALS[path]
    return draw(st.one_of(
        st.builds(Compare, st.just(path),
                  st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "LIKE"]), literal),
        st.builds(In, st.just(path), st.lists(literal, min_size=1, max_size=3).map(tuple)),
        st.builds(Between, st.just(path), literal, literal),
        st.builds(IsNull, st.just(path))))


def nested(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several), st.builds(Not, inner))


EXPRESSIONS = st.recursive(predicates(), nested, max_leaves=8)


def printed(term) -> str:
    match term:
        case Compare(path, operator, value):
            return f"{path} {operator} {literal_text(value)}"
        case In(path, values):
            return f"{path} IN ({', '.join(map(literal_text, values))})"
        case Between(path, low, high):
            return f"{path} BETWEEN {literal_text(low)} AND {literal_text(high)}"
        case IsNull(path):
            return f"{path} IS NULL"
        case Not(inner):
            return f"NOT ({printed(inner)})"
        case And(terms):
            return " AND ".join(f"({printed(one)})" for one in terms)
    return " OR ".join(f"({printed(one)})" for one in term.terms)


def literal_text(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


def holds(term, row):
    """True, False or None (not known), straight from the definition."""
    match term:
        case Not(inner):
            inside = holds(inner, row)
            return None if inside is None else not inside
        case And(terms) | Or(terms):
            found = [holds(one, row) for one in terms]
            decisive = isinstance(term, Or)
            return decisive if decisive in found else None if None in found else not decisive
        case IsNull(path):
            return row[path] is None
    value = row[term.path]
    if value is None:
        return None
    match term:
        case In(_, values):
            return value in values
        case Between(_, low, high):
            return low <= value <= high
        case Compare(_, "LIKE", pattern):
            return like(text_of(value), text_of(pattern))
    return {"=": value == term.value, "!=": value != term.value, "<": value < term.value,
            "<=": value <= term.value, ">": value > term.value,
            ">=": value >= term.value}[term.operator]


def text_of(value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def like(text: str, pattern: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(text[cut:], pattern[1:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in ("_", text[0]) and like(text[1:], pattern[1:])


def selected(statement: str) -> list[int]:
    return [row[0] for row in execute(parse(statement), SOURCE).rows]


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_a_printed_expression_selects_what_a_naive_evaluator_selects(expression):
    expected = [row["id"] for row in ROWS if holds(expression, row)]

    assert selected(f"SELECT id FROM a.b WHERE {printed(expression)}") == expected


def test_keywords_are_case_insensitive_and_names_may_begin_with_one():
    select = parse("select order.id, android from sales-channel.all where NOTNULLED notnull")

    assert [column.path for column in select.columns] == ["order.id", "android"]
    assert select.where == Not(IsNull("NOTNULLED"))


def test_and_binds_stronger_than_or():
    assert selected("SELECT id FROM a.b WHERE id = 8 OR id = 9 AND on = 'true'") == [8]


def test_not_forms_are_the_negation_with_null_left_out():
    assert selected("SELECT id FROM a.b WHERE amount NOT IN (9, 10)") == [8, 10, 11, 12]
    assert selected("SELECT id FROM a.b WHERE name NOT LIKE '%b' AND on = true") == [8, 12, 14]
    assert selected("SELECT id FROM a.b WHERE amount NOT BETWEEN 0 AND 9") == [10, 14]


def test_order_by_several_keys_puts_nulls_last():
    assert selected("SELECT id FROM a.b ORDER BY amount DESC, id DESC") == [
        14, 15, 12, 8, 11, 10, 13, 9]


def test_distinct_removes_equal_rows_before_the_page():
    statement = "SELECT DISTINCT on FROM a.b ORDER BY id LIMIT 2"

    assert [row[0] for row in execute(parse(statement), SOURCE).rows] == [True, False]


def test_bounds_of_the_id_are_applied_together():
    assert selected("SELECT id FROM a.b WHERE id > 8 AND id <= 11 AND id IN (8, 9, 11, 12)") == [
        9, 11]


@pytest.mark.parametrize("annotation", ["--v:result{nonsense=1}\n", "--v:result{}\n"])
def test_an_unknown_annotation_is_refused(annotation):
    with pytest.raises(VqlError, match="unknown annotation"):
        parse(f"SELECT {annotation}id FROM a.b")
