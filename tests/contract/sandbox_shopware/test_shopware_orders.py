"""Orders, their deliveries and transactions, and the states they go through."""

from __future__ import annotations

import pytest

from sandbox.shops.shopware6.seed import EXPRESS, SHIPPING, STOREFRONT
from tests.contract.sandbox_shopware.support import line

DELIVERY = {"associations": {"deliveries": {"associations": {
    "stateMachineState": {}, "positions": {"associations": {"orderLineItem": {}}}}}}}


@pytest.fixture
def order(stocked):
    return stocked.order(line("A", 2), line("B"), number="10042", shipping=4.9)


@pytest.fixture
def delivery_id(order):
    return order["deliveries"][0]["id"]


def test_an_order_is_put_into_the_shop_and_takes_from_the_stock(stocked, order):
    assert (order["number"], order["state"]) == ("10042", "open")
    assert [(one["number"], one["quantity"], one["gross"]) for one in order["lines"]] == [
        ("A", 2, 11.9), ("B", 1, 11.9)]
    delivery = order["deliveries"][0]
    assert (delivery["state"], delivery["tracking_codes"]) == ("open", [])
    assert delivery["shipping_method"] == "shipping_standard"
    assert delivery["shipping_costs"] == 4.9
    assert [one["state"] for one in order["transactions"]] == ["open"]
    state = stocked.state()
    assert (state["A"]["stock"], state["B"]["stock"]) == (3, -1)
    assert (state["A"]["writes"], state["B"]["writes"]) == (1, 1)  # nobody wrote by the API
    sold = stocked.admin("GET", "history?number=A").get_json()["writes"][-1]
    assert (sold["by"], sold["action"], sold["body"]["quantity"]) == ("order", "sold", 2)


def test_orders_are_numbered_on_and_listed_by_id(stocked):
    placed = stocked.admin("POST", "orders", {"orders": [
        {"lines": [line("A")], "id": "1" * 32}, {"lines": [line("B")], "id": "2" * 32}]})

    assert [one["number"] for one in placed.get_json()["orders"]] == ["10000", "10001"]
    rest = stocked.admin("GET", f"orders?after={'1' * 32}&limit=5").get_json()["orders"]
    assert [one["id"] for one in rest] == ["2" * 32]


@pytest.mark.parametrize(("wanted", "sentence"), [
    ({}, "An order is an object with a list of `lines`."),
    ({"lines": []}, "An order is an object with a list of `lines`."),
    ({"lines": [line("X")]}, "There is no product with the id or number 'X'."),
    ({"lines": [line("A", 0)]}, "`quantity` is a whole number from 1."),
    ({"lines": [line("A")], "paid": True}, "Unknown: paid."),
    ({"lines": [line("A")], "number": "10042"}, "`number` is a text that no other order has."),
])
def test_an_order_that_makes_no_sense_is_refused_whole(stocked, order, wanted, sentence):
    answer = stocked.admin("POST", "orders", [{"lines": [line("C")]}, wanted])

    assert (answer.status_code, answer.get_json()["message"]) == (400, sentence)
    assert len(stocked.admin("GET", "orders").get_json()["orders"]) == 1
    assert stocked.state()["C"]["stock"] == 5
    assert len(stocked.admin("GET", "history?number=C").get_json()["writes"]) == 1


def test_an_order_is_found_by_its_number_with_deliveries_states_and_positions(stocked, order):
    found = stocked.search("order", filter=[
        {"type": "equals", "field": "orderNumber", "value": "10042"}], **DELIVERY).get_json()

    assert found["total"] == 1
    row = found["data"][0]
    assert (row["amountTotal"], row["amountNet"], row["shippingTotal"]) == (40.6, 34.12, 4.9)
    assert (row["salesChannelId"], row["lineItems"]) == (STOREFRONT, None)
    delivery = row["deliveries"][0]
    assert delivery["stateMachineState"]["technicalName"] == "open"
    assert [(one["quantity"], one["orderLineItem"]["payload"]["productNumber"])
            for one in delivery["positions"]] == [(2, "A"), (1, "B")]


