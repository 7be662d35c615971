"""What changes in the ERP or in the shop, and what the shop shows afterwards."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from integration import channel_life, registrations, stages, work_items
from integration.erp import webhooks
from integration.models import Priority, SalesChannel, SyncRunState
from integration.topology import Topic
from tests.acceptance.service import Service, wait_until
from tests.claims import claim_due

OPTIONS = {"articles": 60}
SYNC = "POST /api/_action/sync"
NEW = {"article": {"name": "Neu"}, "price": {"gross": "99.00"}, "stock": {"stock": 99}}

Articles = Callable[[], dict]

pytestmark = pytest.mark.slow(30)


# --- toggles and pauses --------------------------------------------------------------------------


def test_a_switched_off_topic_waits_while_the_others_go_on_and_then_sends_what_changed_once(
    service: Service, articles: Articles
):
    changed, other, untouched = articles(), articles(), articles()
    written = {one["id"]: len(service.writes(one)) for one in (changed, other, untouched)}
    service.switch("price", is_on=False)

    for gross in ("1.00", "2.00", "3.00"):
        service.edit(changed, gross=gross, stock=int(float(gross)))
    service.edit(other, name="Anderer Name")

    wait_until(lambda: stock(service, changed) == 3, "the stock goes on")
    service.wait_until_right(other)
    wait_until(service.is_delivered, "all webhooks are accepted")
    assert gross_price(service, changed) != 3
    assert service.item(changed, "price").state == "QUEUED"
    sent = service.writes(changed)[written[changed["id"]] :]
    assert [one for one in sent if "price" in one] == []

    service.switch("price", is_on=True)

    service.wait_until_right(changed)
    service.wait_until_idle()
    sent = service.writes(changed)[written[changed["id"]] :]
    assert [one["price"][0]["gross"] for one in sent if "price" in one] == [3]
    assert len(service.writes(untouched)) == written[untouched["id"]]


@pytest.mark.contract("10.17")
def test_a_topic_switched_off_between_claim_and_fetch_is_neither_fetched_nor_written(
    service: Service, articles: Articles
):
    article = articles()
    written = len(service.writes(article))
    service.edit_silently(article, gross="55.00")
    claim_id = claimed(service, Topic.PRICE, article)
    service.switch("price", is_on=False)

    batch = stages.fetch(service.runtime, claim_id)

    assert batch["rows"] == {}
    assert service.requests_of("erp") == {}
    item = service.item(article, "price")
    assert (item.state, item.attempts) == ("QUEUED", 0)
    assert len(service.writes(article)) == written
    service.switch("price", is_on=True)
    service.wait_until_right(article)


@pytest.mark.pitfall(30)
def test_a_paused_channel_records_and_sends_nothing_until_it_is_resumed(
    service: Service, articles: Articles
):
    article = articles()
    written = len(service.writes(article))
    service.change_channel(is_paused=True)

    service.edit(article, name="In der Pause", gross="66.00", stock=66)
    wait_until(service.is_delivered, "all webhooks are accepted")

    assert service.open_items() == 3
    assert len(service.writes(article)) == written
    service.change_channel(is_paused=False)
    service.wait_until_right(article)


# --- events of the ERP that are no change of an article ------------------------------------------


def test_an_image_that_is_added_reaches_the_shop(service: Service, articles: Articles):
    article = articles()

    service.edit(article, media=True, name="Mit neuem Bild")

    # The comparison looks at the images, too.
    service.wait_until_right(article)
    (image,) = service.product(article)["images"]
    assert image["cover"]


def test_an_offline_erp_is_let_alone_and_caught_up_with_when_it_is_back(
    service: Service, articles: Articles
):
    told, untold = articles(), articles()
    assert service.webhook("tenant.offline", {}).status_code == 200
    wait_until(service.is_quiet, "what was under way is over")
    service.forget_requests()

    service.edit(told, name="Solange er weg war")
    service.edit_silently(untold, name="Davon sprach niemand")
    wait_until(lambda: service.open_items() == 1, "the change is kept")
    assert service.requests_of("erp") == {}
    assert service.item(told, "article").attempts == 0

    assert service.webhook("tenant.online", {}).status_code == 200
    service.wait_until_right(told, untold)
    service.wait_until_idle()


def test_a_sales_channel_is_followed_from_its_first_day_to_its_last(service: Service):
    erp = service.runtime.erp(service.tenant_id)
    body = {"label": "Dritter Shop", "channelBackend": {"id": 7}}
    # As an employee does it: what the app writes itself is not told to it.
    erp_id = str(erp.post("/erp/sales-channels", body, writes=False)["id"])

    def is_named() -> bool:
        with service.runtime.scope() as session:
            waiting = channel_life.waiting(session, service.tenant_id)
            return (erp_id, "Dritter Shop") in waiting

    wait_until(is_named, "the new channel waits for a person")
    added = SalesChannel(tenant_id=service.tenant_id, erp_id=erp_id, platform="memory")
    with service.runtime.scope() as session:
        session.add(added)
    registrations.reconcile(service.runtime, service.tenant_id)

    erp._call("DELETE", f"/erp/sales-channels/{erp_id}")

    def is_gone() -> bool:
        with service.runtime.scope() as session:
            found = session.get_one(SalesChannel, added.id)
            return found.deleted_at is not None and found.delete_said_at is None

    wait_until(is_gone, "the channel is deleted here too")
    present = webhooks.registered(erp, service.runtime.settings.app_identifier)
    assert present == registrations.desired(service.runtime, service.tenant_id)
    assert not any(f"={erp_id})" in one.queue for one in present)


# --- what happens to products --------------------------------------------------------------------


@pytest.mark.parametrize("topic", NEW)
def test_a_product_that_was_deleted_in_the_shop_is_created_anew_at_the_next_change(
    service: Service, articles: Articles, topic: str
):
    article = articles()
    service.shop("edit", article=article["number"], delete=True)

    service.edit(article, **NEW[topic])

    service.wait_until_right(article)
    service.assert_no_product_twice()


def test_a_foreign_product_with_the_number_of_an_article_is_adopted_and_not_doubled(
    service: Service, articles: Articles
):
    article = articles()
    service.edit(article, listed=False)
    service.wait_until_right(article)
    service.shop("edit", article=article["number"], delete=True)
    service.shop("products", number=article["number"], name="Von Hand angelegt", gross=1)
    foreign = service.product(article)["id"]

    service.edit(article, listed=True, name="Aus der ERP")

    service.wait_until_right(article)
    assert service.product(article)["id"] == foreign
    service.assert_no_product_twice()


@pytest.mark.parametrize("field", ["listed", "active"])
def test_what_is_no_longer_offered_is_inactive_in_the_shop_and_active_again_afterwards(
    service: Service, articles: Articles, field: str
):
    article = articles()
    product = service.product(article)

    service.edit(article, **{field: False})
    wait_until(lambda: not service.product(article)["active"], "the product is inactive")
    service.edit(article, **{field: True})
    wait_until(lambda: service.product(article)["active"], "the product is active again")

    service.wait_until_right(article)
    assert service.product(article)["id"] == product["id"]


@pytest.mark.parametrize("topic", ["price", "stock"])
def test_what_changed_while_an_article_was_not_listed_is_sent_when_it_is_listed_again(
    service: Service, articles: Articles, topic: str
):
    article = articles()
    service.edit(article, listed=False)
    wait_until(lambda: not service.product(article)["active"], "the product is inactive")
    service.edit(article, **NEW[topic])
    service.wait_until_idle()

    service.edit(article, listed=True)

    service.wait_until_right(article, deadline_s=20)


def test_a_price_that_was_fetched_in_the_moment_of_not_being_listed_is_not_lost(
    service: Service, articles: Articles
):
    article = articles()
    service.edit_silently(article, gross="31.00", listed=False)
    batch = stages.fetch(service.runtime, claimed(service, Topic.PRICE, article))
    service.edit_silently(article, listed=True)

    stages.transform(service.runtime, batch)

    service.wait_until_right(article, deadline_s=20)


def test_a_price_removed_in_the_erp_never_becomes_zero(service: Service, articles: Articles):
    article = articles()
    before = gross_price(service, article)

    service.edit(article, gross=None)
    service.wait_until_idle()

    assert gross_price(service, article) == before
    assert service.item(article, "price").hold_reason == "no-price"
    service.edit(article, gross="5.00")
    service.wait_until_right(article)


def test_price_and_stock_of_an_article_that_is_not_in_the_shop_wait_and_come_with_it(
    service: Service, articles: Articles
):
    article = articles()
    service.edit(article, gross=None, listed=False)
    service.wait_until_idle()
    service.shop("edit", article=article["number"], delete=True)
    service.edit(article, listed=True)
    service.wait_until_idle()
    assert service.product(article) is None

    service.edit(article, stock=12)
    service.wait_until_idle()
    assert service.product(article) is None
    service.edit(article, gross="12.12")

    service.wait_until_right(article)
    service.wait_until_idle()
    assert service.product(article)["stock"] == 12
    assert service.item(article, "stock").hold_reason is None


def test_a_renumbered_article_stays_the_same_product(service: Service, articles: Articles):
    article = articles()
    product = service.product(article)
    number = f"{article['number']}-NEU"

    service.edit(article, number=number)

    renumbered = {**article, "number": number}
    service.wait_until_right(renumbered)
    assert service.product(renumbered)["id"] == product["id"]
    assert service.product(article) is None


# --- the second time -----------------------------------------------------------------------------


@pytest.mark.pitfall(18)
def test_a_second_full_sync_of_an_unchanged_catalogue_sends_nothing(service: Service):
    service.wait_for_run(service.begin_sync("article", "price", "stock"))
    service.wait_until_idle()
    service.forget_requests()

    run = service.wait_for_run(service.begin_sync("article", "price", "stock"))

    assert run.state == SyncRunState.DONE.value
    assert (run.pushed, run.failed) == (0, 0)
    assert run.unchanged >= 3 * 40
    assert service.requests_of("shop").get(SYNC, 0) == 0


def test_a_stock_event_that_names_only_the_channel_sends_the_one_stock_that_changed(
    service: Service, articles: Articles
):
    article = articles()
    service.wait_for_run(service.begin_sync("article", "price", "stock"))
    service.wait_until_idle()
    service.forget_requests()
    service.erp("options", stock_change_id="channel")

    service.edit(article, stock=321)

    service.wait_until_right(article)
    service.wait_until_idle()
    service.erp("options", stock_change_id="article")
    assert service.requests_of("shop")[SYNC] == 1
    assert service.writes(article)[-1]["stock"] == 321


def claimed(service: Service, topic: Topic, article: dict) -> str:
    """A claim of this article that no worker has seen."""
    with service.runtime.scope() as session:
        work_items.hint(session, service.channel_id, topic, [article["id"]])
        claim_id = claim_due(
            session, service.channel_id, topic, priority=Priority.LIVE, limit=100, lease_s=60
        )
    assert claim_id is not None
    return claim_id


def stock(service: Service, article: dict) -> int:
    return int(service.product(article)["stock"])


def gross_price(service: Service, article: dict) -> Decimal:
    return Decimal(service.product(article)["gross"])
