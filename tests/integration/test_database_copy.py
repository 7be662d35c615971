"""From SQLite into an empty database, to the last row."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from integration import database_copy, sync_runs, work_items
from integration.clock import db_now
from integration.db import build_engine, session_scope
from integration.errors import UsageError
from integration.models import (
    AccessToken,
    ArticleHold,
    Base,
    Brake,
    ChannelFact,
    ChannelMapping,
    ChannelParameter,
    Drift,
    DriftPlan,
    Fulfilment,
    Heartbeat,
    HistoryBatch,
    HistoryContent,
    HistoryEntry,
    Lane,
    Listing,
    MetricCounter,
    NightlyComparison,
    RateBucket,
    ReadAhead,
    SalesChannel,
    ShelfImage,
    ShopEdit,
    ShopHealth,
    Tenant,
    TenantFact,
    TransferToggle,
    WorkItem,
)
from integration.topology import Topic
from tests.claims import claim_due

LEARNT_AT = datetime(2026, 11, 25, 18, 30, 0, 123456, tzinfo=UTC)
HASH = "c0ffee" * 10
STOCK = Topic.STOCK.value


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    file = Path(shutil.copy(sqlite_template, tmp_path_factory.mktemp("source") / "embedded.db"))
    engine = build_engine(f"sqlite:///{file}")
    fill(engine)
    engine.dispose()
    return file


@pytest.fixture
def file(filled: Path, tmp_path: Path) -> Path:
    """A database with something in every table, nobody has it open."""
    return Path(shutil.copy(filled, tmp_path))


@pytest.fixture
def target(database_url: str) -> Iterator[Engine]:
    engine = build_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite_target(sqlite_url: str) -> Iterator[Engine]:
    """For refusals, which are the same whatever the target is."""
    engine = build_engine(sqlite_url)
    yield engine
    engine.dispose()


def fill(engine: Engine) -> None:
    with session_scope(engine) as session:
        tenant = Tenant(subdomain="acme", offline_token="sealed")
        session.add(tenant)
        session.flush()
        channel = SalesChannel(tenant_id=tenant.id, erp_id="42", platform="memory")
        session.add(channel)
        session.flush()
        key = {"channel_id": channel.id}
        session.add_all(
            [
                Brake(**key, topic=STOCK, seen=3, tripped_at=LEARNT_AT),
                AccessToken(name="erp:1", token="sealed", expires_at=LEARNT_AT),
                TenantFact(tenant_id=tenant.id, name="columns", value=["a"], learnt_at=LEARNT_AT),
                ChannelFact(**key, name="taxes", value={"19": "x"}, learnt_at=LEARNT_AT),
                ChannelParameter(**key, key="client_secret", value="sealed", is_secret=True),
                Lane(**key, topic=STOCK, served_at=LEARNT_AT),
                Listing(**key, article_id="1", external_id="p1", number="N1", notes={"a": [1]}),
                MetricCounter(
                    counter="hints",
                    label="",
                    tenant_id=tenant.id,
                    channel_id=channel.id,
                    topic="stock",
                    value=7,
                ),
                ShopHealth(**key, failures=1, trips=0, reason="no answer", latency_s=2.5),
                RateBucket(name="erp:1", tokens=-2.5, filled_at=LEARNT_AT),
                TransferToggle(**key, topic=STOCK, is_on=False),
                ChannelMapping(**key, kind="unit", erp_value="lb", shop_value="0.45359237"),
                ArticleHold(**key, topic=STOCK, article_id="1", reason="recall", held_by="anna"),
                ShopEdit(**key, article_id="1", field="name", shown="Chair", kept_by="anna"),
                ShelfImage(**key, document_id="7", article_id="1"),
                Fulfilment(**key, document_id="8", tracking_numbers=["JJD1"]),
                HistoryEntry(**key, entity_id="1", topic=STOCK, kind="pushed", batch_id=5),
                HistoryBatch(**key, id=5, fetched="VQL article.shopListing x1"),
                HistoryContent(**key, batch_id=5, body=b"\x00zlib"),
                Heartbeat(name="web", beaten_at=LEARNT_AT),
            ]
        )
        plan = DriftPlan(**key, topics="article", on_its_way={"waits": 1})
        session.add(plan)
        session.flush()
        line = {"kind": "missing", "topic": "upsert.article", "article_id": "1", "number": "N1"}
        session.add(Drift(plan_id=plan.id, **line))
        session.add(NightlyComparison(**key, night="2026-11-26", trouble="504"))
        run = sync_runs.start(session, channel.id, sync_runs.INITIAL, ("stock",))
        session.add(ReadAhead(id="a1", sync_run_id=run, read_at=LEARNT_AT, rows=b"\x78\x00"))
        ids = [str(number) for number in range(database_copy.PAGE + 5)]
        work_items.hint(session, channel.id, Topic.STOCK, ids, sync_run_id=run)
        session.execute(WorkItem.__table__.update().values(pushed_hash=HASH))
        claim_due(
            session, channel.id, Topic.STOCK, priority=work_items.Priority.LIVE, limit=3, lease_s=60
        )


def rows(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table; leases left out, which a copy ends."""
    found = {}
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            columns = [one for one in table.columns if one.name != "lease_until"]
            query = select(*columns).order_by(*table.primary_key.columns)
            found[table.name] = [tuple(row) for row in connection.execute(query)]
    return found


