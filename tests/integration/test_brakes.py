"""Brakes: what is stopped before any of it is written, what goes on, and how it ends."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from integration import article_holds, brake_rules, brakes, hold_report
from integration.channel_view import ChannelView
from integration.connectors.base import ListingView
from integration.models import Brake, ChannelParameter, Listing, Priority, WorkItem
from integration.stages import Work
from integration.topology import Topic
from integration.work_items import Settled, release, settle
from tests.integration.support import Database

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK
WAIT_S = 120.0


def price(gross: float) -> str:
    return f"{gross / 1.19:.4f} {gross:.4f}"


@dataclass
class Shop:
    """A shop that holds what it was given, behind the brakes of its channel."""

    database: Database
    parameters: Mapping[str, str] = field(default_factory=dict)
    has: dict[tuple[Topic, str], str] = field(default_factory=dict)

    def scope(self) -> Any:
        """As a runtime has it: all that brakes need of one."""
        return self.database.scope()

    def fill(self, topic: Topic, number: int, value: str) -> list[str]:
        """So many articles that the shop has with this value; their ids."""
        ids = [str(1000 + n) for n in range(number)]
        self.change(topic, ids, value)
        assert self.count(topic, value) == number
        return ids

    def change(
        self,
        topic: Topic,
        ids: Collection[str],
        value: str,
        *,
        limit: int = 100,
        priority: Priority = Priority.LIVE,
    ) -> set[str]:
        """Events on these articles, whose fetch finds this value; all worked on. What waits."""
        self.database.hint(topic, *ids, priority=priority)
        return self.work(topic, dict.fromkeys(ids, value), limit=limit, priority=priority)

    def work(
        self,
        topic: Topic,
        value_by_id: Mapping[str, str],
        *,
        limit: int = 100,
        priority: Priority = Priority.LIVE,
    ) -> set[str]:
        """Work until nothing of the topic is due; ids of what waits for a brake."""
        while self.batch(topic, value_by_id, limit=limit, priority=priority):
            pass
        with self.scope() as session:
            return set(
                session.scalars(
                    select(WorkItem.entity_id).where(
                        WorkItem.topic == topic.value, WorkItem.hold_reason.like("brake%")
                    )
                )
            )

    def batch(self, topic: Topic, value_by_id: Mapping[str, str], **options: Any) -> bool:
        """Fetch, transform and push of one batch, its shop included; whether there was one."""
        claim_id = self.database.claim(topic, **options)
        if claim_id is None:
            return False
        held = self.database.take_over(claim_id)
        ids = [item.entity_id for item in held.items]
        listings = {one: ListingView(one, one, is_active=self.is_active(one)) for one in ids}
        view = ChannelView(self.database.channel, 1, "acme", "42", "memory", self.parameters)
        payloads: list[Any] = [
            {
                "article_id": one,
                "external_id": one,
                "body": {},
                "values": {topic.value: value_by_id[one]},
                "is_active": value_by_id[one] != brake_rules.INACTIVE,
            }
            for one in ids
        ]
        passed = brakes.let_through(self, Work(held, view, listings), payloads)  # type: ignore[arg-type]
        given = {one["article_id"]: one["values"][topic.value] for one in passed}
        with self.scope() as session:
            evidence = [
                Settled(held.item_by_entity[one].id, "hash", value=value)
                for one, value in given.items()
            ]
            settle(session, held, evidence)
        self.has |= {(topic, one): value for one, value in given.items()}
        return True

    def is_active(self, article_id: str) -> bool:
        return self.has.get((ARTICLE, article_id)) == brake_rules.ACTIVE

    def count(self, topic: Topic, value: str) -> int:
        return sum(1 for key, one in self.has.items() if key[0] is topic and one == value)

    def reasons(self) -> set[str]:
        with self.scope() as session:
            return set(
                session.scalars(
                    select(WorkItem.hold_reason).where(WorkItem.hold_reason.is_not(None))
                )
            )

    def sweep(self) -> None:
        with self.scope() as session:
            brakes.look(session, WAIT_S)

    def pass_time(self, seconds: float) -> None:
        """Let the brakes' clocks be so much older."""
        with self.scope() as session:
            for one in session.scalars(select(Brake)):
                one.last_seen_at -= timedelta(seconds=seconds)
                one.window_began_at -= timedelta(seconds=seconds)

    def come_to_rest(
        self, topic: Topic, value_by_id: Mapping[str, str], seconds: float = 6
    ) -> None:
        """Nothing more comes for so long; what is let go is worked on."""
        self.pass_time(seconds)
        self.sweep()
        self.work(topic, value_by_id)

    def release(self, reason: str) -> int:
        with self.scope() as session:
            return article_holds.release(session, self.database.channel, reason=reason)

    def discard(self, reason: str) -> int:
        with self.scope() as session:
            return article_holds.discard(session, self.database.channel, reason=reason)


