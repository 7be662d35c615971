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
        erp, combined, queue, category):
    order = order_of(erp)

    sent = asked(erp, "ship", order=order["document"], combined=combined, parcels=2)

    assert queues(sent) == [queue, PARCEL, PARCEL]
    delivery = erp.get(f"/erp/documents/{sent['events'][0]['payload']['id']}")
    assert delivery["documentTypeCategory"] == category
    assert delivery["salesChannelRef"]["id"] == "42"
    assert delivery["externalIdentifier"] is None
    [order_id] = {line["customerOrderLineRef"]["documentId"] for line in delivery["lines"]}
    assert erp.get(f"/erp/documents/{order_id}")["externalIdentifier"] == "SW-10001"
    assert [(line["articleId"], line["quantity"]) for line in delivery["lines"]] == [
        ("1001", 3), ("1002", 1)]


def test_parcels_have_a_tracking_number_once_they_are_complete(erp):
    sent = asked(erp, "ship", order=order_of(erp)["document"], parcels=2, complete=False)
    path = f"/erp/documents/{sent['document']}/parcels"
    assert queues(sent) == [DELIVERY]
    assert [one["trackingNumber"] for one in erp.get(path)] == [None, None]

    done = asked(erp, "parcel", parcel=sent["parcels"][0]["parcel"])

    assert payloads(done) == [(PARCEL, {"shipmentId": sent["shipment"],
                                        "parcelId": sent["parcels"][0]["parcel"]})]
    first, second = erp.get(path)
    assert (first["parcelState"], second["parcelState"]) == ("COMPLETED", "OPEN")
    assert first["trackingNumber"]
    shipment = erp.get(f"/vds/shipment/{first['shipmentId']}")
    assert (shipment["shipmentState"], shipment["documentId"]) == (
        "IN_PROCESS", str(sent["document"]))
    assert shipment["carrier"]["label"] == "DHL"


def test_an_order_is_delivered_in_parts_and_its_lines_say_how_far(erp):
    order = order_of(erp)["document"]

    asked(erp, "ship", order=order, lines=[{"article": "1001", "quantity": 2}])

    lines = erp.get(f"/erp/documents/{order}")["lines"]
    assert [(line["lineType"], line["quantity"], line["quantityCommitted"], line["complete"])
            for line in lines] == [("ARTICLE_LINE", 3, 2, False), ("ARTICLE_LINE", 1, 0, False),
                                   ("SHIPPING_COST_LINE", 1, 0, False)]
    rest = asked(erp, "ship", order=order)
    assert [(line["article"], line["quantity"]) for line in rest["lines"]] == [
        (1001, 1), (1002, 1)]
    assert erp.admin("POST", "ship", {"order": order}).status_code == 400


def test_a_cancelled_delivery_is_open_to_be_delivered_again(erp):
    order = order_of(erp)["document"]
    first = asked(erp, "ship", order=order)

    cancelled = asked(erp, "cancel", document=first["document"])

    assert queues(cancelled) == ["document.customer_delivery_document.cancel_accepted"]
    parcels = erp.get(f"/erp/documents/{first['document']}/parcels")
    assert {one["parcelState"] for one in parcels} == {"CANCELLED"}
    assert len(asked(erp, "ship", order=order)["lines"]) == 2


@pytest.mark.parametrize(("rest", "queue", "state"), [
    (False, "document.customer_order.cancel_accepted", "CANCELLED"),
    (True, "document.customer_order.order_close_remaining", "CLOSED")])
def test_an_order_is_cancelled_or_its_rest_closed(erp, rest, queue, state):
    order = order_of(erp)["document"]

    sent = asked(erp, "cancel", document=order, rest=rest)

    assert payloads(sent) == [(queue, {"id": order})]
    assert erp.get(f"/erp/documents/{order}/flat")["documentState"]["key"] == state
    assert erp.admin("POST", "ship", {"order": order}).status_code == 400


@pytest.mark.parametrize("field", [
    "externalIdentifier", "externalNumber", "referencedOrderNumber"])
def test_the_shops_order_stands_in_the_field_that_was_chosen(erp, field):
    erp.set(order_reference=field)

    order = erp.get(f"/erp/documents/{order_of(erp)['document']}")

    found = {name for name in ("externalIdentifier", "externalNumber", "referencedOrderNumber")
             if order[name] == "SW-10001"}
    assert found == {field}


def test_the_event_of_a_delivery_can_name_the_order(erp):
    erp.set(delivery_event_id="order")
    order = order_of(erp)["document"]

    sent = asked(erp, "ship", order=order, complete=False)

    assert payloads(sent) == [(DELIVERY, {"id": order})]


def test_without_an_order_one_is_made_of_what_the_shop_shows(erp):
    sent = asked(erp, "ship", channel=43)

    assert queues(sent) == ["document.customer_order.create", DELIVERY, PARCEL]
    assert (sent["channel"], len(sent["lines"])) == (43, 2)
    [order] = erp.admin("GET", "orders").json()
    assert (order["document"], order["reference"]) == (sent["order"], None)
    [delivery] = order["deliveries"]
    assert (delivery["document"], delivery["state"]) == (sent["document"], "ACCEPTED")
    assert delivery["parcels"] == sent["parcels"]
    # An order that is not from the shop has no id of the shop.
    assert erp.get(f"/erp/documents/{order['document']}")["externalIdentifier"] is None


def test_documents_can_be_queried_and_written_to(erp):
    order = order_of(erp)["document"]
    erp.call("PATCH", f"/erp/documents/{order}", {"custom": {"shop": {"fulfilment": "9"}}})

    assert erp.get(f"/erp/documents/{order}/flat")["custom"] == {"shop": {"fulfilment": "9"}}
    rows = erp.rows("SELECT id, name, documentDate FROM document.querySalesDocuments")
    assert [(row["id"], row["name"]) for row in rows] == [(order, f"AB-{order}")]


def test_another_tenants_documents_are_not_found(erp):
    other = type(erp)(erp.url, "beta")
    sent = asked(erp, "ship")

    assert other.call("GET", f"/erp/documents/{sent['document']}").status_code == 404
    assert other.call("GET", f"/vds/shipment/{sent['shipment']}").status_code == 404
    assert other.rows("SELECT id FROM document.querySalesDocuments") == []


@pytest.mark.parametrize(("path", "body"), [
    ("order", {"lines": [{"article": "none"}]}), ("order", {"channel": 9}),
    ("order", {"lines": [{"article": "1001", "quantity": 0}]}), ("order", {"reference": 1}),
    ("ship", {"order": 1}), ("ship", {"parcels": 101}), ("ship", {"combined": "yes"}),
    ("parcel", {"parcel": 1}), ("cancel", {"document": 1}), ("cancel", {})])
def test_what_makes_no_sense_is_400(erp, path, body):
    answer = erp.admin("POST", path, body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message"}
    assert erp.admin("GET", "orders").json() == []
