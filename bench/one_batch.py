"""What one batch of the engine costs: CPU of the worker and of Postgres, statements, by stage.

`python -m bench.one_batch [--postgres] [--batches N] [--list]` works batches of 100 stocks in this
process, one after the other and without Celery, between a light ERP and the no-op platform. Within
seconds it says where the engine (`bench.engine`) spends its time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from kombu.utils import json as broker_json
from sqlalchemy import Engine, event

from bench import spending
from bench.engine import add_channel
from bench.service import DurablePostgres
from cli.servers import running
from integration import dispatching, pushing, stages, work_items
from integration.connectors import registry
from integration.dispatching import Limits
from integration.models import SalesChannel
from integration.runtime import Runtime
from integration.toggles import SERVED_TOPICS
from integration.topology import Topic
from tests.integration.relay import Relay, beside_an_erp
from tests.quick_schema import migrate_at
from tests.real_servers import empty_database

BATCH = 100
LIMITS = Limits(chains_per_lane=2, coalesce_s=0.0, lease_s=60.0)
#: Far away, as in `bench.engine`.
BUDGET = (1_000_000, 6.0)
WARM_UP = 5


@dataclass
class Spent:
    """By stage: seconds of CPU of this thread, and what was sent to the database."""

    cpu_s: Counter[str] = field(default_factory=Counter)
    sent: dict[str, list[str]] = field(default_factory=dict)
    stage: str = ""

    @contextmanager
    def on(self, stage: str) -> Iterator[None]:
        self.stage, began = stage, time.thread_time()
        self.sent[stage] = []
        yield
        self.cpu_s[stage] += time.thread_time() - began

    def watch(self, engine: Engine) -> None:
        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.startswith("BEGIN"):
                self.sent.setdefault(self.stage, []).append(statement)

        def commit(_connection: Any) -> None:
            self.sent.setdefault(self.stage, []).append("COMMIT")

        event.listen(engine, "before_cursor_execute", note)
        event.listen(engine, "commit", commit)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.one_batch", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="a private server, not SQLite")
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--list", action="store_true", help="the statements of the last batch")
    given = parser.parse_args()
    logging.disable(logging.INFO)
    with _database(given.postgres) as url, beside_an_erp(url) as relay, _light_erp(relay) as erp:
        runtime = _engine(relay, erp)
        spent = Spent()
        spent.watch(runtime.engine)
        for _ in range(WARM_UP):
            _one_batch(runtime, relay.channel_id, spent)
        spent.cpu_s.clear()
        before = spending.cpu_s()["Postgres"]
        for _ in range(given.batches):
            _one_batch(runtime, relay.channel_id, spent)
        postgres_s = spending.cpu_s()["Postgres"] - before
    _show(spent, given.batches, postgres_s, given.list)


@contextmanager
def _database(on_postgres: bool) -> Iterator[str]:
    """The address of our tables with nothing in them."""
    if on_postgres:
        server = DurablePostgres()
        with running(server), empty_database(server.url) as url:
            migrate_at(url)
            yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/relay.db"
        migrate_at(url)
        yield url


@contextmanager
def _light_erp(relay: Relay) -> Iterator[str]:
    command = [sys.executable, "-m", "bench.light_erp", relay.erp_url, relay.for_sale()[0]["id"]]
    erp = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert erp.stdout is not None
        yield json.loads(erp.stdout.readline())["url"]
    finally:
        erp.kill()
        erp.wait()


def _engine(relay: Relay, erp_url: str) -> Runtime:
    """A channel beside the relay's that knows a batch of products and takes every row."""
    settings = replace(relay.runtime.settings, erp_url=erp_url, erp_budget=BUDGET)
    runtime = Runtime(settings, relay.runtime.engine)
    with runtime.scope() as session:
        session.get_one(SalesChannel, relay.channel_id).is_paused = True
        relay.channel_id = add_channel(session, relay.tenant_id, "1000", BATCH)
    return runtime


def _one_batch(runtime: Runtime, channel_id: int, spent: Spent) -> None:
    with spent.on("hint"), runtime.scope() as session:
        articles = [str(one) for one in range(1, BATCH + 1)]
        work_items.hint(session, channel_id, Topic.STOCK, articles, forgets_hash=True)
    with spent.on("dispatch"):
        claim_id = _claimed(runtime)
    with spent.on("fetch"):
        batch: Any = stages.fetch(runtime, claim_id)
    with spent.on("message"):
        batch = _sent(batch)
    with spent.on("transform"):
        batch = stages.transform(runtime, batch)
    with spent.on("message 2"):
        batch = _sent(batch)
    with spent.on("push"):
        pushing.push(runtime, batch)


def _claimed(runtime: Runtime) -> str:
    with runtime.scope() as session:
        chains = dispatching.chains(session, LIMITS)
        lane = dispatching.rota(session, SERVED_TOPICS, LIMITS, chains).next()
    if lane is None:
        raise RuntimeError("nothing is due")
    sizes = registry.platform(lane.platform).capabilities.max_batch
    with runtime.scope() as session:
        chain = dispatching.claim_next(session, lane, sizes, LIMITS)
    if chain is None or chain.items != BATCH:
        raise RuntimeError(f"a batch was not settled as a whole, {chain} was claimed")
    return chain.claim_id


def _sent(batch: Any) -> Any:
    return broker_json.loads(gzip.decompress(gzip.compress(broker_json.dumps(batch).encode())))


def _show(spent: Spent, batches: int, postgres_s: float, lists: bool) -> None:
    total = [0.0, 0, 0]
    for stage, seconds in spent.cpu_s.items():
        commits = spent.sent[stage].count("COMMIT")
        numbers = [seconds * 1_000 / batches, len(spent.sent[stage]) - commits, commits]
        print(f"{stage:10} {numbers[0]:6.2f} ms {numbers[1]:3} statements {numbers[2]:3} commits")
        if stage != "hint":
            total = [one + other for one, other in zip(total, numbers, strict=True)]
        if lists:
            print("".join(f"    {' '.join(one.split())[:300]}\n" for one in spent.sent[stage]))
    print(f"{'all of it':10} {total[0]:6.2f} ms {total[1]:3} statements {total[2]:3} commits")
    print(f"{'Postgres':10} {postgres_s * 1_000 / batches:6.2f} ms, with the hints")


if __name__ == "__main__":
    main()
