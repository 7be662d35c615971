"""How soon a stock change is in the shop: when nothing else happens, and under a backfill."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bench.results import Result, percentile
from bench.service import PATIENCE_S, QUICK_ARTICLES, Bench, MeasuredService
from integration import sync_runs
from tests.acceptance.service import wait_until

#: Between two changes under a backfill.
GAP_S = 0.5


def measure(bench: Bench) -> list[Result]:
    """Seconds from the edit in the ERP to the shop's own record of the write."""
    articles, samples = bench.pick(10_000, QUICK_ARTICLES), bench.pick(50, 5)
    with bench.at_real_pace("latency", articles) as service:
        service.fill_shop(PATIENCE_S)
        idle = _idle(service, samples)
        busy = _under_backfill(service)
    how = f"{len(idle)} changes, each after the coalescing window of the one before"
    under = (
        f"{len(busy)} changes, one each {GAP_S:g} s, while a forced pass sends what {articles:,} "
        "articles are for sale to a shop that takes 0.36 s per 100 rows"
    )
    return [
        Result("latency.idle.p50", [percentile(idle, 0.5)], note=how),
        Result("latency.idle.p99", [percentile(idle, 0.99)], note=how),
        Result("latency.backfill.p99", [percentile(busy, 0.99)], note=under),
    ]


def _idle(service: MeasuredService, samples: int) -> list[float]:
    seconds = []
    for place, article in enumerate(service.articles_for_sale()[:samples]):
        wait_until(service.is_quiet, "the coalescing window is over", PATIENCE_S)
        stock = 10_000 + place
        edited_at = _edit(service, article, stock)
        wait_until(lambda one=article, n=stock: _written_at(service, one, n), "it is in the shop")
        seconds.append(_seconds(service, article, stock, edited_at))
    return seconds


def _under_backfill(service: MeasuredService) -> list[float]:
    """Changes at a steady pace for as long as a pass over everything takes."""
    articles = service.articles_for_sale()
    random.Random(7).shuffle(articles)
    with service.runtime.scope() as session:
        run_id = sync_runs.start(
            session, service.channel_id, sync_runs.INITIAL, ["article"], is_forced=True
        )
    assert run_id is not None
    wait_until(lambda: service.run(run_id).seen > 0, "the backfill has begun", PATIENCE_S)
    pause, sent = threading.Event(), []
    ends_at = time.monotonic() + PATIENCE_S
    while articles and service.run(run_id).ended_at is None and time.monotonic() < ends_at:
        article, stock = articles.pop(), 50_000 + len(sent)
        sent.append((article, stock, _edit(service, article, stock)))
        pause.wait(GAP_S)
    service.wait_until_idle(PATIENCE_S)
    return [_seconds(service, *one) for one in sent]


def _edit(service: MeasuredService, article: Mapping[str, Any], stock: int) -> datetime:
    edited_at = datetime.now(UTC)
    service.edit(article, stock=stock)
    return edited_at


def _written_at(
    service: MeasuredService, article: Mapping[str, Any], stock: int
) -> datetime | None:
    """When the shop took this stock, by its own journal."""
    shop = service.shop_itself
    with shop.store.lock:
        writes = shop.journals.products.of_number(article["number"])
    for write in writes:
        if write["result"] == "applied" and write["body"].get("stock") == stock:
            return datetime.fromisoformat(write["at"])
    return None


def _seconds(
    service: MeasuredService, article: Mapping[str, Any], stock: int, edited_at: datetime
) -> float:
    written_at = _written_at(service, article, stock)
    if written_at is None:
        raise RuntimeError(f"stock {stock} of article {article['number']} never came to the shop")
    return (written_at - edited_at).total_seconds()
