"""The fetch plan of order statuses: what is read of the ERP's documents, and what never is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from integration.channel_view import ChannelView
from integration.erp.orders import fetch_deliveries, tracking_url
from integration.errors import Busy, Forbidden, Gone, Rejected, Throttled, TransientError
from tests.unit.erp.conftest import Facts

CHANNEL = ChannelView(1, 1, "acme", "42", "memory")
CUSTOMER = {"address": {"name": "Erika Muster", "street": "Teststraße 1"}}


class Client:
    """Answers by path; an exception among them is raised, an unknown path does not exist."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers, self.asked = answers, list[str]()

    def get(self, path: str) -> Any:
        self.asked.append(path)
        answer = self.answers.get(path, Gone(f"{path} does not exist"))
        if isinstance(answer, Exception):
            raise answer
        return answer


def document(category: str, *lines: dict[str, Any], channel: Any = 42, **more: Any) -> Any:
    return {
        "documentTypeCategory": category,
        "documentState": {"key": "ACCEPTED"},
        "salesChannelRef": {"id": channel},
        "lines": [{"lineType": "ARTICLE_LINE", **line} for line in lines],
        **CUSTOMER,
        **more,
    }


def delivered(order_id: Any, line: str = "1", **more: Any) -> dict[str, Any]:
    of = {"documentId": order_id, "id": line}
    return {"number": "A-1", "quantity": 2, "name": "Lamp", "customerOrderLineRef": of, **more}


ANSWERS = {
    "/erp/documents/600": document(
        "CUSTOMER_DELIVERY_DOCUMENT",
        delivered("0500"),
        {"lineType": "SHIPPING_COST_LINE", "quantity": 1},
    ),
    "/erp/documents/500": document(
        "CUSTOMER_ORDER",
        {"quantity": 2, "quantityCommitted": 2, "complete": True},
        externalNumber="S1",
    ),
    "/erp/documents/600/parcels": [
        {"shipmentId": "77", "trackingNumber": " T1 ", "parcelState": "COMPLETED", **CUSTOMER}
    ],
    "/vds/shipment/77": {
        "documentId": 600,
        "carrier": {
            "label": "DHL",
            "carrierTypeRef": {"id": 3},
            "trackingUrlTemplate": "https://t.example/{number}",
        },
        **CUSTOMER,
    },
}


