"""The life of the ERP's sales channels, asked of the sandboxed ERP, and an ERP that goes away."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import delete, func, select, update

from integration import (
    article_holds,
    availability,
    catch_ups,
    channel_life,
    channel_stops,
    channels,
    column_checks,
    dispatching,
    hints,
    registrations,
    served,
    sync_runs,
    toggles,
    work_outcomes,
)
from integration.clock import db_now
from integration.erp import webhooks
from integration.errors import (
    ChannelError,
    LicenseMissing,
    TenantError,
    TokenRefused,
    TransientError,
)
from integration.installation import tenants
from integration.models import (
    ArticleHold,
    ChannelFact,
    ChannelParameter,
    Listing,
    SalesChannel,
    SyncRun,
    Tenant,
    TransferToggle,
    WorkItem,
)
from integration.runtime import Runtime
from integration.topology import Topic
from sandbox import serving
from sandbox.erp import Options, create_app
from tests.integration.relay import Relay
from tests.platforms import leave_out

pytestmark = pytest.mark.either_database

PUBLIC = "https://relay.example"
LEASE_S = 60.0


class Life(Relay):
    """The relay with webhooks, and short ways to what the ERP knows of a channel."""

    def __init__(self, database_url: str, erp_url: str) -> None:
        super().__init__(database_url, erp_url)
        # Registrations are many requests, and their pace is not what is tested here.
        settings = replace(self.runtime.settings, public_url=PUBLIC, erp_budget=(1_000, 1.0))
        self.runtime = Runtime(settings, self.runtime.engine)

    def channel(self, verb: str, erp_id: str = "42") -> None:
        """An employee's change of a sales channel in the ERP: delete, activate, deactivate."""
        path = f"/erp/sales-channels/{erp_id}"
        if verb == "delete":
            self.runtime.erp(self.tenant_id)._call("DELETE", path)
        else:
            self.runtime.erp(self.tenant_id)._call("PUT", f"{path}/{verb}", body={})

    def new_channel(self, label: str) -> str:
        """The id of a channel that an employee makes in the ERP."""
        body = {"label": label, "channelBackend": {"id": 7}}
        return str(self.runtime.erp(self.tenant_id).post("/erp/sales-channels", body)["id"])

    def add(self, erp_id: str) -> int:
        with self.runtime.scope() as session:
            channel = SalesChannel(
                tenant_id=self.tenant_id, erp_id=erp_id, platform="memory", is_paused=False
            )
            session.add(channel)
            session.flush()
            return channel.id

    def said_deleted(self, channel_id: int | None = None) -> None:
        with self.runtime.scope() as session:
            channel_life.said_deleted(session, channel_id or self.channel_id)
            channel_life.request(session, self.tenant_id)

    def follow(self) -> list[int]:
        """What dispatch and the worker do: claim what is due, and ask."""
        with self.runtime.scope() as session:
            due = channel_life.claim_due(session, LEASE_S)
        for tenant_id in due:
            channel_life.follow(self.runtime, tenant_id)
        return due

    def ask(self) -> None:
        with self.runtime.scope() as session:
            channel_life.request(session, self.tenant_id)
        assert self.follow() == [self.tenant_id]

    def stored(self) -> SalesChannel:
        with self.runtime.scope() as session:
            return session.get_one(SalesChannel, self.channel_id)

    def tenant(self) -> Tenant:
        with self.runtime.scope() as session:
            return session.get_one(Tenant, self.tenant_id)

    def is_running(self) -> bool:
        with self.runtime.scope() as session:
            found = session.scalar(
                select(SalesChannel.id)
                .join(Tenant)
                .where(SalesChannel.id == self.channel_id, channels.is_running())
            )
        return found is not None

    def runs(self) -> list[str]:
        with self.runtime.scope() as session:
            return list(session.scalars(select(SyncRun.kind).order_by(SyncRun.id)))

    def due_in_s(self) -> float | None:
        """Seconds until the ERP is asked again; None: it is not."""
        with self.runtime.scope() as session:
            row = session.execute(select(Tenant.channels_due_at, db_now().label("now"))).one()
        at = row.channels_due_at
        return None if at is None else (at - row.now).total_seconds()

    def queues(self) -> set[str]:
        url = f"{self.erp_url}/_sandbox/registrations"
        return {one["queue"] for one in requests.get(url, timeout=30).json()}

    def change(self, model: Any, **values: Any) -> None:
        with self.runtime.scope() as session:
            session.execute(update(model).values(**values))


