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
pytestmark = [
    distributed_only,
    pytest.mark.alone,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
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
#: 500 articles change twice and the ERP tells each change five times: 5,000 webhooks.
WAVES, PER_CHANGE = 2, 5


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
@pytest.mark.parametrize("topic", WEBHOOK)
def test_five_thousand_webhooks_on_five_hundred_articles_cost_twenty_requests(
    service: Service, topic: str
):
    changed = service.articles_for_sale()[:500]
    rng = random.Random(7)

    seconds = 0.0
    for wave in range(WAVES):
        for place, article in enumerate(changed):
            service.edit_silently(article, **new_value(topic, wave, place))
        # The ERP fires several times per change, from several processes, in no order.
        webhooks = [WEBHOOK[topic](one["id"]) for one in changed for _ in range(PER_CHANGE)]
        rng.shuffle(webhooks)
        seconds += storm(service, webhooks)
    service.wait_until_idle()

    asked, written = erp_requests(service), service.requests_of("shop")[SYNC]
    told = f"{topic}: 5,000 webhooks in {seconds:.1f} s; {asked} ERP requests, {written} writes"
    print(told)
    assert seconds <= 10, told
    assert asked <= 20, told
    assert written <= 20, told
    assert service.differences(*changed) == []
    service.assert_no_product_twice()


def new_value(topic: str, wave: int, place: int) -> dict[str, Any]:
    """What an article gets in a wave, each time something else."""
    return {
        "article": {"name": f"Welle {wave}, Artikel {place}"},
        "price": {"gross": f"{100 * (wave + 1) + place}.50"},
        "stock": {"stock": 1_000 * (wave + 1) + place},
    }[topic]


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
