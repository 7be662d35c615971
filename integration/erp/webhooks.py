"""Webhook registrations in the ERP: what we want, what there is, and making both equal.

A webhook's body does not say what happened, so every event and channel has an address of its own.
Source: docs/sources.md#erp-webhooks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from integration.erp.client import FACADE, ErpClient
from integration.erp.vql import Column, equals_uuid, is_id, select
from integration.errors import Gone, IntegrationError, Invalid, PermanentError, TransientError

REGISTRATIONS_SOURCE = "system.queryAppMessageWebhook"
REGISTRATION_PATH = "/cmn/system/app-message-webhook"

CHANNEL_EVENTS = (
    "article(sales-channel-id={}).create",
    "article(sales-channel-id={}).update",
    "article(sales-channel-id={})-shelf.update",
)
#: What happens to the sales channels and to the ERP itself: wanted before there is a channel.
LIFE_EVENTS = (
    "sales_channel.create",
    "sales_channel.update",
    "sales_channel.delete",
    "tenant.offline",
    "tenant.online",
)
#: Events of all channels at once. There is none for a deleted article and none called stock.
#: Deliveries come as one of two documents, by the tenant's way to work (vario-erp.md 2.3).
TENANT_EVENTS = (
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
    "shipment.parcel.completed",
    # A file that gets a new revision; nobody says that the shelves which show it tell of it, too.
    "shelf-document.update",
    "shelf-document.delete",
)
_CHANNEL_PART = re.compile(r"\(sales-channel-id=([0-9]+)\)", re.ASCII)


class Registration(NamedTuple):
    """An event (the ERP's destinationQueue) and the address it goes to."""

    queue: str
    url: str


class Changes(NamedTuple):
    registered: list[Registration]
    deregistered: list[Registration]
    #: Wanted, but this ERP has no such event.
    not_offered: list[Registration]


def desired(channel_erp_ids: Iterable[str], public_url: str) -> set[Registration]:
    """What must be registered for these channels; without any, what tells us of the first one.

    Raises: Invalid for a channel id of no digits.
    """
    ids = sorted(set(channel_erp_ids))
    for channel in ids:
        if not is_id(channel):
            raise Invalid(f"{channel!r} is not a sales channel id")
    queues = [*LIFE_EVENTS, *(event.format(one) for one in ids for event in CHANNEL_EVENTS)]
    if ids:
        queues += TENANT_EVENTS
    return {Registration(queue, _address(queue, public_url)) for queue in queues}


def _address(queue: str, public_url: str) -> str:
    channel = _CHANNEL_PART.search(queue)
    event = _CHANNEL_PART.sub("", queue)
    return f"{_webhooks_url(public_url)}{event}" + (f"/{channel[1]}" if channel else "")


def _webhooks_url(public_url: str) -> str:
    return f"{public_url.rstrip('/')}/api/webhooks/"


def channel_of(queue: str) -> str | None:
    """The sales channel that an event is of; None: it is of all, or of the tenant."""
    found = _CHANNEL_PART.search(queue)
    return None if found is None else found[1]


def registered(client: ErpClient, app_identifier: str) -> set[Registration]:
    """What the ERP knows of our app, wherever it points."""
    statement = select(
        [Column("destinationQueue"), Column("url")],
        REGISTRATIONS_SOURCE,
        where=[equals_uuid("appIdentifier", app_identifier)],
        order_by=["destinationQueue", "url"],
    )
    return {
        Registration(str(row["destinationQueue"]), str(row["url"]))
        for row in client.vql_all(statement)
        if row.get("destinationQueue") and row.get("url")
    }


def reconcile(
    client: ErpClient, app_identifier: str, public_url: str, wanted: Collection[Registration]
) -> Changes:
    """Register what is missing and deregister what is ours and no longer wanted.

    Ours are the addresses below our public URL: another installation of the same app, e.g. a
    test system, is left alone. With nothing wanted all of ours go, as for an uninstall.
    An event of the tenant that the ERP does not offer, as older versions may, is done without.

    Failure policy: at least once; what is there already is not registered again, so a repeat
    after a cut finishes the work.
    """
    present = registered(client, app_identifier)
    missing = sorted(set(wanted) - present)
    ours = _webhooks_url(public_url)
    surplus = sorted(one for one in present - set(wanted) if one.url.startswith(ours))
    # New ones first: an event that goes to two addresses is harmless, one that goes nowhere not.
    done: list[Registration] = []
    not_offered: list[Registration] = []
    refused: list[IntegrationError] = []
    for one in missing:
        try:
            _call(client, "register", one, app_identifier)
            done.append(one)
        except Gone as error:
            if _CHANNEL_PART.search(one.queue):
                refused.append(error)
            else:
                not_offered.append(one)
        except (PermanentError, TransientError) as error:
            # One channel that the ERP does not know must not keep the others from their events.
            refused.append(error)
    for one in surplus:
        try:
            _call(client, "deregister", one, app_identifier)
        except Gone:
            continue  # somebody else took it away
    if refused:
        raise refused[0]
    return Changes(done, surplus, not_offered)


def _call(client: ErpClient, verb: str, one: Registration, app_identifier: str) -> None:
    body = {"url": one.url, "destinationQueue": one.queue, "appIdentifier": app_identifier}
    path = f"{REGISTRATION_PATH}/{verb}"
    try:
        client.post(path, body)
    except (Gone, TransientError):
        # A route that a version does not have is a 404 with or without the ERP's own error body.
        client.post(FACADE + path, body)