@pytest.fixture
def relay(database_url):
    with serving.running(
        lambda url: create_app(Options(articles=5, rate_limit=10_000), url)
    ) as erp_url:
        relay = Life(database_url, erp_url)
        yield relay
        relay.close()


# Added


def test_a_new_channel_waits_for_a_person_and_is_named(relay):
    erp_id = relay.new_channel("Dritter Shop")

    relay.ask()

    with relay.runtime.scope() as session:
        waiting = channel_life.waiting(session, relay.tenant_id)
        assert session.scalar(select(func.count()).select_from(SalesChannel)) == 1
    assert (erp_id, "Dritter Shop") in waiting
    assert "42" not in {one.id for one in waiting}
    assert relay.due_in_s() is None

    relay.add(erp_id)
    with relay.runtime.scope() as session:
        assert erp_id not in {one.id for one in channel_life.waiting(session, relay.tenant_id)}


# Prices from another channel


def test_where_a_channels_prices_come_from_is_followed_and_outlives_another_shop(relay):
    def take(source: str | None) -> None:
        body = {"priceFromSalesChannel": None if source is None else {"id": source}}
        relay.runtime.erp(relay.tenant_id)._call("PUT", "/erp/sales-channels/42", body=body)

    relay.ask()
    assert relay.runtime.channel(relay.channel_id).price_sources == ()
    before = relay.runs()
    column_checks.check(relay.runtime, relay.channel_id)

    take("43")
    relay.ask()
    assert relay.runtime.channel(relay.channel_id).price_sources == ("43",)
    assert relay.runs() == [*before, sync_runs.PRICE_PASS]
    with relay.runtime.scope() as session:
        assert not column_checks.is_fresh(session, relay.channel_id)
        # As `channel set` does: they are another shop's.
        session.execute(delete(ChannelFact))

    relay.ask()
    assert relay.runtime.channel(relay.channel_id).price_sources == ("43",)
    assert relay.runs() == [*before, sync_runs.PRICE_PASS]


# Switched off and on


@pytest.mark.contract("10.21")
def test_a_channel_that_is_switched_off_is_held_and_goes_on_by_itself(relay):
    relay.channel("deactivate")
    relay.ask()

    assert relay.stored().held_reason == channel_stops.SWITCHED_OFF
    assert relay.runs() == []

    relay.channel("activate")
    relay.ask()

    assert relay.stored().held_reason is None
    assert relay.is_running()
    assert relay.runs() == [sync_runs.CATCH_UP]


def test_a_hold_for_another_reason_is_nobodys_but_its_own(relay):
    with relay.runtime.scope() as session:
        channels.hold(session, relay.channel_id, "the shop refuses the password")
    relay.channel("deactivate")
    relay.ask()
    relay.channel("activate")
    relay.ask()

    assert relay.stored().held_reason == "the shop refuses the password"


def test_an_event_while_the_erp_is_asked_has_it_asked_again(relay):
    with relay.runtime.scope() as session:
        channel_life.request(session, relay.tenant_id)
    with relay.runtime.scope() as session:
        assert channel_life.claim_due(session, LEASE_S) == [relay.tenant_id]
    with relay.runtime.scope() as session:
        assert channel_life.claim_due(session, LEASE_S) == []
        channel_life.request(session, relay.tenant_id)
    channel_life.follow(relay.runtime, relay.tenant_id)

    assert relay.follow() == [relay.tenant_id]
    assert relay.follow() == []


# Deleted


