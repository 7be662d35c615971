"""Every point that an app of the ERP must not miss (vario-erp.md 10) is held by tests.

`pytest -rP` on this file shows each point with the tests that carry its mark.
"""

from __future__ import annotations

import ast
from collections import defaultdict

import pytest

from tests.architecture.source import functions, modules

POINTS = {
    "10.1": "a webhook is recorded, then answered 200; its handler calls neither ERP nor shop",
    "10.2": "every event of every channel has an address of its own",
    "10.3": "the tenant comes from the verified token, and tenants share nothing",
    "10.4": "a payload is a hint: the state is fetched and pushed as absolute values",
    "10.5": "every call to the ERP names us in its User-Agent",
    "10.6": "a 429 pauses the whole tenant for 6 to 60 seconds by its header",
    "10.7": "one refresh at 90 % of a token's life, one repeat after 401, invalid_grant holds",
    "10.8": "work in the background runs as the app user and needs no webhook's token",
    "10.9": "every write to the ERP suppresses our own webhooks",
    "10.10": "a value is written back only when it changes",
    "10.11": "waiting work is joined, and an event during the work is never swallowed",
    "10.12": "tenant-wide events reach exactly the channels they concern",
    "10.13": "deliveries, delivery invoices and finished parcels are all registered",
    "10.14": "what sends no event, deletions and prices by date, is found by a schedule",
    "10.15": "absent nulls, ids as number or text, paging headers as text are all read",
    "10.16": "annotations keep their lines, and only plain values enter a statement",
    "10.17": "toggles count when the work is done and are on by default; parameters are fresh",
    "10.18": "secrets are sealed where they are kept and masked where they are logged",
    "10.19": "logs name tenant, channel, topic, entity, attempt, request and trackingId",
    "10.20": "a scheduled job runs once per tenant and job at a time",
    "10.21": "a deleted channel is cleared away, a deactivated one pauses",
    "10.22": "402, 403, 404 and 422 are classified and not retried unchanged",
    "10.23": "our error answers say error and message, and every answer its x-request-id",
}


def marked() -> dict[str, set[str]]:
    """Point -> the tests that carry its mark, themselves or with their whole file."""
    found = defaultdict(set)
    for module in modules("tests"):
        of_file = [one.value for one in module.tree.body if _is_mark_of_file(one)]
        for test in functions(module):
            if not test.name.startswith("test_"):
                continue
            for mark in ast.walk(ast.Module([*of_file, *test.decorator_list], [])):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.contract":
                    found[ast.literal_eval(mark.args[0])].add(test.name)
    return found


def _is_mark_of_file(node: ast.stmt) -> bool:
    """``pytestmark = ...``, one or several."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"


MARKED = marked()


@pytest.mark.parametrize("point", POINTS)
def test_a_point_of_the_contract_is_held_by_tests(point):
    tests = sorted(MARKED[point])

    print(f"{point} {POINTS[point]}: {', '.join(tests) or 'nothing'}")
    assert tests


def test_no_mark_speaks_of_another_point():
    assert set(MARKED) <= set(POINTS)
