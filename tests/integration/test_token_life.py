"""An app that is not let in any more: the tenant is held by every path, and goes on by itself."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select

from cli.main import main
from cli.shared import Here
from integration import column_checks, stages, sync, sync_runs
from integration.erp import auth
from integration.errors import TenantError
from integration.models import AccessToken, SyncRun, Tenant, WorkItemState
from integration.topology import Topic
from tests.integration.relay import beside_an_erp

pytestmark = pytest.mark.contract("10.7")
ARTICLE, STOCK = Topic.ARTICLE, Topic.STOCK


@pytest.fixture
def relay(database_url):
    with beside_an_erp(database_url, articles=12, rate_limit=100_000) as relay:
        yield relay


@pytest.fixture
def article(relay):
    """An article in the shop."""
    article = relay.for_sale()[0]
    relay.hint(ARTICLE, article)
    relay.drain()
    assert not relay.errors
    return article


def revoke(relay, count=1):
    """From now on the ERP refuses the offline token; access tokens have ended."""
    relay.erp("faults", kind="invalid-grant", count=count)
    with relay.runtime.scope() as session:
        session.execute(delete(AccessToken))


def held_reason(relay):
    with relay.runtime.scope() as session:
        return session.get_one(Tenant, relay.tenant_id).held_reason


def by_a_fetch(relay, article):
    relay.hint(STOCK, article)
    relay.drain()
    raise relay.errors.pop()


def by_a_sync(relay, _):
    with relay.runtime.scope() as session:
        run = sync_runs.start(session, relay.channel_id, sync_runs.INITIAL, ["article"])
    sync.advance(relay.runtime, run, sync.new_driver(), budget_s=5.0)


def by_the_check_of_columns(relay, _):
    column_checks.check_due(relay.runtime, 60.0)


@pytest.mark.parametrize("path", [by_a_fetch, by_a_sync, by_the_check_of_columns])
def test_whoever_meets_invalid_grant_holds_the_tenant_and_burns_nothing(path, relay, article):
    revoke(relay)

    with pytest.raises(TenantError, match="OFFLINE_TOKEN_INVALID"):
        path(relay, article)

    assert "reconnect the app in the ERP" in held_reason(relay)
    assert relay.row(ARTICLE, article).state == WorkItemState.COMPLETED.value
    relay.hint(STOCK, article)
    assert relay.claim() is None  # nothing is tried meanwhile
    assert relay.row(STOCK, article).attempts == 0


def run(relay, *arguments, stdin=""):
    here = Here({})
    vars(here).update(
        settings=relay.runtime.settings, engine=relay.runtime.engine, runtime=relay.runtime
    )
    return CliRunner().invoke(main, arguments, input=stdin, obj=here)


def test_doctor_says_it_too(relay, article):
    revoke(relay)

    told = run(relay, "doctor", "42")

    assert told.exit_code == 1
    assert "OFFLINE_TOKEN_INVALID" in told.output
    assert "reconnect the app in the ERP" in told.output


def test_after_a_new_connection_it_goes_on_by_itself_and_makes_up_for_what_was_missed(
    relay, article
):
    revoke(relay)
    with pytest.raises(TenantError):
        by_a_fetch(relay, article)
    relay.edit(article, stock=77)  # its webhook came to nobody

    token = relay.erp("tenants", tenant="acme")["offlineToken"]
    done = run(relay, "tenant", "add", "acme", "--offline-token", "-", stdin=token)

    assert done.exit_code == 0, done.output
    assert held_reason(relay) is None
    with relay.runtime.scope() as session:
        catch_up = session.scalars(select(SyncRun.id).where(SyncRun.kind == "catch-up")).one()
    sync.advance(relay.runtime, catch_up, sync.new_driver(), budget_s=5.0)
    relay.drain()
    assert relay.product(article)["stock"] == 77
    assert not relay.errors


def test_a_stage_that_began_before_the_app_was_connected_anew_holds_nothing(
    relay, article, monkeypatch
):
    revoke(relay)
    relay.hint(STOCK, article)
    token = relay.erp("tenants", tenant="acme")["offlineToken"]
    real = auth.fetch_access_token

    def late(access, session):
        monkeypatch.undo()
        run(relay, "tenant", "add", "acme", "--offline-token", "-", stdin=token)
        return real(access, session)  # still with the old token: refused

    monkeypatch.setattr("integration.erp.client.fetch_access_token", late)
    claim_id = relay.claim()
    with pytest.raises(TenantError):
        stages.fetch(relay.runtime, claim_id)

    assert held_reason(relay) is None
    relay.drain()
    assert relay.row(STOCK, article).state == WorkItemState.COMPLETED.value