@pytest.mark.contract("10.21")
def test_a_deleted_channel_stops_and_leaves_only_its_listings(relay):
    other = relay.add("43")
    with relay.runtime.scope() as session:
        for channel_id in (relay.channel_id, other):
            channels.set_parameter(session, channel_id, "password", "x", relay.runtime.vault)
            toggles.switch(session, channel_id, Topic.PRICE, False)
            hints.hint(session, channel_id, Topic.STOCK, ["1"])
            catch_ups.compare(session, channel_id, "a test")
            article_holds.add(session, channel_id, "2", [Topic.STOCK], reason="later", by="anna")
            session.add(
                Listing(channel_id=channel_id, article_id="1", external_id="x", number="A1")
            )
    registrations.reconcile(relay.runtime, relay.tenant_id)
    before = relay.queues()

    relay.channel("delete")
    relay.said_deleted()
    assert not relay.is_running()  # at once, before the ERP has confirmed it
    assert relay.follow() == [relay.tenant_id]

    channel = relay.stored()
    assert channel.deleted_at is not None
    assert (channel.is_paused, channel.held_reason, channel.delete_said_at) == (True, None, None)
    with relay.runtime.scope() as session:
        for model in (ArticleHold, ChannelParameter, TransferToggle, WorkItem, SyncRun):
            assert list(session.scalars(select(model.channel_id))) == [other]
        assert set(session.scalars(select(Listing.channel_id))) == {relay.channel_id, other}
    gone = {one for one in before if "=42)" in one}
    assert len(gone) == 3
    assert relay.queues() == before - gone
    assert relay.due_in_s() is None


def test_a_stage_that_is_under_way_leaves_no_work_to_a_channel_that_is_deleted(relay):
    """Found by the soak: one row of a deleted channel stayed queued for good."""
    relay.channel("delete")
    relay.said_deleted()
    relay.follow()

    relay.hint(Topic.ARTICLE, *relay.for_sale()[:1])

    with relay.runtime.scope() as session:
        assert session.scalar(select(func.count()).select_from(WorkItem)) == 0


def test_what_came_at_the_moment_of_a_deletion_goes_with_the_next_housekeeping(relay):
    relay.hint(Topic.ARTICLE, *relay.for_sale()[:1])
    relay.change(SalesChannel, deleted_at=db_now())

    with relay.runtime.scope() as session:
        channel_life.forget_deleted(session)

        assert session.scalar(select(func.count()).select_from(WorkItem)) == 0
        assert session.scalar(select(func.count()).select_from(SalesChannel)) == 1


def test_what_a_deleted_channel_left_goes_after_a_month(relay):
    relay.change(SalesChannel, deleted_at=db_now(-29 * 86_400))
    with relay.runtime.scope() as session:
        channel_life.forget_deleted(session)
        assert session.scalar(select(func.count()).select_from(SalesChannel)) == 1

    relay.change(SalesChannel, deleted_at=db_now(-31 * 86_400))
    with relay.runtime.scope() as session:
        channel_life.forget_deleted(session)
        assert session.scalar(select(func.count()).select_from(SalesChannel)) == 0


def test_a_channel_that_is_said_to_be_deleted_and_is_there_waits_and_then_goes_on(relay):
    relay.said_deleted()
    relay.follow()

    assert not relay.is_running()
    assert 0 < relay.due_in_s() <= channel_life.AGAIN_S

    relay.change(SalesChannel, delete_said_at=db_now(-channel_life.SAID_LASTS_S - 1))
    relay.ask()

    assert relay.is_running()
    assert relay.due_in_s() is None


def test_a_channel_that_is_gone_without_a_word_is_held_and_loses_nothing(relay):
    relay.channel("delete")
    relay.ask()

    channel = relay.stored()
    assert (channel.deleted_at, channel.held_reason) == (None, channel_stops.UNKNOWN)


def test_a_deleted_channel_that_the_erp_has_again_waits_for_a_person(relay):
    relay.change(SalesChannel, deleted_at=db_now(), is_paused=True)
    relay.ask()

    assert (relay.stored().deleted_at, relay.stored().is_paused) == (None, True)


def test_a_worker_whose_channel_is_deleted_meanwhile_records_nothing(relay):
    (article, *_) = relay.for_sale()
    relay.hint(Topic.ARTICLE, article)
    claim_id = relay.claim()

    def delete() -> None:
        relay.channel("delete")
        relay.said_deleted()
        relay.follow()

    relay.run(claim_id, before_push=delete)

    assert relay.shop.writes == []
    assert [type(one).__name__ for one in relay.errors] == ["ClaimLost"]
    assert relay.stored().held_reason is None


