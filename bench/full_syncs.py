"""Full syncs: how near the first one is to its limit, and what a second one leaves out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from sqlalchemy import func, select

from bench.latency import REAL_RATE, REAL_SHOP
from bench.results import Result
from bench.service import PATIENCE_S, Bench, MeasuredService
from integration.models import SyncRun, WorkItem
from integration.pacing import Rate
from integration.paging import PAGE
from tests.acceptance.bursts import erp_requests, shop_writes

#: One for the page of ids and one for the rows behind them.
ERP_REQUESTS_PER_PAGE = 2


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
    articles = bench.pick(5_000, 400)
    shares, skipped, told = [], [], ""
    for repetition in range(bench.pick(3, 1)):
        with bench.service(f"sync-{repetition}", articles=articles, shop=REAL_SHOP) as service:
            service.erp("options", **REAL_RATE)
            service.start_all()
            first = _sync(service)
            if wrong := service.differences():
                raise RuntimeError(f"{len(wrong)} differences after the sync: {wrong[0]}")
            second = _sync(service)
            erp_s, shop_s = _limits(service, first)
        shares.append(max(erp_s, shop_s) / first.seconds)
        skipped.append(second.unchanged / max(1, second.unchanged + second.pushed))
        told = (
            f"{articles:,} articles, {first.pushed:,} sent in {first.seconds:.1f} s with "
            f"{first.erp_requests} ERP requests and {first.shop_writes} shop writes"
        )
        limit = (
            f"ERP budget 30 per 6 s at {PAGE} per page: {erp_s:.1f} s; "
            f"one writer at 0.36 s per 100 rows: {shop_s:.1f} s"
        )
    again = f"{second.pushed} of {second.unchanged + second.pushed:,} sent"
    return [
        Result("resync.skipped", skipped, note=again),
        Result("sync.share", shares, baseline=limit, note=told),
    ]


def _limits(service: MeasuredService, done: Pass) -> tuple[float, float]:
    """The least seconds by our ERP budget, whose bucket is full at first, and by the shop."""
    budget = Rate(*service.runtime.settings.erp_budget)
    requests = -(-len([one for one in service.articles() if one["listed"]]) // PAGE)
    requests *= ERP_REQUESTS_PER_PAGE
    erp_s = max(0.0, requests - budget.capacity) / budget.per_second
    return erp_s, done.pushed / 100 * REAL_SHOP.latency_ms_per_100_rows / 1_000


def _sync(service: MeasuredService) -> Pass:
    service.forget_requests()
    with (service.folder / "sync.log").open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "cli.main", "sync", "42", "--wait"],
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