@pytest.fixture
def shop(database):
    return Shop(database)


@pytest.fixture
def alerts(caplog):
    """The alerts that were given so far, each with what it says."""
    caplog.set_level(logging.INFO, logger="integration.work_items")
    return lambda: [
        dict(part.split("=", 1) for part in shlex.split(one.getMessage()))
        for one in caplog.records
        if "event=brake.tripped" in one.getMessage()
    ]


@pytest.fixture
def priced(shop):
    """A shop of 100 articles for 50.00; its limit is 20."""
    return shop.fill(PRICE, 100, price(50))


# --- what is stopped -----------------------------------------------------------------------------


def test_a_fault_of_the_erp_is_stopped_before_any_of_it_is_written(shop, priced, alerts):
    wrong, honest = priced[:60], priced[60:]
    # Mixed: each batch has some of both, and the first one fewer than would be stopped alone.
    shop.database.hint(PRICE, *priced)
    found = dict.fromkeys(wrong, price(0.5)) | dict.fromkeys(honest, price(51))

    waiting = shop.work(PRICE, found, limit=10)

    assert waiting == set(wrong)
    assert shop.reasons() == {"brake:price"}
    assert (shop.count(PRICE, price(0.5)), shop.count(PRICE, price(51))) == (0, 40)
    (alert,) = alerts()
    assert (alert["tenant"], alert["channel"], alert["topic"]) == ("acme", "42", "price")
    assert "50.00 -> 0.50" in alert["examples"]


def test_a_fault_that_comes_in_batches_over_an_hour_is_stopped_as_well(shop, alerts):
    ids = shop.fill(PRICE, 250, price(50))  # stopped from 50 on

    for begin in range(0, 125, 25):
        shop.change(PRICE, ids[begin : begin + 25], price(0.5))
        shop.pass_time(72)
        shop.sweep()

    assert shop.count(PRICE, price(0.5)) == 0
    assert len(alerts()) == 1


def test_what_comes_now_and_then_is_stopped_from_the_twentieth_on(shop, priced):
    for one in priced[:22]:
        shop.change(PRICE, [one], price(0.5))
        shop.come_to_rest(PRICE, {one: price(0.5)})

    assert shop.count(PRICE, price(0.5)) == 19
    assert shop.reasons() == {"brake:price"}


def test_stock_goes_on_while_prices_are_stopped(shop, priced):
    shop.fill(STOCK, 100, "5")
    shop.change(PRICE, priced, price(0.5))

    shop.change(STOCK, priced, "4")

    assert shop.count(STOCK, "4") == 100


def test_a_warehouse_that_fails_is_stopped_before_the_first_stock_is_zero(shop, alerts):
    ids = shop.fill(STOCK, 100, "5")  # stopped from 30 on

    shop.change(STOCK, ids, "0", limit=10)

    assert shop.count(STOCK, "0") == 0
    assert [one["topic"] for one in alerts()] == ["stock"]


def test_articles_that_lose_their_listing_are_stopped(shop, alerts):
    ids = shop.fill(ARTICLE, 200, brake_rules.ACTIVE)
    with shop.scope() as session:
        session.add_all(
            Listing(channel_id=shop.database.channel, article_id=one, external_id=one, number=one)
            for one in ids
        )

    shop.change(ARTICLE, ids[:60], brake_rules.INACTIVE, limit=10, priority=Priority.BACKFILL)

    assert shop.count(ARTICLE, brake_rules.INACTIVE) == 0
    (alert,) = alerts()
    assert (alert["topic"], alert["limit"]) == ("article", "50")


def test_an_event_on_everything_that_is_stopped_neither_frees_it_nor_tells_twice(
    shop, priced, alerts
):
    shop.change(PRICE, priced, price(0.5))
    shop.database.hint(PRICE, *priced, priority=Priority.BACKFILL)
    shop.sweep()  # nothing is held at this moment

    waiting = shop.work(
        PRICE, dict.fromkeys(priced, price(0.5)), limit=10, priority=Priority.BACKFILL
    )

    assert waiting == set(priced)
    assert shop.count(PRICE, price(0.5)) == 0
    assert len(alerts()) == 1


# --- what goes on --------------------------------------------------------------------------------