# Webhooks


def test_webhooks_that_were_lost_are_registered_again_and_what_was_missed_is_looked_for(relay):
    registrations.reconcile(relay.runtime, relay.tenant_id)
    wanted = relay.queues()
    relay.ask()
    assert relay.runs() == []

    client = relay.runtime.erp(relay.tenant_id)
    webhooks.reconcile(client, client.access.app_identifier, PUBLIC, [])
    relay.ask()

    assert relay.queues() == wanted
    assert relay.runs() == [sync_runs.CATCH_UP]


def test_nothing_is_registered_for_a_tenant_whose_channels_never_ran(relay):
    relay.change(SalesChannel, is_paused=True)
    relay.ask()

    assert relay.queues() == set()


# An ERP that goes away


def test_an_offline_erp_uses_no_attempt_and_its_changes_wait(relay):
    (article, *_) = relay.for_sale()
    with relay.runtime.scope() as session:
        availability.went_offline(session, relay.tenant_id)
    relay.hint(Topic.ARTICLE, article)

    assert relay.claim() is None
    assert relay.row(Topic.ARTICLE, article).attempts == 0

    with relay.runtime.scope() as session:
        availability.came_online(session, relay.tenant_id)
    relay.drain()

    assert relay.product(article) is not None
    assert relay.runs() == [sync_runs.CATCH_UP]


def test_work_that_was_claimed_before_the_erp_went_offline_is_given_back(relay):
    (article, *_) = relay.for_sale()
    relay.hint(Topic.ARTICLE, article)
    claim_id = relay.claim()
    with relay.runtime.scope() as session:
        availability.went_offline(session, relay.tenant_id)
    before = relay.erp_requests()

    relay.run(claim_id)

    row = relay.row(Topic.ARTICLE, article)
    assert (row.state, row.attempts, relay.errors) == ("QUEUED", 0, [])
    assert relay.erp_requests() == before


def test_an_offline_erp_is_asked_by_itself_whether_it_is_back(relay):
    with relay.runtime.scope() as session:
        availability.went_offline(session, relay.tenant_id)
    assert relay.follow() == []  # not at once

    relay.change(Tenant, offline_since=db_now(-availability.FIRST_PROBE_S - 1))
    assert relay.follow() == [relay.tenant_id]

    assert relay.tenant().offline_since is None
    assert relay.is_running()
    assert relay.runs() == [sync_runs.CATCH_UP]


def test_an_erp_that_is_still_away_is_asked_again_and_holds_nothing(relay):
    with relay.runtime.scope() as session:
        availability.went_offline(session, relay.tenant_id)
    relay.change(Tenant, offline_since=db_now(-availability.FIRST_PROBE_S - 1))
    away = replace(relay.runtime.settings, erp_url="http://127.0.0.1:1")
    with relay.runtime.scope() as session:
        assert channel_life.claim_due(session, LEASE_S) == [relay.tenant_id]

    with pytest.raises(TransientError):
        channel_life.follow(Runtime(away, relay.runtime.engine), relay.tenant_id)

    tenant = relay.tenant()
    assert tenant.offline_since is not None
    assert tenant.held_reason is None
    assert LEASE_S < relay.due_in_s() <= availability.PROBE_S


# An ERP that refuses us


def refused(relay, error: TenantError) -> None:
    with relay.runtime.scope() as session:
        channels.hold_tenant(session, relay.tenant_id, error)


def passed(relay, seconds: float) -> None:
    """So much time, as far as the tenant's next turn is concerned."""
    due_at = relay.tenant().channels_due_at
    relay.change(Tenant, channels_due_at=due_at - timedelta(seconds=seconds))


def test_a_refused_access_token_is_tried_again_and_the_tenant_goes_on_by_itself(relay):
    refused(relay, TokenRefused("a fresh access token was refused too"))
    assert relay.follow() == []  # not at once

    passed(relay, TokenRefused.tried_again_s)
    assert relay.follow() == [relay.tenant_id]

    assert relay.tenant().held_reason is None
    assert relay.is_running()
    assert relay.runs() == [sync_runs.CATCH_UP]


