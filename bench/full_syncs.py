"""Full syncs: how near the first one is to its limit, what a second one leaves out, and images."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import func, select

from bench.results import Result
from bench.service import PATIENCE_S, QUICK_ARTICLES, REAL_RATE, Bench, MeasuredService
from bench.targets import WOOCOMMERCE
from integration.models import SyncRun, WorkItem
from integration.pacing import Rate
from integration.paging import PAGE
from sandbox.shops import woocommerce
from tests.acceptance.bursts import all_writes, erp_requests, shop_writes

#: A page brings its rows.
ERP_REQUESTS_PER_PAGE = 1
IMAGES_PER_ARTICLE = 2
#: A real shop's, for 100 rows; its updates take 5,000.
WOOCOMMERCE_CREATES_MS = 8_100.0


@dataclass(frozen=True)
class Pass:
    """One `vario-relay sync 42 --wait`; seconds from its first page to its last settle."""

    seconds: float
    erp_requests: int
    shop_writes: int
    pushed: int
    unchanged: int


def measure(bench: Bench) -> list[Result]:
    """Both passes on a fresh service, repeated."""
    articles = bench.pick(5_000, QUICK_ARTICLES)
    return _both(
        [partial(bench.at_real_pace, f"sync-{n}", articles) for n in range(bench.pick(3, 1))]
    )


def measure_woocommerce(bench: Bench) -> list[Result]:
    """The same with a WooCommerce shop, which creates slowly."""
    articles, repetitions = bench.pick(1_000, 30), bench.pick(2, 1)
    results = _both([partial(_woocommerce, bench, n, articles) for n in range(repetitions)])
    return [replace(one, key=f"{WOOCOMMERCE}.{one.key}") for one in results]


@contextmanager
def _woocommerce(bench: Bench, repetition: int, articles: int) -> Iterator[MeasuredService]:
    shop = woocommerce.Options(latency_ms_per_100_rows=WOOCOMMERCE_CREATES_MS)
    options = {"articles": articles, "shop": shop, "platform": WOOCOMMERCE}
    with bench.service(f"woocommerce-sync-{repetition}", **options) as service:
        service.erp("options", **REAL_RATE)
        service.start_all()
        yield service


def _both(
    services: Sequence[Callable[[], AbstractContextManager[MeasuredService]]],
) -> list[Result]:
    shares, skipped, told = [], [], ""
    for fresh in services:
        with fresh() as service:
            first = _first_sync(service)
            if wrong := service.differences():
                raise RuntimeError(f"{len(wrong)} differences after the sync: {wrong[0]}")
            second = _sync(service)
            erp_s, shop_s = _limits(service, first)
            told, limit = _words(service, first)
        shares.append(max(erp_s, shop_s) / first.seconds)
        skipped.append(second.unchanged / max(1, second.unchanged + second.pushed))
    again = f"{second.pushed} of {second.unchanged + second.pushed:,} sent"
    return [
        Result("resync.skipped", skipped, note=again),
        Result("sync.share", shares, baseline=limit, note=told),
    ]


def measure_large(bench: Bench) -> list[Result]:
    """The first sync of a large catalogue, once: it takes as long as its limit at least."""
    articles = bench.pick(100_000, QUICK_ARTICLES)
    with bench.at_real_pace("sync-large", articles) as service:
        preview = _dry_run(service)
        first = _first_sync(service)
        erp_s, shop_s = _limits(service, first)
        told, limit = _words(service, first)
    share = max(erp_s, shop_s) / first.seconds
    return [Result("sync.large.share", [share], baseline=limit, note=told), preview]


def _dry_run(service: MeasuredService) -> Result:
    """What `sync --dry-run` says of a catalogue of which the shop has nothing."""
    service.forget_requests()
    done = service.command("sync", "42", "--dry-run", "--json")
    found = json.loads(done.printed.splitlines()[-1])
    asked = erp_requests(service)
    counts = ", ".join(f"{number:,} {kind}" for kind, number in found["counts"].items())
    return Result(
        "sync.dry-run.seconds",
        [done.seconds],
        baseline=f"ERP budget 30 per 6 s: {_by_budget(service, asked):.1f} s",
        note=f"{counts}; {asked:,} ERP requests, {done.peak_mb:.0f} MB",
    )


def measure_media(bench: Bench) -> list[Result]:
    """The images of a catalogue that is in the shop without any."""
    articles = bench.pick(1_000, QUICK_ARTICLES)
    with bench.at_real_pace("media", articles) as service:
        if not service.products():
            _sync(service)
        # Few in a quick run: each costs four requests of a budget of five per second.
        for one in service.articles_for_sale()[: bench.pick(articles, 6)]:
            service.erp("media", article=one["id"], add=IMAGES_PER_ARTICLE, silent=True)
        images = _sync(service, "--topic", "media")
        written = all_writes(service)
    files = images.pushed * IMAGES_PER_ARTICLE
    asked = (
        f"{images.pushed:,} articles with {IMAGES_PER_ARTICLE} images each, "
        f"{images.erp_requests:,} ERP requests"
    )
    limit = f"ERP budget 30 per 6 s: {_by_budget(service, images.erp_requests):.1f} s"
    told = f"{written:,} shop writes for {files:,} files, {images.shop_writes} of them for rows"
    return [
        Result("media.seconds", [images.seconds], baseline=limit, note=asked),
        Result("media.shop", [written / files], note=told),
    ]


def _words(service: MeasuredService, first: Pass) -> tuple[str, str]:
    """What happened, and what the limits are."""
    erp_s, shop_s = _limits(service, first)
    per_100_s = service.shop_itself.options.latency_ms_per_100_rows / 1_000
    articles = len(service.articles())
    told = (
        f"{articles:,} articles, {first.pushed:,} sent in {first.seconds:.1f} s with "
        f"{first.erp_requests} ERP requests and {first.shop_writes} shop writes"
    )
    limit = (
        f"ERP budget 30 per 6 s at {PAGE} per page: {erp_s:.1f} s; "
        f"one writer at {per_100_s:g} s per 100 rows: {shop_s:.1f} s"
    )
    return told, limit


def _by_budget(service: MeasuredService, requests: int) -> float:
    """The least seconds by our ERP budget, whose bucket is full at first."""
    budget = Rate(*service.runtime.settings.erp_budget)
    return max(0.0, requests - budget.capacity) / budget.per_second


def _limits(service: MeasuredService, done: Pass) -> tuple[float, float]:
    """The least seconds by our ERP budget and by the shop."""
    requests = -(-len([one for one in service.articles() if one["listed"]]) // PAGE)
    requests *= ERP_REQUESTS_PER_PAGE
    shop_s = done.pushed / 100 * service.shop_itself.options.latency_ms_per_100_rows / 1_000
    return _by_budget(service, requests), shop_s


def _first_sync(service: MeasuredService) -> Pass:
    """A forced one where a group of a quick run has filled the shop before."""
    return _sync(service, *(("--force",) if service.products() else ()))


def _sync(service: MeasuredService, *arguments: str) -> Pass:
    service.forget_requests()
    with (service.folder / "sync.log").open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "cli.main", "sync", "42", "--wait", *arguments],
            cwd=service.folder,
            env=service.environ,
            stdout=log,
            stderr=log,
            timeout=PATIENCE_S,
            check=True,
        )
    with service.runtime.scope() as session:
        run = session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(1)).one()
        last = session.scalar(
            select(func.max(WorkItem.pushed_at)).where(WorkItem.sync_run_id == run.id)
        )
    return Pass(
        (last - run.started_at).total_seconds() if last else 0.0,
        erp_requests(service),
        shop_writes(service),
        run.pushed,
        run.unchanged,
    )
