"""Webhooks accepted and durable, against a bare route with one upsert under the same gunicorn."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import requests
from sqlalchemy import text

from bench import bare
from bench.results import Result
from bench.service import PATIENCE_S, Bench, MeasuredService
from cli.demo_processes import free_port
from integration import work_items
from integration.topology import TOPIC_BY_SHORT_NAME
from tests.acceptance.bursts import WEBHOOK
from tests.acceptance.service import ROOT, wait_until

#: Articles that are in the queue already, and the share of the webhooks that name one of them.
KNOWN, KNOWN_SHARE = 2_000, 0.8
#: As many as both web processes have threads.
THREADS = 16

Request = list[Any]


def measure(bench: Bench) -> list[Result]:
    """Both in turn, as fast as they answer; then ours at half of the bare route's rate."""
    count, repetitions = bench.pick(6_000, 500), bench.pick(5, 2)
    ours, plain, tails = [], [], []
    with bench.service("ingest", articles=20) as service:
        bare_port = _start(service)
        ids = _articles()
        for _ in range(repetitions):
            ours.append(_rate(service, service.port, _webhooks(ids, count)))
            plain.append(_rate(service, bare_port, _upserts(ids, count)))
        half = statistics.median(plain) / 2
        for _ in range(bench.pick(3, 1)):
            paced = _webhooks(ids, int(half * bench.pick(20, 3)))
            tails.append(_load(service, service.port, paced, per_s=half)["p99_ms"])
    shares = [one / other for one, other in zip(ours, plain, strict=True)]
    rate, bare_rate = statistics.median(ours), statistics.median(plain)
    how = (
        f"{count:,} webhooks of three kinds over {THREADS} connections from another process, "
        f"{KNOWN_SHARE:.0%} on known articles"
    ).replace("%", " %")
    return [
        Result(
            "ingest.share",
            shares,
            baseline=f"{bare_rate:,.0f} per s; ours {rate:,.0f} per s",
            note=how,
        ),
        Result(
            "ingest.p99",
            tails,
            baseline=f"{half:,.0f} per s, half of the bare route's",
            note="counted from when a webhook was due, at a steady rate",
        ),
    ]


def _start(service: MeasuredService) -> int:
    """Both under gunicorn, on one database where some articles are known; the bare one's port."""
    with service.runtime.engine.begin() as connection:
        connection.execute(text(bare.TABLE))
        connection.execute(
            text(f"INSERT INTO bare SELECT id, 1 FROM generate_series(0, {KNOWN - 1}) AS id")
        )
    with service.runtime.scope() as session:
        for topic in WEBHOOK:
            known = [str(one) for one in range(KNOWN)]
            work_items.hint(session, service.channel_id, TOPIC_BY_SHORT_NAME[topic], known)
    service.start_web()
    port, config = free_port(), str(ROOT / "gunicorn.conf.py")
    service.start(
        "bare", "gunicorn", "-c", config, "--bind", f"127.0.0.1:{port}", "bench.bare:create_app()"
    )
    wait_until(lambda: _answers(port), "the bare route answers", PATIENCE_S)
    return port


def _answers(port: int) -> bool:
    try:
        url = f"http://127.0.0.1:{port}/bare"
        return requests.post(url, json={"articleId": "0"}, timeout=2).ok
    except requests.RequestException:
        return False


def _articles() -> Iterator[str]:
    """Ids without end: mostly known ones, the others never seen before."""
    rng, following = random.Random(7), KNOWN
    while True:
        if rng.random() < KNOWN_SHARE:
            yield str(rng.randrange(KNOWN))
        else:
            following += 1
            yield str(following)


def _webhooks(ids: Iterator[str], count: int) -> list[Request]:
    kinds = list(WEBHOOK.values())
    chosen = [kinds[place % len(kinds)](next(ids)) for place in range(count)]
    return [[f"/api/webhooks/{path}", body] for path, body in chosen]


def _upserts(ids: Iterator[str], count: int) -> list[Request]:
    return [["/bare", {"articleId": next(ids)}] for _ in range(count)]


def _rate(service: MeasuredService, port: int, sent: list[Request]) -> float:
    return len(sent) / _load(service, port, sent)["seconds"]


def _load(
    service: MeasuredService, port: int, sent: list[Request], per_s: float | None = None
) -> dict[str, float]:
    plan = {
        "port": port,
        "token": service.token,
        "threads": THREADS,
        "per_s": per_s,
        "requests": sent,
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        cwd=ROOT,
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    if told["statuses"] != {"200": len(sent)}:
        raise RuntimeError(f"port {port} answered {told['statuses']} to {len(sent)} requests")
    return told
