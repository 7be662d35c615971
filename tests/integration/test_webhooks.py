"""Webhooks from the request to the committed rows, on SQLite and Postgres."""

import json
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import responses
from sqlalchemy import update

from integration import channels, events, work_items
from integration.clock import db_now
from integration.db import session_scope
from integration.models import Listing, SalesChannel, Tenant, WorkItem
from integration.topology import Topic
from tests.unit.webhooks.support import KEY, World, bearer, build_world, token

ARTICLE, PRICE, STOCK = "article.update", "article-price.update", "sales_channel.stockChange"


@pytest.fixture
def world(database_url):
    world = build_world(database_url)
    yield world
    world.engine.dispose()


def on(topic: Topic, entity_id: str, *channels: str) -> list[tuple[str, str, str, str]]:
    return [("acme", channel, str(topic), entity_id) for channel in channels]


def channel_id(world: World, erp_id: str) -> int:
    with session_scope(world.engine) as session:
        return session.query(SalesChannel).filter_by(erp_id=erp_id).one().id


# Accepted


@pytest.mark.contract("10.1")
@pytest.mark.pitfall(6)
def test_an_accepted_event_is_committed_when_the_answer_comes(world):
    response = world.post(f"{ARTICLE}/42", {"articleId": 4711, "listingId": 90210})

    assert (response.status_code, response.json) == (200, {"success": True})
    assert world.items() == on(Topic.ARTICLE, "4711", "42")
    assert len(world.wakes) == 1


@pytest.mark.parametrize("event", ["article.create", "article.update"])
def test_an_article_event_without_a_channel_reaches_paused_and_held_channels_too(world, event):
    assert world.post(event, {"articleId": 5}).status_code == 200
    assert world.items() == on(Topic.ARTICLE, "5", "42", "43", "44")


@pytest.mark.contract("10.12")
@pytest.mark.parametrize("event", ["create", "update", "delete"])
def test_a_price_event_reaches_the_prices_of_all_channels(world, event):
    response = world.post(f"article-price.{event}", {"articleId": 5, "priceId": 9})

    assert response.status_code == 200
    assert world.items() == on(Topic.PRICE, "5", "42", "43", "44")
    assert world.passes() == []


def test_an_event_of_a_tenant_without_channels_is_accepted_and_asks_for_nothing(world):
    response = world.post(ARTICLE, {"articleId": 5}, headers=bearer(tenantSubdomain="empty"))

    assert response.status_code == 200
    assert world.items() == []


@pytest.mark.pitfall(13)
def test_the_same_event_again_is_the_same_row_and_counts(world):
    for _ in range(3):
        world.post(f"{ARTICLE}/42", {"articleId": "0005"})

    with session_scope(world.engine) as session:
        assert [(item.entity_id, item.generation) for item in session.query(WorkItem)] == [("5", 3)]


def test_a_burst_on_several_channels_at_once_loses_nothing(world):
    def send(number: int) -> int:
        return world.post(ARTICLE, {"articleId": number % 10}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(200))) == [200] * 200

    with session_scope(world.engine) as session:
        generations = [item.generation for item in session.query(WorkItem)]
    assert generations == [20] * 30  # 200 events on 10 articles, 3 channels


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_the_content_type_does_not_matter(world, content_type):
    response = world.post(f"{ARTICLE}/42", {"articleId": 5}, content_type=content_type)

    assert response.status_code == 200
    assert world.items() == on(Topic.ARTICLE, "5", "42")


@pytest.mark.contract("10.4")
@pytest.mark.parametrize("name", ["listingId", "priceId", "categoryId"])
def test_an_article_event_without_an_article_asks_for_a_pass_over_all_articles(world, name):
    assert world.post(f"{ARTICLE}/42", {name: 9}).status_code == 200
    assert world.post(f"{ARTICLE}/42", {name: 10}).status_code == 200

    assert world.items() == []
    assert world.passes() == [("42", "article")]


# What a price event without an article means


@pytest.mark.contract("10.12")
@pytest.mark.parametrize("name", ["priceId", "listingId", "categoryId"])
def test_a_price_event_without_an_article_asks_for_a_pass_over_all_prices(world, name):
    assert world.post(PRICE, {name: 9}).status_code == 200
    assert world.items() == []
    assert world.passes() == [("42", "price"), ("43", "price"), ("44", "price")]


@pytest.mark.parametrize("name", ["entityId", "id"])
def test_an_id_that_may_be_an_article_or_a_price_counts_for_both(world, name):
    assert world.post(f"{PRICE}/42", {name: 9}).status_code == 200
    assert world.items() == on(Topic.PRICE, "9", "42")
    assert world.passes() == [("42", "price")]


def test_a_price_event_that_names_nothing_is_refused(world):
    assert world.post(PRICE, {"salesChannelId": 42}).status_code == 422
    assert world.is_untouched()


