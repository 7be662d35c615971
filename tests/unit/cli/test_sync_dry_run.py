"""`vario-relay sync --dry-run --json`: the lines that docs/operations.md shows."""

from __future__ import annotations

import json

import pytest

from cli.sync_dry_run import EXAMPLES, Summary
from integration.dry_run import PreviewPage
from integration.dry_run_outcomes import ADOPT, CREATE, Change, Outcome
from integration.topology import Topic
from tests.architecture.source import ROOT

ADOPTED = Outcome(
    *("4711", "A-4711", ADOPT, "product 0190a1", (Topic.ARTICLE, Topic.PRICE), "0190a1"),
    changes=(
        Change("name", "Hammer, handmade", "Hammer 300 g"),
        Change("gross", "999", "278.06", is_far=True),
    ),
)
HELD = Outcome("4712", "A-4712", "no-price", "A-4712 has no price")


@pytest.fixture
def page() -> PreviewPage:
    created = [Outcome(str(n), f"A-{n}", CREATE, topics=(Topic.ARTICLE,)) for n in range(9)]
    return PreviewPage((*created, ADOPTED, HELD), seen=11, expected=20)


def documented() -> tuple[dict, dict]:
    """(line of a page, last line) of the document."""
    lines = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").splitlines()
    step, total = (json.loads(line) for line in lines if line.startswith('{"dry_run"'))
    return step, total


def test_a_line_per_page_has_the_documented_shape(page):
    summary = Summary("acme/42")
    summary.add(page)

    shown = summary.step(page)

    expected, _ = documented()
    assert list(shown) == list(expected)
    assert shown["adoptions"] == expected["adoptions"]
    assert (shown["counts"], shown["topics"]) == (
        {"create": 9, "adopt": 1, "no-price": 1},
        {"article": 10, "price": 1},
    )
    assert (shown["changes"], shown["far"]) == ({"name": 1, "price": 1}, {"price": 1})


def test_the_last_line_has_the_documented_shape(page):
    summary = Summary("acme/42")
    summary.add(page)

    shown = summary.total()

    _, expected = documented()
    assert list(shown) == list(expected)
    assert shown["examples"]["no-price"] == expected["examples"]["no-price"]
    assert len(shown["examples"]["create"]) == EXAMPLES
    assert shown["examples"]["create"][0] == {"article": "0", "number": "A-0"}
