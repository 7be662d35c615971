"""What docs/operations.md tells an operator to do: upgrade and restore several processes."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import make_url, text

from cli import server_packages
from tests.acceptance.service import ROOT, Service, wait_until
from tests.real_servers import empty_broker, empty_database

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.rabbitmq,
    pytest.mark.slow(45),
    pytest.mark.timeout(240),
]
ARTICLES = 25
#: What process managers wait before they kill.
GRACE_S = 30
#: Webhooks before and between the steps of an upgrade, and the most of them in a second.
SOME, PER_S = 15, 20

Articles = Callable[[], dict]


@pytest.fixture(scope="module")
def shared_service(
    tmp_path_factory: pytest.TempPathFactory, module_environ: dict[str, str], worker_name: str
) -> Iterator[Service]:
    folder, broker_url = tmp_path_factory.mktemp("service"), empty_broker(worker_name)
    # As the Procfile starts them.
    overrides = {"REMAP_SIGTERM": "SIGQUIT"}
    with (
        empty_database() as url,
        Service(
            folder, module_environ, url, broker_url, articles=ARTICLES, overrides=overrides
        ) as service,
    ):
        service.start_all()
        service.fill_shop()
        yield service


def stop(service: Service, *names: str) -> None:
    """As a process manager does: SIGTERM to main processes, SIGKILL to what is not over in time.

    On a busy machine a worker of Celery now and then is not, and nothing may depend on it.
    """
    for name in names:
        service.processes[name].send_signal(signal.SIGTERM)
    for name in names:
        try:
            service.processes[name].wait(GRACE_S)
        except subprocess.TimeoutExpired:
            print(f"{name} was killed {GRACE_S} s after SIGTERM")
            service.kill(name)
        else:
            del service.processes[name]


def done(service: Service, *arguments: str) -> str:
    """What `vario-relay ARGUMENTS` says; it has to succeed."""
    result = service.relay(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stderr


# --- upgrade -------------------------------------------------------------------------------------


class Load:
    """Edits and webhooks of its own, one after the other; nobody repeats one that is refused."""

    def __init__(self, service: Service) -> None:
        self._service, self._rng = service, random.Random(3)
        self._articles = service.articles_for_sale()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answers: list[int | str] = []

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def goes_on(self) -> None:
        """Wait until some more webhooks are answered."""
        goal = len(self.answers) + SOME
        wait_until(lambda: len(self.answers) >= goal, "webhooks are answered")

    def _run(self) -> None:
        while not self._stop.wait(1 / PER_S):
            article = self._rng.choice(self._articles)
            self._service.edit_silently(article, gross=f"{self._rng.randint(1, 500)}.50")
            try:
                body = {"articleId": article["id"]}
                answer = self._service.webhook("article-price.update", body)
                self.answers.append(answer.status_code)
            except requests.RequestException as error:
                self.answers.append(repr(error))


#: systemd hands sockets over from number 3 on, to the process whose id it names.
HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def start_web_on(service: Service, listener: socket.socket) -> None:
    """The web process on a socket that is not its own, as systemd starts it."""
    config = str(ROOT / "gunicorn.conf.py")
    command = ["-m", "gunicorn", "-c", config, "webhooks.app:create_app()"]
    with (service.folder / "web.log").open("ab") as log:
        service.processes["web"] = subprocess.Popen(
            [sys.executable, "-c", HAND_OVER, str(listener.fileno()), *command],
            cwd=service.folder,
            env=service.environ,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def test_a_rolling_restart_under_load_refuses_no_webhook_and_loses_no_change(service: Service):
    stop(service, "web")
    with socket.create_server(("127.0.0.1", service.port), backlog=100) as listener:
        start_web_on(service, listener)
        service.start_worker("second-worker")
        with Load(service) as load:
            load.goes_on()
            # A migration that new code needs; the old one works on beside it.
            with service.runtime.scope() as session:
                session.execute(text("ALTER TABLE work_item ADD COLUMN added_later text"))
            assert "already" in done(service, "db", "upgrade")
            load.goes_on()

            stop(service, "web")
            start_web_on(service, listener)
            load.goes_on()
            service.start_worker("new-worker")
            service.start_worker("second-new-worker")
            stop(service, "worker", "second-worker")
            load.goes_on()
            stop(service, "beat")
            service.start_beat()
            load.goes_on()

        service.wait_until_right()
        service.wait_until_idle()
        stop(service, "web", "second-new-worker")
    service.processes["worker"] = service.processes.pop("new-worker")

    assert set(load.answers) == {200}
    service.assert_no_product_twice()
    assert [one.last_error for one in service.items() if one.state == "FAILED"] == []


# --- backup and restore --------------------------------------------------------------------------


def postgres_tool(name: str, service: Service, *arguments: str | Path) -> None:
    program = server_packages.postgres_bin() / name
    url = make_url(service.environ["RELAY_DATABASE_URL"]).set(drivername="postgresql")
    address = f"--dbname={url.render_as_string(hide_password=False)}"
    result = subprocess.run(
        [program, address, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr


def test_after_a_restore_a_forced_sync_makes_the_shop_right(
    service: Service, articles: Articles, tmp_path: Path
):
    dump = tmp_path / "relay.dump"
    back, missed = articles(), articles()
    created = next(one for one in service.articles() if not one["listed"] and one["gross"])
    service.edit(back, gross="10.00")
    service.wait_until_right(back)
    service.wait_until_idle()
    postgres_tool("pg_dump", service, "--format=custom", f"--file={dump}")

    service.edit(back, gross="20.00")
    service.edit(created, listed=True, active=True, stock=3)
    service.wait_until_right(back, created)
    service.wait_until_idle()
    stop(service, *service.parts)
    # The shop keeps 20.00, the restored database believes 10.00, and so it is in the ERP again.
    service.edit_silently(back, gross="10.00")
    service.edit_silently(missed, gross="30.00", stock=9)
    service.runtime.engine.dispose()
    postgres_tool("pg_restore", service, "--clean", "--if-exists", dump)
    service.start_all()
    assert service.differences(back)
    assert service.differences(missed)

    done(service, "sync", "42", "--force", "--wait")

    service.wait_until_idle()
    assert service.differences() == []
    service.assert_no_product_twice()
