"""What an operator sees of a running service: metrics, Flower, and logs without secrets."""

from __future__ import annotations

import base64
import os
import secrets
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import requests
from sqlalchemy import func, select, update

from cli.demo_processes import free_port, procfile_commands
from integration.counters import FLUSH_S
from integration.models import AccessToken, MetricCounter, Tenant
from tests.acceptance import template
from tests.acceptance.deployments import distributed_only
from tests.acceptance.service import ROOT, Service, wait_until
from tests.scraped import Scraped

OPTIONS = {"articles": 40, "overrides": {"RELAY_LOG_LEVEL": "DEBUG"}}
LANE = {"tenant": "acme", "channel": "42"}

pytestmark = pytest.mark.slow(50)

Articles = Callable[[], dict]


def scrape(service: Service) -> Scraped:
    answer = requests.get(f"{service.web_url}/metrics", timeout=30)
    assert answer.ok, answer.text
    return Scraped(answer.text)


def scrape_at_rest(service: Service) -> Scraped:
    """A scrape with all that was counted until now: each process writes for itself, in its time."""
    last, since = counted(scrape(service)), time.monotonic()

    def stands_still() -> Scraped | None:
        nonlocal last, since
        now = scrape(service)
        if counted(now) != last:
            last, since = counted(now), time.monotonic()
        return now if time.monotonic() - since > 3 * FLUSH_S else None

    return wait_until(stands_still, "the counts of all processes are written")


def counted(scraped: Scraped) -> dict[object, float]:
    """What only grows, by series."""
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for one in scraped.samples
        if one.name.startswith("relay_") and one.name.endswith("_total")
    }


# --- metrics -------------------------------------------------------------------------------------


def test_one_scrape_of_the_web_process_shows_what_all_processes_did(
    service: Service, articles: Articles
):
    changed = [articles() for _ in range(8)]
    before = scrape_at_rest(service)
    for article in changed:
        service.edit(article, stock=7, gross="33.33")
    service.wait_until_right(*changed)
    service.wait_until_idle()
    now = scrape_at_rest(service)

    def grown(name: str, **labels: str) -> float:
        return now(name, **labels) - before(name, **labels)

    # The web processes took the webhooks, each of them some; the worker did the rest.
    assert grown("relay_hints_total", topic="price", **LANE) == 8
    assert grown("relay_hints_total", topic="stock", **LANE) == 8
    assert grown("relay_pushes_total", outcome="pushed", topic="price", **LANE) >= 8
    assert grown("relay_pushes_total", outcome="pushed", topic="stock", **LANE) == 8
    assert grown("relay_requests_total", target="shop", status="200", **LANE) >= 2
    assert grown("relay_requests_total", target="erp", status="200", tenant="acme") >= 2
    assert now("relay_freshness_seconds") == 0
    assert now("relay_work_items") == 0
    assert now("relay_drain_eta_seconds") == 0
    assert len(now.series("relay_breaker_open", **LANE)) == 1
    assert now("relay_claims_lost_total", cause="expired") == before(
        "relay_claims_lost_total", cause="expired"
    )


def test_requests_of_the_service_are_counted_as_the_other_side_counts_them(
    service: Service, articles: Articles
):
    before = scrape_at_rest(service)
    service.forget_requests()
    service.edit(articles(), gross="34.34")
    service.wait_until_idle()
    asked = sum(service.answers_of("shop").values())
    now = scrape_at_rest(service)

    assert asked > 0
    assert now("relay_requests_total", target="shop") == asked + before(
        "relay_requests_total", target="shop"
    )


