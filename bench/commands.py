"""The operator's commands on a queue of millions: each must answer at once.

Most items are done, as in a queue that has run for years; what waits, is held and failed is a
hundred thousand. Each command is a process of its own, as on a shell, and its start counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from sqlalchemy import Engine, text

from bench.results import Result
from bench.service import PATIENCE_S, Bench
from integration import schema
from integration.db import build_engine, session_scope
from integration.models import Base, SalesChannel, Tenant
from integration.vault import Vault, new_key
from tests.acceptance.service import ROOT
from tests.real_servers import empty_database

CHANNELS, TOPICS = 20, ("upsert.article", "update.article-price", "update.article-stock")
#: One of them is looked at; its id is in each channel.
ARTICLE = "17"

#: State by the article's number: of a thousand six are queued, ten held and nine failed.
_FILL = """
INSERT INTO work_item (channel_id, topic, entity_id, state, priority, generation, due_at, attempts,
    error_class, last_error, fingerprint, hold_reason, first_unsent_at, last_event_at, pushed_hash,
    pushed_at, events)
SELECT channel, topic, n::text,
    CASE WHEN n % 1000 < 16 THEN 'QUEUED' WHEN n % 1000 < 25 THEN 'FAILED' ELSE 'COMPLETED' END,
    0, 1, now() - interval '1 hour', 0,
    CASE WHEN n % 1000 BETWEEN 16 AND 24 THEN 'Rejected' END,
    CASE WHEN n % 1000 BETWEEN 16 AND 24 THEN 'the name of product ' || n || ' is too long' END,
    CASE WHEN n % 1000 BETWEEN 16 AND 24 THEN substr(md5((n / 1000 % 60)::text), 1, 12) END,
    CASE WHEN n % 1000 BETWEEN 6 AND 15 THEN 'mapping:category:' || n / 1000 % 60 END,
    CASE WHEN n % 1000 < 25 THEN now() - interval '1 hour' END,
    now() - interval '1 hour', repeat('0', 64), now() - interval '1 hour', 0
FROM unnest(CAST(:channels AS bigint[])) AS channel, unnest(CAST(:topics AS text[])) AS topic,
    generate_series(1, :articles) AS n
"""
_LISTINGS = """
INSERT INTO listing (channel_id, article_id, external_id, number, is_active, was_adopted, notes)
SELECT channel, n::text, 'p' || n, 'A-' || n, true, false, '{}'
FROM unnest(CAST(:channels AS bigint[])) AS channel, generate_series(1, :articles) AS n
"""
_HISTORY = """
INSERT INTO history_entry (channel_id, entity_id, topic, at, kind, events, last_event_at, hinted_by,
    began_at, content_hash, is_in_doubt)
SELECT channel_id, entity_id, topic, at, 'pushed', 1, at, 'webhook article.update', at,
    repeat('0', 64), false
FROM (SELECT *, now() - (random() * 30) * interval '1 day' AS at FROM work_item
    WHERE channel_id = :first) AS item, generate_series(1, 4)
"""


def measure(bench: Bench) -> list[Result]:
    """Seconds of the slowest command; the note names all."""
    items, times = bench.pick(4_000_000, 60_000), bench.pick(3, 1)
    # A third of them in a quick run, `doctor` among them: each costs the start of a process.
    names = _commands()[bench.pick(0, 1) :: bench.pick(1, 3)]
    with empty_database(bench.postgres_url) as url:
        key = new_key()
        engine = build_engine(url)
        _fill(engine, items // CHANNELS // len(TOPICS), Vault([key]))
        seconds = {" ".join(one): _seconds_of(bench, url, key, one, times) for one in names}
        engine.dispose()
    slowest = max(seconds, key=lambda one: seconds[one])
    all_of_them = ", ".join(f"{name} {took:.2f}" for name, took in seconds.items())
    return [
        Result(
            "commands.slowest",
            [seconds[slowest]],
            baseline=f"{slowest}; {items:,} items of {CHANNELS} channels",
            note=f"seconds with the start of the process, the median of {times}: {all_of_them}",
        )
    ]


def _commands() -> Sequence[tuple[str, ...]]:
    article = ("acme/1", "A-" + ARTICLE)
    return (
        ("--help",),
        ("channel", "list"),
        ("channel", "show", "acme/1"),
        ("toggle", "list", "acme/1"),
        ("queue", "status"),
        ("queue", "status", "--max-age", "60"),
        ("queue", "failed"),
        ("queue", "failed", "acme/1"),
        ("queue", "hold", "list"),
        ("queue", "hold", "list", "acme/1"),
        ("queue", "retry", "acme/1", "--dry-run"),
        ("mapping", "list", "acme/1", "--unchecked"),
        ("explain", *article),
        ("history", *article),
        ("history", *article, "--at", "3d"),
        ("history", "acme/1", "--from", "30d"),
        ("doctor",),
    )


def _seconds_of(bench: Bench, url: str, key: str, arguments: Sequence[str], times: int) -> float:
    """The median of so many times."""
    environ = {name: one for name, one in os.environ.items() if not name.startswith("RELAY_")}
    environ |= {
        "PYTHONPATH": str(ROOT),
        "RELAY_DATABASE_URL": url,
        "RELAY_SECRET_KEY": key,
        # Nobody answers there, at once: what is measured is the database.
        "RELAY_ERP_URL": "http://127.0.0.1:9",
        "RELAY_ERP_TOKEN_URL": "http://127.0.0.1:9",
        "RELAY_APP_IDENTIFIER": "relay",
        "RELAY_CLIENT_ID": "app",
        "RELAY_CLIENT_SECRET": "secret",
    }
    return median(_seconds(bench.folder, environ, arguments) for _ in range(times))


def _seconds(folder: Path, environ: dict[str, str], arguments: Sequence[str]) -> float:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    # 1: doctor finds that nobody answers, --max-age what is late. 3: something is held.
    if done.returncode not in (0, 1, 3) or "Traceback" in done.stderr:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    return time.monotonic() - began


def _fill(engine: Engine, articles: int, vault: Vault) -> None:
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32))"))
        connection.execute(
            text("INSERT INTO alembic_version VALUES (:head)"), {"head": schema.head()}
        )
    with session_scope(engine) as session:
        tenant = Tenant(subdomain="acme", offline_token=vault.seal("token"))
        session.add(tenant)
        session.flush()
        channels = [
            SalesChannel(tenant_id=tenant.id, erp_id=str(one), platform="memory", is_paused=False)
            for one in range(1, CHANNELS + 1)
        ]
        session.add_all(channels)
        session.flush()
        ids = [one.id for one in channels]
        values = {"channels": ids, "topics": list(TOPICS), "articles": articles, "first": ids[0]}
        for statement in (_FILL, _LISTINGS, _HISTORY):
            session.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
