"""Fixtures that reach the real servers, and the counts behind the last line of `make test`.

A test says what it needs by the fixtures it takes: `postgres_url` and `broker_url` mark it by
themselves, `database_url` runs it once on SQLite and once on Postgres. Where the schema itself is
under test the same with `bare_` in front: databases without tables.
"""

import gc
import json
import os
import shutil
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from integration import counters
from integration.connectors import registry
from integration.memory import collect_seldom
from tests.acceptance import template
from tests.quick_schema import migrate_at
from tests.real_servers import empty_broker, empty_database, empty_tables

# How fast inputs are drawn says nothing about us: a fresh checkout first builds a table of Unicode.
hypothesis.settings.register_profile(
    "relay", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("relay")
collect_seldom()

ROOT = Path(__file__).resolve().parent.parent
#: As many slow tests are named at the end of `make test`.
SLOWEST = 10
SERVERS = ("sqlite", "postgres", "rabbitmq")
MARK_BY_FIXTURE = {
    "sqlite_url": "sqlite",
    "bare_sqlite_url": "sqlite",
    "postgres_url": "postgres",
    "bare_postgres_url": "postgres",
    "broker_url": "rabbitmq",
}
BOTH = [
    pytest.param("sqlite", marks=pytest.mark.sqlite),
    pytest.param("postgres", marks=pytest.mark.postgres),
]
URL_BY_MARK = {"postgres": "RELAY_TEST_POSTGRES_URL", "rabbitmq": "RELAY_TEST_BROKER_URL"}


@pytest.fixture(scope="session", autouse=True)
def quick_starts() -> Iterator[None]:
    """Processes of the product start out of a template."""
    with template.opened():
        yield


@pytest.fixture
def bare_sqlite_url(tmp_path: Path) -> str:
    """Where a SQLite database can be."""
    return f"sqlite:///{tmp_path}/relay.db"


@pytest.fixture
def sqlite_url(sqlite_kept: Path, sqlite_template: Path) -> str:
    """A SQLite database with our tables and nothing in them; the next test gets another there."""
    for end in ("", "-wal", "-shm"):
        sqlite_kept.with_name(f"{sqlite_kept.name}{end}").unlink(missing_ok=True)
    shutil.copy(sqlite_template, sqlite_kept)
    return f"sqlite:///{sqlite_kept}"


@pytest.fixture(scope="session")
def sqlite_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where they are: one address, so that an engine serves many tests (tests.engines)."""
    return tmp_path_factory.mktemp("database") / "relay.db"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file that nobody has open."""
    file = tmp_path_factory.mktemp("template") / "relay.db"
    migrate_at(f"sqlite:///{file}")
    return file


@pytest.fixture
def bare_postgres_url() -> Iterator[str]:
    """A Postgres database of this test alone without tables, dropped afterwards."""
    with empty_database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_kept: str) -> str:
    """A Postgres database with our tables and nothing in them; the next test gets it as well."""
    empty_tables(postgres_kept)
    return postgres_kept


@pytest.fixture(scope="session")
def postgres_kept() -> Iterator[str]:
    """A migrated database for this process: to create one for each test takes half a second."""
    with empty_database() as url:
        migrate_at(url)
        yield url


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest) -> str:
    """Our tables with nothing in them, on SQLite and on Postgres in turn."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(params=BOTH)
def bare_database_url(request: pytest.FixtureRequest) -> str:
    """A database without tables, on SQLite and on Postgres in turn."""
    return request.getfixturevalue(f"bare_{request.param}_url")


@pytest.fixture
def broker_url(worker_name: str) -> str:
    """RabbitMQ with our queues gone; under xdist, a virtual host of this worker alone."""
    return empty_broker(worker_name)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the path for packages of a test alone (tests.packages)."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    registry.platform.cache_clear()
    yield folder
    registry.platform.cache_clear()
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture(scope="session")
def worker_name(request: pytest.FixtureRequest) -> str:
    """`gw0`, `gw1`, ... under xdist, else `main`."""
    workerinput = getattr(request.config, "workerinput", {"workerid": "main"})
    return workerinput["workerid"]


@pytest.fixture
def clean_environ() -> dict[str, str]:
    """The environment for a process under test: ours without any RELAY_ name."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}