# What the id of a stock event means


@pytest.mark.parametrize(
    ("body", "channels", "passes"),
    [
        ({"articleId": 5}, ["42", "43", "44"], []),
        ({"articleId": 5, "id": 42}, ["42", "43", "44"], []),  # the named id is the clear one
        ({"articleId": 5, "salesChannelId": 43}, ["43"], []),
        ({"articleId": 5, "salesChannelId": 43, "id": 42}, ["43"], []),
        ({"articleId": 5, "salesChannelId": 7}, [], []),  # a shop of the merchant we do not serve
        ({"salesChannelId": 43}, [], ["43"]),
        ({"salesChannelId": 43, "id": 5}, [], ["43"]),
        ({"salesChannelId": 99}, [], []),  # another merchant's
        ({"id": 5}, ["42", "43", "44"], []),  # neither known: an article
        ({"id": "5"}, ["42", "43", "44"], []),
        ({"entityId": 5}, ["42", "43", "44"], []),
        ({"id": 99}, ["42", "43", "44"], []),  # another merchant's channel: an article of ours
    ],
)
@pytest.mark.contract("10.12")
def test_a_stock_event_by_its_ids(world, body, channels, passes):
    assert world.post(STOCK, body).status_code == 200
    entity_id = str(body.get("articleId") or body.get("id") or body.get("entityId"))
    assert world.items() == on(Topic.STOCK, entity_id, *channels)
    assert world.passes() == [(channel, "stock") for channel in passes]


def test_a_stock_id_that_is_a_channel_asks_for_a_pass_over_its_stock(world):
    assert world.post(STOCK, {"id": 42}).status_code == 200
    assert world.items() == []
    assert world.passes() == [("42", "stock")]


def test_a_stock_id_that_is_a_listed_article_is_that_article(world):
    with session_scope(world.engine) as session:
        channel = channel_id(world, "44")
        session.add(Listing(channel_id=channel, article_id="5", external_id="x", number="A5"))

    assert world.post(STOCK, {"id": 5}).status_code == 200
    assert world.items() == on(Topic.STOCK, "5", "42", "43", "44")
    assert world.passes() == []


def test_a_stock_id_that_is_a_channel_and_a_listed_article_counts_for_both(world):
    with session_scope(world.engine) as session:
        channel = channel_id(world, "44")
        session.add(Listing(channel_id=channel, article_id="42", external_id="x", number="A42"))

    assert world.post(STOCK, {"id": 42}).status_code == 200
    assert world.items() == on(Topic.STOCK, "42", "42", "43", "44")
    assert world.passes() == [("42", "stock")]


@pytest.mark.parametrize(
    ("topic", "channels"),
    [
        (Topic.ARTICLE, ["42", "43", "44"]),
        (Topic.ORDER_STATUS, []),  # document 42 says nothing about an article 42
    ],
)
def test_a_work_item_makes_an_article_known(world, topic, channels):
    channel = channel_id(world, "43")
    with session_scope(world.engine) as session:
        work_items.hint(session, channel, topic, ["42"])

    assert world.post(STOCK, {"id": 42}).status_code == 200
    stock = [item for item in world.items() if item[2] == Topic.STOCK]
    assert stock == on(Topic.STOCK, "42", *channels)
    assert world.passes() == [("42", "stock")]


def test_an_article_of_another_merchant_does_not_make_ours_known(world):
    channel = channel_id(world, "99")
    with session_scope(world.engine) as session:
        work_items.hint(session, channel, Topic.ARTICLE, ["42"])

    assert world.post(STOCK, {"id": 42}).status_code == 200
    assert [item for item in world.items() if item[0] == "acme"] == []
    assert world.passes() == [("42", "stock")]


def test_a_stock_event_of_one_channel_stays_with_it(world):
    assert world.post(f"{STOCK}/43", {"id": 42}).status_code == 200
    assert world.items() == on(Topic.STOCK, "42", "43")
    assert world.passes() == []


# Images, documents and shipments, whether this version carries them or not


