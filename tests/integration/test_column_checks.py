"""Columns that differ from the ERP's own answers: noticed, not used, and made up for."""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager

import pytest
from sqlalchemy import select, update

from cli import erp_columns
from integration import channels, column_checks, sync_runs
from integration.clock import db_now
from integration.errors import Rejected, TenantError, TransientError
from integration.models import ChannelFact, SalesChannel, SyncRun, Tenant, WorkItemState
from integration.runtime import Runtime
from integration.topology import Topic
from tests.integration.relay import beside_an_erp

pytestmark = pytest.mark.either_database

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK
BUDGET = (30.0, 6.0)


@contextmanager
def running(database_url):
    with beside_an_erp(database_url, articles=40, rate_limit=100_000) as relay:
        settings = dataclasses.replace(relay.runtime.settings, erp_budget=(100_000, 6.0))
        relay.runtime = Runtime(settings, relay.runtime.engine)
        yield relay


@pytest.fixture
def relay(sqlite_url):
    with running(sqlite_url) as relay:
        yield relay


@pytest.fixture
def either(database_url):
    """For what is decided by statements: on SQLite and on Postgres in turn."""
    with running(database_url) as relay:
        yield relay


def lie(relay, *reads):
    relay.erp("options", column_lies=list(reads))


def check(relay):
    return {one.read: one.agrees for one in column_checks.check(relay.runtime, relay.channel_id)}


def carry(relay, articles):
    relay.hint(ARTICLE, *articles)
    relay.drain()
    relay.hint(PRICE, *articles)
    relay.hint(STOCK, *articles)
    relay.drain()
    assert not relay.errors


def in_shop(relay, article):
    product = relay.product(article)
    return f"{float(product['gross']):.2f}", int(product["stock"])


def in_erp(article):
    return f"{float(article['gross']):.2f}", max(0, int(article["stock"]))


def fact(relay, **values):
    """Change the stored finding: what time does to it."""
    with relay.runtime.scope() as session:
        session.execute(
            update(ChannelFact).where(ChannelFact.name == channels.COLUMN_FINDINGS).values(**values)
        )


def turns_are_due(relay):
    with relay.runtime.scope() as session:
        session.execute(
            update(ChannelFact)
            .where(ChannelFact.name == column_checks.BEGUN)
            .values(learnt_at=db_now(-column_checks.TURN_S - 1))
        )


def catch_ups(relay):
    with relay.runtime.scope() as session:
        runs = select(SyncRun.id).where(SyncRun.kind == sync_runs.CATCH_UP)
        return len(session.scalars(runs).all())


def test_with_columns_that_differ_the_shop_has_the_values_of_rest(either):
    lie(either, "price", "stock")
    articles = either.for_sale()[:4]

    assert check(either) == {"price": False, "stock": False}
    carry(either, articles)

    assert [in_shop(either, one) for one in articles] == [in_erp(one) for one in articles]


def test_with_columns_that_agree_no_article_is_read_by_itself_after_the_check(relay):
    articles = relay.for_sale()[:10]
    assert check(relay) == {"price": True, "stock": True}
    carry(relay, articles)  # tax rates are known now
    before = relay.erp_requests()

    carry(relay, articles)

    assert relay.erp_requests() - before == 3  # one query per topic
    assert [in_shop(relay, one) for one in articles] == [in_erp(one) for one in articles]


def test_only_the_read_that_differs_costs_requests(relay):
    lie(relay, "stock")
    articles = relay.for_sale()[:5]
    assert check(relay) == {"price": True, "stock": False}
    carry(relay, articles)
    before = relay.erp_requests()

    relay.hint(PRICE, *articles)
    relay.drain()
    assert relay.erp_requests() - before == 1
    relay.hint(STOCK, *articles)
    relay.drain()
    assert relay.erp_requests() - before == 1 + 1 + len(articles)


