"""Uninstalling the app: what is gone at once, what is kept for a while, and how it comes back."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import requests
from sqlalchemy import select, update

from integration import channels, dispatching, hints, pushing, stages
from integration.clock import db_now
from integration.connectors import memory
from integration.errors import ChannelError, IntegrationError
from integration.installation import tenants
from integration.models import (
    AccessToken,
    ChannelParameter,
    Listing,
    SalesChannel,
    Tenant,
    WorkItem,
    WorkItemState,
)
from integration.topology import Topic
from tasks import housekeeping
from tests.integration.installing import installing
from tests.integration.relay import LIMITS
from tests.unit.webhooks.support import bearer

pytestmark = pytest.mark.either_database

DAY_S = 86_400


@contextmanager
def with_a_shop(database_url):
    """Tenant acme with its channel 42, which has a secret, and webhooks in the ERP."""
    with installing(database_url) as found:
        found.install()
        found.channel_id = found.add_channel()
        found.refresh()
        with found.runtime.scope() as session:
            vault = found.runtime.vault
            channels.set_parameter(session, found.channel_id, "client_secret", "hush", vault)
            channels.set_parameter(session, found.channel_id, "shop_url", "https://x", None)
            session.add(AccessToken(name=f"shop:{found.channel_id}", token=vault.seal("shop")))
        yield found
    memory.forget_shops()


@pytest.fixture
def world(sqlite_url):
    with with_a_shop(sqlite_url) as found:
        yield found


@pytest.fixture
def on_both(database_url):
    with with_a_shop(database_url) as found:
        yield found


def rows(world, model):
    with world.runtime.scope() as session:
        return session.scalars(select(model)).all()


def hint(world, *articles):
    with world.runtime.scope() as session:
        hints.hint(session, world.channel_id, Topic.ARTICLE, articles)


def claim(world):
    with world.runtime.scope() as session:
        for lane in list(dispatching.rota(session, (Topic.ARTICLE,))):
            chain = dispatching.claim_next(session, lane, {Topic.ARTICLE: 100}, LIMITS)
            return None if chain is None else chain.claim_id
    return None


def add_listing(world):
    with world.runtime.scope() as session:
        listing = {"article_id": "5", "external_id": "0f", "number": "A-5"}
        session.add(Listing(channel_id=world.channel_id, **listing))


def let_pass(world, days):
    with world.runtime.scope() as session:
        session.execute(update(Tenant).values(uninstalled_at=db_now(-days * DAY_S)))


def keep_house(world):
    with world.runtime.scope() as session:
        return tenants.forget_uninstalled(session)


@pytest.mark.contract("10.21")
@pytest.mark.contract("10.18")
def test_webhooks_tokens_and_secrets_are_gone_and_mappings_are_kept(on_both):
    add_listing(on_both)
    assert on_both.registrations()

    steps = on_both.uninstall()

    assert [(name, one["ok"]) for name, one in steps.items()] == [
        ("webhooks", True),
        ("secrets", True),
        ("mappings", True),
    ]
    assert on_both.registrations() == set()
    tenant = on_both.tenant()
    assert tenant.offline_token is None
    assert tenant.held_reason == tenants.UNINSTALLED
    assert tenant.uninstalled_at is not None
    assert rows(on_both, AccessToken) == []
    assert [one.key for one in rows(on_both, ChannelParameter)] == ["shop_url"]
    assert len(rows(on_both, Listing)) == 1


def test_the_webhooks_are_taken_away_while_there_still_is_a_token(world, monkeypatch):
    seen = []
    real = tenants.disconnect

    def noting(session, tenant_id):
        seen.append(world.registrations())
        real(session, tenant_id)

    monkeypatch.setattr(tenants, "disconnect", noting)

    world.uninstall()

    assert seen == [set()]


def test_an_erp_that_does_not_answer_keeps_nobody_here(world):
    world.erp("faults", kind="503", route="/api/vario", share=1.0, seconds=600)

    steps = world.uninstall()

    assert not steps["webhooks"]["ok"]
    assert "answered 503" in steps["webhooks"]["detail"]
    assert world.tenant().offline_token is None


def test_a_second_uninstall_and_one_of_a_stranger_have_nothing_to_do(world):
    world.uninstall()
    let_pass(world, 5)
    first = world.tenant().uninstalled_at

    again = world.uninstall()
    stranger = world.uninstall("globex")

    assert "webhooks" not in again
    assert world.tenant().uninstalled_at == first
    assert "was not installed" in stranger["tenant"]["detail"]
    assert world.tenant("globex") is None


@pytest.mark.contract("10.3")
def test_the_other_tenants_go_on(world):
    world.install("globex")
    world.add_channel("42", "globex")
    world.refresh("globex")
    before = world.registrations("globex")

    world.uninstall("acme")

    assert before
    assert world.registrations("globex") == before
    assert world.tenant("globex").offline_token is not None
    with world.runtime.scope() as session:
        running = session.scalars(
            select(Tenant.subdomain).join(SalesChannel).where(channels.is_running())
        ).all()
    assert running == ["globex"]


# Work under way


@pytest.mark.contract("10.21")
def test_what_waits_is_kept_and_not_claimed_any_more(on_both):
    hint(on_both, "1001", "1002")

    on_both.uninstall()

    assert claim(on_both) is None
    assert {one.state for one in rows(on_both, WorkItem)} == {WorkItemState.QUEUED.value}


def test_a_batch_that_is_fetched_when_the_app_goes_is_given_back(world):
    hint(world, "1001")
    claim_id = claim(world)

    world.uninstall()
    batch = stages.fetch(world.runtime, claim_id)

    assert batch["rows"] == {}
    (item,) = rows(world, WorkItem)
    assert (item.state, item.attempts, item.error_class) == ("QUEUED", 0, None)


def test_a_fetch_that_loses_its_token_half_way_is_given_back(world, monkeypatch):
    hint(world, "1001")
    claim_id = claim(world)
    connect = world.runtime.erp

    def uninstalled_before(*args, **options):
        world.uninstall()
        return connect(*args, **options)

    monkeypatch.setattr(world.runtime, "erp", uninstalled_before)
    with pytest.raises(IntegrationError, match="has no offline token"):
        stages.fetch(world.runtime, claim_id)

    (item,) = rows(world, WorkItem)
    assert (item.state, item.attempts) == ("QUEUED", 0)
    # What the stage met does not take the place of the reason.
    assert world.tenant().held_reason == tenants.UNINSTALLED


def transformed(world):
    """A batch of one article that only has to be pushed."""
    state = requests.get(f"{world.erp_url}/_sandbox/state", timeout=30).json()["articles"]
    hint(
        world, next(one["id"] for one in state if one["listed"] and one["active"] and one["gross"])
    )
    batch = stages.transform(world.runtime, stages.fetch(world.runtime, claim(world)))
    assert len(batch["payloads"]) == 1
    return batch


def article_item(world):
    return next(one for one in rows(world, WorkItem) if one.topic == Topic.ARTICLE.value)


def test_a_push_that_is_under_way_ends_with_its_receipt(world):
    batch = transformed(world)

    world.uninstall()
    pushing.push(world.runtime, batch)

    assert article_item(world).state == WorkItemState.COMPLETED.value


def test_a_push_that_finds_no_secrets_holds_its_rows_and_uses_no_attempt(world):
    with world.runtime.scope() as session:
        session.get_one(SalesChannel, world.channel_id).platform = "shopware6"
    batch = transformed(world)

    world.uninstall()
    with pytest.raises(ChannelError, match="client_secret is not set"):
        pushing.push(world.runtime, batch)

    item = article_item(world)
    assert (item.state, item.attempts) == (WorkItemState.QUEUED.value, 0)


def test_a_webhook_that_still_comes_is_kept(world):
    world.uninstall()
    headers = {"Authorization": f"Bearer {world.app_token()}"}

    path = "/api/webhooks/article.update/42"
    answer = world.client.post(path, json={"articleId": 1001}, headers=headers)

    assert answer.status_code == 200
    assert [one.state for one in rows(world, WorkItem)] == ["QUEUED"]
    assert claim(world) is None


# Back again, and gone for good


def test_installed_again_within_a_month_it_finds_its_mappings(on_both):
    add_listing(on_both)
    on_both.uninstall()
    let_pass(on_both, 29)
    assert keep_house(on_both) == []

    steps = on_both.install()

    assert on_both.tenant().uninstalled_at is None
    assert on_both.tenant().held_reason is None
    assert [one.external_id for one in rows(on_both, Listing)] == ["0f"]
    # The shop's secrets are gone: the channel says so, and so does the report.
    (channel,) = rows(on_both, SalesChannel)
    assert channel.held_reason == tenants.SECRETS_GONE
    assert "`vario-relay channel show 42`" in steps["channels"]["do"]


def test_after_a_month_everything_is_forgotten(on_both, monkeypatch, caplog):
    caplog.set_level("INFO")
    add_listing(on_both)
    hint(on_both, "1001")
    on_both.install("globex")
    on_both.uninstall()
    let_pass(on_both, 31)
    with on_both.runtime.scope() as session:
        session.execute(
            update(Tenant).where(Tenant.subdomain == "globex").values(uninstalled_at=None)
        )

    monkeypatch.setattr(housekeeping.runtime, "current", lambda: on_both.runtime)
    housekeeping.housekeeping_task.run()

    assert "event=tenant.forgotten tenant=acme" in caplog.text
    assert [one.subdomain for one in rows(on_both, Tenant)] == ["globex"]
    for model in (SalesChannel, Listing, WorkItem, ChannelParameter):
        assert rows(on_both, model) == []


def test_what_a_late_stage_stored_is_deleted_again(world):
    world.uninstall()
    with world.runtime.scope() as session:
        session.add(AccessToken(name=f"shop:{world.channel_id}", token="late"))

    keep_house(world)

    assert rows(world, AccessToken) == []


def test_an_uninstall_needs_the_proof_of_an_app_token(world):
    for headers in ({}, bearer(), {"Authorization": f"Bearer {world.app_token(expires_s=-60)}"}):
        assert world.client.post("/api/uninstall", headers=headers).status_code == 401

    assert world.tenant().uninstalled_at is None
