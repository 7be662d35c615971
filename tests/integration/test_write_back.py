"""Product ids on their way into the ERP, against the sandboxed ERP and the memory shop."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import requests
from sqlalchemy import func, select, update

from integration import (
    channels,
    counter_store,
    counters,
    metrics,
    pacing,
    queue_report,
    toggles,
    work_items,
    work_outcomes,
)
from integration.clock import db_now
from integration.connectors import http
from integration.erp.client import SUPPRESS_HEADER, ErpClient
from integration.errors import Busy, Forbidden, Rejected
from integration.models import Listing, SalesChannel, ShopHealth, Tenant, WorkItem
from integration.topology import Topic
from integration.write_back import asking, facts, lanes, merging
from integration.write_back.merging import Merge
from integration.write_back.reading import Found
from sandbox import serving
from sandbox.erp import Options, create_app
from tests.acceptance.service import wait_until
from tests.integration.relay import WorkerDied
from tests.integration.way_back import FOREIGN, WayBack

ARTICLE, WRITE_BACK = Topic.ARTICLE, Topic.WRITE_BACK


@pytest.fixture
def bare(database_url):
    """An ERP without the field."""
    with serving.running(lambda url: create_app(Options(articles=20), url)) as erp_url:
        relay = WayBack(database_url, erp_url)
        yield relay
        relay.close()


@pytest.fixture
def relay(bare):
    bare.create_field()
    return bare


@pytest.fixture
def articles(relay):
    """Articles whose products are in the shop; their ids are not in the ERP yet."""
    return fill(relay)


def fill(relay):
    found = relay.for_sale()
    relay.hint(ARTICLE, *found)
    relay.drain()
    return found


def patches(relay) -> int:
    return routes(relay, "PATCH")


def reads(relay) -> int:
    """Requests to the ERP's API that are no PATCH."""
    return routes(relay) - patches(relay)


def routes(relay, method: str = "") -> int:
    url = f"{relay.erp_url}/_sandbox/requests"
    counted = requests.get(url, timeout=30).json()["by_route"]
    return sum(
        number
        for route, number in counted.items()
        if "/api/vario" in route and route.startswith(method)
    )


def forget_requests(relay) -> None:
    relay.erp("requests/reset")


def states(relay) -> dict[str, int]:
    with relay.runtime.scope() as session:
        rows = session.execute(
            select(WorkItem.state, func.count())
            .where(WorkItem.topic == WRITE_BACK.value)
            .group_by(WorkItem.state)
        )
        return {state: number for state, number in rows}


def ask_for_all(relay) -> None:
    with relay.runtime.scope() as session:
        asking.ask_for_all(session, relay.channel_id)


def status(relay):
    with relay.runtime.scope() as session:
        found = queue_report.statuses(session)
    return next((one for one in found if one.topic is WRITE_BACK), None)


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


@pytest.mark.parametrize(
    "answers",
    [
        {"listing_rows": "meta"},
        {"ids": "text", "nulls": "sent"},
        {"ids": "number", "nulls": "omitted"},
        {"custom_fields": "declared"},
    ],
    ids=str,
)
@pytest.mark.contract("10.15")
def test_the_ids_arrive_however_the_erp_answers(relay, articles, answers):
    relay.erp("options", **answers)

    relay.write_back()

    assert [relay.shown(one) for one in articles] == [relay.product_id(one) for one in articles]
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


@pytest.mark.contract("10.9")
def test_what_we_write_does_not_come_back_as_a_webhook(relay, articles):
    register(relay, "http://127.0.0.1:9/")

    relay.write_back()
    assert webhooks(relay) == 0

    # The same write without the header: the ERP would tell us of it, and so without end.
    relay.set_custom(articles[0], {"variorelay": {"externalId": "x"}})
    assert webhooks(relay) == 0
    patch_without_header(relay, articles[0])
    assert webhooks(relay) == 1


def register(relay, url: str) -> None:
    relay.client.post(
        "/community/latest/cmn/system/app-message-webhook/register",
        {
            "url": url,
            "destinationQueue": "article(sales-channel-id=42).update",
            "appIdentifier": relay.runtime.settings.app_identifier,
        },
    )


def webhooks(relay) -> int:
    """Webhooks that the ERP has for us, sent or still to be sent."""
    found = requests.get(f"{relay.erp_url}/_sandbox/webhooks?limit=1", timeout=30).json()
    return found["sent"] + found["pending"]