@pytest.mark.contract("10.13")
@pytest.mark.parametrize(
    ("event", "body", "topic", "entity", "channels"),
    [
        ("article-shelf.update/42", {"articleId": 5}, Topic.MEDIA, "5", ["42"]),
        ("article-shelf.update", {"articleId": 5}, Topic.MEDIA, "5", ["42", "43", "44"]),
        (
            "shelf-document.update",
            {"shelfDocumentId": 7},
            Topic.MEDIA,
            "shelf-document:7",
            ["42", "43", "44"],
        ),
        (
            "document.customer_delivery_document.order_to_delivery",
            {"id": 77},
            Topic.ORDER_STATUS,
            "77",
            ["42", "43", "44"],
        ),
        (
            "document.customer_delivery_invoice.order_to_deliveryinvoice",
            {"id": "77"},
            Topic.ORDER_STATUS,
            "77",
            ["42", "43", "44"],
        ),
        (
            "shipment.parcel.completed",
            {"shipmentId": 77, "parcelId": 781},
            Topic.ORDER_STATUS,
            "shipment:77",
            ["42", "43", "44"],
        ),
    ],
)
def test_an_event_of_images_or_orders_is_kept_as_one_work_item(
    world, event, body, topic, entity, channels
):
    for _ in range(3):
        assert world.post(event, body).status_code == 200

    assert world.items() == on(topic, entity, *channels)
    with session_scope(world.engine) as session:
        for item in session.query(WorkItem):
            assert (item.state, item.hold_reason, item.generation, item.attempts) == (
                "QUEUED",
                None,
                3,
                0,
            )


def test_a_parcel_is_not_taken_for_the_document_of_its_number(world):
    world.post("shipment.parcel.completed/42", {"shipmentId": 77})
    world.post("document.customer_delivery_document.order_to_delivery/42", {"id": 77})

    assert world.items() == on(Topic.ORDER_STATUS, "77", "42") + on(
        Topic.ORDER_STATUS, "shipment:77", "42"
    )


# The life of sales channels and of the ERP


def is_asked_for(world: World, tenant: str = "acme") -> bool:
    """Whether somebody wants to know which sales channels the tenant's ERP has."""
    with session_scope(world.engine) as session:
        found = session.query(Tenant).filter_by(subdomain=tenant).one()
        return found.channels_due_at is not None


@pytest.mark.parametrize("event", ["create", "update", "delete"])
def test_an_event_of_a_sales_channel_is_noted_and_nobody_is_asked_in_the_request(world, event):
    assert world.post(f"sales_channel.{event}", {"id": 77}).status_code == 200

    assert is_asked_for(world)
    assert not is_asked_for(world, "globex")
    assert world.items() == world.passes() == []
    assert len(world.wakes) == 1


def test_the_first_sales_channel_of_a_tenant_is_noted(world):
    assert world.post("sales_channel.create", {"id": 1}, headers=bearer(tenantSubdomain="empty"))

    assert is_asked_for(world, "empty")


@pytest.mark.contract("10.21")
def test_a_channel_that_is_said_to_be_deleted_stops_at_once(world):
    assert world.post("sales_channel.delete", {"id": "44"}).status_code == 200
    assert world.post("sales_channel.delete", {"id": 99}).status_code == 200  # globex's

    with session_scope(world.engine) as session:
        said = {one.erp_id: one.delete_said_at for one in session.query(SalesChannel)}
        assert [erp_id for erp_id, at in said.items() if at is not None] == ["44"]
        joined = session.query(SalesChannel).join(Tenant).filter(channels.is_running())
        assert joined.all() == []  # 42 is paused, 43 held


def test_a_channel_that_is_deleted_gets_no_events_any_more(world):
    with session_scope(world.engine) as session:
        session.execute(
            update(SalesChannel).where(SalesChannel.erp_id == "44").values(deleted_at=db_now())
        )

    assert world.post(f"{ARTICLE}/44", {"id": 5}).status_code == 404
    assert world.post(ARTICLE, {"id": 5}).status_code == 200
    assert world.post(PRICE, {"priceId": 5}).status_code == 200
    assert world.items() == on(Topic.ARTICLE, "5", "42", "43")
    assert world.passes() == [("42", "price"), ("43", "price")]


@pytest.mark.parametrize("body", [{}, {"id": 1}, {"id": "x"}])
def test_an_erp_that_goes_offline_stops_its_tenant_and_one_that_is_back_lets_it_go(world, body):
    assert world.post("tenant.offline", body).status_code == 200
    with session_scope(world.engine) as session:
        offline = {one.subdomain: one.offline_since for one in session.query(Tenant)}
        assert [name for name, since in offline.items() if since is not None] == ["acme"]

    assert world.post("tenant.online", body).status_code == 200
    with session_scope(world.engine) as session:
        assert session.query(Tenant).filter(Tenant.offline_since.is_not(None)).all() == []
    everything = "article,price,stock"
    assert world.passes() == [("42", everything), ("43", everything), ("44", everything)]


def test_an_erp_that_says_twice_that_it_is_back_is_caught_up_with_once(world):
    for _ in range(3):
        world.post("tenant.online", {"id": 1})

    assert len(world.passes()) == 3  # one of each channel


@pytest.mark.contract("10.1")
@pytest.mark.parametrize("event", sorted(events.EVENT_BY_NAME))
def test_no_event_asks_anybody_while_it_is_taken(world, event):
    with responses.RequestsMock() as internet:  # lets nothing through
        answer = world.post(event, {"id": 42, "articleId": 42, "shelfDocumentId": 7, "parcelId": 8})

    assert answer.status_code == 200
    assert len(internet.calls) == 0


