"""Reports of what failed and what is held cost as much for hundreds of causes as for one."""

from __future__ import annotations

import pytest

from integration import hold_report, queue_report, work_outcomes
from integration.errors import MappingMissing, Rejected
from integration.topology import Topic
from tests.engines import executed

STOCK = Topic.STOCK


def fail(database, causes, kind):
    """Four articles for each cause; their numbers are those of the hints' order."""
    for cause in causes:
        database.hint(STOCK, *(f"{cause}{place}" for place in range(4)))
        held = database.hold(STOCK)
        with database.scope() as session:
            work_outcomes.record_errors(session, held, {one.id: kind(cause) for one in held.items})


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        (queue_report.failures, lambda cause: Rejected(f"because of {chr(64 + cause)}")),
        (hold_report.groups, lambda cause: MappingMissing(f"mapping:unit:{cause}", f"of {cause}")),
    ],
)
def test_the_number_of_causes_does_not_matter(database, report, kind):
    counts = []
    for causes in (range(1, 2), range(2, 12)):
        fail(database, causes, kind)
        with database.scope() as session, executed(database.engine) as seen:
            found = report(session)
        counts.append(len(seen))

    assert counts[0] == counts[1]
    assert len(found) == 11
    assert {one.count for one in found} == {4}
    assert {len(one.examples) for one in found} == {3}
    assert ("50", "51", "52") in {one.examples for one in found}
