"""What an ERP may do to product ids: answer otherwise, merge otherwise, refuse them.

On one database: nothing here depends on it.
"""

from __future__ import annotations

import pytest
import requests
from sqlalchemy import delete, update

from integration.clock import db_now
from integration.erp.client import SUPPRESS_HEADER, ErpClient
from integration.errors import Forbidden, Rejected
from integration.models import SalesChannel, Tenant, WorkItem
from integration.topology import Topic
from integration.write_back import asking, facts, merging
from integration.write_back.merging import Merge
from integration.write_back.reading import Found
from tests.integration.relay import WorkerDied, beside_an_erp
from tests.integration.way_back import (
    FOREIGN,
    WayBack,
    ask_for_all,
    fill,
    forget_requests,
    patches,
    reads,
    states,
    status,
)

ARTICLE, WRITE_BACK = Topic.ARTICLE, Topic.WRITE_BACK


@pytest.fixture
def bare(sqlite_url):
    """An ERP without the field."""
    with beside_an_erp(sqlite_url, WayBack, articles=10) as relay:
        yield relay


@pytest.fixture
def relay(bare):
    bare.create_field()
    return bare


@pytest.fixture
def articles(relay):
    """Articles whose products are in the shop; their ids are not in the ERP yet."""
    return fill(relay)


@pytest.mark.parametrize(
    "answers",
    [
        {"listing_rows": "meta"},
        {"ids": "text", "nulls": "sent"},
        {"ids": "number", "nulls": "omitted"},
        {"custom_fields": "declared"},
    ],
    ids=str,
)
@pytest.mark.contract("10.15")
def test_the_ids_arrive_however_the_erp_answers(relay, articles, answers):
    relay.erp("options", **answers)

    relay.write_back()

    assert [relay.shown(one) for one in articles] == [relay.product_id(one) for one in articles]
    assert relay.errors == []


@pytest.mark.contract("10.9")
def test_what_we_write_does_not_come_back_as_a_webhook(relay, articles):
    register(relay, "http://127.0.0.1:9/")

    relay.write_back()
    assert webhooks(relay) == 0

    # The same write without the header: the ERP would tell us of it, and so without end.
    relay.set_custom(articles[0], {"variorelay": {"externalId": "x"}})
    assert webhooks(relay) == 0
    patch_without_header(relay, articles[0])
    assert webhooks(relay) == 1


def register(relay, url: str) -> None:
    relay.client.post(
        "/community/latest/cmn/system/app-message-webhook/register",
        {
            "url": url,
            "destinationQueue": "article(sales-channel-id=42).update",
            "appIdentifier": relay.runtime.settings.app_identifier,
        },
    )


def webhooks(relay) -> int:
    """Webhooks that the ERP has for us, sent or still to be sent."""
    found = requests.get(f"{relay.erp_url}/_sandbox/webhooks?limit=1", timeout=30).json()
    return found["sent"] + found["pending"]


def patch_without_header(relay, article) -> None:
    class Bare(requests.Session):
        def request(self, *args, headers=None, **kwargs):
            kept = {k: v for k, v in headers.items() if k != SUPPRESS_HEADER}
            return super().request(*args, headers=kept, **kwargs)

    client = relay.client
    client._session = Bare()
    path = f"/erp/articles/{article['id']}/listings/{relay.listing(article)['id']}"
    client.patch(path, {"custom": {"variorelay": {"externalId": "y"}}})


# How the ERP merges


@pytest.mark.parametrize("merge", ["deep", "shallow"])
@pytest.mark.parametrize("profile", ["columns", "rest"])
def test_the_groups_of_others_survive_however_the_erp_merges(relay, articles, merge, profile):
    relay.create_group("marketing", "slogan", "margin")
    for one in articles[1:4]:
        relay.set_custom(one, FOREIGN)
    relay.erp("options", merge=merge, profile=profile)
    forget_requests(relay)

    relay.write_back()

    for one in articles:
        assert relay.shown(one) == relay.product_id(one)
    for one in articles[1:4]:
        assert relay.listing(one)["custom"]["marketing"] == FOREIGN["marketing"]
    # One check, then one request each where it merges deep, else two.
    assert patches(relay) == len(articles) + (1 if merge == "deep" else 2)


