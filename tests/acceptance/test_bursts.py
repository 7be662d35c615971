"""How many requests a burst costs, and how soon a single change is there."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.acceptance.deployments import distributed_only
from tests.acceptance.service import AS_SHIPPED, ROOT, Service, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
#: A tenth is not for sale; a thousand are left.
OPTIONS = {"articles": 1_150, "overrides": {**AS_SHIPPED, "RELAY_ERP_BUDGET": "3000/6"}}
SYNC = "POST /api/_action/sync"
#: Path and body of the webhook by topic, as the ERP sends it.
WEBHOOK: dict[str, Callable[[str], list[Any]]] = {
    "article": lambda one: ["article.update/42", {"articleId": one}],
    "price": lambda one: ["article-price.update", {"articleId": one}],
    "stock": lambda one: ["sales_channel.stockChange", {"id": one}],
}
#: What a topic changes, in the words of the comparison.
FIELD = {"article": " name is ", "price": " gross is ", "stock": " stock is "}
STORM_THREADS = 4
FRESH_S = 2.0


def test_a_thousand_changed_articles_cost_twelve_requests_per_topic(service: Service):
    changed = service.articles_for_sale()[:1_000]
    assert len(changed) == 1_000
    for place, article in enumerate(changed):
        service.edit_silently(article, name=f"Neu {place}", gross="77.77", stock=place)

    # One process has one lane logic as well; separate ones are shown with every topic.
    for topic in WEBHOOK if "web" in service.parts else ["price"]:
        service.forget_requests()
        storm(service, [WEBHOOK[topic](one["id"]) for one in changed])
        service.wait_until_idle()

        asked, written = erp_requests(service), service.requests_of("shop")[SYNC]
        print(f"{topic}: {asked} ERP requests, {written} shop writes")
        assert asked <= 12, topic
        assert written <= 12, topic
        assert [one for one in service.differences() if FIELD[topic] in one] == []
    service.assert_no_product_twice()


@distributed_only
def test_five_thousand_webhooks_on_five_hundred_articles_cost_twenty_requests(service: Service):
    changed = service.articles_for_sale()[:500]
    rng = random.Random(7)

    service.forget_requests()
    seconds = 0.0

    for wave in range(2):
        rng.shuffle(changed)
        for place, article in enumerate(changed):
            service.edit_silently(article, name=f"Welle {wave}, Artikel {place}")
        # The ERP fires several times per change, from several processes.
        webhooks = [WEBHOOK["article"](one["id"]) for one in changed for _ in range(5)]
        seconds += storm(service, webhooks)
    service.wait_until_idle()

    asked, sent = erp_requests(service), sum(service.requests_of("shop").values())
    told = f"5,000 webhooks in {seconds:.1f} s; {asked} ERP requests, {sent} shop requests"
    print(told)
    assert asked <= 20, told
    assert sent <= 20, told
    assert service.differences(*changed) == []
    service.assert_no_product_twice()


def test_the_first_change_after_quiet_is_in_the_shop_within_two_seconds(service: Service):
    changes = [{"name": "Eilig"}, {"gross": "88.88"}, {"stock": 888}]
    articles = service.articles_for_sale()

    took = [seconds_to_shop(service, articles[n], change) for n, change in enumerate(changes)]
    wait_until(service.is_quiet, "the coalescing windows are over")
    took += [seconds_to_shop(service, articles[-n], change) for n, change in enumerate(changes, 1)]

    print("seconds from edit to shop: " + ", ".join(f"{one:.2f}" for one in sorted(took)))
    assert statistics.median(took) <= FRESH_S


def seconds_to_shop(service: Service, article: dict[str, Any], change: dict[str, Any]) -> float:
    written = len(service.writes(article))
    began = time.monotonic()
    service.edit(article, **change)
    wait_until(lambda: len(service.writes(article)) > written, "it is in the shop")
    seconds = time.monotonic() - began
    service.wait_until_idle()
    return seconds


def storm(service: Service, webhooks: Sequence[list[Any]]) -> float:
    """Send signed webhooks as fast as they are taken; the seconds it took."""
    plan = {
        "port": service.port,
        "token": service.token,
        "threads": STORM_THREADS,
        "webhooks": webhooks,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.acceptance.storm"],
        cwd=ROOT,
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["statuses"] == {"200": len(webhooks)}
    return float(told["seconds"])


def erp_requests(service: Service) -> int:
    """Requests to the ERP's own API, the queries and all others."""
    routes = service.requests_of("erp")
    return sum(count for route, count in routes.items() if "/api/vario/" in route)
