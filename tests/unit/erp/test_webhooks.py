"""Wanted webhook registrations, and how they come to be."""

from __future__ import annotations

import json

import pytest

from integration.erp.webhooks import Registration, desired, reconcile, registered
from integration.errors import Gone, Invalid, TransientError

PUBLIC = "https://relay.example"
API = "https://acme.vario.cloud/api/vario"
EXECUTE = f"{API}/cmn/computed-queries/execute"
REGISTER = f"{API}/cmn/system/app-message-webhook/register"
DEREGISTER = f"{API}/cmn/system/app-message-webhook/deregister"
APP = "6f0c1f2d-5a53-4d5f-8a31-9b0f6c1f2d10"
LIFE = {
    (name, f"{PUBLIC}/api/webhooks/{name}")
    for name in (
        "sales_channel.create",
        "sales_channel.update",
        "sales_channel.delete",
        "tenant.offline",
        "tenant.online",
    )
}
TENANT_WIDE = LIFE | {
    (name, f"{PUBLIC}/api/webhooks/{name}")
    for name in (
        "article-price.create",
        "article-price.update",
        "article-price.delete",
        "sales_channel.stockChange",
        "document.customer_delivery_document.order_to_delivery",
        "document.customer_delivery_document.cancel_accepted",
        "document.customer_delivery_invoice.order_to_deliveryinvoice",
        "document.customer_delivery_invoice.cancel_accepted",
        "document.customer_order.cancel_accepted",
        "document.customer_order.order_close_remaining",
        "shelf-document.update",
        "shelf-document.delete",
        "shipment.parcel.completed",
    )
}
ONE = Registration("article-price.update", f"{PUBLIC}/api/webhooks/article-price.update")


def _present(wire, *registrations):
    wire.post(
        EXECUTE,
        json={
            "definition": [
                {"attribute": "destinationQueue", "displayName": "destinationQueue"},
                {"attribute": "url", "displayName": "url"},
            ],
            "data": [{"destinationQueue": queue, "url": url} for queue, url in registrations],
        },
    )


@pytest.mark.contract("10.2")
@pytest.mark.contract("10.13")
def test_every_event_and_channel_has_an_address_of_its_own():
    queue = "article(sales-channel-id=42)"

    wanted = desired(["42"], PUBLIC)

    assert wanted == TENANT_WIDE | {
        (f"{queue}.create", f"{PUBLIC}/api/webhooks/article.create/42"),
        (f"{queue}.update", f"{PUBLIC}/api/webhooks/article.update/42"),
        (f"{queue}-shelf.update", f"{PUBLIC}/api/webhooks/article-shelf.update/42"),
    }
    assert len({one.url for one in wanted}) == len(wanted)


def test_without_channels_only_what_tells_of_the_first_one_is_wanted():
    assert desired([], PUBLIC + "/") == LIFE


def test_a_channel_id_of_no_digits_is_refused():
    with pytest.raises(Invalid):
        desired(["42).create"], PUBLIC)


def test_registrations_are_read_for_our_app_only(client, wire):
    _present(wire, ONE, (None, "https://x"), ("queue", None))

    assert registered(client, APP) == {ONE}

    statement = json.loads(wire.calls[0].request.body)["statement"]
    assert "FROM system.queryAppMessageWebhook" in statement
    assert f"WHERE appIdentifier = '{APP}'" in statement


def test_only_what_is_missing_is_registered(client, wire):
    present, missing = sorted(desired([], PUBLIC))[:2]
    _present(wire, present)
    wire.post(REGISTER, body="")

    changes = reconcile(client, APP, PUBLIC, {present, missing})

    assert changes == ([missing], [], [])
    assert json.loads(wire.calls[1].request.body) == {
        "url": missing.url,
        "destinationQueue": missing.queue,
        "appIdentifier": APP,
    }


def test_what_is_ours_and_not_wanted_is_deregistered_and_nothing_else(client, wire):
    other = Registration("article-price.update", "https://relay.example.evil/api/webhooks/x")
    page = Registration("article-price.update", f"{PUBLIC}/another/application")
    _present(wire, ONE, other, page)
    wire.post(DEREGISTER, body="")

    assert reconcile(client, APP, PUBLIC, set()) == ([], [ONE], [])

    assert [call.request.url for call in wire.calls] == [EXECUTE, DEREGISTER]


def test_with_everything_in_place_nothing_is_written(client, wire):
    _present(wire, ONE)

    assert reconcile(client, APP, PUBLIC, {ONE}) == ([], [], [])

    assert len(wire.calls) == 1


def test_an_erp_that_knows_only_the_facade_is_called_there(client, wire):
    _present(wire)
    wire.post(REGISTER, status=404, json={})
    wire.post(f"{API}/community/latest/cmn/system/app-message-webhook/register", body="")

    assert reconcile(client, APP, PUBLIC, {ONE}).registered == [ONE]


def test_a_registration_that_is_gone_already_is_deregistered(client, wire):
    _present(wire, ONE)
    gone = {"httpStatus": 404}
    wire.post(DEREGISTER, status=404, json=gone)
    wire.post(
        f"{API}/community/latest/cmn/system/app-message-webhook/deregister", status=404, json=gone
    )

    assert reconcile(client, APP, PUBLIC, set()).deregistered == [ONE]


def test_a_cut_in_the_middle_is_finished_by_a_repeat(client, wire):
    wanted = sorted(desired([], PUBLIC))[:2]
    _present(wire)
    wire.post(REGISTER, body="")
    wire.post(REGISTER, status=503)
    with pytest.raises(TransientError):
        reconcile(client, APP, PUBLIC, wanted)

    wire.replace("POST", EXECUTE, json={"definition": [], "data": []})
    wire.replace("POST", REGISTER, body="")

    assert reconcile(client, APP, PUBLIC, wanted).registered == wanted


def test_an_event_that_this_erp_does_not_offer_is_done_without(client, wire):
    _present(wire)
    unknown = {"httpStatus": 404, "trackingId": "t-1"}
    wire.post(REGISTER, status=404, json=unknown)
    wire.post(
        f"{API}/community/latest/cmn/system/app-message-webhook/register", status=404, json=unknown
    )

    assert reconcile(client, APP, PUBLIC, {ONE}) == ([], [], [ONE])


def test_a_channel_that_the_erp_does_not_know_keeps_no_other_from_its_events(client, wire):
    """E.g. `channel add` with a typo: it is said, and the others are registered all the same."""
    _present(wire)
    wanted = sorted(desired(["42"], PUBLIC), key=lambda one: "=42)" not in one.queue)
    unknown = {"httpStatus": 404, "trackingId": "t-1"}
    facade = f"{API}/community/latest/cmn/system/app-message-webhook/register"
    wire.post(REGISTER, status=404, json=unknown)
    wire.post(facade, status=404, json=unknown)
    for _one in wanted[1:]:
        wire.post(REGISTER, body="")

    with pytest.raises(Gone):
        reconcile(client, APP, PUBLIC, set(wanted))

    assert len([one for one in wire.calls if one.request.url == REGISTER]) == len(wanted)