@pytest.mark.parametrize("merge", ["deep", "shallow"])
def test_the_check_of_the_merge_tells_how_the_erp_merges_and_changes_nothing(
    relay, articles, merge
):
    relay.create_group("marketing", "slogan", "margin")
    relay.erp("options", merge=merge)
    alone, shared = articles[:2]
    relay.set_custom(shared, FOREIGN)

    found = {one["id"]: Found(one["id"], str(relay.listing(one)["id"])) for one in articles[:2]}
    verdicts = [
        merging.verify_merge(relay.client, relay.facts, found[one["id"]]) for one in (alone, shared)
    ]

    assert verdicts == [Merge.UNKNOWN, Merge(merge)]
    assert merging.verify(relay.client, relay.facts, "42") is Merge(merge)
    assert relay.listing(shared)["custom"]["marketing"] == FOREIGN["marketing"]


def test_a_check_that_dies_half_way_is_mended_by_the_next_batch(relay, articles, monkeypatch):
    relay.create_group("marketing", "slogan", "margin")
    relay.erp("options", merge="shallow")
    relay.set_custom(articles[0], FOREIGN)
    found = Found(articles[0]["id"], str(relay.listing(articles[0])["id"]))
    with monkeypatch.context() as patched:
        patched.setattr(merging, "mend", die)
        with pytest.raises(WorkerDied):
            merging.verify_merge(relay.client, relay.facts, found)
    assert "marketing" not in relay.listing(articles[0])["custom"]

    relay.write_back()

    assert relay.listing(articles[0])["custom"]["marketing"] == FOREIGN["marketing"]
    assert relay.shown(articles[0]) == relay.product_id(articles[0])


def die(*_args, **_kwargs):
    raise WorkerDied


def test_where_somebody_was_faster_the_listing_is_read_again(relay, articles, monkeypatch):
    relay.create_group("marketing", "slogan", "margin")
    relay.erp("options", merge="shallow")
    relay.set_custom(articles[0], FOREIGN)
    relay.write_back()
    relay.set_custom(articles[0], {**FOREIGN, "variorelay": {"externalId": "old"}})
    sent = []
    real = ErpClient.patch

    def patch(self, path, body, before_write=None):
        sent.append(body["version"])
        if len(sent) == 1:
            raise Rejected("the listing was changed in the meantime")
        return real(self, path, body, before_write)

    monkeypatch.setattr(ErpClient, "patch", patch)
    ask_for_all(relay)
    relay.write_back()

    assert relay.shown(articles[0]) == relay.product_id(articles[0])
    assert len(sent) == 2


@pytest.mark.parametrize("hides_listing_id", [False, True])
def test_an_erp_that_does_not_show_the_field_as_a_column_costs_no_write_twice(
    relay, articles, monkeypatch, hides_listing_id
):
    hidden = {"listings.custom.variorelay.externalId"}
    hidden |= {"listings.id"} if hides_listing_id else set()
    hide_columns(monkeypatch, hidden)

    relay.write_back()
    for one in articles:
        assert relay.shown(one) == relay.product_id(one)
    forget_requests(relay)
    ask_for_all(relay)
    relay.write_back()

    assert patches(relay) == 0
    assert reads(relay) == (len(articles) if hides_listing_id else 1)


@pytest.mark.parametrize("column", ["listings.custom.variorelay.externalId", "listings.id"])
def test_a_column_that_was_offered_and_is_refused_costs_no_attempt(relay, articles, column):
    relay.write_back()
    relay.erp("options", missing_columns=[column])
    forget_requests(relay)

    ask_for_all(relay)
    relay.write_back()

    assert patches(relay) == 0
    assert states(relay) == {"COMPLETED": len(articles)}
    assert relay.errors == []