@pytest.mark.parametrize("profile", ["columns", "rest"])
def test_a_price_in_another_currency_than_the_channels_waits_whichever_way_it_is_read(
    profile, either
):
    article, new = either.for_sale()[:2]
    carry(either, [article])
    either.erp("options", profile=profile, price_currency="CHF")
    either.edit(article, gross="50.00")

    check(either)
    either.hint(PRICE, article)
    either.hint(ARTICLE, new)
    either.drain()

    row, creation = either.row(PRICE, article), either.row(ARTICLE, new)
    assert (row.hold_reason, creation.hold_reason) == ("currency:CHF", "currency:CHF")
    assert "is priced in CHF, channel acme/42 sells in EUR" in row.last_error
    assert in_shop(either, article)[0] == f"{float(article['gross']):.2f}"
    assert either.product(new) is None

    # The ERP prices in the channel's currency again: the next event brings it, before any check.
    either.erp("options", price_currency="EUR")
    either.hint(PRICE, article)
    either.drain()

    assert in_shop(either, article)[0] == "50.00"


def test_columns_that_begin_to_differ_lead_to_a_catch_up_that_repairs_the_shop(either):
    articles = either.for_sale()[:3]
    check(either)
    carry(either, articles)
    lie(either, "price")
    for one in articles:
        either.edit(one, gross="50.00")
    either.hint(PRICE, *articles)
    either.drain()
    assert in_shop(either, articles[0])[0] == "51.00"  # nobody knows yet

    check(either)

    assert catch_ups(either) == 1
    either.hint(PRICE, *articles)  # what the catch-up asks for
    either.drain()
    assert {in_shop(either, one)[0] for one in articles} == {"50.00"}
    check(either)
    assert catch_ups(either) == 1  # nothing new was found out


def test_a_channel_without_products_needs_no_catch_up(relay):
    lie(relay, "price")

    check(relay)

    assert catch_ups(relay) == 0


def test_a_new_channel_whose_check_failed_starts_without_trust(relay):
    relay.erp("faults", kind="500", route="computed-queries/execute", count=1)

    with pytest.raises(TransientError):
        column_checks.check(relay.runtime, relay.channel_id)

    lie(relay, "price", "stock")
    article = relay.for_sale()[0]
    carry(relay, [article])
    assert in_shop(relay, article) == in_erp(article)


def test_a_check_that_fails_leaves_what_is_known_as_it_is(relay):
    check(relay)
    relay.erp("faults", kind="500", route="computed-queries/execute", count=1)

    with pytest.raises(TransientError):
        column_checks.check(relay.runtime, relay.channel_id)

    found = relay.runtime.channel(relay.channel_id).column_findings
    assert {read: one["agrees"] for read, one in found.items()} == {"price": True, "stock": True}


def test_a_difference_counts_at_once_although_the_rest_could_not_be_compared(relay):
    articles = relay.for_sale()[:2]
    check(relay)
    carry(relay, articles)
    lie(relay, "price")
    relay.erp("faults", kind="500", route="/stocks", count=1)

    with pytest.raises(TransientError):
        column_checks.check(relay.runtime, relay.channel_id)

    found = relay.runtime.channel(relay.channel_id).column_findings
    assert {read: one["agrees"] for read, one in found.items()} == {"price": False, "stock": True}
    assert catch_ups(relay) == 1
    with relay.runtime.scope() as session:
        assert not column_checks.is_fresh(session, relay.channel_id)


def test_a_column_that_is_offered_and_refused_is_done_without(relay, monkeypatch):
    runs = []
    real = column_checks.Comparison.run

    def run(self):
        runs.append(self.columns)
        if "stockAvailable" in self.columns:
            raise Rejected("422: The column stockAvailable does not exist (trackingId t-1)")
        real(self)

    monkeypatch.setattr(column_checks.Comparison, "run", run)

    assert check(relay) == {"price": True}
    assert len(runs) == 2


