"""`vario-relay doctor`: a fault says what to do, and what comes after it is not asked."""

import json

import pytest

from cli import doctor_channel
from integration import channels, hints
from integration.clock import db_now
from integration.models import Brake, WorkItem
from integration.topology import Topic
from integration.vault import new_key


def findings(result):
    return {one["check"]: one for one in json.loads(result.stdout)}


def test_an_installation_without_tenants_is_healthy(run, runtime):
    result = run("doctor", "--json")

    assert result.exit_code == 0, result.stdout
    found = findings(result)
    assert list(found) == [
        "settings",
        "app credentials",
        "webhook address",
        "schema",
        "secret key",
        "broker",
    ]
    assert all(set(one) == {"check", "ok", "detail", "do"} for one in found.values())


@pytest.mark.parametrize(
    ("changes", "check", "words"),
    [
        ({"RELAY_PORT": "many"}, "settings", "RELAY_PORT"),
        ({"RELAY_CLIENT_ID": ""}, "app credentials", "RELAY_CLIENT_ID not set"),
        ({"RELAY_PUBLIC_URL": "https://relay.example"}, "webhook address", "RELAY_APP_JWK"),
        ({"RELAY_APP_JWK": "{'kty': 'EC'}"}, "webhook address", "RELAY_APP_JWK is not a JSON Web"),
        ({"RELAY_APP_JWK": "@/absent/app.jwk"}, "webhook address", "names /absent/app.jwk"),
        ({"RELAY_APP_JWK": '{"kty": "RSA"}'}, "webhook address", "the service does not start"),
        ({"RELAY_SECRET_KEY": ""}, "secret key", "RELAY_SECRET_KEY is missing"),
        ({"RELAY_BROKER_URL": "amqp://guest:hunter2@127.0.0.1:1//"}, "broker", "away"),
    ],
)
def test_a_fault_is_named_and_the_exit_code_is_1(run, runtime, environ, changes, check, words):
    environ |= changes

    result = run("doctor", "--json")

    assert result.exit_code == 1
    found = findings(result)[check]
    assert not found["ok"]
    assert words in found["detail"]
    assert found["do"]
    assert "hunter2" not in result.stdout
    assert "doctor found 1 fault in" in result.stderr


def test_a_database_without_schema_ends_the_examination(run):
    found = findings(run("doctor", "--json"))

    assert not found["schema"]["ok"]
    assert list(found)[-1] == "schema"


def test_a_key_that_opens_nothing_is_a_fault(run, tenant, environ):
    environ["RELAY_SECRET_KEY"] = new_key()

    found = findings(run("doctor", "--json"))["secret key"]

    assert not found["ok"]
    assert "cannot be opened" in found["detail"]


def test_people_see_one_line_per_check_and_what_to_do_below(run, environ, runtime):
    environ["RELAY_CLIENT_ID"] = ""

    lines = run("doctor").stdout.splitlines()

    assert lines[0] == "ok     settings: all settings are understood"
    assert lines[1].startswith("FAULT  app credentials: ")
    assert lines[2].startswith("       -> copy them from")


def test_an_unknown_channel_is_wrong_usage(run, runtime):
    assert run("doctor", "99").exit_code == 2


def test_a_topic_that_is_switched_off_is_named_and_is_no_fault(run, runtime, channel):
    run("channel", "resume", channel)
    run("toggle", "off", channel, "price")
    with runtime.scope() as session:
        channel_id = channels.find(session, channel).id
        hints.hint(session, channel_id, Topic.PRICE, ["1"])
        session.execute(WorkItem.__table__.update().values(first_unsent_at=db_now(-1_000)))

    found = {one.check: one for one in doctor_channel.findings(runtime, channel_id, None)}

    toggles, queue = found["channel acme/7 toggles"], found["channel acme/7 queue"]
    assert (toggles.ok, toggles.detail.split(";")[0]) == (True, "switched off: price")
    assert "`vario-relay toggle on acme/7 price`" in toggles.do
    assert (queue.ok, queue.detail) == (True, "no live change is waiting")


def test_a_brake_that_stops_changes_is_a_fault_and_one_that_is_off_is_named(run, runtime, channel):
    run("channel", "set", channel, "brake_deactivate=off")
    with runtime.scope() as session:
        channel_id = channels.find(session, channel).id

    def found() -> doctor_channel.Finding:
        findings = doctor_channel.findings(runtime, channel_id, None)
        return next(one for one in findings if one.check == "channel acme/7 brakes")

    assert (found().ok, found().detail) == (True, "switched off: brake_deactivate")
    with runtime.scope() as session:
        session.add(Brake(channel_id=channel_id, topic=Topic.PRICE.value, tripped_at=db_now()))

    assert (found().ok, found().detail.split(": ")[1]) == (False, "price")
    assert "`vario-relay queue hold list acme/7`" in found().do
