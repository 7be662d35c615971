"""Order statuses from the ERP's documents to the deliveries of a Shopware, both over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import inspect, select, text

from cli import demo_orders
from integration import carriers, hold_report, queue_report, toggles, wire
from integration.connectors.shopware6.client import Client
from integration.history import contents
from integration.mapping_kinds import Kind
from integration.models import ChannelMapping, HistoryContent, WorkItemState
from integration.topics import order_status
from integration.topics.order_status import AWAITS_TRACKING
from integration.topology import Topic
from integration.work_items import UNCHANGED
from sandbox import comparison, order_comparison, serving
from sandbox.erp import Options as ErpOptions
from sandbox.erp import create_app as create_erp
from sandbox.shops.shopware6 import Options as ShopOptions
from sandbox.shops.shopware6 import create_app as create_shop
from tests.integration.orders import Orders
from tests.integration.relay import WorkerDied

COMPLETED, FAILED, QUEUED = WorkItemState.COMPLETED, WorkItemState.FAILED, WorkItemState.QUEUED
GRACE_S = 3_600.0


@pytest.fixture
def orders(sqlite_url: str) -> Iterator[Orders]:
    credentials: dict[str, str] = {}

    def shop(url: str) -> Any:
        made = create_shop(ShopOptions(), url)
        credentials.update(made.config["CREDENTIALS"])
        return made

    with (
        serving.running(lambda url: create_erp(ErpOptions(articles=10), url)) as erp_url,
        serving.running(shop) as shop_url,
    ):
        relay = Orders(sqlite_url, erp_url, shop_url, credentials)
        yield relay
        relay.close()


def numbers(shipped: dict[str, Any]) -> list[str]:
    return [one["tracking"] for one in shipped["parcels"] if one["tracking"]]


@pytest.mark.contract("10.13")
def test_a_delivery_is_shipped_with_the_numbers_of_all_its_parcels(orders):
    shipped = orders.ship(orders.order("10000"), parcels=2)

    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(shipped))
    assert len(numbers(shipped)) == 2
    assert orders.item(shipped["document"]).state == COMPLETED
    assert orders.record(shipped).external_id == orders.shop_order("10000")["deliveries"][0]["id"]


@pytest.mark.contract("10.13")
def test_a_combined_delivery_and_invoice_is_a_delivery(orders):
    orders.ship(orders.order("10000"), combined=True)

    orders.drain()

    assert orders.delivery("10000")[0] == "shipped"


@pytest.mark.contract("10.13")
def test_the_parcel_alone_leads_to_its_delivery(orders):
    order = orders.order("10000")
    shipped = orders.erp("ship", order=order["document"])
    orders.hint_documents(f"shipment:{shipped['shipment']}")

    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(shipped))
    shipment = orders.item(f"shipment:{shipped['shipment']}")
    assert (shipment.state, shipment.skip_reason) == (
        COMPLETED,
        f"see document {shipped['document']}",
    )


def test_the_order_is_named_where_the_erp_names_it_instead_of_the_delivery(orders):
    order = orders.order("10000")
    orders.erp("ship", order=order["document"], complete=False)
    orders.hint_documents(order["document"])

    orders.drain()
    orders.time_passes(GRACE_S + 1)
    orders.drain()

    assert orders.delivery("10000") == ("shipped", [])


def test_however_often_it_is_sent_one_delivery_is_one_fulfilment(orders):
    shipped = orders.ship(orders.order("10000"))
    orders.drain()
    before = orders.shop_writes()

    for _ in range(3):
        orders.hint_documents(shipped["document"])
        orders.drain()

    assert orders.item(shipped["document"]).skip_reason == UNCHANGED
    assert orders.shop_writes() == before
    assert orders.steps("10000") == ["ship"]


def test_a_shipment_whose_answer_was_lost_is_shipped_once(orders):
    shipped = orders.ship(orders.order("10000"))
    orders.admin("faults", kind="cut-body", route="POST /api/_action/order_delivery", count=1)

    orders.drain()
    assert orders.item(shipped["document"]).state == QUEUED
    orders.doubts_are_over()
    orders.retries_are_due()
    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(shipped))
    history = orders.shop_order("10000")["writes"]
    assert [one["result"] for one in history if one["action"] == "ship"] == ["applied"]
    assert orders.item(shipped["document"]).state == COMPLETED


def test_a_worker_that_dies_between_two_steps_leaves_one_fulfilment(orders, monkeypatch):
    shipped = orders.ship(orders.order("10000"))
    claim_id = orders.claim()
    take_step = Client.take_step

    def die_after(client: Client, *step: Any) -> Any:
        take_step(client, *step)
        raise WorkerDied

    monkeypatch.setattr(Client, "take_step", die_after)
    with pytest.raises(WorkerDied):
        orders.run(claim_id)
    monkeypatch.undo()
    assert orders.record(shipped).sent_at is not None
    orders.expire_leases()
    orders.doubts_are_over()
    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(shipped))
    history = orders.shop_order("10000")["writes"]
    assert [one["result"] for one in history if one["action"] == "ship"] == ["applied"]
    assert orders.item(shipped["document"]).state == COMPLETED


def test_a_partial_delivery_is_partly_shipped_until_the_rest_follows(orders):
    order = orders.order("10000")
    first = orders.ship(order, first=1)
    orders.drain()
    assert orders.delivery("10000") == ("shipped_partially", numbers(first))

    rest = orders.ship(order)
    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(first) + numbers(rest))
    assert orders.steps("10000") == ["ship_partially", "ship"]


def test_two_deliveries_of_one_batch_keep_each_others_numbers(orders):
    order = orders.order("10000")
    first, rest = orders.ship(order, first=1), orders.ship(order)

    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(first) + numbers(rest))


def test_numbers_of_the_shop_itself_stay(orders):
    order = orders.order("10000")
    delivery = orders.shop_order("10000")["deliveries"][0]
    row = {"id": delivery["id"], "trackingCodes": ["BY-HAND-1"]}
    orders.as_employee("order_delivery", row)
    shipped = orders.ship(order)

    orders.drain()

    assert orders.delivery("10000") == ("shipped", ["BY-HAND-1", *numbers(shipped)])


def test_a_delivery_waits_for_its_label_and_goes_with_it(orders):
    shipped = orders.ship(orders.order("10000"), complete=False)
    orders.drain()

    waiting = orders.item(shipped["document"])
    assert (waiting.state, waiting.hold_reason, waiting.attempts) == (QUEUED, AWAITS_TRACKING, 0)
    assert 3_500 < (waiting.due_at - waiting.last_event_at).total_seconds() < 3_700
    assert orders.delivery("10000") == ("open", [])
    with orders.runtime.scope() as session:
        (cause,) = hold_report.groups(session)
    assert cause.words == (
        f"document {shipped['document']}: its parcels have no tracking numbers yet, it goes with "
        "them or without them 60 min after it was first seen",
        "nothing, it goes with its numbers, or without them after tracking_wait_min",
        False,
    )

    number = orders.label(shipped)
    orders.drain()
    assert orders.delivery("10000") == ("shipped", [number])


def test_a_delivery_without_a_label_goes_after_a_while_and_its_number_follows(orders):
    shipped = orders.ship(orders.order("10000"), complete=False, parcels=2)
    orders.drain()
    orders.time_passes(GRACE_S - 60)
    orders.drain()
    assert orders.delivery("10000") == ("open", [])

    orders.time_passes(GRACE_S + 1)
    orders.drain()
    assert orders.delivery("10000") == ("shipped", [])

    late = [orders.label(shipped, parcel) for parcel in (0, 1)]
    orders.drain()
    assert orders.delivery("10000") == ("shipped", late)
    assert orders.steps("10000") == ["ship"]


def test_a_merchant_decides_how_long_it_waits(orders):
    orders.set(tracking_wait_min="0")
    orders.ship(orders.order("10000"), complete=False)

    orders.drain()

    assert orders.delivery("10000") == ("shipped", [])


def test_a_delivery_that_is_cancelled_before_it_was_sent_is_never_sent(orders):
    shipped = orders.ship(orders.order("10000"), complete=False)
    orders.cancel(shipped)

    orders.drain()

    assert orders.item(shipped["document"]).skip_reason == order_status.NEVER_SENT
    assert orders.shop_writes() == 0


def test_a_delivery_that_is_cancelled_after_it_was_sent_is_taken_back(orders):
    order = orders.order("10000")
    shipped = orders.ship(order)
    orders.drain()
    orders.cancel(shipped)
    orders.drain()
    assert orders.delivery("10000") == ("open", [])

    again = orders.ship(order)
    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(again))


def test_a_delivery_whose_taking_back_stopped_half_way_is_taken_back(orders):
    order = orders.order("10000")
    shipped = orders.ship(order)
    orders.drain()
    orders.admin("faults", kind="500", route="/state/reopen", count=1)
    orders.cancel(shipped)
    orders.drain()
    assert orders.delivery("10000") == ("cancelled", [])

    orders.doubts_are_over()
    orders.retries_are_due()
    orders.drain()

    assert orders.delivery("10000") == ("open", [])
    assert orders.item(shipped["document"]).state == COMPLETED


def test_a_cancelled_delivery_leaves_what_another_one_shipped(orders):
    order = orders.order("10000")
    first, rest = orders.ship(order, first=1), orders.ship(order)
    orders.drain()

    orders.cancel(rest)
    orders.drain()

    assert orders.delivery("10000") == ("shipped_partially", numbers(first))


def test_an_order_that_is_cancelled_is_cancelled_in_the_shop(orders):
    order = orders.order("10000")

    orders.cancel(order)
    orders.drain()

    assert orders.delivery("10000") == ("cancelled", [])
    assert orders.shop_order("10000")["state"] == "cancelled"


def test_an_order_whose_rest_is_closed_is_shipped(orders):
    order = orders.order("10000")
    first = orders.ship(order, first=1)
    orders.drain()

    orders.cancel(order, rest=True)
    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(first))


def test_what_is_shipped_in_the_shop_already_is_fine(orders):
    order = orders.order("10000")
    orders.step_in_shop("10000", "ship")
    shipped = orders.ship(order)

    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(shipped))
    assert orders.item(shipped["document"]).state == COMPLETED


def test_what_the_shop_has_cancelled_fails_in_words_that_name_the_way_out(orders):
    order = orders.order("10000")
    orders.step_in_shop("10000", "cancel")
    shipped = orders.ship(order)

    orders.drain()

    row = orders.item(shipped["document"])
    assert (row.state, row.error_class) == (FAILED, "Rejected")
    assert row.last_error == (
        "order 10000: its delivery is cancelled in the shop, but the ERP has shipped it; reopen "
        "the delivery there, then `vario-relay queue retry`"
    )


def test_an_order_that_the_shop_does_not_have_fails_alone(orders):
    lost = orders.ship(orders.order("90000", in_shop=False))
    shipped = orders.ship(orders.order("10000"))

    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(shipped))
    with orders.runtime.scope() as session:
        failed = queue_report.failures(session)
    assert [(one.error_class, one.examples) for one in failed] == [
        ("Rejected", (str(lost["document"]),))
    ]
    assert failed[0].message.startswith("the shop has no order 90000; ")


@pytest.mark.contract("10.12")
def test_documents_of_another_channel_are_skipped_with_that_reason(orders):
    orders.erp("tenants", tenant="acme")
    elsewhere = orders.ship(orders.order("10000", channel=43))

    orders.drain()

    assert orders.item(elsewhere["document"]).skip_reason == order_status.NOT_OURS
    assert orders.delivery("10000") == ("open", [])


def test_orders_that_are_not_the_shops_are_skipped_with_that_reason(orders):
    by_phone = orders.erp("order", lines=[{"article": orders.article_ids[0]}])
    shipped = orders.ship(by_phone)

    orders.drain()

    assert orders.item(shipped["document"]).skip_reason == order_status.NO_SHOP_ORDER
    assert orders.shop_writes() == 0


def test_a_channel_names_the_field_that_holds_the_shops_number(orders):
    orders.erp("options", order_reference="referencedOrderNumber")
    shipped = orders.ship(orders.order("10000"))
    orders.set(order_key="externalNumber")
    orders.drain()
    assert orders.item(shipped["document"]).skip_reason == order_status.NO_SHOP_ORDER

    orders.set(order_key="externalNumber,referencedOrderNumber")
    orders.hint_documents(shipped["document"])
    orders.drain()

    assert orders.delivery("10000")[0] == "shipped"


def test_the_shops_own_id_of_an_order_will_do(orders):
    orders.order("10000")
    order = orders.order(orders.shop_order("10000")["id"], in_shop=False)

    orders.ship(order)
    orders.drain()

    assert orders.delivery("10000")[0] == "shipped"


def test_customers_get_no_mails_unless_the_channel_says_so(orders):
    orders.ship(orders.order("10000"))
    orders.drain()
    orders.set(order_mails="on")
    orders.ship(orders.order("10001"))
    orders.drain()

    mails = [
        one["mail"]
        for number in ("10000", "10001")
        for one in orders.shop_order(number)["writes"]
        if one["action"] == "ship"
    ]
    assert mails == [False, True]


def test_a_mapped_carrier_decides_how_the_delivery_is_shipped(orders):
    express = orders.shipping_method("shipping_express")
    with orders.runtime.scope() as session:
        session.add(
            ChannelMapping(
                channel_id=orders.channel_id,
                kind=Kind.CARRIER.value,
                erp_value="3",
                shop_value=express,
            )
        )
    orders.ship(orders.order("10000"))

    orders.drain()

    assert orders.shop_order("10000")["deliveries"][0]["shipping_method"] == "shipping_express"


def test_the_carriers_of_deliveries_are_remembered_with_their_labels(orders):
    orders.ship(orders.order("10000"))
    orders.drain()
    tenant_id = orders.runtime.channel(orders.channel_id).tenant_id

    with orders.runtime.scope() as session:
        assert carriers.seen(session, tenant_id) == {"3": "DHL"}
        carriers.note(session, tenant_id, {"3": "DHL Paket", "4": "UPS"})
        assert carriers.seen(session, tenant_id) == {"3": "DHL Paket", "4": "UPS"}


def test_more_carriers_than_a_merchant_can_have_are_not_kept(orders):
    tenant_id = orders.runtime.channel(orders.channel_id).tenant_id
    with orders.runtime.scope() as session:
        carriers.note(session, tenant_id, {str(n): "DHL" for n in range(carriers.KEPT)})

        carriers.note(session, tenant_id, {"one more": "UPS"})

        assert len(carriers.seen(session, tenant_id)) == carriers.KEPT


def test_a_switched_off_topic_keeps_what_happens(orders):
    with orders.runtime.scope() as session:
        toggles.switch(session, orders.channel_id, Topic.ORDER_STATUS, is_on=False)
    shipped = orders.ship(orders.order("10000"))
    orders.drain()
    assert orders.delivery("10000") == ("open", [])

    with orders.runtime.scope() as session:
        toggles.switch(session, orders.channel_id, Topic.ORDER_STATUS, is_on=True)
    orders.drain()

    assert orders.delivery("10000") == ("shipped", numbers(shipped))


def test_many_deliveries_cost_a_write_each_and_five_percent(orders):
    for number in range(20_000, 20_020):
        orders.ship(orders.order(str(number)))

    orders.drain()

    states = [order["deliveries"][0]["state"] for order in orders.shop_orders()]
    assert states == ["shipped"] * 20
    assert orders.shop_writes() == 21


def test_one_batch_of_a_channel_at_a_time(orders):
    orders.hint_documents(*range(100))

    assert orders.claim() is not None
    assert orders.claim() is None


class Stage:
    """What the demo's orders need of its stage."""

    def __init__(self, orders: Orders) -> None:
        self.erp_url, self.shop_url = orders.erp_url, orders.shop_url

    def get(self, url: str, **params: Any) -> Any:
        return requests.get(url, params=params, timeout=30).json()

    def post(self, url: str, body: dict[str, Any]) -> Any:
        answer = requests.post(url, json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()


def test_the_demos_orders_end_as_the_erp_says_and_a_difference_is_named(orders):
    for_sale = orders.for_sale()
    orders.hint(Topic.ARTICLE, *for_sale)
    orders.drain()
    stage = Stage(orders)
    assert demo_orders.ship_some(stage, "shopware6") == 4  # type: ignore[arg-type]
    made = stage.get(f"{stage.erp_url}/_sandbox/orders")
    orders.hint_documents(*(one["document"] for one in made))
    orders.hint_documents(*(each["document"] for one in made for each in one["deliveries"]))
    orders.hint(Topic.STOCK, *for_sale)

    orders.drain()

    assert order_comparison.differences(orders.erp_url, orders.shop_url) == (4, [])
    states = sorted(one["deliveries"][0]["state"] for one in orders.shop_orders())
    assert states == ["cancelled", "shipped", "shipped", "shipped_partially"]
    verdict = comparison.compare(orders.erp_url, orders.shop_url)
    # The two products of the fixture are in the shop alone.
    assert [one for one in verdict.differences if not one.startswith("product P")] == []

    number = next(one["reference"] for one in made if one["state"] == "CANCELLED")
    orders.step_in_shop(number, "reopen")
    assert order_comparison.differences(orders.erp_url, orders.shop_url)[1] == [
        f"order {number}: its delivery is open in the shop, cancelled in the ERP"
    ]
    orders.step_in_shop(number, "cancel")
    orders.as_employee(
        "order_delivery", {"id": _delivery_id(orders, number), "trackingCodes": ["X"]}
    )
    assert order_comparison.differences(orders.erp_url, orders.shop_url)[1] == [
        f"order {number}: the shop tells the parcels ['X'], the ERP has []"
    ]


def test_nobody_learns_who_the_customer_is(orders, caplog, sqlite_url):
    caplog.set_level(logging.DEBUG)
    secret = "Erika Muster, Teststraße 1"
    order = orders.order("10000")
    shipped = orders.ship(order)
    refused = orders.ship(orders.order("90000", in_shop=False))
    for one in (order, shipped, refused):
        orders.address(one, secret)

    orders.drain()

    assert orders.delivery("10000")[0] == "shipped"
    stored = _everything_in(orders) + _sent_in(orders)
    told = caplog.text
    for word in ("Erika", "Muster", "Teststra", "customer-10000@example.com"):
        assert word not in stored
        assert word not in told
    assert str(shipped["document"]) in stored
    assert numbers(shipped)[0] in _sent_in(orders)


def _delivery_id(orders: Orders, number: str) -> str:
    return str(orders.shop_order(number)["deliveries"][0]["id"])


def _sent_in(orders: Orders) -> str:
    """What the history keeps of what was sent, which is compressed in its table."""
    with orders.runtime.scope() as session:
        bodies = session.scalars(select(HistoryContent.body)).all()
    return "\n".join(wire.dumps(contents.unpacked(one)) for one in bodies)


def _everything_in(orders: Orders) -> str:
    """All rows of all tables, as text."""
    with orders.runtime.engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        return "\n".join(
            repr(tuple(row))
            for table in tables
            for row in connection.execute(text(f'SELECT * FROM "{table}"'))
        )
