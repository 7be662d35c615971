"""The command from an empty folder to a shop that holds the catalogue, against the sandboxes."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest
import requests
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from cli.main import main
from cli.server_processes import free_port
from cli.shared import Here
from sandbox import serving
from sandbox.erp import Options as ErpOptions
from sandbox.erp import create_app as create_erp
from sandbox.shops.shopware6 import create_app as create_shop
from tests.acceptance import template

ROOT = Path(__file__).resolve().parents[2]
CHANNEL = "42"
ARTICLES = 30
BANNER = "DRY RUN: nothing is written"
READY_S = 30

pytestmark = pytest.mark.sqlite


@dataclass
class Stand:
    """A sandbox: where it is, and the credentials of its ready line."""

    url: str = ""
    credentials: dict = field(default_factory=dict)
    budget: str = ""

    def state(self, name: str) -> dict:
        rows = requests.get(f"{self.url}/_sandbox/state?limit=500", timeout=10).json()[name]
        return {row["number"]: row for row in rows}

    def writes(self) -> int:
        """How many requests may have changed something."""
        by_route = requests.get(f"{self.url}/_sandbox/requests", timeout=10).json()["by_route"]
        reading = ("GET ", "POST /api/oauth", "POST /api/search")
        return sum(count for route, count in by_route.items() if not route.startswith(reading))


def stand(create) -> Iterator[Stand]:
    made = Stand()

    def factory(url):
        app = create(url)
        made.url, made.credentials = url, app.config["CREDENTIALS"]
        return app

    with serving.running(factory):
        yield made


@pytest.fixture(params=["columns"])
def erp(request) -> Iterator[Stand]:
    if request.param == "rest":
        # Each article takes four requests of the budget, five a second.
        options = ErpOptions(articles=8, seed=5, profile="rest")
    else:
        options = ErpOptions(articles=ARTICLES, seed=5, rate_limit=100_000)
    for made in stand(lambda url: create_erp(options, url)):
        # Comparing columns with REST takes 45 requests: nine seconds of the budget as shipped.
        made.budget = "30/6" if request.param == "rest" else "30000/6"
        yield made


@pytest.fixture
def shop() -> Iterator[Stand]:
    yield from stand(lambda url: create_shop(url=url))


class Folder:
    """A working folder with the command in it."""

    def __init__(self, path: Path, environ: dict[str, str]) -> None:
        self.path = path
        self.environ = environ | {"PYTHONPATH": str(ROOT)}
        self.command = [sys.executable, "-m", "cli.main"]

    def run(self, *arguments: str, code: int = 0, stdin: str = "") -> Result:
        """The command in this process: starting one costs a second of imports."""
        settings = {**dotenv_values(self.path / ".env")}
        settings.setdefault("RELAY_DATABASE_URL", f"sqlite:///{self.path}/relay.db")
        done = CliRunner().invoke(
            main, arguments, input=stdin, obj=Here(settings), prog_name="vario-relay"
        )
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, f"{arguments}: {done.output}"
        return done

    def process(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess:
        """The command in a process of its own, in the folder."""
        done = template.run("cli.main", arguments, self.path, self.environ)
        assert done.returncode == code, f"{arguments}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def start(self, *arguments: str, log: IO[str] | int = subprocess.PIPE) -> subprocess.Popen:
        """As in a terminal: with Ctrl-C, also where the tests are a background job without it."""
        return subprocess.Popen(
            ["env", "--default-signal=INT", *self.command, *arguments],
            cwd=self.path,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )


@pytest.fixture
def folder(tmp_path, clean_environ) -> Folder:
    return Folder(tmp_path, clean_environ)


def give_credentials(folder: Folder, erp: Stand, port: int = 8080) -> None:
    """What an operator copies from the ERP's Admin Center into .env."""
    given = erp.credentials
    lines = {
        "RELAY_APP_IDENTIFIER": given["appIdentifier"],
        "RELAY_CLIENT_ID": given["clientId"],
        "RELAY_CLIENT_SECRET": given["clientSecret"],
        "RELAY_APP_JWK": f"'{json.dumps(given['jwk'])}'",
        "RELAY_ERP_URL": erp.url,
        "RELAY_ERP_TOKEN_URL": given["tokenUrl"].replace("acme", "{tenant}"),
        "RELAY_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "RELAY_PORT": str(port),
        "RELAY_SWEEP_S": "0.5",
        "RELAY_ERP_BUDGET": erp.budget,
    }
    with (folder.path / ".env").open("a") as file:
        file.writelines(f"{name}={value}\n" for name, value in lines.items())