def test_a_resting_shop_and_a_failed_row_are_on_the_page(service: Service, articles: Articles):
    article, other = articles(), articles()
    service.shop("faults", kind="reject", number=article["number"])
    service.edit(article, name="Abgelehnt")
    lane = {**LANE, "topic": "article"}
    wait_until(
        lambda: scrape(service)("relay_work_items", state="failed", **lane) == 1, "a row failed"
    )
    service.clear_faults()
    service.fault("shop", "500", route="/api/_action/sync", seconds=30)
    # Three lanes fail in a row, which opens the breaker; the retries of one would take longer.
    service.edit(other, name="Dreimal", gross="35.35", stock=35)
    wait_until(lambda: scrape(service)("relay_breaker_open", **LANE) == 1, "the shop rests")
    wait_until(
        lambda: scrape(service)("relay_freshness_seconds", topic="price", **LANE) > 0,
        "the waiting change has an age",
    )
    service.clear_faults()
    service.bring_forward()
    service.edit(article, name="Angenommen")
    service.wait_until_right(article, other)
    wait_until(
        lambda: scrape(service)("relay_requests_total", status="500", target="shop") >= 3,
        "the shop's 500s are counted",
    )


def test_what_processes_counted_last_is_written_when_they_end(service: Service, articles: Articles):
    article = articles()
    stop(service)
    before = written(service)
    service.start_all()
    if "worker" in service.parts:
        service.wait_for_worker()

    assert service.webhook("article-price.update/42", {"articleId": article["id"]}).ok
    wait_until(lambda: service.item(article, "price").state == "COMPLETED", "it is unchanged")
    stop(service)

    now = written(service)
    assert now["hints"] - before["hints"] == 1
    assert now["pushes"] - before["pushes"] == 1


def stop(service: Service) -> None:
    """End all parts as a supervisor does, and wait for their ends."""
    ending = [service.processes.pop(name) for name in service.parts]
    for process in ending:
        process.terminate()
    for process in ending:
        process.wait(60)


def written(service: Service) -> Counter[str]:
    """What the database knows of the price lane, by counter."""
    with service.runtime.scope() as session:
        rows = session.execute(
            select(MetricCounter.counter, func.sum(MetricCounter.value))
            .where(MetricCounter.topic == "price")
            .group_by(MetricCounter.counter)
        )
        return Counter({row[0]: int(row[1]) for row in rows})


# --- Flower --------------------------------------------------------------------------------------


