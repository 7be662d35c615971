"""The engine alone: claims, chains, stages and settles, between a light ERP and a no-op platform.

Items are hinted, one webhook nudges, and the clock runs until the last one is settled.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import exists, func, insert, select
from sqlalchemy.orm import Session

from bench import chains, spending
from bench.results import Result
from bench.service import PATIENCE_S, Bench, MeasuredService
from bench.targets import PROCESSES
from cli.server_processes import descendants
from integration import channels, facts, work_items
from integration.clock import db_now
from integration.models import ChannelFact, Listing, SalesChannel, WorkItem, WorkItemState
from integration.topology import Topic
from tests.acceptance.service import ROOT, wait_until

#: Shops that are served at the same time.
CHANNELS = 10
#: Of the measurements of a quick run: what ten channels have to do in one batch each.
QUICK_ITEMS = 1_000
#: Neither the budget nor the window of the round before stands in the way.
OVERRIDES = {"RELAY_ERP_BUDGET": "1000000/6", "RELAY_COALESCE_S": "0"}
CONTROL_PROCESSES = 2
#: Recycling would end a child in the middle of a measurement of its memory.
NEVER_RECYCLED = ("--max-tasks-per-child=1000000", "--max-memory-per-child=4000000")
MEMORY_PROCESSES = 2


def measure(bench: Bench) -> list[Result]:
    """Entities per second with 1, 2 and 4 processes, each beside a chain per entity."""
    items, entities = bench.pick(20_000, QUICK_ITEMS), bench.pick(1_500, 100)
    repetitions = bench.pick(3, 1)
    results = []
    with _engine(bench, "engine", items) as service:
        for count in PROCESSES:
            service.start_celery("live", "tasks.app", "live", processes=count)
            service.start_celery("bench", "bench.chains", chains.QUEUE, processes=count)
            service.wait_for_worker("live")
            service.wait_for_worker(chains.QUEUE)
            _work(service, items // 10)
            if not bench.is_quick:
                _chain_per_entity(service, entities // 10)
            ours, plain = [], []
            spent: Counter[str] = Counter()
            for _ in range(repetitions):
                before = spending.cpu_s()
                ours.append(items / _work(service, items))
                spent += spending.cpu_s() - before
                plain.append(entities / _chain_per_entity(service, entities))
            service.kill("live")
            service.kill("bench")
            what = f"{items:,} stocks of {CHANNELS} channels, batches of 100"
            profile = spending.sentence(spent, items * repetitions)
            results += _rows(count, ours, plain, f"{what}; {profile}")
    return results


def _rows(count: int, ours: Sequence[float], plain: Sequence[float], how: str) -> list[Result]:
    times = [one / other for one, other in zip(ours, plain, strict=True)]
    baseline = f"{sorted(plain)[len(plain) // 2]:,.0f} entities per s with empty tasks"
    return [
        Result(f"engine.{count}.times", times, baseline=baseline, note=how),
        Result(f"engine.{count}.rate", ours),
    ]


def measure_memory(bench: Bench) -> list[Result]:
    """Resident memory of the children that do the work, warm and after so many items more."""
    warm_up, items = bench.pick(10_000, QUICK_ITEMS), bench.pick(100_000, 4 * QUICK_ITEMS)
    steps = bench.pick(10, 4)
    with _engine(bench, "memory", warm_up) as service:
        worker = service.start_celery(
            "live", "tasks.app", "live", processes=MEMORY_PROCESSES, arguments=NEVER_RECYCLED
        )
        service.wait_for_worker("live")
        _work(service, warm_up)
        children = descendants([worker.pid])
        seen = [{child: _resident_mb(child) for child in children}]
        for _ in range(steps):
            _work(service, items // steps)
            seen.append({child: _resident_mb(child) for child in children})
        service.kill("live")
    first, last = seen[0], seen[-1]
    growth = max(last[child] / first[child] for child in children)
    course = ", ".join(f"{max(one.values()):.0f}" for one in seen)
    return [
        Result(
            "memory.growth",
            [growth],
            baseline=f"{max(first.values()):.0f} MB after {warm_up:,} items",
            note=f"MB of the largest child after each {items // steps:,} items: {course}",
        )
    ]


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def _engine(bench: Bench, name: str, items: int) -> Iterator[MeasuredService]:
    """A service with ten channels on the no-op platform that know so many products in all, and no
    live worker yet; a quick run has one."""

    @contextmanager
    def start() -> Iterator[MeasuredService]:
        options = {"articles": 20, "channel_runs": False, "overrides": OVERRIDES}
        with bench.service(name, **options) as service:
            service.environ["RELAY_ERP_URL"] = _start_light_erp(service)
            service.environ[chains.DONE] = str(service.folder / "chains.done")
            (service.folder / "chains.done").touch()
            _add_channels(service, items // CHANNELS)
            service.start_web()
            service.start_celery("control", "tasks.app", "control", processes=CONTROL_PROCESSES)
            service.start_beat()
            service.wait_for_worker("control")
            yield service

    with bench.shared("engine", start) as service:
        yield service


def _start_light_erp(service: MeasuredService) -> str:
    article = service.article_for_sale()["id"]
    service.start("erp", "bench.light_erp", service.erp_url, article)

    def told() -> str:
        return next((x for x in service.log("erp").splitlines() if x.startswith("{")), "")

    return str(json.loads(wait_until(told, "the light ERP answers", PATIENCE_S))["url"])


def _add_channels(service: MeasuredService, articles: int) -> None:
    with service.runtime.scope() as session:
        for place in range(CHANNELS):
            add_channel(session, service.tenant_id, str(1_000 + place), articles)


def add_channel(session: Session, tenant_id: int, erp_id: str, articles: int) -> int:
    """A running channel of the no-op platform that knows so many products; its id."""
    channel = SalesChannel(tenant_id=tenant_id, erp_id=erp_id, platform="memory", is_paused=False)
    session.add(channel)
    session.flush()
    channels.set_parameter(session, channel.id, "keeps_nothing", "yes", None)
    # Beat would have its columns compared after five minutes, with an ERP that has the same answer
    # to everything, and the topic would wait.
    found = {"is_complete": True, "reads": None}
    facts.remember(session, ChannelFact.channel_id, channel.id, channels.COLUMN_FINDINGS, found)
    rows = [
        {
            "channel_id": channel.id,
            "article_id": str(one),
            "external_id": f"memory-{one}",
            "number": f"A-{one}",
            "is_active": True,
            "notes": {},
        }
        for one in range(1, articles + 1)
    ]
    session.execute(insert(Listing), rows)
    return channel.id


def _work(service: MeasuredService, items: int) -> float:
    """Seconds from the nudge until so many items of the ten channels are settled."""
    with service.runtime.scope() as session:
        of_bench = SalesChannel.platform == "memory"
        ids = session.scalars(select(SalesChannel.id).where(of_bench)).all()
        for channel_id in ids:
            articles = [str(one) for one in range(1, items // CHANNELS + 1)]
            # Otherwise the same stock as before would not be sent.
            work_items.hint(session, channel_id, Topic.STOCK, articles, forgets_hash=True)
        began_at = session.scalar(select(db_now()))
    began = time.monotonic()
    # For a channel that is paused: all it does is nudge.
    answer = service.webhook("article.update", {"articleId": "1"}, channel="42")
    if not answer.ok:
        raise RuntimeError(f"the nudge was answered {answer.status_code}: {answer.text[:200]}")
    wait_until(lambda: not _is_open(service), "all items are settled", PATIENCE_S)
    seconds = time.monotonic() - began
    with service.runtime.scope() as session:
        pushed = session.scalar(
            select(func.count())
            .select_from(WorkItem)
            .where(
                WorkItem.channel_id.in_(ids),
                WorkItem.state == WorkItemState.COMPLETED.value,
                WorkItem.skip_reason.is_(None),
                WorkItem.pushed_at >= began_at,
            )
        )
    if pushed < items // CHANNELS * CHANNELS:
        raise RuntimeError(f"{items} items were hinted and {pushed} pushed")
    return seconds


def _is_open(service: MeasuredService) -> bool:
    """Whether anything of the no-op platform waits or is worked on; one index probe."""
    is_open = (
        exists()
        .where(WorkItem.channel_id == SalesChannel.id)
        .where(WorkItem.topic == Topic.STOCK.value)
        .where(WorkItem.state.in_([WorkItemState.QUEUED.value, WorkItemState.PROCESSING.value]))
        .where(WorkItem.hold_reason.is_(None))
    )
    with service.runtime.scope() as session:
        found = select(SalesChannel.id).where(SalesChannel.platform == "memory", is_open).limit(1)
        return session.scalar(found) is not None


def _chain_per_entity(service: MeasuredService, entities: int) -> float:
    """Seconds from the first chain that is sent until the last of so many has ended."""
    done = service.folder / "chains.done"
    wanted = done.stat().st_size + entities
    sender = [sys.executable, "-m", "bench.chains", str(entities)]
    environ = {**service.environ, "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        sender,
        cwd=service.folder,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    wait_until(lambda: done.stat().st_size >= wanted, "all chains have ended", PATIENCE_S)
    return time.monotonic() - float(told.stdout)