def test_a_delivery_is_found_through_its_order(stocked, order, delivery_id):
    found = stocked.search("order-delivery", filter=[
        {"type": "equals", "field": "order.orderNumber", "value": "10042"}]).get_json()

    assert [row["id"] for row in found["data"]] == [delivery_id]


def test_tracking_codes_are_replaced_and_must_be_texts(stocked, order, delivery_id):
    path = f"/api/order-delivery/{delivery_id}"
    stocked.call("PATCH", path, {"trackingCodes": ["1", "2"]})
    answer = stocked.call("PATCH", path, {"trackingCodes": ["3"]})
    refused = stocked.call("PATCH", path, {"trackingCodes": ["4", 5]})

    assert (answer.status_code, refused.status_code) == (204, 400)
    assert refused.get_json()["errors"][0]["source"]["pointer"] == "/0/trackingCodes/1"
    assert stocked.seen_order("10042")["deliveries"][0]["tracking_codes"] == ["3"]


def test_tracking_codes_can_be_synced(stocked, order, delivery_id):
    answer = stocked.upsert({"id": delivery_id, "trackingCodes": ["7"]}, entity="order_delivery")

    assert answer.status_code == 200
    assert stocked.seen_order("10042")["deliveries"][0]["tracking_codes"] == ["7"]


def test_shipping_again_is_answered_as_done_and_leaves_no_trace(stocked, order, delivery_id):
    first = stocked.step("order_delivery", delivery_id, "ship")
    again = stocked.step("order_delivery", delivery_id, "ship")

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.get_json()["technicalName"] == again.get_json()["technicalName"] == "shipped"
    past = stocked.search("state-machine-history", filter=[
        {"type": "equals", "field": "referencedId", "value": delivery_id}],
        associations={"toStateMachineState": {}}).get_json()["data"]
    assert [(one["transitionActionName"], one["toStateMachineState"]["technicalName"])
            for one in past] == [("ship", "shipped")]


@pytest.mark.parametrize(("actions", "ends"), [
    (["ship_partially", "ship", "retour_partially", "retour", "reopen"], "open"),
    (["ship_partially", "retour"], "returned"),
    (["ship", "cancel", "reopen", "ship"], "shipped"),
])
def test_a_delivery_goes_through_its_states(stocked, order, delivery_id, actions, ends):
    for action in actions:
        assert stocked.step("order_delivery", delivery_id, action).status_code == 200

    assert stocked.seen_order("10042")["deliveries"][0]["state"] == ends


@pytest.mark.parametrize(("before", "action", "possible"), [
    ([], "retour", ["cancel", "ship", "ship_partially"]),
    (["ship"], "ship_partially", ["cancel", "retour", "retour_partially"]),
    (["ship", "retour"], "ship", ["reopen"]),
    (["cancel"], "ship", ["reopen"]),
])
def test_an_illegal_step_names_the_legal_ones(
        stocked, order, delivery_id, before, action, possible):
    for one in before:
        stocked.step("order_delivery", delivery_id, one)

    answer = stocked.step("order_delivery", delivery_id, action)

    assert answer.status_code == 400
    problem = answer.get_json()["errors"][0]
    assert problem["code"] == "SYSTEM__ILLEGAL_STATE_TRANSITION"
    assert problem["meta"]["parameters"]["possibleTransitions"] == possible
    listed = stocked.call("GET", f"/api/_action/state-machine/order_delivery/{delivery_id}/state")
    assert [one["actionName"] for one in listed.get_json()["transitions"]] == possible


def test_the_steps_that_are_listed_can_be_taken_by_their_address(stocked, order, delivery_id):
    listed = stocked.call("GET", f"/api/_action/state-machine/order_delivery/{delivery_id}/state")
    ship = next(one for one in listed.get_json()["transitions"] if one["actionName"] == "ship")

    assert stocked.call("POST", ship["url"], {}).status_code == 200
    assert stocked.seen_order("10042")["deliveries"][0]["state"] == ship["toStateName"]