# --- when ----------------------------------------------------------------------------------------


def due(relay):
    column_checks.check_due(relay.runtime, budget_s=60.0)
    with relay.runtime.scope() as session:
        return column_checks.is_fresh(session, relay.channel_id)


def test_a_running_channel_is_checked_once_a_day(either):
    assert due(either)
    before = either.erp_requests()

    assert due(either)
    assert either.erp_requests() == before
    fact(either, learnt_at=db_now(-column_checks.DAY_S - 1))
    turns_are_due(either)
    assert due(either)
    assert either.erp_requests() > before


@pytest.mark.contract("10.20")
def test_a_second_tick_finds_the_turn_taken(either):
    either.erp("faults", kind="500", route="computed-queries/execute", count=1)
    with pytest.raises(TransientError):
        due(either)
    before = either.erp_requests()

    assert not due(either)
    assert either.erp_requests() == before
    turns_are_due(either)
    assert due(either)


def test_a_paused_channel_is_left_alone(relay):
    with relay.runtime.scope() as session:
        session.execute(update(SalesChannel).values(is_paused=True))

    assert not due(relay)
    assert relay.erp_requests() == 0


def test_an_empty_catalogue_is_looked_at_again_with_the_next_turn(relay, monkeypatch):
    monkeypatch.setattr(column_checks.Comparison, "_samples", lambda *_: {})
    assert not due(relay)
    monkeypatch.undo()
    turns_are_due(relay)

    assert due(relay)


@pytest.mark.contract("10.7")
def test_an_app_that_is_not_let_in_any_more_holds_its_tenant(relay):
    relay.erp("faults", kind="invalid-grant", count=5)

    with pytest.raises(TenantError, match="reconnect the app"):
        due(relay)

    with relay.runtime.scope() as session:
        assert "reconnect the app" in session.get_one(Tenant, relay.tenant_id).held_reason


def test_rows_that_waited_for_a_column_go_when_a_check_works_again(either):
    article = either.for_sale()[0]
    carry(either, [article])
    check(either)
    either.hint(STOCK, article)
    with either.runtime.scope() as session:
        row = session.merge(either.row(STOCK, article))
        row.hold_reason = "erp-column:listings.salesChannel.id"
    turns_are_due(either)

    due(either)

    row = either.row(STOCK, article)
    assert (row.state, row.hold_reason) == (WorkItemState.QUEUED.value, None)


# --- what people read ----------------------------------------------------------------------------


def doctor(relay):
    found = list(erp_columns.findings(relay.runtime, "channel acme/42", relay.channel_id))
    return {one.check.removeprefix("channel acme/42 "): one for one in found}


def test_doctor_names_the_difference_and_what_it_costs(relay):
    lie(relay, "price")
    relay.runtime.settings = dataclasses.replace(relay.runtime.settings, erp_budget=(30_000, 6.0))

    told = doctor(relay)

    assert all(one.ok for one in told.values())
    assert "agree with the ERP's own answers, all by query" in told["columns of stock"].detail
    price = told["columns of price"]
    assert "column netSalesPrice says " in price.detail
    assert "1,000 requests per 1,000 articles" in price.detail
    assert "show VARIO the article" in price.do
    assert "(3.3 minutes at 30 requests per 6 s)" in column_checks.cost_of_reads(1, BUDGET)


def test_doctor_asks_anew_but_not_twice_in_ten_minutes(relay):
    doctor(relay)
    before = relay.erp_requests()
    doctor(relay)
    assert relay.erp_requests() == before

    fact(relay, learnt_at=db_now(-erp_columns.JUST_NOW_S - 1))
    doctor(relay)
    assert relay.erp_requests() > before


def test_doctor_says_when_the_erp_has_no_time(relay):
    relay.erp("faults", kind="429", route="computed-queries", count=1)

    told = doctor(relay)

    assert told["columns"].ok
    assert "not compared to the end" in told["columns"].detail
