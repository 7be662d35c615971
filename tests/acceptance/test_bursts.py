"""How many requests a burst costs."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.acceptance.deployments import distributed_only
from tests.acceptance.service import AS_SHIPPED, ROOT, Service

# The rounds of a lane are the same rows on any database; the rate is that of separate processes.
pytestmark = [distributed_only, pytest.mark.slow, pytest.mark.timeout(300)]
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


def test_a_thousand_changed_articles_cost_twelve_requests_per_topic(service: Service):
    changed = service.articles_for_sale()[:1_000]
    assert len(changed) == 1_000
    for place, article in enumerate(changed):
        service.edit_silently(article, name=f"Neu {place}", gross="77.77", stock=place)

    for topic, webhook in WEBHOOK.items():
        service.forget_requests()
        storm(service, [webhook(one["id"]) for one in changed])
        service.wait_until_idle()

        asked, written = erp_requests(service), service.requests_of("shop")[SYNC]
        print(f"{topic}: {asked} ERP requests, {written} shop writes")
        assert asked <= 12, topic
        assert written <= 12, topic
        assert [one for one in service.differences() if FIELD[topic] in one] == []
    service.assert_no_product_twice()


@pytest.mark.pitfall(13)
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
