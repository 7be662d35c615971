"""Our own record of what was sent about deliveries, on both databases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from integration import fulfilments, served, work_outcomes
from integration.clock import db_now
from integration.connectors.base import Payload
from integration.models import Fulfilment
from integration.topics.order_status import AWAITS_TRACKING
from integration.topology import Topic
from tests.integration.support import Database

HOUR_S = 3_600.0


def payload(document_id: str, *numbers: str, **more: Any) -> Payload:
    one: Payload = {
        "article_id": document_id,
        "number": "S1",
        "external_id": None,
        "body": {},
        "tracking_numbers": list(numbers),
    }
    one.update(more)  # type: ignore[typeddict-item]
    return one


def see(database: Database, *document_ids: str) -> dict[str, float]:
    with database.scope() as session:
        return fulfilments.first_seen(session, database.channel, document_ids, HOUR_S)


def begin(database: Database, *payloads: Payload) -> None:
    with database.scope() as session:
        fulfilments.begin(session, database.channel, payloads)


def known(database: Database, document_id: str) -> Any:
    with database.scope() as session:
        return fulfilments.views(session, database.channel, [document_id])[document_id]


def test_the_wait_begins_when_a_document_is_first_seen(database: Database) -> None:
    first = see(database, "600", "601")
    with database.scope() as session:
        session.execute(
            update(Fulfilment)
            .where(Fulfilment.document_id == "600")
            .values(first_seen_at=db_now(-HOUR_S - 1))
        )

    later = see(database, "600", "601", "602")

    assert all(HOUR_S - 30 < one <= HOUR_S for one in first.values())
    assert later["600"] == 0.0
    assert later["601"] <= first["601"]
    assert later["602"] > HOUR_S - 30


def test_what_a_write_may_have_put_there_is_known_before_it_is_made(database: Database) -> None:
    see(database, "600", "601")
    assert known(database, "600").notes["was_sent"] is False

    begin(database, payload("600", "T1"), payload("601"))
    begin(database, payload("600", "T2", "T1", is_withdrawal=True))

    assert known(database, "600").notes == {
        "was_sent": True,
        "was_withdrawn": True,
        "tracking_numbers": ["T1", "T2"],
    }
    assert known(database, "601").notes["was_withdrawn"] is False


def test_what_the_platform_calls_it_is_remembered(database: Database) -> None:
    see(database, "600")

    with database.scope() as session:
        fulfilments.remember(session, database.channel, {"600": "shop-1", "699": "unknown"})

    assert known(database, "600").external_id == "shop-1"


def test_after_a_year_nobody_asks_any_more(database: Database) -> None:
    see(database, "600", "601")
    with database.scope() as session:
        old = update(Fulfilment).where(Fulfilment.document_id == "600")
        session.execute(old.values(first_seen_at=db_now(-fulfilments.KEPT_S - 1)))
        fulfilments.forget_old(session)

    with database.scope() as session:
        assert session.scalars(select(Fulfilment.document_id)).all() == ["601"]


def test_what_waits_for_a_time_goes_when_it_is_over(database: Database) -> None:
    database.hint(Topic.ORDER_STATUS, "600", "601")
    database.change(hold_reason=AWAITS_TRACKING, due_at=db_now(HOUR_S))

    def released() -> int:
        with database.scope() as session:
            served.follow(session, list(Topic))  # whoever carries it does not matter
            return work_outcomes.release_awaited(session, AWAITS_TRACKING)

    assert released() == 0
    database.change(due_at=db_now(-1))
    assert (released(), released()) == (2, 0)
    assert database.row(Topic.ORDER_STATUS, "600").hold_reason is None