# Refused


def test_two_hundred_bad_calls_at_once_change_nothing(world):
    good = bearer()
    bad = [
        (f"{ARTICLE}/99", b'{"articleId": 5}', good, 404),
        (ARTICLE, b'{"articleId": 5}', {}, 401),
        (ARTICLE, b'{"articleId": 5}', bearer(key=KEY, aud="other"), 401),
        (ARTICLE, b"[1]", good, 400),
        (ARTICLE, b"{}", good, 422),
    ]

    def send(number: int) -> bool:
        path, body, headers, status = bad[number % len(bad)]
        return world.post(path, body, headers=headers).status_code == status

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(send, range(200)))
    assert world.is_untouched()


# What goes with an answer, and what is written about it


@pytest.mark.contract("10.23")
def test_every_answer_carries_a_request_id(world):
    good = {**bearer(), "x-request-id": "erp-7"}
    forged = {**bearer(), "x-request-id": "a b"}

    assert world.post(ARTICLE, {"id": 5}, headers=good).headers["x-request-id"] == "erp-7"
    own = world.post(ARTICLE, {"id": 5}, headers=forged).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", own)
    assert world.client.get("/nowhere").headers["x-request-id"]


def test_an_accepted_event_is_one_line_of_log(world, caplog):
    caplog.set_level(logging.INFO, "webhooks")

    world.post(f"{ARTICLE}/42", {"id": 5}, headers={**bearer(), "x-request-id": "erp-7"})

    (line,) = [record.getMessage() for record in caplog.records if record.name == "webhooks"]
    assert re.sub(r"ms=[\d.]+", "ms=N", line) == (
        "event=webhook.accepted webhook=article.update tenant=acme channel=42 topic=article "
        "entity=5 hints=1 passes=0 request_id=erp-7 ms=N"
    )


def test_a_refusal_is_logged_with_its_code_and_without_what_was_sent(world, caplog):
    caplog.set_level(logging.DEBUG)
    sent = token(aud="another-app")
    headers = {"Authorization": f"Bearer {sent}", "x-request-id": "erp-7"}

    world.post(f"{ARTICLE}?appToken={sent}", {"articleId": 31337}, headers=headers)

    lines = [record.getMessage() for record in caplog.records if record.name == "webhooks"]
    assert lines == [
        "event=webhook.refused status=401 code=UNAUTHORIZED detail=other-audience request_id=erp-7"
    ]
    assert sent not in caplog.text
    assert "31337" not in caplog.text


# The database and its schema


def test_a_crash_is_a_500_that_names_the_request(world, caplog):
    def crash() -> None:
        raise LookupError("a bug")

    world.client.application.extensions["relay"].wake = crash
    response = world.post(f"{ARTICLE}/42", {"id": 5}, headers={**bearer(), "x-request-id": "erp-7"})

    assert (response.status_code, response.json) == (
        500,
        {"error": "UNKNOWN_ERROR", "message": "Something failed here; see request erp-7."},
    )
    assert "LookupError: a bug" in caplog.text


def test_a_channel_is_served_as_soon_as_it_is_there_and_no_longer_than_it_is(world):
    assert world.post(f"{ARTICLE}/50", {"id": 5}).status_code == 404
    with session_scope(world.engine) as session:
        session.execute(update(SalesChannel).where(SalesChannel.erp_id == "42").values(erp_id="50"))

    assert world.post(f"{ARTICLE}/50", {"id": 5}).status_code == 200
    assert world.post(f"{ARTICLE}/42", {"id": 5}).status_code == 404


def test_health_asks_nobody_and_readiness_asks_the_database(world):
    assert (world.client.get("/healthz").status_code, world.client.get("/readyz").json) == (
        200,
        {"status": "ready", "database": "ok", "broker": "ok"},
    )


def test_an_absent_broker_is_reported_and_not_required(world):
    world.client.application.extensions["relay"].broker_state = lambda: "away: nobody there"

    response = world.client.get("/readyz")

    assert (response.status_code, response.json["broker"]) == (200, "away: nobody there")


def test_readiness_does_not_wait_for_a_writer(world):
    with session_scope(world.engine) as session:
        session.execute(update(SalesChannel).values(is_paused=False))
        answers: list[int] = []
        asking = threading.Thread(
            target=lambda: answers.append(world.client.get("/readyz").status_code)
        )
        asking.start()
        asking.join(5)

        assert answers == [200]


def test_the_answers_are_json_that_any_client_reads(world):
    response = world.post(ARTICLE, {"articleId": 5})

    assert response.headers["Content-Type"] == "application/json"
    assert json.loads(response.data) == {"success": True}
