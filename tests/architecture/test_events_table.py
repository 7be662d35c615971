"""docs/events.md says of every event of the ERP what happens, and the code does just that."""

import re
from typing import NamedTuple

import pytest

from integration import events
from integration.erp.webhooks import desired
from tests.architecture.source import ROOT

CHANNEL = "(sales-channel-id=:s)"
HEADERS = ["event", "R", "topic or action", "ids, the first one counts", "asks for"]

#: The event catalogue of vario-erp.md 2.3. A `*` stands for several of a group.
CATALOGUE = {
    "article.create",
    "article.update",
    f"article{CHANNEL}.create",
    f"article{CHANNEL}.update",
    f"article{CHANNEL}-shelf.update",
    "article-price.create",
    "article-price.update",
    "article-price.delete",
    f"open_item{CHANNEL}.update",
    "sales_channel.create",
    "sales_channel.update",
    "sales_channel.delete",
    "sales_channel.stockChange",
    "document.*",
    "document.customer_delivery_document.order_to_delivery",
    "document.customer_delivery_document.cancel_accepted",
    "document.customer_delivery_invoice.order_to_deliveryinvoice",
    "document.customer_delivery_invoice.cancel_accepted",
    "document.customer_order.cancel_accepted",
    "document.customer_order.order_close_remaining",
    "shipment.parcel.completed",
    "shelf-document.update",
    "shelf-document.delete",
    "category.*",
    "category-tree.*",
    "listing.category-added",
    "listing.category-removed",
    "account.*",
    f"account{CHANNEL}.*",
    "tenant.online",
    "tenant.offline",
    "asset.*",
    "crmActivity.*",
    "crmDeal.*",
    "crmProject.*",
    "crmTask.*",
    "output.consumer.*",
    "pos.payment.*",
}


class Row(NamedTuple):
    event: str
    is_registered: bool
    asks_for: str
    ids: list[str]


def table() -> list[Row]:
    """The rows of the table, one per event; those below without an event are more of its ids."""
    text = (ROOT / "docs" / "events.md").read_text()
    found: list[Row] = []
    _, _, below = text.partition(f"| {' | '.join(HEADERS)} |\n")
    group: list[Row] = []
    for line in below.splitlines()[1:]:
        if not line.startswith("|"):
            break
        event, registered, asks_for, ids, _ = (one.strip() for one in line.strip("|").split("|"))
        names = re.findall(r"`([^`]+)`", event)
        if ids == "the same":
            ids = " ".join(f"`{one}`" for one in found[-1].ids)
        id_names = re.findall(r"`(\w+)`", ids)
        if not names:
            for row in group:
                row.ids.extend(id_names)
            continue
        assert registered in ("", "R")
        group = [Row(name, registered == "R", asks_for, list(id_names)) for name in names]
        found += group
    return found


def local(event: str) -> str:
    """The name in our addresses."""
    return event.replace(CHANNEL, "")


def handled() -> list[Row]:
    return [row for row in table() if row.asks_for != "not relevant"]


def test_the_table_names_every_event_of_the_catalogue_once():
    named = [row.event for row in table()]

    assert sorted(named) == sorted(CATALOGUE)


def test_every_event_of_the_code_is_in_the_table_and_asks_for_the_same():
    documented = {local(row.event): row.asks_for for row in handled()}

    assert documented == {name: event.label for name, event in events.EVENT_BY_NAME.items()}


def test_the_ids_of_the_table_are_those_that_are_read():
    for row in handled():
        event = events.EVENT_BY_NAME[local(row.event)]
        if not event.is_id_optional:
            assert set(row.ids) == set(event.id_names), row.event


@pytest.mark.contract("10.13")
def test_the_registered_events_of_the_table_are_those_that_are_wanted():
    queues = {one.queue for one in desired(["42"], "https://relay.example")}
    marked = {row.event.replace(":s", "42") for row in table() if row.is_registered}

    assert marked == queues


@pytest.mark.contract("10.2")
def test_every_wanted_address_is_one_that_is_served():
    for one in desired(["42"], "https://relay.example"):
        name = one.url.removeprefix("https://relay.example/api/webhooks/").removesuffix("/42")
        assert events.served(name)


@pytest.mark.parametrize("event", [row.event for row in table() if row.asks_for == "not relevant"])
def test_what_is_not_relevant_is_refused_by_name_and_not_registered(event):
    name = local(event).replace("*", "anything")

    with pytest.raises(events.NotHere) as refused:
        events.served(name)

    assert refused.value.code == "EVENT_NOT_HANDLED"