def patch_without_header(relay, article) -> None:
    class Bare(requests.Session):
        def request(self, *args, headers=None, **kwargs):
            kept = {k: v for k, v in headers.items() if k != SUPPRESS_HEADER}
            return super().request(*args, headers=kept, **kwargs)

    client = relay.client
    client._session = Bare()
    path = f"/erp/articles/{article['id']}/listings/{relay.listing(article)['id']}"
    client.patch(path, {"custom": {"variorelay": {"externalId": "y"}}})


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


# How the ERP merges


@pytest.mark.parametrize("merge", ["deep", "shallow"])
@pytest.mark.parametrize("profile", ["columns", "rest"])
def test_the_groups_of_others_survive_however_the_erp_merges(relay, articles, merge, profile):
    relay.create_group("marketing", "slogan", "margin")
    for one in articles[1:4]:
        relay.set_custom(one, FOREIGN)
    relay.erp("options", merge=merge, profile=profile)
    forget_requests(relay)

    relay.write_back()

    for one in articles:
        assert relay.shown(one) == relay.product_id(one)
    for one in articles[1:4]:
        assert relay.listing(one)["custom"]["marketing"] == FOREIGN["marketing"]
    # One check, then one request each where it merges deep, else two.
    assert patches(relay) == len(articles) + (1 if merge == "deep" else 2)


@pytest.mark.parametrize("merge", ["deep", "shallow"])
def test_the_check_of_the_merge_tells_how_the_erp_merges_and_changes_nothing(
    relay, articles, merge
):
    relay.create_group("marketing", "slogan", "margin")
    relay.erp("options", merge=merge)
    alone, shared = articles[:2]
    relay.set_custom(shared, FOREIGN)

    found = {one["id"]: Found(one["id"], str(relay.listing(one)["id"])) for one in articles[:2]}
    verdicts = [
        merging.verify_merge(relay.client, relay.facts, found[one["id"]]) for one in (alone, shared)
    ]

    assert verdicts == [Merge.UNKNOWN, Merge(merge)]
    assert merging.verify(relay.client, relay.facts, "42") is Merge(merge)
    assert relay.listing(shared)["custom"]["marketing"] == FOREIGN["marketing"]


def test_a_check_that_dies_half_way_is_mended_by_the_next_batch(relay, articles, monkeypatch):
    relay.create_group("marketing", "slogan", "margin")
    relay.erp("options", merge="shallow")
    relay.set_custom(articles[0], FOREIGN)
    found = Found(articles[0]["id"], str(relay.listing(articles[0])["id"]))
    with monkeypatch.context() as patched:
        patched.setattr(merging, "mend", die)
        with pytest.raises(WorkerDied):
            merging.verify_merge(relay.client, relay.facts, found)
    assert "marketing" not in relay.listing(articles[0])["custom"]

    relay.write_back()

    assert relay.listing(articles[0])["custom"]["marketing"] == FOREIGN["marketing"]
    assert relay.shown(articles[0]) == relay.product_id(articles[0])


def die(*_args, **_kwargs):
    raise WorkerDied


def test_where_somebody_was_faster_the_listing_is_read_again(relay, articles, monkeypatch):
    relay.create_group("marketing", "slogan", "margin")
    relay.erp("options", merge="shallow")
    relay.set_custom(articles[0], FOREIGN)
    relay.write_back()
    relay.set_custom(articles[0], {**FOREIGN, "variorelay": {"externalId": "old"}})
    sent = []
    real = ErpClient.patch

    def patch(self, path, body, before_write=None):
        sent.append(body["version"])
        if len(sent) == 1:
            raise Rejected("the listing was changed in the meantime")
        return real(self, path, body, before_write)

    monkeypatch.setattr(ErpClient, "patch", patch)
    ask_for_all(relay)
    relay.write_back()

    assert relay.shown(articles[0]) == relay.product_id(articles[0])
    assert len(sent) == 2


@pytest.mark.parametrize("hides_listing_id", [False, True])
def test_an_erp_that_does_not_show_the_field_as_a_column_costs_no_write_twice(
    relay, articles, monkeypatch, hides_listing_id
):
    hidden = {"listings.custom.variorelay.externalId"}
    hidden |= {"listings.id"} if hides_listing_id else set()
    hide_columns(monkeypatch, hidden)

    relay.write_back()
    for one in articles:
        assert relay.shown(one) == relay.product_id(one)
    forget_requests(relay)
    ask_for_all(relay)
    relay.write_back()

    assert patches(relay) == 0
    assert reads(relay) == (len(articles) if hides_listing_id else 1)


