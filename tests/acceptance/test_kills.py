"""kill -9 at the worst moments: nothing is lost, nothing is stale, no product exists twice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import pytest

from integration.models import SyncRunState
from tests.acceptance.deployments import distributed_only
from tests.acceptance.service import Service, wait_until

#: More than a page, so that a sync can be cut in the middle.
OPTIONS = {"articles": 150}
HELD_S = 60.0
#: "by itself within 30 s, or lease plus sweep" (design.md 2.6)
RECOVERED_S = 30.0
EXECUTE = "computed-queries/execute"
SYNC = "/api/_action/sync"
#: Where a chain hangs while its worker is killed: who holds, how, and which request.
MOMENTS = [
    pytest.param("erp", "timeout-before", EXECUTE, id="before-the-fetch"),
    pytest.param("shop", "timeout-before", "/api/search/product", id="between-fetch-and-push"),
    pytest.param("shop", "timeout-before", SYNC, id="before-the-shop-applied"),
    pytest.param("shop", "timeout-after", SYNC, id="between-push-and-settle"),
]

Articles = Callable[[], dict]

pytestmark = pytest.mark.slow(60)


@pytest.mark.pitfall(1)
@pytest.mark.pitfall(4)
@pytest.mark.pitfall(15)
@pytest.mark.parametrize(("holder", "kind", "route"), MOMENTS)
def test_a_killed_worker_loses_nothing_and_creates_no_product_twice(
    service: Service, articles: Articles, holder: str, kind: str, route: str
):
    changed, created = articles(), articles()
    service.shop("edit", article=created["number"], delete=True)
    service.fault(holder, kind, route=route, count=1, seconds=HELD_S)
    service.edit(created, name="Neu angelegt")
    service.wait_for_hit(holder)
    service.edit(changed, gross="12.34", name="Geändert")

    service.kill(service.worker)
    service.clear_faults()
    service.start_part(service.worker)

    service.wait_until_right(changed, created)
    service.wait_until_idle()
    service.assert_no_product_twice()


@pytest.mark.parametrize(
    ("holder", "route"), [("erp", "openid-connect/token"), ("shop", "/api/oauth/token")]
)
def test_a_worker_killed_while_it_gets_a_token_keeps_nobody_from_getting_one(
    service: Service, articles: Articles, holder: str, route: str
):
    article = articles()
    service.forget_tokens()
    service.fault(holder, "timeout-before", route=route, count=1, seconds=HELD_S)
    service.edit(article, gross="23.45")
    service.wait_for_hit(holder)

    service.kill(service.worker)
    service.clear_faults()
    service.start_part(service.worker)

    service.wait_until_right(article, deadline_s=RECOVERED_S)


def test_a_killed_driver_of_a_sync_is_followed_by_one_that_goes_on_where_it_was(
    service: Service,
):
    service.fault("erp", "slow", share=1.0, seconds=0.5, route=EXECUTE)
    run_id = service.begin_sync("article", "price", "stock")
    wait_until(lambda: service.run(run_id).seen > 0, "the first page is read")
    service.clear_faults()
    service.fault("erp", "timeout-before", share=1.0, seconds=HELD_S, route=EXECUTE)
    wait_until(lambda: service.run(run_id).driver, "somebody drives")

    service.kill(service.worker)
    seen = service.run(run_id).seen
    service.clear_faults()
    service.start_part(service.worker)

    run = service.wait_for_run(run_id, deadline_s=RECOVERED_S)
    assert 0 < seen < run.expected  # it was killed in the middle
    assert (run.state, run.seen) == (SyncRunState.DONE.value, run.expected)
    service.wait_until_idle()
    assert service.differences() == []
    service.assert_no_product_twice()


def test_a_killed_apply_of_a_plan_is_harmless_and_the_next_one_goes_on(service: Service):
    wrong = service.articles_for_sale()[:110]  # more than it looks at in one go
    for one in wrong:
        service.shop("edit", article=one["number"], set={"stock": 4711})
    assert service.relay("reconcile", "42", "--plan", "--topic", "stock").returncode == 0
    service.fault("erp", "slow", share=1.0, seconds=0.5, route=EXECUTE)
    service.start("apply", "cli.main", "reconcile", "42", "--apply")
    wait_until(lambda: service.lines_of_plan().get("PLANNED", 0) < len(wrong), "it has asked")
    service.fault("erp", "timeout-before", share=1.0, seconds=HELD_S, route=EXECUTE)

    service.kill("apply")
    left = service.lines_of_plan().get("PLANNED", 0)
    service.clear_faults()

    assert 0 < left < len(wrong), "it was killed in the middle"
    again = service.relay("reconcile", "42", "--apply")
    assert again.returncode == 0, again.stdout + again.stderr
    service.wait_until_idle()
    assert service.lines_of_plan() == {"SENT": len(wrong)}
    assert service.differences() == []
    plan = service.relay("reconcile", "42", "--plan", "--topic", "stock", "--fail-on-drift")
    assert plan.returncode == 0, plan.stdout


def test_a_changes_b_changes_back_to_a_is_sent_when_the_push_of_b_was_cut(
    service: Service, articles: Articles
):
    article = articles()
    service.edit(article, gross="10.00")
    service.wait_until_right(article)
    service.wait_until_idle()
    service.fault("shop", "timeout-after", route=SYNC, count=1, seconds=HELD_S)
    service.edit(article, gross="20.00")
    wait_until(lambda: gross(service, article) == 20, "B is in the shop")

    service.edit(article, gross="10.00")
    wait_until(service.is_delivered, "the webhook of the way back is accepted")
    service.kill(service.worker)
    service.clear_faults()
    service.start_part(service.worker)

    service.wait_until_right(article)
    service.wait_until_idle()
    sent = [one["price"][0]["gross"] for one in service.writes(article) if "price" in one]
    # The redelivered message may repeat B, which is allowed; A is what counts in the end.
    assert [one for one, _ in groupby(sent)][-3:] == [10, 20, 10]


@distributed_only
def test_a_write_that_the_shop_applies_after_its_senders_death_is_not_the_last_one(
    service: Service, articles: Articles
):
    article = articles()
    service.edit(article, gross="10.00")
    service.wait_until_right(article)
    service.wait_until_idle()
    service.fault("shop", "late", route=SYNC, count=1, seconds=HELD_S)
    service.edit(article, gross="20.00")
    service.wait_for_hit("shop")

    service.kill_children(service.worker)
    service.edit(article, gross="30.00")
    wait_until(lambda: gross(service, article) == 30, "somebody else writes the newest price")
    service.clear_faults()  # the shop is done with what the dead one sent
    wait_until(lambda: gross(service, article) == 20, "the older price arrives")

    service.wait_until_right(article, deadline_s=RECOVERED_S)


def gross(service: Service, article: dict) -> float:
    return float(service.product(article)["gross"])


def test_killed_web_processes_lose_no_webhook(service: Service, articles: Articles):
    web = "up" if "up" in service.parts else "web"
    before, after = articles(), articles()
    service.edit(before, name="Vor dem Ende")

    service.kill(web)
    service.edit(after, name="Nach dem Ende")
    service.start_part(web)

    service.wait_until_right(before, after)


@pytest.mark.pitfall(20)
@distributed_only
def test_without_beat_webhooks_still_arrive_and_a_new_beat_sweeps_up_what_a_worker_left(
    service: Service, articles: Articles
):
    webhook, left = articles(), articles()
    service.kill("beat")
    service.wait_for_worker()
    service.edit(webhook, stock=17)
    service.wait_until_right(webhook)
    service.wait_until_idle()

    service.fault("shop", "timeout-before", route=SYNC, count=1, seconds=HELD_S)
    service.edit(left, stock=18)
    service.wait_for_hit("shop")
    service.kill("worker")
    service.clear_faults()
    # The chain's message came back to its queue; without it only the sweep knows of the claim.
    wait_until(service.purge_queues, "the message of the dead worker is purged")
    service.start_worker()
    service.start_beat()

    service.wait_until_right(left)
