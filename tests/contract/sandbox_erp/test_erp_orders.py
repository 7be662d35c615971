"""Orders, deliveries, parcels: what an employee does, what events follow, what REST then shows."""

import pytest

DELIVERY = "document.customer_delivery_document.order_to_delivery"
COMBINED = "document.customer_delivery_invoice.order_to_deliveryinvoice"
PARCEL = "shipment.parcel.completed"


def asked(erp, path, **body):
    answer = erp.admin("POST", path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def order_of(erp, **more):
    return asked(erp, "order", reference="SW-10001",
                 lines=[{"article": "1001", "quantity": 3}, {"article": "1002"}], **more)


def payloads(answer):
    return [(one["queue"], one["payload"]) for one in answer["events"]]


def queues(answer):
    return [queue for queue, _payload in payloads(answer)]


@pytest.mark.parametrize(("combined", "queue", "category"), [
    (False, DELIVERY, "CUSTOMER_DELIVERY_DOCUMENT"), (True, COMBINED, "CUSTOMER_DELIVERY_INVOICE")])
def test_shipping_an_order_leads_from_the_event_to_the_shops_order(
        shared, combined, queue, category):
    order = order_of(shared)

    sent = asked(shared, "ship", order=order["document"], combined=combined, parcels=2)

    assert queues(sent) == [queue, PARCEL, PARCEL]
    delivery = shared.get(f"/erp/documents/{sent['events'][0]['payload']['id']}")
    assert delivery["documentTypeCategory"] == category
    assert delivery["salesChannelRef"]["id"] == "42"
    assert delivery["externalIdentifier"] is None
    [order_id] = {line["customerOrderLineRef"]["documentId"] for line in delivery["lines"]}
    assert shared.get(f"/erp/documents/{order_id}")["externalIdentifier"] == "SW-10001"
    assert [(line["articleId"], line["quantity"]) for line in delivery["lines"]] == [
        ("1001", 3), ("1002", 1)]


def test_parcels_have_a_tracking_number_once_they_are_complete(shared):
    sent = asked(shared, "ship", order=order_of(shared)["document"], parcels=2, complete=False)
    path = f"/erp/documents/{sent['document']}/parcels"
    assert queues(sent) == [DELIVERY]
    assert [one["trackingNumber"] for one in shared.get(path)] == [None, None]

    done = asked(shared, "parcel", parcel=sent["parcels"][0]["parcel"])

    assert payloads(done) == [(PARCEL, {"shipmentId": sent["shipment"],
                                        "parcelId": sent["parcels"][0]["parcel"]})]
    first, second = shared.get(path)
    assert (first["parcelState"], second["parcelState"]) == ("COMPLETED", "OPEN")
    assert first["trackingNumber"]
    shipment = shared.get(f"/vds/shipment/{first['shipmentId']}")
    assert (shipment["shipmentState"], shipment["documentId"]) == (
        "IN_PROCESS", str(sent["document"]))
    assert shipment["carrier"]["label"] == "DHL"


def test_an_order_is_delivered_in_parts_and_its_lines_say_how_far(shared):
    order = order_of(shared)["document"]

    asked(shared, "ship", order=order, lines=[{"article": "1001", "quantity": 2}])

    lines = shared.get(f"/erp/documents/{order}")["lines"]
    assert [(line["lineType"], line["quantity"], line["quantityCommitted"], line["complete"])
            for line in lines] == [("ARTICLE_LINE", 3, 2, False), ("ARTICLE_LINE", 1, 0, False),
                                   ("SHIPPING_COST_LINE", 1, 0, False)]
    rest = asked(shared, "ship", order=order)
    assert [(line["article"], line["quantity"]) for line in rest["lines"]] == [
        (1001, 1), (1002, 1)]
    assert shared.admin("POST", "ship", {"order": order}).status_code == 400


def test_a_cancelled_delivery_is_open_to_be_delivered_again(shared):
    order = order_of(shared)["document"]
    first = asked(shared, "ship", order=order)

    cancelled = asked(shared, "cancel", document=first["document"])

    assert queues(cancelled) == ["document.customer_delivery_document.cancel_accepted"]
    parcels = shared.get(f"/erp/documents/{first['document']}/parcels")
    assert {one["parcelState"] for one in parcels} == {"CANCELLED"}
    assert len(asked(shared, "ship", order=order)["lines"]) == 2


@pytest.mark.parametrize(("rest", "queue", "state"), [
    (False, "document.customer_order.cancel_accepted", "CANCELLED"),
    (True, "document.customer_order.order_close_remaining", "CLOSED")])
def test_an_order_is_cancelled_or_its_rest_closed(shared, rest, queue, state):
    order = order_of(shared)["document"]

    sent = asked(shared, "cancel", document=order, rest=rest)

    assert payloads(sent) == [(queue, {"id": order})]
    assert shared.get(f"/erp/documents/{order}/flat")["documentState"]["key"] == state
    assert shared.admin("POST", "ship", {"order": order}).status_code == 400


@pytest.mark.parametrize("field", [
    "externalIdentifier", "externalNumber", "referencedOrderNumber"])
def test_the_shops_order_stands_in_the_field_that_was_chosen(shared, field):
    shared.set(order_reference=field)

    order = shared.get(f"/erp/documents/{order_of(shared)['document']}")

    found = {name for name in ("externalIdentifier", "externalNumber", "referencedOrderNumber")
             if order[name] == "SW-10001"}
    assert found == {field}


def test_the_event_of_a_delivery_can_name_the_order(shared):
    shared.set(delivery_event_id="order")
    order = order_of(shared)["document"]

    sent = asked(shared, "ship", order=order, complete=False)

    assert payloads(sent) == [(DELIVERY, {"id": order})]


def test_without_an_order_one_is_made_of_what_the_shop_shows(shared):
    sent = asked(shared, "ship", channel=43)

    assert queues(sent) == ["document.customer_order.create", DELIVERY, PARCEL]
    assert (sent["channel"], len(sent["lines"])) == (43, 2)
    [order] = shared.admin("GET", "orders").json()
    assert (order["document"], order["reference"]) == (sent["order"], None)
    # An order that is not from the shop has no id of the shop.
    assert shared.get(f"/erp/documents/{order['document']}")["externalIdentifier"] is None


def test_documents_can_be_queried_and_written_to(shared):
    order = order_of(shared)["document"]
    shared.call("PATCH", f"/erp/documents/{order}", {"custom": {"shop": {"fulfilment": "9"}}})

    assert shared.get(f"/erp/documents/{order}/flat")["custom"] == {"shop": {"fulfilment": "9"}}
    rows = shared.rows("SELECT id, name, documentDate FROM document.querySalesDocuments")
    assert [(row["id"], row["name"]) for row in rows] == [(order, f"AB-{order}")]


def test_another_tenants_documents_are_not_found(shared):
    other = type(shared)(shared.url, "beta")
    sent = asked(shared, "ship")

    assert other.call("GET", f"/erp/documents/{sent['document']}").status_code == 404
    assert other.call("GET", f"/vds/shipment/{sent['shipment']}").status_code == 404
    assert other.rows("SELECT id FROM document.querySalesDocuments") == []


@pytest.mark.parametrize(("path", "body"), [
    ("order", {"lines": [{"article": "none"}]}), ("order", {"channel": 9}),
    ("order", {"lines": [{"article": "1001", "quantity": 0}]}), ("order", {"reference": 1}),
    ("ship", {"order": 1}), ("ship", {"parcels": 101}), ("ship", {"combined": "yes"}),
    ("parcel", {"parcel": 1}), ("cancel", {"document": 1}), ("cancel", {})])
def test_what_makes_no_sense_is_400(shared, path, body):
    answer = shared.admin("POST", path, body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}
    assert shared.admin("GET", "orders").json() == []
