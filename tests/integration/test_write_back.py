"""Product ids on their way into the ERP, against the sandboxed ERP and the memory shop."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from integration import (
    channels,
    counter_store,
    counters,
    metrics,
    pacing,
    toggles,
    work_items,
    work_outcomes,
)
from integration.clock import db_now
from integration.connectors import http
from integration.erp.client import ErpClient
from integration.errors import Busy
from integration.models import Listing, SalesChannel, ShopHealth, Tenant, WorkItem
from integration.topology import Topic
from integration.write_back import asking, lanes, merging
from tests.acceptance.service import wait_until
from tests.integration.relay import WorkerDied, beside_an_erp
from tests.integration.way_back import (
    WayBack,
    ask_for_all,
    fill,
    forget_requests,
    patches,
    reads,
    rename,
    states,
    status,
)

pytestmark = pytest.mark.either_database

ARTICLE, WRITE_BACK = Topic.ARTICLE, Topic.WRITE_BACK


@pytest.fixture
def bare(database_url):
    """An ERP without the field."""
    with beside_an_erp(database_url, WayBack, articles=10) as relay:
        yield relay


@pytest.fixture
def relay(bare):
    bare.create_field()
    return bare


@pytest.fixture
def articles(relay):
    """Articles whose products are in the shop; their ids are not in the ERP yet."""
    return fill(relay)


# What is written, and when


def test_the_ids_of_new_products_are_in_the_erp_with_one_request_each(relay, articles):
    forget_requests(relay)

    relay.write_back()

    assert {one["id"]: relay.shown(one) for one in articles} == {
        one["id"]: relay.product_id(one) for one in articles
    }
    assert patches(relay) == len(articles)
    assert states(relay) == {"COMPLETED": len(articles)}
    assert relay.errors == []


@pytest.mark.contract("10.10")
def test_an_id_that_the_erp_shows_already_is_not_written_again(relay, articles):
    relay.write_back()
    relay.set_custom(articles[0], {"variorelay": {"externalId": "by-hand"}})
    forget_requests(relay)

    ask_for_all(relay)
    relay.write_back()

    # One query for all, and a write for the one that differs.
    assert (patches(relay), reads(relay)) == (1, 1)
    assert relay.shown(articles[0]) == relay.product_id(articles[0])


def test_a_change_of_a_product_that_is_known_writes_nothing_back(relay, articles):
    relay.write_back()
    forget_requests(relay)

    relay.edit(articles[0], name="Neuer Name", gross=99.9)
    relay.hint(ARTICLE, articles[0])
    relay.drain()

    assert relay.product(articles[0])["name"] == "Neuer Name"
    assert relay.claim_back() is None
    assert patches(relay) == 0


def test_a_product_that_was_made_anew_has_its_new_id_written(relay, articles):
    relay.write_back()
    before = relay.product_id(articles[0])
    with relay.runtime.scope() as session:
        row = session.get_one(Listing, (relay.channel_id, articles[0]["id"]))
        row.external_id = "of-another-shop"
        session.flush()
        work_outcomes.forget_vanished(session, relay.channel_id, [articles[0]["id"]])

    relay.hint(ARTICLE, articles[0])
    relay.drain()
    relay.write_back()

    assert relay.shown(articles[0]) == relay.product_id(articles[0]) == before
    assert relay.back(articles[0]).generation == 2


def test_an_article_without_a_listing_or_a_product_has_nothing_to_write(relay, articles):
    first, second, *_ = articles
    listing = relay.listing(first)
    relay.client._call("DELETE", f"/erp/articles/{first['id']}/listings/{listing['id']}")
    with relay.runtime.scope() as session:
        session.delete(session.get_one(Listing, (relay.channel_id, second["id"])))

    relay.write_back()

    assert states(relay) == {"COMPLETED": len(articles)}
    assert relay.back(first).skip_reason == "no listing on this channel any more"
    assert relay.back(second).skip_reason == "not in the shop any more"


# Kills, stumbles and a budget that ends


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_that_dies_at_a_write_loses_no_id(relay, articles, monkeypatch, moment):
    real = http.send
    seen = []

    def send(session, method, url, **kwargs):
        if method == "PATCH" and not seen:
            seen.append(url)
            if moment == "after":
                real(session, method, url, **kwargs)
            raise WorkerDied
        return real(session, method, url, **kwargs)

    monkeypatch.setattr(http, "send", send)
    with pytest.raises(WorkerDied):
        relay.run_back(relay.claim_back())

    relay.expire_leases()
    relay.write_back()
    relay.doubts_are_over()
    relay.write_back()

    assert [relay.shown(one) for one in articles] == [relay.product_id(one) for one in articles]
    assert states(relay) == {"COMPLETED": len(articles)}


def test_an_id_that_changes_during_its_write_is_written_again(relay, articles, monkeypatch):
    real = http.send
    changed = []

    def send(session, method, url, **kwargs):
        if method == "PATCH" and not changed:
            changed.append(url)
            rename(relay, articles[0], "newer")
        return real(session, method, url, **kwargs)

    monkeypatch.setattr(http, "send", send)

    relay.write_back()

    assert relay.shown(articles[0]) == "newer"
    assert relay.back(articles[0]).state == "COMPLETED"


def test_who_lost_the_claim_writes_nothing(relay, articles, monkeypatch):
    claim_id = relay.claim_back()
    real = merging.must_send_all

    def taken_over(*args):
        with relay.runtime.scope() as session:
            work_items.take_over(session, claim_id, lease_s=60.0)
        return real(*args)

    monkeypatch.setattr(merging, "must_send_all", taken_over)
    forget_requests(relay)

    relay.run_back(claim_id)

    assert patches(relay) == 0
    assert states(relay) == {"PROCESSING": len(articles)}


def test_an_erp_that_stumbles_is_let_alone_and_costs_one_row_an_attempt(relay, articles):
    relay.erp("faults", kind="500", route="PATCH", count=1)

    relay.run_back(relay.claim_back())

    attempts = [relay.back(one).attempts for one in articles]
    assert sorted(attempts) == [0] * (len(articles) - 1) + [1]
    assert relay.claim_back() is None

    relay.retries_are_due()
    relay.write_back()
    assert [relay.shown(one) for one in articles] == [relay.product_id(one) for one in articles]


def test_an_answer_that_was_cut_is_looked_up_and_not_written_twice(relay, articles):
    relay.erp("faults", kind="cut-body", route="PATCH", count=1)
    forget_requests(relay)

    relay.write_back()
    relay.retries_are_due()
    relay.write_back()
    relay.doubts_are_over()
    relay.write_back()

    assert patches(relay) == len(articles)
    assert states(relay) == {"COMPLETED": len(articles)}


def test_what_the_budget_does_not_allow_is_given_back_and_costs_nothing(relay, articles):
    # A bucket that holds one request: two requests for field and columns, and it is empty.
    relay.runtime.settings = replace(
        relay.runtime.settings, erp_budget=(60, 6.0), stage_soft_s=0.004
    )

    relay.run_back(relay.claim_back())

    assert relay.errors == []
    rows = [relay.back(one) for one in articles]
    assert {row.state for row in rows} <= {"QUEUED", "COMPLETED"}
    assert "QUEUED" in {row.state for row in rows}
    assert {row.attempts for row in rows} == {0}
    assert {row.hold_reason for row in rows} == {None}


@pytest.mark.parametrize(("written", "waits_s"), [(0, 60.0), (1, 30.0)])
def test_a_batch_that_could_only_read_waits_for_the_requests_of_a_read_and_a_write(
    relay, articles, monkeypatch, written, waits_s
):
    """Each batch begins with a read. With one request at a time it would read for ever."""
    real, sent = ErpClient.patch, []

    def patch(self, path, body, before_write=None):
        if len(sent) == written:
            raise Busy("the request budget is used up", 30.0)
        sent.append(path)
        return real(self, path, body, before_write)

    monkeypatch.setattr(ErpClient, "patch", patch)

    relay.run_back(relay.claim_back())

    waiting = [row for one in articles if (row := relay.back(one)).state == "QUEUED"]
    assert len(waiting) == len(articles) - written
    with relay.runtime.scope() as session:
        now = session.scalar(select(db_now()))
    assert {row.attempts for row in waiting} == {0}
    for row in waiting:
        assert (row.due_at - now).total_seconds() == pytest.approx(waits_s, abs=5)


def test_metrics_show_how_long_it_takes_and_call_no_shop_stale_for_it(relay, articles):
    with relay.runtime.scope() as session:
        samples = [
            (one.name, one.labels, one.value)
            for family in metrics.families(session)
            for one in family.samples
            if one.labels.get("topic") == "write-back"
        ]

    found = {
        name: value for name, labels, value in samples if labels.get("state") in (None, "queued")
    }
    assert found["relay_work_items"] == len(articles)
    assert found["relay_drain_eta_seconds"] == math.inf  # nothing was written yet
    assert "relay_freshness_seconds" not in found


def test_live_work_goes_on_beside_it_and_it_says_how_long_it_will_take(relay, articles):
    # Five requests a second: the ids take some seconds, as ten thousand take half an hour.
    relay.runtime.settings = replace(relay.runtime.settings, erp_budget=(30, 6.0))
    claim_id = relay.claim_back()
    with ThreadPoolExecutor(1) as pool:
        way_back = pool.submit(relay.run_back, claim_id)
        wait_until(lambda: states(relay).get("COMPLETED", 0) >= 3, "it is under way")
        counters.PROCESS.flush(counter_store.sink_of(relay.runtime.scope))
        shown = status(relay)
        relay.edit(articles[0], name="Eilig")
        relay.hint(ARTICLE, articles[0])
        relay.drain()
        was_under_way = not way_back.done()

    assert way_back.result() is None
    assert relay.product(articles[0])["name"] == "Eilig"
    assert was_under_way
    assert shown.eta_s > 0
    assert states(relay) == {"COMPLETED": len(articles)}


# Its lane


def test_a_shop_that_rests_or_is_slow_does_not_concern_the_way_back(relay, articles):
    set_health(relay, retry_at=db_now(60))
    relay.hint(ARTICLE, articles[0])
    assert relay.claim() is None

    assert relay.claim_back() is not None

    # A slow shop has one batch at a time, and this one is not its.
    set_health(relay, retry_at=None, latency_s=60.0)
    assert relay.claim() is not None


def set_health(relay, **values) -> None:
    with relay.runtime.scope() as session:
        session.execute(update(ShopHealth).values(**values))


def test_a_tenant_has_one_batch_at_a_time_on_all_its_channels(relay, articles):
    second = add_channel(relay, relay.tenant_id, "43")
    third = add_channel(relay, add_tenant(relay, "beta"), "42")
    for channel_id in (second, third):
        hint_back(relay, channel_id, "1001")

    claimed = [relay.claim_back() for _ in range(3)]

    assert claimed[2] is None
    with relay.runtime.scope() as session:
        found = set(
            session.scalars(select(WorkItem.channel_id).where(WorkItem.claim_id.in_(claimed[:2])))
        )
    assert third in found
    assert len(found) == 2


def test_all_tenants_together_have_few_batches(relay, articles):
    for name in ("beta", "gamma", "delta"):
        hint_back(relay, add_channel(relay, add_tenant(relay, name), "42"), "1001")

    claimed = [relay.claim_back() for _ in range(4)]

    assert [one is not None for one in claimed] == [True] * lanes.MOST_CHAINS + [False] * 2


def test_a_tenant_whose_erp_asked_for_a_pause_is_let_alone(relay, articles):
    with relay.runtime.scope() as session:
        pacing._pause(session, pacing.erp_bucket_name(relay.tenant_id), 60.0)

    assert relay.claim_back() is None


def add_tenant(relay, name: str) -> int:
    with relay.runtime.scope() as session:
        tenant = Tenant(subdomain=name)
        session.add(tenant)
        session.flush()
        return tenant.id


def add_channel(relay, tenant_id: int, erp_id: str) -> int:
    with relay.runtime.scope() as session:
        channel = SalesChannel(
            tenant_id=tenant_id, erp_id=erp_id, platform="memory", is_paused=False
        )
        session.add(channel)
        session.flush()
        return channel.id


def hint_back(relay, channel_id: int, *article_ids: str) -> None:
    with relay.runtime.scope() as session:
        asking.ask(session, channel_id, article_ids)


def test_a_channel_that_is_set_off_records_nothing_and_set_on_asks_for_all(relay):
    switch(relay, toggles.OFF)
    articles = fill(relay)
    assert states(relay) == {}

    switch(relay, "on")
    ask_for_all(relay)
    relay.write_back()

    assert [relay.shown(one) for one in articles] == [relay.product_id(one) for one in articles]


def test_ids_that_were_recorded_before_it_was_set_off_wait(relay, articles):
    switch(relay, toggles.OFF)

    assert relay.claim_back() is None
    assert (status(relay).queued, status(relay).held) == (0, len(articles))
    assert not status(relay).is_on


def switch(relay, value: str) -> None:
    with relay.runtime.scope() as session:
        channels.set_parameter(session, relay.channel_id, toggles.WRITE_BACK_PARAMETER, value, None)
