"""Every known pitfall has an answer, and the tests it names hold it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict

import pytest

from tests.architecture.source import ROOT, functions, modules

PITFALLS = range(1, 41)
TABLE = (ROOT / "docs" / "decisions" / "0011-known-pitfalls.md").read_text()


def lines() -> dict[int, list[str]]:
    """Number -> what goes wrong, the answer, what holds it."""
    rows = re.findall(r"^\| (\d+) \|(.+)\|$", TABLE, re.M)
    found = {int(number): [cell.strip() for cell in rest.split("|")] for number, rest in rows}
    assert len(found) == len(rows), "a number stands twice"
    return found


def marked() -> dict[int, set[str]]:
    """Number -> the tests that carry its mark."""
    found = defaultdict(set)
    for module in modules("tests"):
        for test in functions(module):
            for mark in test.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.pitfall":
                    found[ast.literal_eval(mark.args[0])].add(test.name)
    return found


LINES, MARKED = lines(), marked()


def test_every_pitfall_has_a_line():
    assert sorted(LINES) == list(PITFALLS)


@pytest.mark.parametrize("number", PITFALLS)
def test_a_line_says_what_goes_wrong_and_what_is_done_about_it(number):
    trouble, answer, _ = LINES[number]

    assert len(trouble.split()) >= 4
    assert len(answer.split()) >= 3


@pytest.mark.parametrize("number", PITFALLS)
def test_a_pitfall_is_held_by_tests_that_carry_its_mark_or_says_why_not(number):
    *_, holders = LINES[number]
    named = set(re.findall(r"`(test_\w+)`", holders))

    assert named - MARKED[number] == set()
    assert named or len(holders.split()) >= 5


def test_no_mark_speaks_of_another_pitfall():
    assert set(MARKED) <= set(PITFALLS)