def copy(file: Path, target: Engine) -> dict[str, int]:
    with database_copy.locked(file) as source:
        return database_copy.copy_all(source, target)


def test_every_row_arrives_as_it_was(file, target):
    counts = copy(file, target)

    source = build_engine(f"sqlite:///{file}")
    assert rows(target) == rows(source)
    source.dispose()
    assert counts["work_item"] == database_copy.PAGE + 5
    assert [table for table, count in counts.items() if not count] == []


def test_new_rows_are_numbered_behind_the_copied_ones(file, target):
    copy(file, target)

    with session_scope(target) as session:
        channel = session.scalars(select(SalesChannel)).one()
        work_items.hint(session, channel.id, Topic.STOCK, ["new"])
        run = sync_runs.start(session, channel.id, sync_runs.INITIAL, ("price",))
        newest = session.scalar(select(func.max(WorkItem.id)))

    assert run == 2
    assert newest > database_copy.PAGE + 5


def test_what_was_under_way_need_not_wait_for_its_lease(file, target):
    copy(file, target)

    with session_scope(target) as session:
        ended = session.scalar(
            select(func.count()).select_from(WorkItem).where(WorkItem.lease_until <= db_now())
        )

    assert ended == 3


def test_a_database_with_something_in_it_is_refused_and_left_alone(file, target):
    with session_scope(target) as session:
        session.add(Tenant(subdomain="initech"))

    with pytest.raises(UsageError, match=r"not empty \(tenant\)"):
        copy(file, target)

    assert [len(one) for one in rows(target).values() if one] == [1]


def test_a_database_at_another_schema_is_refused(file, bare_postgres_url):
    empty = build_engine(bare_postgres_url)

    with pytest.raises(UsageError, match="db upgrade"):
        copy(file, empty)

    empty.dispose()


def test_a_source_at_another_schema_is_refused(tmp_path, sqlite_target):
    (tmp_path / "empty.db").touch()

    with pytest.raises(UsageError, match=r"empty.db is at schema nothing.*db upgrade"):
        copy(tmp_path / "empty.db", sqlite_target)


def test_a_source_that_is_not_there_is_not_made(tmp_path, sqlite_target):
    with pytest.raises(UsageError, match=r"there is no database .*no.db"):
        copy(tmp_path / "no.db", sqlite_target)

    assert not (tmp_path / "no.db").exists()


def test_a_database_is_not_copied_onto_itself(file):
    engine = build_engine(f"sqlite:///{file}")

    with pytest.raises(UsageError, match=r"RELAY_DATABASE_URL still names .*embedded.db"):
        copy(file, engine)

    engine.dispose()


IDLE = """
import sys
from integration.db import build_engine
from sqlalchemy import text
engine = build_engine(sys.argv[1])
with engine.connect() as connection:
    connection.execute(text("SELECT count(*) FROM tenant"))
print("idle", flush=True)
sys.stdin.read()
"""


def test_a_source_that_a_service_has_open_is_refused_however_idle_it_is(file, sqlite_target):
    service = subprocess.Popen(
        [sys.executable, "-c", IDLE, f"sqlite:///{file}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert service.stdout.readline() == b"idle\n"

    with pytest.raises(UsageError, match=r"database is locked.*stop the service"):
        copy(file, sqlite_target)

    service.communicate(timeout=10)
    assert copy(file, sqlite_target)["tenant"] == 1


def test_nobody_begins_to_work_with_the_source_meanwhile(file):
    with (
        database_copy.locked(file),
        closing(sqlite3.connect(file, timeout=0.1)) as late,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        late.execute("SELECT count(*) FROM tenant")
