"""`vario-relay tenant`: secrets come in sealed, and leave nothing behind."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from integration.installation import tenants
from integration.models import AccessToken, RateBucket, SalesChannel, SyncRun, Tenant


def stored(runtime, subdomain="acme"):
    with runtime.scope() as session:
        return session.scalar(select(Tenant).where(Tenant.subdomain == subdomain))


@pytest.mark.contract("10.18")
def test_the_offline_token_is_read_from_standard_input_and_stored_sealed(
    run, runtime, offline_token
):
    token = offline_token()

    result = run("tenant", "add", "acme", "--offline-token", "-", stdin=f"{token}\n")

    assert result.exit_code == 0
    assert token not in stored(runtime).offline_token
    assert runtime.vault.open(stored(runtime).offline_token) == token


def test_the_offline_token_can_come_from_a_file(run, runtime, offline_token, tmp_path):
    (tmp_path / "token").write_text(offline_token() + "\n")

    result = run("tenant", "add", "acme", "--offline-token", f"@{tmp_path}/token")

    assert result.exit_code == 0
    assert runtime.vault.open(stored(runtime).offline_token) == offline_token()


def test_an_offline_token_as_argument_is_refused_and_not_repeated(run, runtime, offline_token):
    result = run("tenant", "add", "acme", "--offline-token", offline_token())

    assert result.exit_code == 2
    assert "never an argument" in result.stderr
    assert offline_token() not in result.stderr
    assert stored(runtime) is None


@pytest.mark.parametrize(
    ("source", "stdin", "words"),
    [("-", " \n", "is empty"), ("@missing", None, "cannot be read from missing: No such file")],
)
def test_no_token_is_no_tenant(run, runtime, source, stdin, words):
    result = run("tenant", "add", "acme", "--offline-token", source, stdin=stdin)

    assert result.exit_code == 2
    assert words in result.stderr
    assert stored(runtime) is None


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"azp": "another-app"}, "belongs to another app than RELAY_CLIENT_ID"),
        ({"iss": "https://sso.evil.example/realms/acme"}, "RELAY_ERP_DOMAINS"),
    ],
)
def test_a_token_of_somebody_else_is_refused(run, runtime, offline_token, claims, words):
    token = offline_token(**claims)

    result = run("tenant", "add", "acme", "--offline-token", "-", stdin=token)

    assert result.exit_code == 1
    assert words in result.stderr
    assert token not in result.stderr
    assert stored(runtime) is None


def test_adding_again_replaces_the_token_and_ends_the_hold(run, runtime, tenant, offline_token):
    with runtime.scope() as session:
        found = session.scalars(select(Tenant)).one()
        found.held_reason = "OFFLINE_TOKEN_INVALID"
        session.add(AccessToken(name=f"erp:{found.id}", token="of the former installation"))

    result = run("tenant", "add", "acme", "--offline-token", "-", stdin=offline_token(jti="2"))

    assert result.exit_code == 0
    assert stored(runtime).held_reason is None
    assert runtime.vault.open(stored(runtime).offline_token) == offline_token(jti="2")
    with runtime.scope() as session:
        assert session.scalars(select(AccessToken)).all() == []


def test_list_and_show_tell_state_and_never_the_token(run, runtime, tenant, channel):
    listed = json.loads(run("tenant", "list", "--json").stdout)

    assert listed == [
        {
            "tenant": "acme",
            "is_installed": True,
            "uninstalled_at": None,
            "held_reason": None,
            "offline": None,
            "channels": [channel],
            "waiting": [],
        }
    ]
    assert json.loads(run("tenant", "show", "acme", "--json").stdout) == listed[0]
    assert "installed" in run("tenant", "show", "acme").stdout
    assert run("tenant", "show", "nobody").exit_code == 2


def test_a_tenant_with_channels_is_removed_only_with_them(run, runtime, tenant, channel):
    refused = run("tenant", "remove", "acme")
    kept = stored(runtime)
    removed = run("tenant", "remove", "acme", "--with-channels")

    assert refused.exit_code == 2
    assert "has the sales channels 7" in refused.stderr
    assert kept is not None
    assert removed.exit_code == 0
    assert stored(runtime) is None


def test_a_removed_tenant_leaves_nothing_to_the_next_one_with_its_id(run, runtime, channel):
    with runtime.scope() as session:
        found = session.scalars(select(SalesChannel)).one()
        names = [f"erp:{found.tenant_id}", f"shop:{found.id}"]
        for name in names:
            session.merge(AccessToken(name=name, token="sealed"))

    run("tenant", "remove", "acme", "--with-channels")

    with runtime.scope() as session:
        for model in (AccessToken, RateBucket, SalesChannel):
            assert session.scalars(select(model)).all() == []


def test_an_uninstalled_tenant_says_until_when_its_products_are_remembered(run, runtime, channel):
    with runtime.scope() as session:
        tenants.disconnect(session, session.scalars(select(Tenant)).one().id)
    until = f"{stored(runtime).uninstalled_at + timedelta(days=30):%Y-%m-%d}"

    shown = json.loads(run("tenant", "show", "acme", "--json").stdout)
    resumed = run("channel", "resume", channel)
    examined = run("doctor", "--json")

    assert (shown["is_installed"], shown["uninstalled_at"] is None) == (False, False)
    assert f"uninstalled, forgotten on {until}" in run("tenant", "list").stdout
    assert f"app        uninstalled, forgotten on {until}" in run("tenant", "show", "acme").stdout
    assert resumed.exit_code == 1
    assert "the app was uninstalled in the ERP; install it there again" in resumed.stderr
    # An uninstalled tenant is no fault, and nothing of it is asked.
    assert examined.exit_code == 0, examined.stdout
    (found,) = [one for one in json.loads(examined.stdout) if "acme" in one["check"]]
    assert until in found["detail"]


def test_adding_an_uninstalled_tenant_again_lets_it_move(run, runtime, channel, offline_token):
    with runtime.scope() as session:
        tenants.disconnect(session, session.scalars(select(Tenant)).one().id)

    result = run("tenant", "add", "acme", "--offline-token", "-", stdin=offline_token(jti="2"))

    assert result.exit_code == 0
    assert stored(runtime).uninstalled_at is None
    with runtime.scope() as session:
        assert [one.kind for one in session.scalars(select(SyncRun))] == ["catch-up"]
