"""Who may see /metrics, and what is there before anything happened."""

import pytest

from integration.db import build_engine
from tests.scraped import Scraped
from tests.unit.webhooks.support import build_world, settings_for
from webhooks.app import create_app

NAMES = {
    "relay_freshness_seconds",
    "relay_work_items",
    "relay_drain_eta_seconds",
    "relay_hints_total",
    "relay_pushes_total",
    "relay_requests_total",
    "relay_claims_lost_total",
    "relay_breaker_open",
    "relay_brake_tripped",
    "relay_lane_stopped",
}
FROM_AFAR = {"REMOTE_ADDR": "10.0.0.7"}


@pytest.fixture
def world(sqlite_url):
    world = build_world(sqlite_url)
    yield world
    world.engine.dispose()


@pytest.fixture
def guarded(world, sqlite_url):
    """A client of an application with a metrics token."""
    config = settings_for(sqlite_url, RELAY_METRICS_TOKEN="geheim-äöü")
    return create_app(config, world.engine).test_client()


def test_without_a_token_this_machine_sees_every_metric(world):
    answer = world.client.get("/metrics")

    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=")
    described = {line.split()[2] for line in answer.text.splitlines() if line.startswith("# TYPE")}
    assert described == NAMES


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_every_name_of_this_machine_is_this_machine(world, address):
    answer = world.client.get("/metrics", environ_overrides={"REMOTE_ADDR": address})

    assert answer.status_code == 200


@pytest.mark.parametrize("address", ["10.0.0.7", "::ffff:10.0.0.7", "fe80::1", "", "unix:"])
def test_without_a_token_nobody_else_sees_them(world, address):
    answer = world.client.get("/metrics", environ_overrides={"REMOTE_ADDR": address})

    assert answer.status_code == 403
    assert answer.json["error"] == "LOOPBACK_ONLY"
    assert "RELAY_METRICS_TOKEN" in answer.json["message"]


@pytest.mark.parametrize(
    "header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host", "Via"]
)
def test_a_request_that_a_proxy_passed_on_is_not_this_machines(world, header):
    answer = world.client.get("/metrics", headers={header: "127.0.0.1"})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer falsch", "Bearer geheim", "Basic geheim-äöü", "geheim-äöü"],
)
def test_with_a_token_everybody_needs_it(guarded, authorization):
    headers = {} if authorization is None else {"Authorization": authorization.encode()}

    answer = guarded.get("/metrics", headers=headers)

    assert (answer.status_code, answer.data) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_with_its_token_a_scraper_elsewhere_sees_them(world, sqlite_url):
    config = settings_for(sqlite_url, RELAY_METRICS_TOKEN="geheim")
    client = create_app(config, world.engine).test_client()
    headers = {"Authorization": "bearer geheim", "X-Forwarded-For": "10.0.0.7"}

    answer = client.get("/metrics", headers=headers, environ_overrides=FROM_AFAR)

    assert answer.status_code == 200


def test_a_webhook_is_a_hint_on_the_next_scrape(world):
    world.post("article.update/44", {"articleId": 5})
    world.post("article.update/44", {"articleId": 5})

    scraped = Scraped(world.client.get("/metrics").text)

    lane = {"tenant": "acme", "channel": "44", "topic": "article"}
    assert scraped("relay_hints_total", **lane) == 2
    assert scraped("relay_hints_total") == 2
    assert scraped("relay_work_items", **lane, state="queued") == 1


def test_openmetrics_is_spoken_to_who_asks_for_it(world):
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}

    answer = world.client.get("/metrics", headers=accept)

    assert answer.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


def test_a_database_that_is_away_is_said_so(world):
    engine = build_engine("sqlite:////nowhere/relay.db")
    away = create_app(settings_for("sqlite:////nowhere/relay.db"), engine).test_client()

    assert away.get("/metrics").status_code == 503
