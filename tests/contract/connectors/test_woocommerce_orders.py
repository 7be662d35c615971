"""What the WooCommerce connector does with deliveries, against a shop over HTTP, failing too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
import requests

from cli.server_processes import until
from integration.connectors import http
from integration.connectors.base import Earlier, Payload, Receipt
from integration.documents import (
    DeliveryDocument,
    OrderPart,
    OrderState,
    ParcelDocument,
    ShippedLine,
)
from integration.errors import Busy, ClaimLost, Rejected, Throttled, TransientError
from integration.topology import Topic
from tests.contract.connectors.woocommerce import Shop

STATUSES = "POST /wp-json/wc/v3/orders/batch"
NOTES = "POST /wp-json/wc/v3/orders/{order_id}/notes"
SHIPPED, PARTLY, OPEN, CANCELLED = (
    OrderState.SHIPPED,
    OrderState.PARTLY_SHIPPED,
    OrderState.OPEN,
    OrderState.CANCELLED,
)
WAYS: dict[str, dict[str, Any]] = {
    "fulfillments": {"fulfillments": True},
    "shipment-tracking": {"tracking_plugin": "wc-shipment-tracking/v3"},
    "ast": {"tracking_plugin": "wc-ast/v3"},
    "note": {},
}


@pytest.fixture
def shop(woocommerce: Shop) -> Shop:
    return woocommerce


@pytest.fixture(params=list(WAYS))
def any_shop(request: pytest.FixtureRequest, open_woocommerce: Any) -> Shop:
    """A shop for each way to keep tracking."""
    found: Shop = open_woocommerce(**WAYS[request.param])
    return found


def place(shop: Shop, *, number: str | None = None, quantity: int = 2) -> str:
    """An order of two articles; its number."""
    if "P1" not in shop.products:
        shop.admin("products", products=[{"number": "P1", "stock": 9}, {"number": "P2"}])
    lines = [{"article": "P1", "quantity": quantity}, {"article": "P2", "quantity": 1}]
    given = {"lines": lines, **({} if number is None else {"number": number})}
    made = shop.admin("orders", orders=[given])["orders"]
    return str(made[0]["number"])


def parcel(number: str, **more: Any) -> ParcelDocument:
    return ParcelDocument(number, **{"carrier_label": "DHL Paket", **more})


def delivery(
    order: str,
    *tracking: str,
    state: OrderState = SHIPPED,
    document: str = "61",
    lines: tuple[ShippedLine, ...] = (ShippedLine("1", "P1", Decimal(2)),),
    **more: Any,
) -> DeliveryDocument:
    parts = (OrderPart("51", order, state, lines),)
    return DeliveryDocument(document, parts, tuple(parcel(one) for one in tracking), **more)


def push(
    shop: Shop, *documents: DeliveryDocument, earlier: Any = None, **parts: Any
) -> list[Receipt]:
    connector = shop.connector(**parts)
    payloads: list[Payload] = [connector.delivery_payload(one, None) for one in documents]
    for payload in payloads:
        known = Earlier(was_sent=False, was_withdrawn=False, tracking_numbers=[])
        payload["earlier"] = {**known, **(earlier or {})}  # type: ignore[typeddict-item]
    receipts: list[Receipt] = connector.push(Topic.ORDER_STATUS, payloads, key="k")
    return receipts


def shown(shop: Shop, number: str) -> dict[str, Any]:
    url = f"{shop.url}/_sandbox/orders"
    found = requests.get(url, params={"number": number}, timeout=5).json()["orders"]
    order: dict[str, Any] = found[0]
    return order


def state(shop: Shop, number: str) -> tuple[str, list[str]]:
    order = shown(shop, number)
    return order["status"], order["deliveries"][0]["tracking_codes"]


def armed(shop: Shop) -> int:
    """Faults that have not hit yet."""
    return len(requests.get(f"{shop.url}/_sandbox/faults", timeout=5).json()["armed"])


# --- every way to keep tracking -------------------------------------------------------------------


def test_tracking_is_there_before_the_status_that_mails_it(any_shop: Shop) -> None:
    order = place(any_shop)

    (receipt,) = push(any_shop, delivery(order, "T1", "T2"))

    assert receipt.error is None
    assert receipt.external_id
    assert state(any_shop, order) == ("completed", ["T1", "T2"])
    assert shown(any_shop, order)["statuses"][-1]["tracking"] == ["T1", "T2"]


def test_a_document_that_is_sent_again_changes_nothing(any_shop: Shop) -> None:
    order = place(any_shop)
    first = push(any_shop, delivery(order, "T1"))
    before = shown(any_shop, order)

    again = push(any_shop, delivery(order, "T1"), earlier={"was_sent": True})

    assert again == first
    assert shown(any_shop, order) == before


def test_several_documents_of_one_order_keep_each_others_tracking(any_shop: Shop) -> None:
    order = place(any_shop)
    one_piece = (ShippedLine("1", "P1", Decimal(1)),)

    push(any_shop, delivery(order, "T1", state=PARTLY, lines=one_piece))
    first = state(any_shop, order)
    push(any_shop, delivery(order, "T2", document="62", lines=one_piece))

    assert (first, state(any_shop, order)) == (
        ("processing", ["T1"]),
        ("completed", ["T1", "T2"]),
    )


def test_another_number_takes_the_place_of_the_old_one(any_shop: Shop) -> None:
    order = place(any_shop)
    push(any_shop, delivery(order, "T1", "T2"))

    earlier = {"was_sent": True, "tracking_numbers": ["T1", "T2"]}
    push(any_shop, delivery(order, "T2", "T3"), earlier=earlier)

    assert state(any_shop, order)[1] == ["T2", "T3"]


def test_a_cancelled_delivery_takes_its_tracking_back(any_shop: Shop) -> None:
    order = place(any_shop)
    push(any_shop, delivery(order, "T1"))

    earlier = {"was_sent": True, "was_withdrawn": True, "tracking_numbers": ["T1"]}
    taken_back = delivery(order, state=OPEN, lines=(), is_cancelled=True)
    receipts = push(any_shop, taken_back, earlier=earlier)
    again = push(any_shop, taken_back, earlier=earlier)

    assert [one.error for one in receipts + again] == [None, None]
    assert state(any_shop, order) == ("processing", [])


def test_after_an_unknown_outcome_nothing_is_there_twice(any_shop: Shop) -> None:
    order = place(any_shop)
    any_shop.connector()._tracker.kind(int(order))
    ways = ("fulfillments", "shipment-trackings", "notes")
    for way in ways:
        any_shop.fault("timeout-after", route=f"/{way}", seconds=0.1, count=1)
    # The look goes wrong first, then the write.
    failed = 0
    for _ in range(3):
        try:
            push(any_shop, delivery(order, "T1"))
        except TransientError:
            failed += 1

    assert failed >= 1
    assert state(any_shop, order) == ("completed", ["T1"])


def test_what_a_shop_wrote_late_beside_its_repetition_is_taken_away_again(any_shop: Shop) -> None:
    order = place(any_shop)
    any_shop.connector()._tracker.kind(int(order))
    namespaces = ("wc/v3", "wc-shipment-tracking/v3", "wc-ast/v3")
    for one in namespaces:
        any_shop.fault("late", route=f"POST /wp-json/{one}/orders/{order}/", seconds=0.5, count=1)
    with ThreadPoolExecutor() as pool:
        late = pool.submit(push, any_shop, delivery(order, "T1", "T2"))
        assert until(lambda: armed(any_shop) < len(namespaces), 5)
        push(any_shop, delivery(order, "T1", "T2"))
        late.result()
    assert len(state(any_shop, order)[1]) > 2

    (receipt,) = push(any_shop, delivery(order, "T1", "T2"), earlier={"was_sent": True})

    assert receipt.error is None
    assert state(any_shop, order) == ("completed", ["T1", "T2"])


# --- what each way says ---------------------------------------------------------------------------


def test_a_fulfilment_names_lines_quantities_and_carrier(open_woocommerce: Any) -> None:
    shop = open_woocommerce(fulfillments=True)
    order = place(shop)
    mapped = DeliveryDocument(
        "61",
        (OrderPart("51", order, PARTLY, (ShippedLine("1", "p1", Decimal(1)),)),),
        (parcel("T1", shop_carrier="dhl", tracking_url="https://dhl.example/T1"),),
    )

    (receipt,) = push(shop, mapped)

    (made,) = shown(shop, order)["fulfillments"]
    meta = {one["key"]: one["value"] for one in made["meta_data"]}
    assert receipt.external_id == str(made["id"])
    assert [one["qty"] for one in meta["_items"]] == [1]
    assert (meta["_shipment_provider"], meta["_tracking_url"]) == ("dhl", "https://dhl.example/T1")


@pytest.mark.parametrize(
    ("way", "unmapped"),
    [("shipment-tracking", "DHL Paket"), ("ast", "DHL Paket")],
)
def test_a_plugin_gets_the_carrier_by_its_mapping_or_by_name(
    open_woocommerce: Any, way: str, unmapped: str
) -> None:
    shop = open_woocommerce(**WAYS[way])
    order = place(shop)
    parcels = (parcel("T1", shop_carrier="DHL"), parcel("T2"))
    push(shop, DeliveryDocument("61", (OrderPart("51", order, SHIPPED),), parcels))

    providers = [one["tracking_provider"] for one in shown(shop, order)["trackings"]]
    assert providers == ["DHL", unmapped]


def test_a_carrier_that_the_plugin_does_not_know_is_named(open_woocommerce: Any) -> None:
    shop = open_woocommerce(**WAYS["shipment-tracking"])
    order = place(shop)
    parcels = (parcel("T1", shop_carrier="Brieftaube"),)

    (receipt,) = push(shop, DeliveryDocument("61", (OrderPart("51", order, SHIPPED),), parcels))

    assert isinstance(receipt.error, Rejected)
    assert "Invalid tracking provider" in str(receipt.error)
    assert state(shop, order) == ("processing", [])


@pytest.mark.parametrize(("mails", "to_customer"), [("on", True), ("off", False)])
def test_a_note_goes_to_the_customer_only_where_mails_are_wanted(
    shop: Shop, mails: str, to_customer: bool
) -> None:
    shop.parameters["order_mails"] = mails
    order = place(shop)
    shop.admin("notes", id=int(order), note="Kunde fragte nach T1 am Telefon")

    push(shop, delivery(order, "T1"))
    push(shop, delivery(order, "T2"), earlier={"was_sent": True, "tracking_numbers": ["T1"]})

    notes = [(one["note"], one["to_customer"]) for one in shown(shop, order)["notes"]]
    assert notes == [
        ("Kunde fragte nach T1 am Telefon", False),
        ("DHL Paket T2", to_customer),
    ]


def test_the_way_is_asked_for_once_and_may_be_set(open_woocommerce: Any) -> None:
    shop = open_woocommerce(**WAYS["ast"])
    shop.parameters["tracking"] = "note"
    order = place(shop)

    push(shop, delivery(order, "T1"))

    assert (shown(shop, order)["trackings"], state(shop, order)[1]) == ([], ["T1"])


# --- statuses -------------------------------------------------------------------------------------


def test_the_statuses_of_a_batch_are_one_write(shop: Shop) -> None:
    orders = [place(shop) for _ in range(10)]

    receipts = push(shop, *(delivery(one, f"T{one}", document=f"6{one}") for one in orders))

    assert all(one.error is None for one in receipts)
    assert shop.routes[STATUSES] == 1
    assert {state(shop, one)[0] for one in orders} == {"completed"}


def test_no_request_with_statuses_takes_a_slow_shop_long(open_woocommerce: Any) -> None:
    """Scaled: 1 s per 100 rows here, and a request is meant to take 0.2 s."""
    shop = open_woocommerce(latency_ms_per_100_rows=1_000)
    shop.push_s = 0.8
    orders = [place(shop) for _ in range(40)]

    receipts = push(shop, *(delivery(one, document=f"6{one}") for one in orders))

    assert all(one.error is None for one in receipts)
    # The first 10 rows tell the speed, about 20 take 0.2 s.
    assert 3 <= shop.routes[STATUSES] <= 6


def test_statuses_that_a_slow_shop_has_no_time_for_go_with_the_next_batch(
    open_woocommerce: Any,
) -> None:
    shop = open_woocommerce(latency_ms_per_100_rows=5_000)
    shop.push_s = 0.8
    documents = [delivery(place(shop), document=f"6{n}") for n in range(20)]

    receipts = push(shop, *documents)
    left = [
        one for one, said in zip(documents, receipts, strict=True) if isinstance(said.error, Busy)
    ]
    shop.push_s = 40.0
    again = push(shop, *left)

    assert 0 < len(left) <= 10
    assert all(one.error is None for one in again)
    assert {state(shop, one.orders[0].shop_order)[0] for one in documents} == {"completed"}


def test_statuses_that_are_refused_altogether_fail_and_hold_no_channel(shop: Shop) -> None:
    orders = [place(shop) for _ in range(3)]
    refused = requests.Response()
    refused.status_code = 400
    refused._content = b'{"code": "waf", "message": "No.", "data": {"status": 400}}'
    session = http.session()
    session.hooks["response"].append(
        lambda response, **_: refused if "orders/batch" in str(response.request.url) else response
    )

    receipts = push(shop, *(delivery(one, document=f"6{one}") for one in orders), session=session)

    assert {str(one.error) for one in receipts} == {
        f"the statuses are refused: {shop.connector()._client.settings.host} refuses the request "
        "(400): No. (waf)"
    }


def test_a_cancelled_order_is_cancelled_and_gives_its_stock_back(shop: Shop) -> None:
    order = place(shop)
    ended = delivery(order, state=CANCELLED, lines=())

    push(shop, ended)
    receipts = push(shop, ended)

    assert receipts[0].error is None
    assert (state(shop, order)[0], shop.products["P1"]["stock"]) == ("cancelled", 9)


@pytest.mark.parametrize(
    ("before", "wanted", "words"),
    [
        ("cancelled", SHIPPED, "cancelled in the shop, but the ERP has shipped it"),
        ("completed", CANCELLED, "cancelled in the ERP, but done in the shop"),
    ],
)
def test_what_contradicts_an_employee_is_told(
    shop: Shop, before: str, wanted: OrderState, words: str
) -> None:
    order = place(shop)
    shop.admin("orders/status", id=int(order), status=before)

    (receipt,) = push(shop, delivery(order, state=wanted, lines=()))

    assert isinstance(receipt.error, Rejected)
    assert words in str(receipt.error)
    assert state(shop, order)[0] == before


@pytest.mark.parametrize("before", ["refunded", "completed"])
def test_what_is_past_in_the_shop_stays(shop: Shop, before: str) -> None:
    order = place(shop)
    shop.admin("orders/status", id=int(order), status=before)

    (receipt,) = push(shop, delivery(order, "T1", state=PARTLY))

    assert (receipt.error, state(shop, order)[0]) == (None, before)


# --- finding orders -------------------------------------------------------------------------------


def test_a_number_of_a_plugin_goes_before_an_id(shop: Shop) -> None:
    place(shop, number="RE-7")
    (first,) = all_orders(shop)
    place(shop, number=first["id"])

    receipts = push(shop, delivery("RE-7", "T1"), delivery(first["id"], "T2", document="62"))

    assert [one.error for one in receipts] == [None, None]
    assert state(shop, "RE-7") == ("completed", ["T1"])
    assert state(shop, first["id"]) == ("completed", ["T2"])


def all_orders(shop: Shop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{shop.url}/_sandbox/orders", timeout=5).json()[
        "orders"
    ]
    return found


def test_an_order_that_the_shop_does_not_have_is_named_and_stops_nobody(shop: Shop) -> None:
    order = place(shop)

    lost, other = push(shop, delivery("X9", "T9"), delivery(order, "T1", document="62"))

    assert "the shop has no order X9" in str(lost.error)
    assert other.error is None


# --- trouble --------------------------------------------------------------------------------------


def test_a_shop_that_fails_leaves_what_comes_after_untouched(shop: Shop) -> None:
    orders = [place(shop) for _ in range(3)]
    shop.connector()._tracker.kind(int(orders[0]))
    documents = [delivery(one, f"T{one}", document=f"6{one}") for one in orders]
    push(shop, documents[0])
    shop.fault("502", route=NOTES.replace("{order_id}", orders[1]))

    receipts = push(shop, *documents)

    assert [type(one.error) for one in receipts] == [type(None), TransientError, Busy]


def test_a_pause_is_kept(shop: Shop) -> None:
    order = place(shop)
    shop.fault("429-retry-after", route="GET /wp-json/wc/v3/orders")

    with pytest.raises(Throttled):
        push(shop, delivery(order, "T1"))


def test_each_write_is_asked_for_and_a_lost_claim_sends_nothing(shop: Shop) -> None:
    order = place(shop)
    shop.gate.refusal = {1: ClaimLost("it was taken over")}

    with pytest.raises(ClaimLost):
        push(shop, delivery(order, "T1"))

    assert state(shop, order) == ("processing", [])
