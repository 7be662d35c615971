"""What the ERP has of each kind that can be mapped."""

from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Choice
from integration.erp import offers
from integration.errors import Gone, Rejected
from integration.mapping_kinds import Kind

STANDARD, REDUCED = {"id": 1, "label": "Standard"}, {"id": "2"}


class Client:
    """Answers by path; what has none is not there."""

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[tuple[str, Any]]()

    def get(self, path: str, params: dict[str, str] | None = None) -> Any:
        self.asked.append((path, params))
        name = path.rpartition("/")[2].replace("-", "_")
        if name not in self.answers:
            raise Gone(f"{path} is not there")
        answer = self.answers[name]
        return answer(params) if callable(answer) else answer


def rate(percent: Any, type_ref: Any, **more: Any) -> dict[str, Any]:
    return {"rate": percent, "typeRef": type_ref, "countryCode": "DE", "active": True, **more}


def offered(client: Client, kind: Kind) -> list[Choice] | None:
    return offers.offered(client, "42", kind)  # type: ignore[arg-type]


def test_a_tax_type_has_the_newest_rate_of_the_country_that_articles_are_taxed_in():
    client = Client(
        tax_schemas=[{"defaultCountryCode": None}, {"defaultCountryCode": "DE"}],
        tax_rates=[
            rate(20, STANDARD, countryCode="AT", validFrom="2030-01-01"),
            rate(16, STANDARD, validFrom="2020-07-01"),
            rate("19.00", STANDARD, validFrom="2021-01-01"),
            rate(7, REDUCED),
            rate(5, {"id": 3, "label": "Old"}, active=False),
            rate(1, None),
            rate(None, {"id": 4, "label": "Free"}),
        ],
    )

    assert offered(client, Kind.TAX) == [
        Choice("4", "Free"),
        Choice("1", "Standard (19 %)", "19"),
        Choice("2", "tax type 2 (7 %)", "7"),
    ]


def test_categories_are_read_page_by_page():
    rows = [{"id": n, "label": f"{n:04}"} for n in range(1100)]

    def page(params):
        start, limit = int(params["_start"]), int(params["_limit"])
        return rows[start : start + limit]

    client = Client(category=page)

    choices = offered(client, Kind.CATEGORY)

    assert choices is not None
    assert [one.id for one in choices] == [str(n) for n in range(1100)]
    assert len(client.asked) == 3


def test_a_list_that_is_not_paged_is_read_once():
    rows = [{"id": n, "name": f"{n:04}"} for n in range(offers.PAGE)]
    client = Client(category=rows)

    choices = offered(client, Kind.CATEGORY)

    assert choices is not None
    assert len(choices) == offers.PAGE
    assert len(client.asked) == 2


def test_storage_locations_are_those_the_channel_sells_from():
    storages = [{"storageRef": {"id": 5, "label": "Main"}}, {"storageRef": None}, {}]
    client = Client(**{"42": {"salesChannelStorages": storages}})

    assert offered(client, Kind.STORAGE_LOCATION) == [Choice("5", "Main")]


@pytest.mark.parametrize("kind", [Kind.CUSTOMER_GROUP, Kind.PRICE_GROUP, Kind.CARRIER, Kind.UNIT])
def test_what_the_contract_has_no_list_of_is_not_asked_for(kind):
    client = Client()

    assert offered(client, kind) is None
    assert client.asked == []


def test_a_list_that_this_erp_does_not_have_is_none():
    assert offered(Client(), Kind.CATEGORY) is None


def test_an_erp_that_refuses_is_no_empty_list():
    def refuse(_params):
        raise Rejected("no")

    with pytest.raises(Rejected):
        offered(Client(category=refuse), Kind.CATEGORY)