def start_flower(service: Service, **environ: str) -> subprocess.Popen[bytes]:
    """Flower by its line in the Procfile; its log is flower.log."""
    command = procfile_commands(ROOT / "Procfile")["flower"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with (service.folder / "flower.log").open("ab") as log:
        return subprocess.Popen(
            ["sh", "-c", command],
            cwd=ROOT,
            env={**service.environ, "PATH": path, **environ},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


@pytest.fixture(scope="module")
def flower_password() -> str:
    return secrets.token_hex(12)


@pytest.fixture(scope="module")
def flower_url(shared_service: Service, flower_password: str) -> Iterator[str]:
    """A running Flower that has seen the worker."""
    port = free_port()
    auth = {"FLOWER_BASIC_AUTH": f"ops:{flower_password}", "FLOWER_PORT": str(port)}
    shared_service.processes["flower"] = start_flower(shared_service, **auth)
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return requests.get(f"{url}/healthcheck", timeout=2).ok
        except requests.RequestException:
            return False

    wait_until(answers, "Flower answers")
    yield url
    shared_service.kill("flower")


@distributed_only
def test_flower_names_channel_topic_and_number_of_each_batch_and_shows_no_payload(
    service: Service, articles: Articles, flower_url: str, flower_password: str
):
    article = articles()
    auth = ("ops", flower_password)

    def chain() -> dict[str, dict]:
        """Flower's newest tasks of the price lane, by name, once all three are there."""
        tasks = requests.get(f"{flower_url}/api/tasks", auth=auth, timeout=30).json().values()
        mine = {one["name"]: one for one in tasks if "acme/42 price x1 " in (one["args"] or "")}
        is_whole = len(mine) == 3 and all(one["state"] == "SUCCESS" for one in mine.values())
        return mine if is_whole else {}

    service.edit(article, gross="36.36")
    service.wait_until_right(article)
    tasks = wait_until(chain, "Flower has seen the chain", 20)

    assert set(tasks) == {"outbound.fetch", "outbound.transform", "outbound.push"}
    shown = {one["args"] for one in tasks.values()}
    assert len(shown) == 1  # one claim ties the three together
    assert {one["kwargs"] for one in tasks.values()} == {"{}"}
    results = [str(one["result"]) for one in tasks.values()]
    assert not any("36.36" in one or article["number"] in one for one in results)
    assert all(len(one) < 100 for one in results)


@distributed_only
@pytest.mark.parametrize("path", ["/api/tasks", "/api/workers", "/tasks", "/workers", "/"])
def test_flower_says_nothing_without_the_password(flower_url: str, path: str):
    for auth in (None, ("ops", "falsch"), ("", "")):
        answer = requests.get(f"{flower_url}{path}", auth=auth, timeout=30, allow_redirects=False)
        assert answer.status_code == 401, (path, auth)
        assert "acme" not in answer.text


@distributed_only
def test_the_two_pages_that_flower_keeps_open_name_no_merchant(flower_url: str):
    # For monitoring: names of workers and tasks, and numbers.
    for path in ("/healthcheck", "/metrics"):
        answer = requests.get(f"{flower_url}{path}", timeout=30)
        assert answer.ok
        assert "acme" not in answer.text


@distributed_only
def test_flower_has_no_buttons(flower_url: str, flower_password: str):
    answer = requests.post(
        f"{flower_url}/api/worker/shutdown/worker@nowhere",
        auth=("ops", flower_password),
        timeout=30,
    )

    assert answer.status_code == 403


NO_PASSWORD = "set FLOWER_BASIC_AUTH=user:password"


@distributed_only
def test_flower_does_not_start_without_a_password(service: Service):
    process = start_flower(service, FLOWER_PORT=str(free_port()))

    assert process.wait(60) == 1
    assert NO_PASSWORD in service.log("flower")


@distributed_only
@pytest.mark.parametrize("auth", ["", "ops", "ops:", ":geheim"])
def test_flower_does_not_start_with_half_a_password(service: Service, auth: str):
    _exec, command, *words = shlex.split(procfile_commands(ROOT / "Procfile")["flower"])
    given = {"FLOWER_PORT": str(free_port()), "FLOWER_BASIC_AUTH": auth}

    done = template.run(command, words, ROOT, {**service.environ, **given})

    assert done.returncode == 1
    assert NO_PASSWORD in done.stderr


# --- logs ----------------------------------------------------------------------------------------


def everything_written(service: Service) -> dict[str, str]:
    """All output of the service's processes by file."""
    return {path.name: path.read_text(errors="replace") for path in service.folder.glob("*.log*")}


def secrets_in_use(service: Service) -> dict[str, str]:
    """Every secret that some process of the service has held."""
    found = {
        "client secret": service.environ["RELAY_CLIENT_SECRET"],
        "offline token": service.offline_token,
        "app token": service.token,
        "secret key": service.environ["RELAY_SECRET_KEY"],
        "shop secret": service.shop_secret,
    }
    for name in ("RELAY_DATABASE_URL", "RELAY_BROKER_URL"):
        if password := urlsplit(service.environ[name]).password:
            found[f"password of {name}"] = unquote(password)
    with service.runtime.scope() as session:
        for row in session.scalars(select(AccessToken).where(AccessToken.token.is_not(None))):
            found[f"access token {row.name}"] = service.runtime.vault.open(row.token)
    return found


def parts_of(secret: str) -> list[str]:
    """The secret, and what would be left of it by an encoding or by a cut."""
    quoted = base64.b64encode(secret.encode()).decode().rstrip("=")
    return [secret, quoted, *(part for part in secret.split(".") if len(part) > 40)]


def misuse(service: Service) -> dict[str, str]:
    """A stranger's token, and secrets in queries; what they are, by name."""
    stranger = f"{service.token[:-40]}{secrets.token_urlsafe(30)}"
    key = secrets.token_hex(16)
    url = f"{service.web_url}/api/webhooks/article.update/42"
    headers = {"Authorization": f"Bearer {stranger}"}
    assert requests.post(url, json={}, headers=headers, timeout=30).status_code == 401
    assert requests.get(f"{service.web_url}/healthz", {"key": key}, timeout=30).ok
    assert service.webhook(f"article.update/42?key={key}", {"articleId": "1"}).ok
    return {"a stranger's token": stranger, "a secret in a query": key}


def refuse_and_fail(service: Service, first: dict, second: dict) -> dict[str, str]:
    """The shop refuses us and answers nonsense, the ERP fails and its sign-in refuses the app."""
    wrong = secrets.token_hex(16)
    service.set_parameter("client_secret", wrong)
    service.forget_tokens()
    service.edit(first, gross="38.38")
    wait_until(lambda: service.channel().held_reason, "the channel is held")
    service.set_parameter("client_secret", service.shop_secret)
    service.change_channel(held_reason=None)
    service.fault("shop", "html", route="/api/_action/sync", count=1)
    service.fault("erp", "500", route="computed-queries/execute", count=1)
    service.bring_forward()
    service.edit(first, gross="39.39")
    wait_until(lambda: service.item(first, "price").error_class, "something failed")
    service.clear_faults()
    service.forget_tokens()
    service.fault("erp", "invalid-grant", share=1.0)
    service.edit(second, gross="40.40")
    wait_until(lambda: service.tenant().held_reason, "the tenant is held")
    service.clear_faults()
    service.release_tenant()
    return {"a wrong shop secret": wrong}


def lose_the_key(service: Service, article: dict) -> None:
    """A stored secret that no key opens, and the right one again."""
    with service.runtime.scope() as session:
        sealed = session.scalars(select(Tenant.offline_token)).one()
        session.execute(update(Tenant).values(offline_token="not sealed by anybody"))
    service.edit(article, gross="41.41")
    wait_until(lambda: service.tenant().held_reason, "the tenant is held again")
    with service.runtime.scope() as session:
        session.execute(update(Tenant).values(offline_token=sealed, held_reason=None))


def test_no_secret_of_a_whole_run_is_in_any_output(
    service: Service, articles: Articles, request: pytest.FixtureRequest
):
    known: dict[str, str] = {}
    if "worker" in service.parts:
        flower = request.getfixturevalue("flower_url")
        known["Flower's password"] = request.getfixturevalue("flower_password")
        known["a secret in a query to Flower"] = secrets.token_hex(16)
        query = {"key": known["a secret in a query to Flower"]}
        assert requests.get(f"{flower}/tasks", query, timeout=30).status_code == 401
    first, second, third = (articles() for _ in range(3))
    service.forget_tokens()
    service.edit(first, gross="37.37")
    service.wait_until_right(first)
    known |= secrets_in_use(service)
    assert sum(name.startswith("access token") for name in known) == 2

    known |= misuse(service)
    known |= refuse_and_fail(service, second, third)
    lose_the_key(service, third)
    service.bring_forward()
    service.wait_until_right(first, second, third)
    known |= {f"{name}, later": value for name, value in secrets_in_use(service).items()}
    commands = [service.relay("doctor", "42"), service.relay("channel", "show", "42")]

    output = everything_written(service)
    output["commands"] = "".join(one.stdout + one.stderr for one in commands)
    for sign in (" DEBUG ", "event=channel.held", "event=tenant.held", "event=work_item.settled"):
        assert any(sign in text for text in output.values()), sign
    leaks = [
        f"{name} in {file}"
        for file, text in output.items()
        for name, secret in known.items()
        for part in parts_of(secret)
        if part in text
    ]
    assert leaks == []


def test_every_transition_of_an_item_is_one_line_with_its_lane_and_claim(
    service: Service, articles: Articles
):
    article = articles()
    service.edit(article, gross="42.42")
    service.wait_until_right(article)
    service.wait_until_idle()

    lines = [
        dict(part.partition("=")[::2] for part in shlex.split(line.partition(" event=")[2]))
        | {"event": line.partition(" event=")[2].split()[0]}
        for line in service.log(service.worker).splitlines()
        if " event=work_item." in line
    ]
    settled = [
        one
        for one in lines
        if one["event"] == "work_item.settled" and one.get("entity") == article["id"]
    ]
    last = settled[-1]
    assert (last["tenant"], last["channel"], last["topic"]) == ("acme", "42", "price")
    assert (last["attempt"], last["outcome"]) == ("1", "pushed")
    chain = [one["event"] for one in lines if one["claim"] == last["claim"]]
    assert chain == ["work_item.claimed", "work_item.settled"]