@pytest.fixture(autouse=True)
def no_counts() -> None:
    """What other tests counted in this process is none of this one's."""
    counters.PROCESS.taken()


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference material beside the repository; a plain checkout does not have it."""
    folder = ROOT.parent / "shared"
    if not (folder / "reference").is_dir():
        pytest.skip("no reference material beside the repository")
    return folder


class ByService(LoadScopeScheduling):
    """Hands out test after test, but those that share a running service to one xdist worker.

    Ours, because the groups of xdist 3.8 do nothing under pytest 9.2, which reads node ids anew.
    And because who watches a service mostly waits, where all other tests compute: some of both at
    a time keep the cores busy.
    """

    SERVICES = 2

    def _split_scope(self, nodeid: str) -> str:
        return self.scope_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        self.workqueue.move_to_end(self._following(node), last=False)
        super()._assign_work_unit(node)

    def _following(self, node: WorkerController) -> str:
        """What this worker does next: a service, unless as many run as should.

        It is told before it has ended what it does, and no service should wait behind another.
        """
        running = sum(self._runs_service(one) for one in self.nodes)
        wanted = running < self.SERVICES
        fitting = (one for one in self.workqueue if self.is_service(one) == wanted)
        return next(fitting, next(iter(self.workqueue)))

    def _runs_service(self, node: WorkerController) -> bool:
        return any(
            self.is_service(scope) and not all(tests.values())
            for scope, tests in self.assigned_work[node].items()
        )

    @staticmethod
    def is_service(scope: str) -> bool:
        return scope.startswith("tests/acceptance/")

    @classmethod
    def scope_of(cls, nodeid: str) -> str:
        """The same text for tests that stay together."""
        module, _, test = nodeid.partition("::")
        if not cls.is_service(nodeid):
            return nodeid
        return f"{module} {'sqlite' if 'sqlite' in test.partition('[')[2] else 'other'}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByService | None:
    return ByService(config, log) if config.getoption("dist") == "loadgroup" else None


def is_wanted(item: pytest.Item) -> bool:
    """False for one of the two databases of a test with the mark `either_database`."""
    if item.get_closest_marker("either_database") is None or not hasattr(item, "callspec"):
        return True
    has_postgres = URL_BY_MARK["postgres"] in os.environ
    is_postgres = has_postgres and zlib.crc32(item.originalname.encode()) % 2
    chosen = "postgres" if is_postgres else "sqlite"
    return item.callspec.params.get("database_url", chosen) == chosen


def seconds_of(item: pytest.Item) -> float:
    """About how long it takes, or 0."""
    slow = item.get_closest_marker("slow")
    return slow.args[0] if slow else 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    found: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        found[is_wanted(item)].append(item)
    config.hook.pytest_deselected(items=found[False])
    items[:] = found[True]
    if hasattr(config, "workerinput"):
        # The longest first, so that all workers end at about the same time.
        items.sort(key=seconds_of, reverse=True)
    for item in items:
        for fixture, mark in MARK_BY_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)
        # Reports cross from an xdist worker to the controller, marks do not.
        marks = {mark.name for mark in item.iter_markers()}
        item.user_properties.append(("servers", [name for name in SERVERS if name in marks]))


def pytest_collection_finish() -> None:
    # Thousands of tests and all libraries stay to the end; no look for garbage has to pass them.
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, name in URL_BY_MARK.items():
        if item.get_closest_marker(mark) and name not in os.environ:
            reason = os.environ.get(f"RELAY_TEST_NO_{mark.upper()}", f"{name} is not set")
            pytest.skip(f"no {mark}: {reason}")


class Counts:
    """Passed tests in all and per server, skipped ones, the names of the failed, and seconds."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seconds: Counter[str] = Counter()
        self._count = dict.fromkeys(("passed", "skipped", *SERVERS), 0)
        self._failed: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration
        if report.failed:
            self._failed.append(report.nodeid)
        elif report.skipped:
            self._count["skipped"] += 1
        elif report.when == "call":
            for name in ("passed", *dict(report.user_properties).get("servers", ())):
                self._count[name] += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        failed = list(dict.fromkeys(self._failed))  # a test may fail in the call and again after it
        slowest = self._seconds.most_common(SLOWEST)
        self._file.write_text(json.dumps({**self._count, "failed": failed, "slowest": slowest}))


def pytest_configure(config: pytest.Config) -> None:
    # Only in the controller: it sees the reports of all xdist workers.
    if (file := os.environ.get("RELAY_TEST_COUNTS")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Counts(Path(file)), "relay-counts")