def test_an_erp_that_goes_on_refusing_stays_held_and_is_tried_again(relay):
    refused(relay, TokenRefused("a fresh access token was refused too"))
    passed(relay, TokenRefused.tried_again_s)
    relay.erp("faults", kind="token-revoked", count=2)

    with pytest.raises(TokenRefused):
        relay.follow()

    assert "a fresh access token was refused too" in relay.tenant().held_reason
    passed(relay, TokenRefused.tried_again_s)
    assert relay.follow() == [relay.tenant_id]
    assert relay.is_running()


def test_a_question_that_waited_for_a_held_tenant_is_asked_when_it_is_connected_again(relay):
    relay.channel("delete")
    relay.said_deleted()
    refused(relay, LicenseMissing("the tenant lacks a license for this"))
    assert relay.follow() == []

    with relay.runtime.scope() as session:
        tenants.reconnect(session, "acme")
    assert relay.follow() == [relay.tenant_id]

    assert relay.stored().deleted_at is not None


def test_what_needs_a_person_is_tried_once_a_day(relay):
    refused(relay, LicenseMissing("the tenant lacks a license for this"))
    passed(relay, LicenseMissing.tried_again_s - 60)
    assert relay.follow() == []

    passed(relay, 60)
    assert relay.follow() == [relay.tenant_id]

    assert relay.is_running()


# Topics that a version begins to carry


@pytest.mark.contract("10.11")
def test_held_changes_of_a_topic_go_once_a_version_carries_it(relay):
    with relay.runtime.scope() as session:
        hints.hint(session, relay.channel_id, Topic.MEDIA, ["1", "2"])
        hints.hint(session, relay.channel_id, Topic.ORDER_STATUS, ["shipment:7"])
    # What an earlier version, that carried neither, made of them.
    relay.change(WorkItem, hold_reason=work_outcomes.TOPIC_NOT_SERVED)

    def due() -> list[Topic]:
        with relay.runtime.scope() as session:
            return [one.topic for one in dispatching.rota(session, tuple(Topic))]

    assert due() == []
    with relay.runtime.scope() as session:
        assert work_outcomes.release_served(session, [Topic.MEDIA]) == 2
    assert due() == [Topic.MEDIA]


def test_what_a_platform_does_not_carry_waits_and_is_not_late(relay, monkeypatch):
    """Its connector names the topics; one that names more with a newer version gets them."""
    leave_out(monkeypatch, "woocommerce", Topic.ORDER_STATUS)
    relay.change(SalesChannel, platform="woocommerce")
    with relay.runtime.scope() as session:
        hints.hint(session, relay.channel_id, Topic.STOCK, ["1"])
        hints.hint(session, relay.channel_id, Topic.ORDER_STATUS, ["1"])

    def held() -> dict[str, str | None]:
        with relay.runtime.scope() as session:
            served.follow(session, [Topic.STOCK, Topic.ORDER_STATUS])
            served.follow(session, [Topic.STOCK, Topic.ORDER_STATUS])
            rows = session.execute(select(WorkItem.topic, WorkItem.hold_reason))
            return {row.topic: row.hold_reason for row in rows}

    assert held() == {Topic.STOCK: None, Topic.ORDER_STATUS: work_outcomes.TOPIC_NOT_SERVED}
    relay.change(WorkItem, hold_reason=work_outcomes.TOPIC_NOT_SERVED)
    assert held() == {Topic.STOCK: None, Topic.ORDER_STATUS: work_outcomes.TOPIC_NOT_SERVED}


def test_a_channel_error_of_a_last_batch_does_not_undo_the_deletion(relay):
    """A stage that ends late finds a channel without parameters."""
    relay.change(SalesChannel, deleted_at=db_now(), is_paused=True)
    with relay.runtime.scope() as session:
        channels.hold(session, relay.channel_id, str(ChannelError("no password")))

    assert not relay.is_running()
    assert relay.stored().deleted_at is not None