@pytest.mark.parametrize("column", ["listings.custom.variorelay.externalId", "listings.id"])
def test_a_column_that_was_offered_and_is_refused_costs_no_attempt(relay, articles, column):
    relay.write_back()
    relay.erp("options", missing_columns=[column])
    forget_requests(relay)

    ask_for_all(relay)
    relay.write_back()

    assert patches(relay) == 0
    assert states(relay) == {"COMPLETED": len(articles)}
    assert relay.errors == []


def hide_columns(monkeypatch, hidden: set[str]) -> None:
    from integration.erp import catalogue

    real = catalogue._paths
    monkeypatch.setattr(
        catalogue, "_paths", lambda answer: (one for one in real(answer) if one not in hidden)
    )


# An ERP that cannot take them


def test_without_the_field_the_ids_wait_with_one_reason_and_nothing_else_does(bare):
    articles = fill(bare)
    forget_requests(bare)

    bare.write_back()

    assert patches(bare) == 0
    rows = [bare.back(one) for one in articles]
    assert {row.hold_reason for row in rows} == {facts.NO_FIELD}
    assert {row.attempts for row in rows} == {0}
    assert "has no field for the shop's product id" in rows[0].last_error
    assert "installation again" in rows[0].last_error
    assert (status(bare).held, status(bare).queued) == (len(articles), 0)
    assert not is_stopped(bare)
    # What goes to the shop goes on.
    bare.edit(articles[0], name="Weiter")
    bare.hint(ARTICLE, articles[0])
    bare.drain()
    assert bare.product(articles[0])["name"] == "Weiter"


def test_an_installation_lets_what_waited_go(bare):
    articles = fill(bare)
    bare.write_back()
    bare.create_field()

    with bare.runtime.scope() as session:
        asking.begin_anew(session, bare.tenant_id)
    bare.errors.clear()
    bare.write_back()

    assert bare.errors == []
    assert [bare.shown(one) for one in articles] == [bare.product_id(one) for one in articles]


def test_an_erp_that_forbids_the_write_holds_the_ids_and_not_the_tenant(
    relay, articles, monkeypatch
):
    monkeypatch.setattr(ErpClient, "patch", raising(Forbidden("PATCH answered 403")))

    relay.write_back()

    assert {relay.back(one).hold_reason for one in articles} == {facts.NO_FIELD}
    assert "PATCH answered 403" in relay.back(articles[0]).last_error
    assert not is_stopped(relay)


def test_a_listing_that_the_erp_refuses_fails_alone(relay, articles, monkeypatch):
    odd = str(relay.listing(articles[0])["id"])
    real = ErpClient.patch

    def patch(self, path, body, before_write=None):
        if path.endswith(odd):
            raise Rejected("PATCH answered 422: frozen (trackingId 7)")
        return real(self, path, body, before_write)

    monkeypatch.setattr(ErpClient, "patch", patch)

    relay.write_back()

    assert states(relay) == {"COMPLETED": len(articles) - 1, "FAILED": 1}
    assert relay.back(articles[0]).last_error == "PATCH answered 422: frozen (trackingId 7)"


def test_a_group_that_was_deleted_since_holds_the_ids(relay, articles, monkeypatch):
    relay.write_back()
    group = relay.client.get("/community/latest/cmn/eav-groups/by-key/variorelay")
    relay.client._call("DELETE", f"/cmn/eav-groups/{group['id']}")
    relay.set_custom(articles[0], {"variorelay": {"externalId": "old"}})
    monkeypatch.setattr(ErpClient, "patch", raising(Rejected("PATCH answered 422")))

    ask_for_all(relay)
    relay.write_back()

    assert relay.back(articles[0]).hold_reason == facts.NO_FIELD


def raising(error: Exception):
    def patch(self, path, body, before_write=None):
        raise error

    return patch


def is_stopped(relay) -> bool:
    with relay.runtime.scope() as session:
        channel = session.get_one(SalesChannel, relay.channel_id)
        tenant = session.get_one(Tenant, relay.tenant_id)
    return channel.held_reason is not None or tenant.held_reason is not None


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


def rename(relay, article, external_id: str) -> None:
    with relay.runtime.scope() as session:
        row = session.get_one(Listing, (relay.channel_id, article["id"]))
        row.external_id = external_id
        session.flush()
        asking.ask(session, relay.channel_id, [article["id"]])


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
    # Ten requests a second: the ids take some seconds, as ten thousand take half an hour.
    relay.runtime.settings = replace(relay.runtime.settings, erp_budget=(60, 6.0))
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
