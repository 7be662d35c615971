"""What bursts cost in requests: the ERP's are scarce, the shop's are slow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bench import spending
from bench.results import Result
from bench.service import PATIENCE_S, QUICK_ARTICLES, Bench, MeasuredService
from bench.targets import TOPICS, WOOCOMMERCE
from tests.acceptance.bursts import (
    WAVES,
    WEBHOOK,
    erp_requests,
    new_value,
    shop_writes,
    storm,
)
from tests.acceptance.bursts import storm_in_waves as send_storm

#: Not the rate counts here but the number, so nothing waits for the ERP's budget.
NO_BUDGET = {"RELAY_ERP_BUDGET": "30000/6"}
#: A tenth is not for sale, give or take what the dice of the catalogue say.
NOT_FOR_SALE = 1.2
REST_ARTICLES = 1_000
#: For sale of those that a quick run has.
QUICK_FOR_SALE = int(QUICK_ARTICLES / NOT_FOR_SALE)
#: Beyond the waves of the bursts before it: the same value again would be no change.
FIRST_STORM = 10


def measure(bench: Bench) -> list[Result]:
    """Requests per 1,000 articles that change in one burst, both profiles of the ERP."""
    articles, rest = bench.pick(1_000, QUICK_FOR_SALE), bench.pick(REST_ARTICLES, 20)
    repetitions = bench.pick(3, 1)
    with filled(bench, "bursts", articles) as service:
        results = _bursts(service, articles, repetitions)
        service.erp("options", profile="rest")
        for topic in TOPICS:
            asked, _ = _burst(service, topic, rest, repetitions)
            # Four reads per article do not get fewer with more articles.
            results.append(Result(f"burst.{topic}.rest", [asked * 1_000 / rest]))
    bench.close()  # its ERP is another one now
    return results


def measure_storms(bench: Bench) -> list[Result]:
    """5,000 webhooks on 500 articles, each change told five times, two changes per article."""
    articles = bench.pick(500, 50)
    with filled(bench, "storms", articles) as service:
        return _storms(service, articles, bench.pick(3, 1))


def measure_woocommerce(bench: Bench) -> list[Result]:
    """Both with a WooCommerce shop that answers at once: what is counted are requests."""
    articles, stormy = bench.pick(1_000, QUICK_FOR_SALE), bench.pick(500, 50)
    repetitions = bench.pick(3, 1)
    with filled(bench, "woocommerce", articles, platform=WOOCOMMERCE) as service:
        results = _bursts(service, articles, repetitions)
        results += _storms(service, stormy, repetitions)
    return [replace(one, key=f"{WOOCOMMERCE}.{one.key}") for one in results]


def _bursts(service: MeasuredService, articles: int, repetitions: int) -> list[Result]:
    """Each topic in turn, again and again."""
    rows: dict[str, list[float]] = {}
    for wave in range(repetitions):
        for topic in TOPICS:
            asked, written = _burst(service, topic, articles, wave)
            rows.setdefault(f"burst.{topic}.erp", []).append(asked)
            rows.setdefault(f"burst.{topic}.shop", []).append(written)
    note = "" if articles == 1_000 else f"{articles} articles here"
    return [Result(key, values, note=note) for key, values in rows.items()]


def _burst(service: MeasuredService, topic: str, count: int, wave: int) -> tuple[int, int]:
    """(ERP requests, shop writes) for so many articles of which each is told once."""
    changed = service.articles_for_sale()[:count]
    service.edit_all_silently(
        (article, new_value(topic, wave, place)) for place, article in enumerate(changed)
    )
    service.forget_requests()
    storm(service, [WEBHOOK[topic](one["id"]) for one in changed])
    service.wait_until_idle(PATIENCE_S)
    if wrong := service.differences(*changed):
        raise RuntimeError(f"{topic}: {len(wrong)} articles are wrong after the burst: {wrong[0]}")
    return erp_requests(service), shop_writes(service)


def _storms(service: MeasuredService, articles: int, repetitions: int) -> list[Result]:
    """Each topic in turn, again and again."""
    rows: dict[str, list[float]] = {}
    spent_by_topic: dict[str, list[str]] = {}
    for repetition in range(repetitions):
        for topic in TOPICS:
            found, spent = _storm(service, topic, articles, repetition)
            spent_by_topic.setdefault(topic, []).append(spent)
            for name, value in found.items():
                rows.setdefault(f"storm.{topic}.{name}", []).append(value)
    note = "" if articles == 500 else f"{articles * 10} webhooks on {articles} articles here"
    return [
        Result(key, values, note=note, spent="; ".join(spent_by_topic[key.split(".")[1]]))
        for key, values in rows.items()
    ]


def _storm(
    service: MeasuredService, topic: str, articles: int, repetition: int
) -> tuple[dict[str, float], str]:
    """Values by row, and what the cores did until all webhooks were taken."""
    changed = service.articles_for_sale()[:articles]
    service.forget_requests()
    watch = spending.Watch()
    first_wave = FIRST_STORM + WAVES * repetition
    seconds = send_storm(service, topic, changed, first_wave=first_wave)
    # While they come, a round starts each few seconds, and each has its requests.
    spent = f"{seconds / service.runtime.settings.coalesce_s:.0f} rounds, {watch.sentence()}"
    service.wait_until_idle(PATIENCE_S)
    found = {
        "seconds": seconds,
        "erp": erp_requests(service),
        "shop": shop_writes(service),
        "wrong": len(service.differences(*changed)),
    }
    return found, spent


@contextmanager
def filled(
    bench: Bench, name: str, for_sale: int, platform: str = "shopware6"
) -> Iterator[MeasuredService]:
    """A running service whose shop has what its ERP has; a quick run has one per platform."""

    @contextmanager
    def start() -> Iterator[MeasuredService]:
        articles = bench.pick(int(for_sale * NOT_FOR_SALE), QUICK_ARTICLES)
        options = {"articles": articles, "platform": platform, "overrides": NO_BUDGET}
        with bench.service(name, **options) as service:
            service.erp("options", rate_limit=1_000_000)
            service.start_all()
            service.fill_shop(PATIENCE_S)
            yield service

    with bench.shared(platform, start) as service:
        if (found := len(service.articles_for_sale())) < for_sale:
            raise RuntimeError(f"{found} articles are for sale, of {for_sale}")
        yield service