def set_up(folder: Folder, erp: Stand, shop: Stand, port: int = 8080) -> None:
    """From nothing to a channel that is ready to be resumed."""
    folder.process("init")
    give_credentials(folder, erp, port)
    folder.run("db", "upgrade")
    add_tenant_and_channel(folder, erp, shop)


def add_tenant_and_channel(folder: Folder, erp: Stand, shop: Stand) -> None:
    token = erp.credentials["offlineToken"]
    folder.run("tenant", "add", "acme", "--offline-token", "-", stdin=token)
    folder.run("channel", "add", CHANNEL, "--tenant", "acme", "--platform", "shopware6")
    secret = shop.credentials["client_secret"]
    plain = [f"{k}={v}" for k, v in shop.credentials.items() if k != "client_secret"]
    folder.run("channel", "set", CHANNEL, *plain, "client_secret=-", stdin=secret)


@pytest.fixture
def service(folder, erp, shop) -> Iterator[subprocess.Popen]:
    """`up`, with everything set up; stopped at the end if the test did not."""
    port = free_port()
    set_up(folder, erp, shop, port)
    # A file, because a pipe that nobody reads would stop a service with much to say.
    with (folder.path / "up.log").open("w") as log:
        process = folder.start("up", log=log)
        try:
            assert process.stdout.readline() == (
                f"vario-relay up: listening on http://127.0.0.1:{port}\n"
            )
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=READY_S)


def test_a_new_installation_is_led_from_fault_to_fault(folder, erp, shop):
    assert "run `vario-relay db upgrade`" in folder.run("channel", "list", code=2).stderr
    folder.process("init")
    credentials = folder.run("doctor", "--json", code=1).stdout
    give_credentials(folder, erp)
    folder.run("db", "upgrade")
    folder.run("doctor")
    token = erp.credentials["offlineToken"]
    folder.run("tenant", "add", "acme", "--offline-token", "-", stdin=token)
    folder.run("channel", "add", CHANNEL, "--tenant", "acme", "--platform", "shopware6")
    no_parameters = folder.run("doctor", CHANNEL, "--json", code=1).stdout
    paused = folder.run("sync", CHANNEL, code=1).stderr
    not_ready = folder.run("channel", "resume", CHANNEL, code=1).stderr

    assert "RELAY_APP_IDENTIFIER" in credentials
    assert "shop_url, client_id, client_secret, sales_channel_id not set" in no_parameters
    assert "`vario-relay channel resume 42` lets it move" in paused
    assert "cannot be resumed, it lacks shop_url" in not_ready


def test_doctor_examines_erp_and_shop(folder, erp, shop):
    set_up(folder, erp, shop)
    healthy = json.loads(folder.run("doctor", CHANNEL, "--json").stdout)
    folder.run("channel", "set", CHANNEL, "client_secret=-", stdin="wrong")
    sick = json.loads(folder.run("doctor", CHANNEL, "--json", code=1).stdout)

    checks = {one["check"]: one for one in healthy}
    assert checks["tenant acme token"]["ok"]
    assert checks["tenant acme columns of price"]["detail"].startswith("all by query")
    assert checks["channel acme/42 in the ERP"]["detail"] == "Shopware 6"
    assert checks["channel acme/42 shop"]["detail"] == "the shopware6 shop is ready"
    assert [one["check"] for one in sick if not one["ok"]] == ["channel acme/42 access"]


def test_doctor_notices_a_client_secret_that_the_erp_refuses(folder, erp, shop):
    set_up(folder, erp, shop)
    folder.run("doctor", CHANNEL)  # leaves an access token that would work for a while
    with (folder.path / ".env").open("a") as file:
        file.write("RELAY_CLIENT_SECRET=wrong\n")

    sick = json.loads(folder.run("doctor", CHANNEL, "--json", code=1).stdout)

    (fault,) = [one for one in sick if not one["ok"]]
    assert fault["check"] == "tenant acme token"
    assert "check RELAY_CLIENT_ID and RELAY_CLIENT_SECRET" in fault["detail"]


