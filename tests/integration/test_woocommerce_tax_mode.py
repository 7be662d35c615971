"""A WooCommerce shop that changes whether its prices include tax: each price in it is the same
number as before, and so another amount than the ERP's, until it is sent again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from cli import channel_parameters
from integration import sync
from integration.clock import db_now
from integration.models import ChannelFact, SyncRun
from integration.topology import Topic
from sandbox import comparison
from tests.integration.woocommerce import WooCommerceRelay, running

SETTING = "/settings/tax/woocommerce_prices_include_tax"

pytestmark = pytest.mark.either_database


class TaxRelay(WooCommerceRelay):
    """The relay to a shop whose employee changes the tax mode."""

    def connector(self):
        return self.runtime.connector(self.runtime.channel(self.channel_id))

    def keep_net_prices(self, value: str = "no") -> None:
        self.connector()._client._sent("POST", SETTING, {"value": value})

    def a_day_passes(self) -> None:
        """What was asked of the shop does not count any more."""
        with self.runtime.scope() as session:
            session.execute(update(ChannelFact).values(learnt_at=db_now(-90_000)))

    def runs(self) -> list[SyncRun]:
        with self.runtime.scope() as session:
            return list(session.scalars(select(SyncRun).order_by(SyncRun.id)))

    def drive(self, run_id: int) -> None:
        sync.advance(self.runtime, run_id, sync.new_driver(), budget_s=30)
        self.drain()
        sync.advance(self.runtime, run_id, sync.new_driver(), budget_s=30)
        assert self.errors == []

    def faults(self) -> list[str]:
        """What doctor finds wrong."""
        return [one.check for one in self.connector().check() if one.is_fault]

    def wrong_prices(self) -> int:
        found = comparison.compare(self.erp_url, self.shop_url).differences
        return sum(": net is" in one or ": gross is" in one for one in found)


@pytest.fixture
def relay(database_url: str) -> Iterator[TaxRelay]:
    with running(database_url, kind=TaxRelay, articles=12) as relay:
        relay.carry(*relay.for_sale())
        yield relay


def test_all_prices_are_sent_again_with_the_first_write_that_knows_of_it(relay: TaxRelay) -> None:
    assert (relay.wrong_prices(), relay.faults()) == (0, [])
    relay.keep_net_prices()
    relay.a_day_passes()
    assert relay.wrong_prices() > 0

    # nothing of a price has changed in the ERP
    article = relay.for_sale()[0]
    relay.edit(article, stock=3)
    relay.carry(article, topic=Topic.STOCK)
    (run,) = relay.runs()
    before = relay.faults()
    relay.drive(run.id)

    assert (run.kind, run.topics, run.is_forced) == ("price-pass", "price", True)
    assert run.reason == "the shop keeps prices as net and not as gross any more"
    assert before == ["tax mode"]
    assert (relay.wrong_prices(), relay.faults()) == (0, [])


def test_doctor_says_so_each_time_and_has_the_next_write_know_of_it(relay: TaxRelay) -> None:
    relay.keep_net_prices()

    assert [relay.faults() for _ in range(3)] == [["tax mode"]] * 3
    assert relay.runs() == []

    article = relay.for_sale()[0]
    relay.edit(article, stock=3)
    relay.carry(article, topic=Topic.STOCK)
    assert [one.is_forced for one in relay.runs()] == [True]


def test_doctor_says_so_as_long_as_one_price_is_left_behind(relay: TaxRelay) -> None:
    relay.keep_net_prices()
    relay.a_day_passes()
    stuck, *others = relay.for_sale()
    relay.edit(others[0], stock=3)
    relay.carry(others[0], topic=Topic.STOCK)
    relay.at_shop("faults", kind="reject", number=stuck["number"], count=1)

    (run,) = relay.runs()
    relay.drive(run.id)
    failed = relay.faults()
    relay.carry(stuck, topic=Topic.PRICE)

    assert failed == ["tax mode"]
    assert (relay.wrong_prices(), relay.faults()) == (0, [])


def test_how_prices_were_sent_is_known_although_a_parameter_was_changed(relay: TaxRelay) -> None:
    relay.keep_net_prices()

    with relay.runtime.scope() as session:
        channel_parameters._forget_shop(session, relay.channel_id)

    assert relay.faults() == ["tax mode"]


def test_nothing_is_sent_again_while_the_mode_stays(relay: TaxRelay) -> None:
    relay.a_day_passes()

    article = relay.for_sale()[0]
    relay.edit(article, gross=5)
    relay.carry(article, topic=Topic.PRICE)

    assert relay.runs() == []


def test_a_mode_that_changes_back_sends_all_prices_once_more(relay: TaxRelay) -> None:
    article = relay.for_sale()[0]
    for place, value in enumerate(("no", "yes")):
        relay.keep_net_prices(value)
        relay.a_day_passes()
        relay.edit(article, stock=place)
        relay.carry(article, topic=Topic.STOCK)
    for run in relay.runs():
        relay.drive(run.id)

    assert len(relay.runs()) == 2
    assert (relay.wrong_prices(), relay.faults()) == (0, [])