def test_a_state_is_changed_by_steps_only(stocked, order, delivery_id):
    shipped = stocked.search("state-machine-state", filter=[
        {"type": "equals", "field": "technicalName", "value": "shipped"},
        {"type": "equals", "field": "stateMachine.technicalName",
         "value": "order_delivery.state"}]).get_json()["data"]

    answer = stocked.call("PATCH", f"/api/order-delivery/{delivery_id}",
                          {"stateId": shipped[0]["id"], "trackingCodes": ["1"]})

    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["source"]["pointer"] == "/0/stateId"
    delivery = stocked.seen_order("10042")["deliveries"][0]
    assert (delivery["state"], delivery["tracking_codes"]) == ("open", [])


def test_a_cancelled_order_gives_the_stock_back_once(stocked, order):
    for _ in range(2):
        assert stocked.step("order", order["id"], "cancel").status_code == 200

    assert stocked.state()["A"]["stock"] == 5
    stocked.step("order", order["id"], "reopen")
    assert stocked.state()["A"]["stock"] == 3


def test_every_write_to_an_order_is_kept_in_order(stocked, order, delivery_id):
    stocked.call("PATCH", f"/api/order-delivery/{delivery_id}", {"trackingCodes": ["1"]})
    stocked.step("order_delivery", delivery_id, "ship", sendMail=False)
    stocked.step("order_delivery", delivery_id, "ship")
    stocked.step("order_delivery", delivery_id, "reopen")
    stocked.call("PATCH", f"/api/order/{order['id']}", {"customFields": {"erp": "1"}})
    stocked.step("order", order["id"], "process")

    seen = stocked.seen_order("10042")

    assert [(one["entity"], one["action"], one["result"], one.get("mail"))
            for one in seen["writes"]] == [
        ("order_delivery", "upsert", "applied", None),
        ("order_delivery", "ship", "applied", False),
        ("order_delivery", "ship", "unchanged", False),
        ("order_delivery", "reopen", "refused SYSTEM__ILLEGAL_STATE_TRANSITION", None),
        ("order", "upsert", "applied", None),
        ("order", "process", "applied", True)]
    assert seen["custom_fields"] == {"erp": "1"}


def test_custom_fields_of_an_order_are_merged_by_key(stocked):
    order = stocked.order(line("A"), custom_fields={"paypal": "x", "erp": "0"})

    stocked.call("PATCH", f"/api/order/{order['id']}", {"customFields": {"erp": "1"}})

    seen = stocked.seen_order(order["number"])
    assert seen["custom_fields"] == {"paypal": "x", "erp": "1"}


def test_a_discount_on_shipping_makes_a_second_delivery_without_articles(stocked):
    order = stocked.order(line("A"), shipping=4.9, shipping_discounted=True)

    assert [(one["shipping_costs"], len(one["lines"])) for one in order["deliveries"]] == [
        (4.9, 1), (-4.9, 0)]
    row = stocked.search("order", ids=[order["id"]]).get_json()["data"][0]
    assert (row["amountTotal"], row["shippingTotal"]) == (11.9, 0)


def test_the_ways_to_ship_and_to_pay_are_found_by_their_technical_names(stocked):
    shipping = stocked.search("shipping-method", sort=[{"field": "technicalName"}]).get_json()
    payment = stocked.search("payment-method").get_json()

    assert [(one["technicalName"], one["id"]) for one in shipping["data"]] == [
        ("shipping_express", EXPRESS), ("shipping_standard", SHIPPING)]
    assert [one["technicalName"] for one in payment["data"]] == ["payment_invoicepayment"]


def test_a_step_can_meet_a_deadlock_and_is_then_not_taken(stocked, order, delivery_id):
    stocked.admin("POST", "faults", {"kind": "deadlock"})

    refused = stocked.step("order_delivery", delivery_id, "ship")

    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (400, "1213")
    seen = stocked.seen_order("10042")
    assert seen["deliveries"][0]["state"] == "open"
    assert seen["writes"][0]["result"] == "refused 1213, 1213"


def test_a_removed_order_goes_with_everything_below_it(stocked, order, delivery_id):
    assert stocked.call("DELETE", f"/api/order/{order['id']}").status_code == 204

    assert stocked.call("GET", f"/api/order-delivery/{delivery_id}").status_code == 404
    assert stocked.search("order-line-item").get_json()["total"] == 0


def test_a_reset_takes_the_orders_away(stocked, order):
    stocked.admin("POST", "reset")

    assert stocked.admin("GET", "orders").get_json() == {"orders": []}
