"""`vario-relay channel`: a new one stands still, and every hold has a way out."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from cli.channel import end_of_pause
from integration.errors import UsageError
from integration.models import SalesChannel, Tenant

BERLIN = ZoneInfo("Europe/Berlin")
TOKEN_URL = "https://sso.vario.cloud/realms/acme/protocol/openid-connect/token"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=BERLIN)


def stored(runtime):
    with runtime.scope() as session:
        return session.scalars(select(SalesChannel)).one()


def state(run, channel):
    return json.loads(run("channel", "show", channel, "--json").stdout)["state"]


def test_a_new_channel_is_paused(run, runtime, channel):
    assert stored(runtime).is_paused
    assert state(run, channel) == "paused"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["7", "--tenant", "acme", "--platform", "memory"], "exists already"),
        (["8", "--tenant", "nobody", "--platform", "memory"], "there is no tenant nobody"),
        (["8", "--tenant", "acme", "--platform", "fax"], "there are memory, shopware6"),
        (["007", "--tenant", "acme", "--platform", "memory"], "acme/7 exists already"),
        (["9" * 19, "--tenant", "acme", "--platform", "memory"], "18 at most"),
        (["eight", "--tenant", "acme", "--platform", "memory"], "has only digits"),
    ],
)
def test_what_cannot_be_added_is_refused(run, runtime, channel, arguments, words):
    result = run("channel", "add", *arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert stored(runtime).erp_id == channel


def test_leading_zeros_of_an_id_mean_nothing(run, runtime, tenant):
    added = run("channel", "add", "0042", "--tenant", tenant, "--platform", "memory")

    assert "sales channel acme/42 is added" in added.stderr
    assert stored(runtime).erp_id == "42"
    assert json.loads(run("channel", "show", "042", "--json").stdout)["channel"] == "42"
    assert json.loads(run("channel", "show", "acme/042", "--json").stdout)["channel"] == "42"


def erp_knows(internet, *channels):
    """What the ERP says about the sales channels of our app."""
    internet.post(TOKEN_URL, json={"access_token": "t", "expires_in": 300})
    definition = [{"attribute": name, "displayName": name} for name in ("id", "label")]
    internet.post(
        "https://acme.vario.cloud/api/vario/cmn/computed-queries/execute",
        json={"definition": definition, "data": [{"id": i, "label": n} for i, n in channels]},
    )


def test_a_channel_that_the_erp_does_not_know_is_refused(run, runtime, tenant, internet):
    erp_knows(internet, ("42", "Webshop"), ("43", "Outlet"))

    refused = run("channel", "add", "44", "--tenant", tenant, "--platform", "memory")
    added = run("channel", "add", "43", "--tenant", tenant, "--platform", "memory")

    assert refused.exit_code == 2
    assert "no active sales channel 44 in the ERP; it has 42 (Webshop), 43 (Outlet)" in (
        refused.stderr
    )
    assert added.exit_code == 0
    assert "warning" not in added.stderr
    assert stored(runtime).erp_id == "43"


def test_an_erp_that_is_away_keeps_nobody_from_adding_a_channel(run, runtime, tenant):
    added = run("channel", "add", "44", "--tenant", tenant, "--platform", "memory")

    assert added.exit_code == 0
    assert "warning: the ERP could not be asked whether it has sales channel 44" in added.stderr
    assert stored(runtime).erp_id == "44"


def test_resume_ends_pause_and_hold(run, runtime, channel):
    with runtime.scope() as session:
        found = session.scalars(select(SalesChannel)).one()
        found.held_reason, found.paused_until = "wrong currency", datetime(2099, 1, 1, tzinfo=UTC)

    result = run("channel", "resume", channel)

    assert result.exit_code == 0
    assert "sales channel acme/7 is resumed" in result.stderr
    assert "RELAY_PUBLIC_URL is not set" in result.stderr
    found = stored(runtime)
    assert (found.is_paused, found.paused_until, found.held_reason) == (False, None, None)
    assert state(run, channel) == "running"


def test_resume_names_missing_parameters_and_leaves_the_pause(run, runtime, shopware_channel):
    result = run("channel", "resume", shopware_channel)

    assert result.exit_code == 1
    assert "it lacks shop_url, client_id, client_secret, sales_channel_id" in result.stderr
    assert stored(runtime).is_paused


def test_resume_tries_a_held_tenant_again_and_says_so(run, runtime, channel):
    with runtime.scope() as session:
        session.scalars(select(Tenant)).one().held_reason = "reconnect the app"

    result = run("channel", "resume", channel)

    assert result.exit_code == 0
    assert "its tenant was held and is tried again: reconnect the app" in result.stderr
    assert state(run, channel) == "running"


def test_a_resumed_channel_says_so_when_its_webhooks_fail(run, runtime, environ, channel):
    environ |= {
        "RELAY_PUBLIC_URL": "https://relay.example",
        "RELAY_ERP_URL": "http://127.0.0.1:1",
        "RELAY_ERP_TOKEN_URL": "http://127.0.0.1:1/token",
    }

    result = run("channel", "resume", channel)

    assert result.exit_code == 1
    assert "is resumed, but its webhooks could not be registered" in result.stderr
    assert not stored(runtime).is_paused


def test_pause_stands_until_resume(run, runtime, channel):
    run("channel", "resume", channel)

    result = run("channel", "pause", channel)

    assert result.exit_code == 0
    assert stored(runtime).is_paused
    assert stored(runtime).paused_until is None


def test_a_pause_with_an_end_is_over_then(run, runtime, channel):
    run("channel", "pause", channel, "--until", "2099-12-24T18:00")

    until = stored(runtime).paused_until
    with runtime.scope() as session:
        found = session.scalars(select(SalesChannel)).one()
        found.paused_until = datetime.now(UTC) - timedelta(seconds=1)

    assert until == datetime(2099, 12, 24, 17, 0, tzinfo=UTC)
    assert state(run, channel) == "running"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18:30", "2026-11-23T18:30:00+01:00"),  # later today
        ("06:00", "2026-11-24T06:00:00+01:00"),  # over for today
        ("2026-12-24T18:00", "2026-12-24T18:00:00+01:00"),  # local without a zone
        ("2026-12-24T18:00Z", "2026-12-24T18:00:00+00:00"),
    ],
)
def test_the_end_of_a_pause_is_read_in_local_time(text, expected):
    assert end_of_pause(text, NOON).isoformat() == expected


def test_tomorrow_is_a_day_of_the_calendar_when_the_clock_changes():
    before = datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN)  # summer time ends in the night

    assert end_of_pause("06:00", before).isoformat() == "2026-10-25T06:00:00+01:00"


@pytest.mark.parametrize("text", ["later", "25:00", "2026-11-23T11:59", "2020-01-01"])
def test_no_time_and_a_time_that_is_over_are_refused(text):
    with pytest.raises(UsageError):
        end_of_pause(text, NOON)


def test_list_shows_all_channels(run, channel, shopware_channel):
    listed = json.loads(run("channel", "list", "--json").stdout)

    assert [(one["tenant"], one["channel"], one["platform"]) for one in listed] == [
        ("acme", "42", "shopware6"),
        ("acme", "7", "memory"),
    ]
    assert "shopware6" in run("channel", "list").stdout


def test_an_id_that_two_tenants_have_is_named_with_its_tenant(run, runtime, channel, offline_token):
    run("tenant", "add", "beta", "--offline-token", "-", stdin=offline_token())
    run("channel", "add", channel, "--tenant", "beta", "--platform", "memory")

    ambiguous = run("channel", "show", channel)
    exact = run("channel", "show", f"beta/{channel}", "--json")

    assert ambiguous.exit_code == 2
    assert f"name one of acme/{channel}, beta/{channel}" in ambiguous.stderr
    assert json.loads(exact.stdout)["tenant"] == "beta"
