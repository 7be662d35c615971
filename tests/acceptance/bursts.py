"""Many webhooks at once, and what they cost: for the tests and for the figures."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.acceptance.service import ROOT, Service, wait_until

#: The request that writes many rows, by platform.
BULK_WRITE = {
    "shopware6": "POST /api/_action/sync",
    "woocommerce": "POST /wp-json/wc/v3/products/batch",
}
#: Path and body of the webhook by topic, as the ERP sends it.
WEBHOOK: dict[str, Callable[[str], list[Any]]] = {
    "article": lambda one: ["article.update/42", {"articleId": one}],
    "price": lambda one: ["article-price.update", {"articleId": one}],
    "stock": lambda one: ["sales_channel.stockChange", {"id": one}],
}
STORM_THREADS = 4
#: Articles change twice and the ERP tells each change five times: 5,000 webhooks on 500 of them.
WAVES, PER_CHANGE = 2, 5
FRESH_S = 2.0


def new_value(topic: str, wave: int, place: int) -> dict[str, Any]:
    """What an article gets in a wave, each time something else."""
    return {
        "article": {"name": f"Welle {wave}, Artikel {place}"},
        "price": {"gross": f"{100 * (wave + 1) + place}.50"},
        "stock": {"stock": 1_000 * (wave + 1) + place},
    }[topic]


def storm_in_waves(
    service: Service, topic: str, changed: Sequence[Mapping[str, Any]], first_wave: int = 0
) -> float:
    """Change these articles again and again, and tell of it far too often; the seconds it took."""
    rng = random.Random(7)
    seconds = 0.0
    for wave in range(first_wave, first_wave + WAVES):
        service.edit_all_silently(
            (article, new_value(topic, wave, place)) for place, article in enumerate(changed)
        )
        # The ERP fires several times per change, from several processes, in no order.
        webhooks = [WEBHOOK[topic](one["id"]) for one in changed for _ in range(PER_CHANGE)]
        rng.shuffle(webhooks)
        seconds += storm(service, webhooks)
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


def shop_writes(service: Service) -> int:
    """Bulk requests to the shop."""
    return service.requests_of("shop").get(BULK_WRITE[service.platform], 0)


def all_writes(service: Service) -> int:
    """Requests that write into a Shopware shop: rows, files, and steps of its orders."""
    routes = service.requests_of("shop").items()
    return sum(
        count for route, count in routes if "/_action/" in route and not route.startswith("GET ")
    )


def assert_fresh(service: Service) -> None:
    """The first change after quiet is in the shop within FRESH_S, in the median of six."""
    changes = [{"name": "Eilig"}, {"gross": "88.88"}, {"stock": 888}]
    articles = service.articles_for_sale()

    wait_until(service.is_quiet, "the coalescing windows are over")
    took = [seconds_to_shop(service, articles[n], change) for n, change in enumerate(changes)]
    wait_until(service.is_quiet, "the coalescing windows are over")
    took += [seconds_to_shop(service, articles[-n], change) for n, change in enumerate(changes, 1)]

    print("seconds from edit to shop: " + ", ".join(f"{one:.2f}" for one in sorted(took)))
    assert statistics.median(took) <= FRESH_S


def seconds_to_shop(
    service: Service, article: Mapping[str, Any], change: Mapping[str, Any]
) -> float:
    written = len(service.writes(article))
    began = time.monotonic()
    service.edit(article, **change)
    wait_until(lambda: len(service.writes(article)) > written, "it is in the shop")
    seconds = time.monotonic() - began
    service.wait_until_idle()
    return seconds
