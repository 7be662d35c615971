"""What an ERP says of its sales channels: believed, shown, and never too much of it."""

import json
from contextlib import suppress

import pytest
from sqlalchemy import select, update

from cli import doctor_channel, doctor_life
from integration import availability, channel_life, channel_stops, channels
from integration.clock import db_now
from integration.errors import IntegrationError
from integration.models import SalesChannel, Tenant

API = "https://acme.vario.cloud/api/vario"
FACADE = f"{API}/community/latest"
TOKEN_URL = "https://sso.vario.cloud/realms/acme/protocol/openid-connect/token"
GONE = {"status": 404, "json": {"httpStatus": 404, "trackingId": "t-1"}}


@pytest.fixture
def erp(internet):
    """Answers of the ERP: the list of channels, and those about channel 7."""

    def answer(listed, one, facade=None):
        internet.post(TOKEN_URL, json={"access_token": "a", "expires_in": 300})
        if isinstance(listed, list):
            definition = [
                {"attribute": name, "displayName": name, "path": name} for name in ("id", "label")
            ]
            rows = [{"id": key, "label": label} for key, label in listed]
            listed = {"json": {"definition": definition, "data": rows}}
        internet.post(f"{API}/cmn/computed-queries/execute", **listed)
        internet.get(f"{API}/erp/sales-channels/7", **one)
        internet.get(f"{FACADE}/erp/sales-channels/7", **(facade or one))

    return answer


def say_deleted(runtime, erp_id="7"):
    with runtime.scope() as session:
        channel = channels.find(session, erp_id)
        channel_life.said_deleted(session, channel.id)
        channel_life.request(session, channel.tenant_id)


def follow(runtime):
    with runtime.scope() as session:
        (tenant_id,) = channel_life.claim_due(session, 60.0)
    channel_life.follow(runtime, tenant_id)


def stored(runtime, model=SalesChannel):
    with runtime.scope() as session:
        return session.scalars(select(model)).one()


@pytest.mark.contract("10.21")
@pytest.mark.parametrize(
    ("listed", "one", "facade"),
    [
        ([], {"json": {"id": 7, "active": True}}, None),  # a list that lacks it proves nothing
        ([], {"status": 500}, None),
        ([], {"status": 404, "body": "<html>not here</html>"}, None),  # not the ERP's own 404
        ([], GONE, {"json": {"id": "7", "active": True}}),  # only one of two addresses
        ([], {"json": []}, None),
        ({"status": 503}, GONE, None),
        ({"body": "<html>"}, GONE, None),
    ],
)
def test_nothing_is_deleted_unless_the_erp_confirms_it(
    run, runtime, channel, erp, listed, one, facade
):
    run("channel", "resume", channel)
    say_deleted(runtime)
    erp(listed, one, facade)

    with suppress(IntegrationError):
        follow(runtime)

    found = stored(runtime)
    assert (found.deleted_at, found.is_paused) == (None, False)
    assert found.delete_said_at is not None
    tenant = stored(runtime, Tenant)
    assert tenant.channels_due_at is not None  # it is asked again
    assert tenant.held_reason is None


def test_an_erp_that_refuses_us_holds_the_tenant(runtime, channel, erp):
    say_deleted(runtime)
    erp([], {"status": 403, "json": {}})

    with pytest.raises(IntegrationError):
        follow(runtime)

    assert "lacks a permission" in stored(runtime, Tenant).held_reason
    with runtime.scope() as session:
        assert channel_life.claim_due(session, 60.0) == []


def test_a_deleted_channel_says_so_and_is_not_resumed(run, runtime, channel):
    with runtime.scope() as session:
        session.execute(update(SalesChannel).values(deleted_at=db_now(), is_paused=True))
        channel_id = channels.find(session, channel).id

    (row,) = json.loads(run("channel", "list", "--json").stdout)
    resumed = run("channel", "resume", channel)
    (finding,) = doctor_channel.findings(runtime, channel_id, {})

    assert row["state"] == "deleted"
    assert resumed.exit_code == 1
    assert "was deleted in the ERP; `vario-relay channel remove 7` forgets" in resumed.stderr
    assert finding.ok
    assert "deleted in the ERP" in finding.detail
    assert json.loads(run("queue", "status", "--json").stdout) == []
    assert run("channel", "remove", channel).exit_code == 0


def test_a_channel_that_is_said_to_be_deleted_is_shown_as_held(run, runtime, channel):
    run("channel", "resume", channel)
    say_deleted(runtime)

    (row,) = json.loads(run("channel", "list", "--json").stdout)

    assert row["state"] == "held"
    assert "the ERP says that it deleted this sales channel" in row["held_reason"]


def test_what_a_merchant_switched_off_is_not_switched_on_here(run, runtime, shopware_channel):
    with runtime.scope() as session:
        session.execute(
            update(SalesChannel).values(held_reason=channel_stops.SWITCHED_OFF, is_paused=False)
        )
        channel_id = channels.find(session, shopware_channel).id

    said = run("channel", "set", shopware_channel, "currency=EUR").stderr
    refused = run("sync", shopware_channel)
    states = [one for one in doctor_channel.findings(runtime, channel_id, None)]

    assert "not held any more" not in said
    assert stored(runtime).held_reason == channel_stops.SWITCHED_OFF
    assert refused.exit_code == 1
    assert refused.stderr.strip().endswith("it goes on by itself when it is active there")
    (state,) = [one for one in states if one.check == "channel acme/42 state"]
    assert state.ok


def test_a_channel_that_waits_for_a_person_is_named(run, runtime, channel, erp):
    erp([("7", "Shop"), ("8", "Zweiter Shop")], {"json": {"id": 7}})
    follow(runtime)

    shown = run("tenant", "show", "acme").stdout
    listed = json.loads(run("tenant", "list", "--json").stdout)
    tenant_id = stored(runtime, Tenant).id
    (finding,) = doctor_life.waiting(runtime, "acme", tenant_id, {"7": "Shop", "8": "Zweiter Shop"})

    assert "8 (Zweiter Shop); `vario-relay channel add 8 --tenant acme" in shown
    assert listed[0]["waiting"] == [{"id": "8", "label": "Zweiter Shop"}]
    assert (finding.check, finding.ok) == ("tenant acme sales channel 8", True)
    assert "`vario-relay channel add 8 --tenant acme --platform ...`" in finding.do


def test_an_offline_erp_is_shown_everywhere(run, runtime, channel):
    run("channel", "resume", channel)
    tenant_id = stored(runtime, Tenant).id
    with runtime.scope() as session:
        availability.went_offline(session, tenant_id)

    (row,) = json.loads(run("channel", "list", "--json").stdout)
    (finding,) = doctor_life.offline(runtime, "acme", tenant_id)

    assert row["state"] == "held"
    for sentence in (row["held_reason"], finding.detail, run("tenant", "list").stdout):
        assert "that it goes offline; changes are kept, and it is asked every 5 minutes" in sentence
    assert not finding.ok


def test_resuming_a_channel_and_connecting_a_tenant_have_the_erp_asked(
    run, runtime, channel, offline_token
):
    for command in (
        ("channel", "resume", channel),
        ("tenant", "add", "acme", "--offline-token", "-"),
    ):
        with runtime.scope() as session:
            session.execute(update(Tenant).values(channels_due_at=None))
        assert run(*command, stdin=offline_token()).exit_code == 0
        with runtime.scope() as session:
            assert channel_life.claim_due(session, 60.0) != []