def test_a_channel_that_the_erp_does_not_know_is_refused_or_a_fault(folder, erp, shop):
    set_up(folder, erp, shop)
    add = ("channel", "add", "4711", "--tenant", "acme", "--platform", "memory")
    refused = folder.run(*add, code=2).stderr
    settings = (folder.path / ".env").read_text()
    away = f"RELAY_ERP_URL=http://127.0.0.1:{free_port()}\n"
    (folder.path / ".env").write_text(settings + away)
    warned = folder.run(*add).stderr
    (folder.path / ".env").write_text(settings)

    found = json.loads(folder.run("doctor", "4711", "--json", code=1).stdout)

    assert "no active sales channel 4711 in the ERP; it has 42 (Shopware 6)" in refused
    assert "warning: the ERP could not be asked" in warned
    (fault,) = [one for one in found if not one["ok"]]
    assert fault["check"] == "channel acme/4711 in the ERP"
    assert "it has 42 (Shopware 6)" in fault["detail"]


def test_a_removed_channel_takes_its_webhooks_out_of_the_erp(folder, erp, shop):
    set_up(folder, erp, shop)
    folder.run("channel", "add", "43", "--tenant", "acme", "--platform", "memory")
    folder.run("channel", "resume", CHANNEL)
    both = registered_queues(erp)
    folder.run("channel", "pause", CHANNEL)
    folder.run("channel", "remove", CHANNEL)
    one = registered_queues(erp)
    folder.run("channel", "remove", "43")

    of_channel = {
        f"article(sales-channel-id=42){event}" for event in (".create", ".update", "-shelf.update")
    }
    assert of_channel < both
    assert one == both - of_channel
    assert len(one) == 21
    # The app is still there, and the next channel would be noticed.
    left = registered_queues(erp)
    assert {queue.split(".")[0] for queue in left} == {"sales_channel", "tenant"}
    assert "sales_channel.stockChange" not in left


def registered_queues(erp: Stand) -> set[str]:
    """Events that the ERP sends to us."""
    answer = requests.get(f"{erp.url}/_sandbox/registrations", timeout=10).json()
    return {one["queue"] for one in answer}


def last_line(done: Result) -> dict:
    return json.loads(done.stdout.splitlines()[-1])


def test_a_dry_run_counts_everything_and_writes_nothing(folder, erp, shop):
    set_up(folder, erp, shop)
    before = shop.writes()

    for_people = folder.run("sync", CHANNEL, "--dry-run").stdout
    total = last_line(folder.run("sync", CHANNEL, "--dry-run", "--json"))

    assert for_people.startswith(f"*** {BANNER}")
    assert for_people.rstrip().splitlines()[-1].startswith(f"*** {BANNER}")
    assert (total["dry_run"], total["done"], total["channel"]) == (True, True, "acme/42")
    assert total["seen"] == total["expected"] == sum(total["counts"].values())
    assert total["counts"]["create"] > ARTICLES / 2
    assert all(len(examples) <= 5 for examples in total["examples"].values())
    assert shop.writes() == before
    assert shop.state("products") == {}
    status = json.loads(folder.run("queue", "status", "--json").stdout)
    assert {one["queued"] for one in status} == {0}


@pytest.mark.parametrize("erp", ["rest"], indirect=True)
def test_a_dry_run_waits_for_an_erp_that_is_read_article_by_article(folder, erp, shop):
    set_up(folder, erp, shop)

    total = last_line(folder.run("sync", CHANNEL, "--dry-run", "--json"))

    assert total["seen"] == total["expected"] == sum(total["counts"].values())
    assert total["counts"]["create"] >= 4


@pytest.mark.slow(10)
def test_a_sync_brings_the_catalogue_into_the_shop(folder, erp, shop, service):
    planned = last_line(folder.run("sync", CHANNEL, "--dry-run", "--json"))["counts"]
    resumed = folder.run("channel", "resume", CHANNEL).stderr
    first = last_line(folder.run("sync", CHANNEL, "--wait", "--json"))
    second = last_line(folder.run("sync", CHANNEL, "--wait", "--json"))

    assert "webhooks of the tenant: 21 registered" in resumed
    assert list(first) == [
        *("run", "state", "seen", "expected", "pushed", "unchanged", "failed", "cursor"),
        *("rate", "eta_s", "skipped", "held", "open", "pace"),
    ]
    assert (first["state"], first["pushed"], first["failed"]) == ("DONE", planned["create"], 0)
    assert len(shop.state("products")) == planned["create"]
    # Articles, prices and stocks of everything that is in the shop: nothing differs.
    assert (second["pushed"], second["unchanged"]) == (0, 3 * planned["create"])
    folder.run("doctor")
    folder.run("queue", "status", "--max-age", "60")

    service.send_signal(signal.SIGTERM)
    assert service.wait(READY_S) == 0


