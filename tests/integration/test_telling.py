"""One log line per transition: whose, which or how many, the attempt, the claim, and why."""

from __future__ import annotations

import logging
import shlex

import pytest

from integration import work_items, work_outcomes
from integration.errors import Held, Rejected, TransientError
from integration.topology import Topic

STOCK, PRICE, ARTICLE = Topic.STOCK, Topic.PRICE, Topic.ARTICLE


@pytest.fixture
def told(caplog):
    """The transitions that were logged: (level, fields) in order."""
    caplog.set_level(logging.DEBUG, "integration.work_items")

    def lines() -> list[tuple[str, dict[str, str]]]:
        return [
            (one.levelname, dict(part.split("=", 1) for part in shlex.split(one.getMessage())))
            for one in caplog.records
            if one.name == "integration.work_items"
        ]

    return lines


def record(database, held, error_by_entity):
    by_entity = held.item_by_entity
    with database.scope() as session:
        work_outcomes.record_errors(
            session, held, {by_entity[one].id: error for one, error in error_by_entity.items()}
        )


@pytest.mark.contract("10.19")
def test_a_line_of_one_item_names_it(database, told):
    database.hint(STOCK, "5")
    held = database.hold(STOCK)
    database.settle(held, pushed="content")

    assert told() == [
        (
            "INFO",
            {
                "event": "work_item.settled",
                "tenant": "acme",
                "channel": "42",
                "topic": "stock",
                "entity": "5",
                "attempt": "1",
                "claim": held.id,
                "outcome": "pushed",
            },
        )
    ]


def test_rows_that_met_the_same_error_are_one_line_and_the_others_their_own(database, told):
    database.hint(STOCK, "1", "2", "3", "4")
    held = database.hold(STOCK)

    record(
        database,
        held,
        {
            "1": TransientError("no answer"),
            "2": TransientError("no answer"),
            "3": Rejected("no such tax"),
            "4": Held("no-price", "it has no price"),
        },
    )

    said = [(level, one["event"], one.get("items"), one.get("entity")) for level, one in told()]
    assert said == [
        ("INFO", "work_item.postponed", "2", None),
        ("WARNING", "work_item.buried", None, "3"),
        ("WARNING", "work_item.held", None, "4"),
    ]
    assert told()[0][1]["error"] == "TransientError"
    assert told()[0][1]["reason"] == "no answer"


@pytest.mark.contract("10.19")
def test_the_attempt_counts_up(database, told):
    database.hint(STOCK, "1")
    for _ in range(2):
        record(database, database.hold(STOCK), {"1": TransientError("no answer")})
        database.retries_are_due()

    assert [one["attempt"] for _, one in told()] == ["1", "2"]


def test_a_bug_is_an_error_that_somebody_must_see(database, told):
    database.hint(STOCK, "1")

    record(database, database.hold(STOCK), {"1": KeyError("name")})

    ((level, line),) = told()
    assert (level, line["event"], line["error"]) == ("ERROR", "work_item.buried", "KeyError")


def test_what_is_rolled_back_is_not_told(database, told):
    database.hint(STOCK, "1")
    held = database.hold(STOCK)

    def settle_and_fail() -> None:
        with database.scope() as session:
            work_items.settle(session, held, [work_items.Settled(held.items[0].id, "content")])
            raise RuntimeError("the transaction is rolled back")

    with pytest.raises(RuntimeError):
        settle_and_fail()

    assert told() == []


def test_rows_of_dead_workers_that_wait_and_that_go_again_are_told(database, told):
    database.hint(PRICE, "1", "2")
    held = database.hold(PRICE)
    with database.scope() as session:
        work_outcomes.wait_for_articles(session, held, [held.items[0].id])
    database.end_leases()
    with database.scope() as session:
        work_outcomes.recover_expired(session)
        work_outcomes.release_holds(session, database.channel, work_outcomes.NOT_IN_SHOP)

    said = [(level, one["event"], one["topic"], one["entity"]) for level, one in told()]
    assert said == [
        ("INFO", "work_item.held", "price", "1"),
        ("WARNING", "work_item.taken_back", "price", "2"),
        ("INFO", "work_item.unheld", "price", "1"),
    ]