def fetched(*ids: str, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    client = Client({**ANSWERS, **{f"/{path}": answer for path, answer in changes.items()}})
    return fetch_deliveries(client, Facts(), CHANNEL, ids), client.asked  # type: ignore[arg-type]


def test_a_delivery_is_read_with_its_order_its_parcels_and_their_carrier():
    rows, asked = fetched("600")

    assert asked == [
        "/erp/documents/600",
        "/erp/documents/500",
        "/erp/documents/600/parcels",
        "/vds/shipment/77",
    ]
    row = rows["600"]
    assert row["lines"] == [
        {"order": "500", "order_line": "1", "number": "A-1", "quantity": 2},
    ]
    (order,) = row["orders"]
    assert (order["id"], order["channel"], order["keys"]["externalNumber"]) == ("500", "42", "S1")
    assert row["parcels"] == [
        {
            "state": "COMPLETED",
            "tracking": "T1",
            "url": "https://t.example/T1",
            "carrier": "3",
            "carrier_label": "DHL",
        }
    ]


def test_nothing_about_the_customer_is_read():
    rows, _ = fetched("600", "500", "shipment:77")

    assert "Muster" not in repr(rows)
    assert "Teststra" not in repr(rows)


def test_a_document_of_another_channel_costs_one_request():
    foreign = document("CUSTOMER_DELIVERY_DOCUMENT", delivered("500"), channel=43)

    rows, asked = fetched("600", **{"erp/documents/600": foreign})

    assert (rows["600"]["channel"], asked) == ("43", ["/erp/documents/600"])


def test_a_shipment_names_its_document_and_is_read_once():
    rows, asked = fetched("600", "shipment:77")

    assert rows["shipment:77"] == {"id": "shipment:77", "documents": ["600"]}
    assert asked[0] == "/vds/shipment/77"
    assert asked.count("/vds/shipment/77") == 1


def test_an_order_of_several_deliveries_is_read_once():
    other = document("CUSTOMER_DELIVERY_INVOICE", delivered(500))

    rows, asked = fetched(
        "600", "601", **{"erp/documents/601": other, "erp/documents/601/parcels": []}
    )

    assert rows["600"]["orders"] == rows["601"]["orders"]
    assert asked.count("/erp/documents/500") == 1


def test_the_orders_of_a_collective_delivery_are_all_read():
    both = document("CUSTOMER_DELIVERY_DOCUMENT", delivered("500"), delivered("501"))

    rows, _ = fetched(
        "600", **{"erp/documents/600": both, "erp/documents/501": document("CUSTOMER_ORDER")}
    )

    assert [one["id"] for one in rows["600"]["orders"]] == ["500", "501"]


def test_the_line_it_came_from_will_do_for_the_orders_line():
    line = delivered("500", customerOrderLineRef=None, sourceLineRef={"documentId": 500, "id": 9})

    rows, _ = fetched("600", **{"erp/documents/600": document("CUSTOMER_DELIVERY_DOCUMENT", line)})

    assert rows["600"]["lines"][0]["order_line"] == "9"


def test_a_parcel_of_an_unknown_shipment_leads_nowhere():
    rows, asked = fetched("parcel:781")

    assert (rows, asked) == ({"parcel:781": {"id": "parcel:781", "documents": []}}, [])


def test_what_does_not_exist_has_no_row():
    rows, _ = fetched("600", "699", "shipment:99")

    assert list(rows) == ["600"]


def test_an_order_that_was_deleted_names_no_order_of_a_shop():
    rows, _ = fetched("600", **{"erp/documents/500": Gone("it does not exist")})

    assert set(rows["600"]["orders"][0]["keys"].values()) == {None}


def test_a_refused_document_fails_alone():
    rows, _ = fetched("600", "601", **{"erp/documents/601": Rejected("the ERP refuses 601")})

    assert rows["601"] == {"id": "601", "refusal": "the ERP refuses 601"}
    assert rows["600"]["parcels"]


def test_an_app_without_the_right_to_documents_is_no_reason_to_stop_the_tenant():
    rows, _ = fetched("600", **{"erp/documents/600": Forbidden("the app may not read documents")})

    assert rows["600"] == {"id": "600", "forbidden": "the app may not read documents"}


def test_when_the_budget_ends_what_was_read_is_kept():
    rows, asked = fetched("600", "601", "602", **{"erp/documents/601": Busy("no budget", 4.5)})

    assert rows["600"]["parcels"]
    for one in ("601", "602"):
        assert rows[one]["postponed"] == {"message": "no budget", "retry_after_s": 4.5}
    assert "/erp/documents/602" not in asked


def test_the_second_stumble_is_the_erps_own():
    away = TransientError("the ERP answered 500")
    answers = {f"erp/documents/{one}": away for one in (601, 602, 603)}

    rows, asked = fetched("600", "601", "602", "603", **answers)

    # Who was not tried loses no attempt.
    assert [rows[one]["postponed"]["retry_after_s"] for one in ("601", "602", "603")] == [
        None,
        None,
        5.0,
    ]
    assert "/erp/documents/603" not in asked


def test_an_erp_that_answers_nothing_says_so():
    with pytest.raises(Throttled, match="no budget"):
        fetched("600", **{"erp/documents/600": Busy("no budget", 4.5)})


@pytest.mark.parametrize(
    ("template", "address"),
    [
        ("https://t.example/{trackingNumber}", "https://t.example/A%2F1"),
        ("https://t.example/?n={0}&l={1}", "https://t.example/?n=A%2F1&l={1}"),
        ("https://t.example/%s?de", "https://t.example/A%2F1?de"),
        ("https://t.example/", "https://t.example/A%2F1"),
        ("https://t.example/{", "https://t.example/{A%2F1"),
    ],
)
def test_the_place_of_the_number_in_a_template_is_guessed(template, address):
    assert tracking_url(template, "A/1") == address


@pytest.mark.parametrize("answer", [None, [], {}, "x", {"lines": [1], "documentState": 7}])
def test_an_answer_of_another_shape_breaks_nothing(answer):
    rows, _ = fetched("600", **{"erp/documents/600": answer})

    assert rows["600"]["orders"] == []
