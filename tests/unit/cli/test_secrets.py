"""`vario-relay secrets rotate`."""

from sqlalchemy import select

from cli.shared import Here
from integration.models import AccessToken, ChannelParameter, Tenant
from integration.vault import Vault, new_key


def test_after_a_rotation_the_old_key_can_go(run, runtime, environ, shopware_channel):
    run("channel", "set", "42", "client_secret=-", stdin="of the shop")
    with runtime.scope() as session:
        session.merge(AccessToken(name="erp:1", token=runtime.vault.seal("of the ERP")))
    new = new_key()
    environ["RELAY_SECRET_KEY"] = f"{new},{environ['RELAY_SECRET_KEY']}"

    result = run("secrets", "rotate")

    assert result.exit_code == 0
    assert "3 stored secrets" in result.stderr
    vault = Vault((new,))
    with Here(environ).runtime.scope() as session:
        assert vault.open(session.scalars(select(Tenant)).one().offline_token)
        assert vault.open(session.scalars(select(ChannelParameter)).one().value) == "of the shop"
        assert vault.open(session.scalars(select(AccessToken)).one().token) == "of the ERP"


def test_a_rotation_without_the_old_key_changes_nothing(run, runtime, environ, tenant):
    with runtime.scope() as session:
        before = session.scalars(select(Tenant)).one().offline_token
    environ["RELAY_SECRET_KEY"] = new_key()

    result = run("secrets", "rotate")

    assert result.exit_code == 2
    assert "cannot be opened" in result.stderr
    with runtime.scope() as session:
        assert session.scalars(select(Tenant)).one().offline_token == before


def test_a_rotation_without_any_key_says_so(run, runtime, environ):
    del environ["RELAY_SECRET_KEY"]

    result = run("secrets", "rotate")

    assert result.exit_code == 2
    assert "RELAY_SECRET_KEY is missing" in result.stderr