@pytest.mark.slow(10)
def test_a_sync_with_failures_ends_with_1_and_says_where_they_are(folder, erp, shop, service):
    folder.run("channel", "resume", CHANNEL)
    article = next(one for one in erp.state("articles").values() if one["listed"] and one["gross"])
    edit = {"article": article["id"], "set": {"name": "", "active": True}, "silent": True}
    requests.post(f"{erp.url}/_sandbox/edit", json=edit, timeout=10).raise_for_status()

    said = folder.run("sync", CHANNEL, "--wait", code=1).stderr.splitlines()

    assert ", 1 failed" in said[-2]
    assert said[-1].startswith("vario-relay: 1 change of run 1 failed; ")
    assert "`vario-relay queue failed 42` shows why" in said[-1]
    (cause,) = json.loads(folder.run("queue", "failed", CHANNEL, "--json").stdout)
    assert (cause["error_class"], cause["examples"]) == ("Invalid", [article["id"]])


@pytest.mark.slow(10)
def test_after_a_sync_a_dry_run_names_what_has_changed(folder, erp, shop, service):
    folder.run("channel", "resume", CHANNEL)
    folder.run("sync", CHANNEL, "--wait")
    service.send_signal(signal.SIGTERM)
    assert service.wait(READY_S) == 0
    number = next(iter(shop.state("products")))
    article = erp.state("articles")[number]["id"]
    edit = {"article": article, "set": {"net": 11.0, "gross": 13.09}}
    requests.post(f"{erp.url}/_sandbox/edit", json=edit, timeout=10).raise_for_status()

    changed = last_line(folder.run("sync", CHANNEL, "--dry-run", "--json"))
    forced = last_line(folder.run("sync", CHANNEL, "--dry-run", "--force", "--json"))
    (folder.path / "relay.db").unlink()
    folder.run("db", "upgrade")
    add_tenant_and_channel(folder, erp, shop)
    adopting = folder.run("sync", CHANNEL, "--dry-run", "--json")

    products = len(shop.state("products"))
    assert changed["counts"]["update"] == 1
    assert changed["counts"]["unchanged"] == products - 1
    assert changed["topics"] == {"price": 1}
    assert changed["examples"]["update"] == [
        {"article": article, "number": number, "detail": "price"}
    ]
    assert forced["counts"]["update"] == products
    assert last_line(adopting)["counts"]["adopt"] == products
    lines = [json.loads(line) for line in adopting.stdout.splitlines()]
    adopted = [one for line in lines for one in line.get("adoptions", ())]
    assert {one["number"] for one in adopted} == set(shop.state("products"))


def test_an_interrupted_sync_says_how_to_go_on_and_is_continued(folder, erp, shop):
    set_up(folder, erp, shop)
    folder.run("channel", "resume", CHANNEL)

    process = folder.start("sync", CHANNEL, "--wait", "--json")
    run = json.loads(process.stdout.readline())["run"]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=READY_S)

    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("vario-relay: stopped; `vario-relay sync 42` goes on")
    assert f"run {run} " in said


def test_up_refuses_a_port_that_is_taken(folder, erp, shop, service):
    done = folder.process("up", code=1)

    assert "cannot listen on 127.0.0.1:" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "words"),
    [
        (["up"], {}, 2, "run `vario-relay db upgrade`"),
        (["up"], {"RELAY_PORT": "none"}, 2, "RELAY_PORT"),
    ],
)
def test_up_refuses_a_wrong_start(folder, arguments, changes, code, words):
    folder.environ |= changes

    assert words in folder.process(*arguments, code=code).stderr


def test_up_refuses_to_start_without_a_secret_key(folder):
    folder.process("db", "upgrade")

    assert "RELAY_SECRET_KEY is missing" in folder.process("up", code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "credential"),
    [
        (["erp", "--articles", "3"], "offlineToken"),
        (["shop", "--platform", "shopware6"], "sales_channel_id"),
    ],
)
def test_a_sandbox_says_when_it_is_ready_and_ends_when_told(folder, arguments, credential):
    process = folder.start("sandbox", *arguments)
    ready = json.loads(process.stdout.readline())
    answer = requests.get(f"{ready['url']}/_sandbox/state", timeout=10)
    process.send_signal(signal.SIGTERM)

    assert ready["ready"] is True
    assert ready["credentials"][credential]
    assert answer.status_code == 200
    assert process.wait(READY_S) == 0
    process.communicate()


def test_help_is_quick(folder):
    help_me = [*folder.command, "--help"]
    subprocess.run(help_me, env=folder.environ, check=True)  # compiles what is not compiled yet
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(help_me, env=folder.environ, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    # Processor time, so that a busy machine is no failure.
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 0.5