def hide_columns(monkeypatch, hidden: set[str]) -> None:
    from integration.erp import catalogue

    real = catalogue._paths
    monkeypatch.setattr(
        catalogue, "_paths", lambda answer: (one for one in real(answer) if one not in hidden)
    )


# An ERP that cannot take them


def test_without_the_field_the_ids_wait_with_one_reason_and_nothing_else_does(bare):
    articles = fill(bare)
    forget_requests(bare)

    bare.write_back()

    assert patches(bare) == 0
    rows = [bare.back(one) for one in articles]
    assert {row.hold_reason for row in rows} == {facts.NO_FIELD}
    assert {row.attempts for row in rows} == {0}
    assert "has no field for the shop's product id" in rows[0].last_error
    assert "installation again" in rows[0].last_error
    assert (status(bare).held, status(bare).queued) == (len(articles), 0)
    assert not is_stopped(bare)
    # What goes to the shop goes on.
    bare.edit(articles[0], name="Weiter")
    bare.hint(ARTICLE, articles[0])
    bare.drain()
    assert bare.product(articles[0])["name"] == "Weiter"


def test_an_installation_lets_what_waited_go(bare):
    articles = fill(bare)
    bare.write_back()
    bare.create_field()

    with bare.runtime.scope() as session:
        asking.begin_anew(session, bare.tenant_id)
    bare.errors.clear()
    bare.write_back()

    assert bare.errors == []
    assert [bare.shown(one) for one in articles] == [bare.product_id(one) for one in articles]


def test_an_installation_asks_for_nothing_of_a_channel_that_the_erp_deleted(relay, articles):
    relay.write_back()
    with relay.runtime.scope() as session:
        session.execute(delete(WorkItem))
        session.execute(update(SalesChannel).values(deleted_at=db_now()))

        asking.begin_anew(session, relay.tenant_id)

    assert states(relay) == {}


def test_an_erp_that_forbids_the_write_holds_the_ids_and_not_the_tenant(
    relay, articles, monkeypatch
):
    monkeypatch.setattr(ErpClient, "patch", raising(Forbidden("PATCH answered 403")))

    relay.write_back()

    assert {relay.back(one).hold_reason for one in articles} == {facts.NO_FIELD}
    assert "PATCH answered 403" in relay.back(articles[0]).last_error
    assert not is_stopped(relay)


def test_a_listing_that_the_erp_refuses_fails_alone(relay, articles, monkeypatch):
    odd = str(relay.listing(articles[0])["id"])
    real = ErpClient.patch

    def patch(self, path, body, before_write=None):
        if path.endswith(odd):
            raise Rejected("PATCH answered 422: frozen (trackingId 7)")
        return real(self, path, body, before_write)

    monkeypatch.setattr(ErpClient, "patch", patch)

    relay.write_back()

    assert states(relay) == {"COMPLETED": len(articles) - 1, "FAILED": 1}
    assert relay.back(articles[0]).last_error == "PATCH answered 422: frozen (trackingId 7)"


def test_a_group_that_was_deleted_since_holds_the_ids(relay, articles, monkeypatch):
    relay.write_back()
    group = relay.client.get("/community/latest/cmn/eav-groups/by-key/variorelay")
    relay.client._call("DELETE", f"/cmn/eav-groups/{group['id']}")
    relay.set_custom(articles[0], {"variorelay": {"externalId": "old"}})
    monkeypatch.setattr(ErpClient, "patch", raising(Rejected("PATCH answered 422")))

    ask_for_all(relay)
    relay.write_back()

    assert relay.back(articles[0]).hold_reason == facts.NO_FIELD


def raising(error: Exception):
    def patch(self, path, body, before_write=None):
        raise error

    return patch


def is_stopped(relay) -> bool:
    with relay.runtime.scope() as session:
        channel = session.get_one(SalesChannel, relay.channel_id)
        tenant = session.get_one(Tenant, relay.tenant_id)
    return channel.held_reason is not None or tenant.held_reason is not None
