"""The alerting rules speak of metrics and labels that exist, and each is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator

import promql_parser
import pytest
import yaml

from tests.architecture.source import ROOT
from tests.unit.webhooks.test_metrics import NAMES

LANE = {"tenant", "channel", "topic"}
LABELS_BY_METRIC = {
    "relay_freshness_seconds": LANE,
    "relay_work_items": LANE | {"state"},
    "relay_drain_eta_seconds": LANE,
    "relay_hints_total": LANE,
    "relay_pushes_total": LANE | {"outcome"},
    "relay_requests_total": {"tenant", "channel", "target", "status"},
    "relay_claims_lost_total": LANE | {"cause"},
    "relay_breaker_open": {"tenant", "channel"},
    "relay_brake_tripped": LANE,
    "relay_lane_stopped": LANE | {"cause"},
}
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def selectors(expression: object) -> Iterator[promql_parser.VectorSelector]:
    """Every metric that a parsed expression reads."""
    if isinstance(expression, promql_parser.VectorSelector):
        yield expression
    parts = ("vector_selector", "expr", "lhs", "rhs", "args", "param")
    for part in (getattr(expression, name, None) for name in parts):
        for one in part if isinstance(part, list) else [part]:
            if one is not None:
                yield from selectors(one)


def test_there_are_at_most_eight():
    assert 0 < len(RULES) <= 8
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_expression_reads_metrics_and_labels_that_exist(rule):
    expression = promql_parser.parse(rule["expr"])

    found = list(selectors(expression))

    # As many as a reader sees: the walk above misses none.
    assert len(found) == len(re.findall(r"\brelay_\w+", rule["expr"])) > 0
    for one in found:
        assert one.name in NAMES
        used = {matcher.name for matcher in one.matchers.matchers}
        assert used <= LABELS_BY_METRIC[one.name]
    grouped = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"])
    known = set.union(*(LABELS_BY_METRIC[one.name] for one in found))
    assert {label.strip() for group in grouped for label in group.split(",")} <= known


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_explained_to_who_gets_it_and_in_the_operations_manual(rule):
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
    assert len(rule["annotations"]["description"]) > 80
    assert f"| `{rule['alert']}` |" in OPERATIONS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_annotation_names_only_labels_that_its_alert_has(rule):
    shown = re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))
    kept = {
        label.strip()
        for group in re.findall(r"\bby \(([^)]*)\)", rule["expr"])
        for label in group.split(",")
    }

    assert set(shown) <= kept


def test_the_table_of_labels_is_that_of_all_metrics():
    assert set(LABELS_BY_METRIC) == NAMES
