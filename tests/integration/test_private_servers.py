"""The private Postgres and RabbitMQ: they start beside anything, serve, and leave no trace."""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from kombu import Connection

from cli.private_server import PrivateServer, ServerError
from cli.server_processes import descendants, is_alive, until
from cli.servers import Postgres, running

ROOT = Path(__file__).resolve().parents[2]
GONE_WITHIN_S = 15
SERVER_MODULES = ("private_server", "server_packages", "server_processes", "servers")
pytestmark = [pytest.mark.postgres, pytest.mark.rabbitmq, pytest.mark.slow(10)]


def assert_serves(postgres_url: str, rabbitmq_url: str) -> None:
    database = psycopg2.connect(postgres_url.replace("+psycopg2", ""))
    with database, database.cursor() as cursor:
        cursor.execute("SELECT 6 * 7")
        assert cursor.fetchone() == (42,)
    database.close()
    with Connection(rabbitmq_url) as broker, broker.SimpleQueue("greetings") as queue:
        queue.put({"hello": "shop"})
        assert queue.get(timeout=5).payload == {"hello": "shop"}


def living_in(directory: Path) -> list[int]:
    """Processes whose working folder is the server's: also those that left its process tree."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                folder = Path(os.readlink(entry / "cwd"))
            except OSError:
                continue
            if folder.is_relative_to(directory):
                found.append(int(entry.name))
    return found


def assert_gone(server: PrivateServer, pids: list[int]) -> None:
    assert [pid for pid in pids if is_alive(pid)] == []
    assert living_in(server.directory) == []
    assert not server.directory.exists()


def test_a_killed_server_comes_back_at_the_same_address_with_what_was_committed():
    postgres = Postgres()
    with running(postgres):
        database = psycopg2.connect(postgres.url.replace("+psycopg2", ""))
        with database, database.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 7 AS number")

        postgres.kill()
        postgres.start()

        database = psycopg2.connect(postgres.url.replace("+psycopg2", ""))
        with database, database.cursor() as cursor:
            cursor.execute("SELECT number FROM kept")
            assert cursor.fetchone() == (7,)
        database.close()
        pids = postgres.pids()

    assert len(pids) > 1
    assert_gone(postgres, pids)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing():
    postgres = Postgres()
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", postgres.port))
        squatter.listen()

        with pytest.raises(ServerError, match=r"postgres ended while starting.* in use"):
            postgres.start()

    assert postgres.pids() == []
    postgres.close()
    assert_gone(postgres, [])


def started_by_itself(python: str, folder: Path, **options) -> tuple[subprocess.Popen, dict]:
    """`python -m cli.servers` in a process of its own, and the addresses that it prints."""
    process = subprocess.Popen(
        [python, "-B", "-m", "cli.servers"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    return process, json.loads(process.stdout.readline())


def folders_of(pids: list[int]) -> set[Path]:
    """The folder of each of the two servers."""
    working = [Path(os.readlink(f"/proc/{pid}/cwd")) for pid in pids]
    folders = {
        one
        for folder in working
        for one in (folder, *folder.parents)
        if one.name.startswith("vario-relay-")
    }
    assert len(folders) == 2, working
    return folders


def end(process: subprocess.Popen) -> None:
    process.stdin.close()
    process.wait(GONE_WITHIN_S)
    process.stdout.close()


def test_they_go_when_the_process_that_started_them_is_killed():
    process, _ = started_by_itself(sys.executable, ROOT)
    below = descendants([process.pid])
    folders = folders_of(below)

    process.send_signal(signal.SIGKILL)

    assert until(lambda: not any(map(is_alive, below)), GONE_WITHIN_S)
    assert until(lambda: not any(folder.exists() for folder in folders), GONE_WITHIN_S)
    end(process)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A copy of what starts the servers, where every account may read it.

    The checkout and root's Python may lie where only root can go.
    """
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "cli").mkdir()
        for source in ("__init__", *SERVER_MODULES):
            shutil.copy(ROOT / "cli" / f"{source}.py", folder / "cli")
        yield folder


def test_they_need_no_root_and_no_library(open_folder):
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if python is None:
        pytest.skip("no system Python that an ordinary account could run")
    options = {"env": {"PATH": "/usr/sbin:/usr/bin:/bin"}}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    process, urls = started_by_itself(python, open_folder, **options)
    assert_serves(urls["postgres"], urls["rabbitmq"])
    below = descendants([process.pid])
    folders = folders_of(below)
    end(process)

    assert [pid for pid in below if is_alive(pid)] == []
    assert [pid for folder in folders for pid in living_in(folder)] == []
    assert [folder for folder in folders if folder.exists()] == []