def test_of_thirty_articles_six_may_sell_out_at_once(shop):
    ids = shop.fill(STOCK, 30, "5")

    assert shop.change(STOCK, ids[:6], "0") == set()


def test_a_price_that_moves_far_goes_seconds_later_if_it_stays_alone(shop, priced):
    assert shop.change(PRICE, priced[:1], price(500)) == {priced[0]}
    shop.sweep()
    assert shop.reasons() == {"brake-wait:price"}

    shop.come_to_rest(PRICE, {priced[0]: price(500)})

    assert shop.has[PRICE, priced[0]] == price(500)


def test_a_small_shop_is_not_stopped_below_twenty(shop):
    ids = shop.fill(STOCK, 19, "5")

    assert shop.change(STOCK, ids, "0") == set()


def test_a_sale_of_a_tenth_of_the_prices_goes_when_no_more_come(shop, alerts):
    ids = shop.fill(PRICE, 300, price(50))
    sale = ids[:30]

    assert shop.change(PRICE, sale, price(19.99)) == set(sale)
    shop.sweep()
    assert shop.reasons() == {"brake-wait:price"}  # more may come
    shop.come_to_rest(PRICE, dict.fromkeys(sale, price(19.99)), WAIT_S + 1)

    assert shop.count(PRICE, price(19.99)) == 30
    assert alerts() == []


def test_a_few_among_many_wait_only_until_the_others_were_looked_at(shop, priced):
    shop.database.hint(PRICE, *priced)
    found = dict.fromkeys(priced, price(51)) | {priced[0]: price(0.5)}
    shop.batch(PRICE, found, limit=10)
    shop.pass_time(WAIT_S)
    shop.sweep()
    assert shop.reasons() == {"brake-wait:price"}

    shop.work(PRICE, found)
    shop.come_to_rest(PRICE, found)

    assert shop.has[PRICE, priced[0]] == price(0.5)


def test_live_stock_does_not_wait_for_a_backfill(shop):
    ids = shop.fill(STOCK, 100, "5")
    shop.database.hint(STOCK, *ids[1:], priority=Priority.BACKFILL)

    assert shop.change(STOCK, ids[:1], "0") == set()


def test_a_first_push_has_nothing_to_be_compared_with(shop):
    shop.fill(PRICE, 40, price(0.01))
    shop.fill(STOCK, 40, "0")


def test_an_hour_later_they_are_counted_anew(shop, priced):
    for some in (priced[:19], priced[19:38]):
        shop.change(PRICE, some, price(0.5))
        shop.come_to_rest(PRICE, dict.fromkeys(some, price(0.5)), brakes.WINDOW_S + 1)

    assert shop.count(PRICE, price(0.5)) == 38


def test_a_write_that_fails_and_comes_again_is_counted_once(shop):
    (one,) = shop.fill(STOCK, 1, "5")
    shop.database.hint(STOCK, one)
    for _ in range(3):
        claim = shop.database.hold(STOCK)
        view = ChannelView(shop.database.channel, 1, "acme", "42", "memory")
        payload: Any = {"article_id": one, "values": {STOCK.value: "0"}}
        assert brakes.let_through(shop, Work(claim, view, {}), [payload]) == [payload]  # type: ignore[arg-type]
        with shop.scope() as session:
            release(session, claim, [item.id for item in claim.items])

    with shop.scope() as session:
        assert session.scalar(select(Brake.seen)) == 1


def test_a_brake_that_is_off_stops_nothing(database):
    shop = Shop(database, {brake_rules.PRICE_ROWS: "off"})
    ids = shop.fill(PRICE, 100, price(50))

    assert shop.change(PRICE, ids, price(0.5)) == set()


def test_a_batch_without_a_suspicious_change_costs_no_statement(shop, priced):
    shop.database.hint(PRICE, *priced)
    held = shop.database.hold(PRICE)
    view = ChannelView(shop.database.channel, 1, "acme", "42", "memory")
    payloads: Any = [{"article_id": one, "values": {PRICE.value: price(51)}} for one in priced]

    class NoDatabase:
        """Has none to ask."""

    passed = brakes.let_through(NoDatabase(), Work(held, view, {}), payloads)  # type: ignore[arg-type]

    assert passed == payloads


# --- how it ends ---------------------------------------------------------------------------------


