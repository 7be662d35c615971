"""The chaos suite's clock for retries."""

from types import SimpleNamespace

from integration.clock import db_now
from integration.models import WorkItem
from integration.topology import Topic
from tests.chaos.retries import LONGEST_S, ShortRetries
from tests.integration.support import Database


def seconds_left(database: Database, entity_id: str) -> float:
    row = database.row(Topic.STOCK, entity_id)
    return (row.due_at - row.now).total_seconds()


def test_only_what_was_tried_and_waits_long_is_due_sooner(database):
    database.hint(Topic.STOCK, "tried", "soon", "second-look")
    for entity_id, seconds, attempts in (("tried", 120, 3), ("soon", 2, 1), ("second-look", 10, 0)):
        postponed = {"due_at": db_now(seconds), "attempts": attempts}
        database.change(WorkItem.entity_id == entity_id, **postponed)

    ShortRetries(SimpleNamespace(runtime=database)).shorten()

    assert LONGEST_S - 2 < seconds_left(database, "tried") <= LONGEST_S
    assert seconds_left(database, "soon") <= 2
    assert seconds_left(database, "second-look") > LONGEST_S