def test_what_a_person_releases_goes_and_the_brake_counts_anew(shop, priced, alerts):
    shop.change(PRICE, priced[:50], price(0.5))

    assert shop.release("brake:price") == 50
    shop.work(PRICE, dict.fromkeys(priced, price(0.5)), limit=10)

    assert shop.count(PRICE, price(0.5)) == 50
    shop.change(PRICE, priced[50:51], price(0.5))
    assert shop.reasons() == {"brake-wait:price"}
    assert len(alerts()) == 1


def test_a_release_is_of_the_value_that_was_shown(shop, priced):
    shop.change(PRICE, priced[:50], price(0.5))
    shop.release("brake:price")

    # Meanwhile the ERP has another one that is wrong.
    waiting = shop.work(PRICE, dict.fromkeys(priced, price(0.05)))

    assert waiting == set(priced[:50])


def test_what_a_person_discards_leaves_what_the_shop_has_until_it_comes_again(shop, priced, alerts):
    shop.change(PRICE, priced[:50], price(0.5))

    assert shop.discard("brake:price") == 50
    shop.sweep()
    assert shop.work(PRICE, {}) == set()
    assert shop.count(PRICE, price(50)) == 100
    # The nightly pass finds the same fault, and says so again.
    shop.change(PRICE, priced[:50], price(0.5))

    assert shop.reasons() == {"brake:price"}
    assert len(alerts()) == 2


def test_a_harmless_value_frees_its_row_and_the_last_one_ends_the_brake(shop, priced):
    shop.change(PRICE, priced[:50], price(0.5))

    assert shop.change(PRICE, priced[:49], price(49)) == {priced[49]}
    assert shop.change(PRICE, priced[60:61], price(0.5)) == {priced[49], priced[60]}
    assert shop.change(PRICE, [priced[49], priced[60]], price(49)) == set()
    shop.sweep()
    shop.change(PRICE, priced[60:61], price(0.5))

    assert shop.reasons() == {"brake-wait:price"}


def test_released_alone_an_article_goes_and_the_others_wait(shop, priced):
    shop.change(PRICE, priced[:50], price(0.5))

    with shop.scope() as session:
        article_holds.release(session, shop.database.channel, article_id=priced[0])
    waiting = shop.work(PRICE, dict.fromkeys(priced, price(0.5)))

    assert waiting == set(priced[1:50])
    assert shop.has[PRICE, priced[0]] == price(0.5)


def test_holds_are_one_cause_with_what_the_shop_has_and_what_it_would_get(shop, priced):
    shop.change(PRICE, priced[:50], price(0.5))

    with shop.scope() as session:
        (one,) = hold_report.groups(session)

    assert (one.cause, one.reason, one.count) == ("brake", "brake:price", 50)
    assert f"{priced[0]}: 50.00 -> 0.50; {priced[1]}: 50.00 -> 0.50" in one.words.sentence
    assert "release acme/42 --reason brake:price" in one.words.do
    assert "discard acme/42 --reason brake:price" in one.words.do
    assert one.words.needs_decision


def test_what_waits_for_the_decision_goes_by_itself_as_far_as_people_are_told(shop):
    ids = shop.fill(PRICE, 300, price(50))
    shop.change(PRICE, ids[:30], price(0.5))

    with shop.scope() as session:
        (one,) = hold_report.groups(session)

    assert one.goes_by_itself
    assert not one.words.needs_decision
    assert "50.00 -> 0.50" in one.words.sentence


def test_the_rules_of_a_channel_count_when_the_sweep_decides(shop, database):
    ids = shop.fill(PRICE, 300, price(50))
    shop.change(PRICE, ids[:30], price(0.5))
    with shop.scope() as session:
        session.add(
            ChannelParameter(channel_id=database.channel, key=brake_rules.PRICE_ROWS, value="5")
        )

    shop.sweep()

    assert shop.reasons() == {"brake:price"}


# --- what is compared ----------------------------------------------------------------------------


def test_an_unchanged_row_of_an_earlier_version_learns_its_value(database):
    database.hint(PRICE, "1")
    database.push(PRICE, "content")
    assert database.row(PRICE, "1").pushed_value is None

    database.hint(PRICE, "1")
    database.settle(database.hold(PRICE), skip_reason="unchanged", value=price(50))

    row = database.row(PRICE, "1")
    assert (row.pushed_hash, row.pushed_value) == ("content", price(50))


def test_the_value_stays_while_a_write_makes_the_hash_unknown(database):
    database.hint(PRICE, "1")
    database.settle(database.hold(PRICE), pushed="content", value=price(50))
    database.hint(PRICE, "1")

    database.begin_write(database.hold(PRICE))

    row = database.row(PRICE, "1")
    assert (row.pushed_hash, row.pushed_value) == (None, price(50))
