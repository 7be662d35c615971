"""What is listed, and how people's names for articles become ids."""

from __future__ import annotations

import json

import pytest

from integration.erp.listings import (
    ErpChannel,
    FoundArticle,
    count_listed,
    find_by_number,
    listed_page,
    price_sources,
    sales_channel,
    sales_channels,
)
from integration.errors import Invalid, TransientError

EXECUTE = "https://acme.vario.cloud/api/vario/cmn/computed-queries/execute"
SEARCH = "https://acme.vario.cloud/api/vario/cmn/computed-queries/article/shopListing"


def _definition(*paths):
    return [{"attribute": path, "displayName": path} for path in paths]


def _sent(wire, place=0):
    return json.loads(wire.calls[place].request.body)


def test_a_page_of_listed_ids_says_where_the_next_one_starts(client, wire):
    wire.post(
        EXECUTE,
        json={"definition": _definition("id"), "data": [{"id": 7}, {"id": "7"}, {"id": 8}]},
        headers={"x-query-more-elements": "true", "x-query-next-offset": "13"},
    )

    assert listed_page(client, "42", offset=10, limit=3) == (["7", "8"], True, 13)

    assert _sent(wire) == {
        "statement": "SELECT id\nFROM article.shopListing\n"
        "WHERE listings.salesChannel.id = '42'\nORDER BY id ASC",
        "variableSubstitutionList": {"variableSubstitutions": []},
        "limit": 3,
        "offset": 10,
    }


def test_a_page_that_does_not_advance_is_the_last_one(client, wire):
    wire.post(
        EXECUTE,
        json={"definition": _definition("id"), "data": []},
        headers={"x-query-more-elements": "true"},
    )

    assert listed_page(client, "42", offset=10).more is False


def test_a_channel_that_is_no_id_is_refused_before_any_request(client, wire):
    with pytest.raises(Invalid):
        listed_page(client, "42' OR '1'='1")

    assert len(wire.calls) == 0


@pytest.mark.parametrize("row", [{"count(id)": 950}, {"x": "950"}])
def test_a_count_is_the_only_value_whatever_its_key(row, client, wire):
    wire.post(EXECUTE, json={"definition": [], "data": [row]})

    assert count_listed(client, "42") == 950
    assert _sent(wire)["statement"].startswith("SELECT count(id)\nFROM article.shopListing\n")


@pytest.mark.parametrize("rows", [[], [{}], [{"a": None}], [{"a": 1, "b": 2}]])
def test_a_count_without_a_number_is_tried_again(rows, client, wire):
    wire.post(EXECUTE, json={"definition": [], "data": rows})

    with pytest.raises(TransientError, match="count"):
        count_listed(client, "42")


@pytest.mark.contract("10.16")
def test_free_text_travels_beside_the_query(client, wire):
    text = 'x\' OR --\n"1"'
    wire.post(SEARCH, json={"definition": [], "data": []})

    assert find_by_number(client, text) == []

    predicate = _sent(wire)["adhocPreset"]["queryPredicate"]
    assert predicate["operator"] == "OR"
    assert [(one["property"], one["operator"], one["values"]) for one in predicate["children"]] == [
        ("number", "EQUALS", [text]),
        ("identifiers.value", "EQUALS", [text]),
    ]
    assert "x-vario-suppress-own-webhooks" not in wire.calls[0].request.headers


def test_a_number_goes_before_an_ean_and_an_ean_before_an_id(client, wire):
    rows = [
        {"id": 4711, "number": "A-1"},
        {"id": 12, "number": "A-2"},  # found by its EAN
        {"id": 12, "number": "A-2"},  # once per channel
        {"id": 13, "number": "4711"},
    ]
    wire.post(SEARCH, json={"definition": _definition("id", "number"), "data": rows})

    assert find_by_number(client, "4711") == [
        FoundArticle("13", "4711"),
        FoundArticle("12", "A-2"),
        FoundArticle("4711", "A-1"),
    ]


def test_an_erp_without_identifier_columns_is_searched_by_number_and_id(client, wire):
    wire.post(SEARCH, status=422, json={})
    wire.post(SEARCH, json={"data": [{"id": 4711, "number": "A-1"}]})

    assert find_by_number(client, "4711") == [FoundArticle("4711", "A-1")]

    children = _sent(wire, 1)["adhocPreset"]["queryPredicate"]["children"]
    assert [one["property"] for one in children] == ["number", "id"]


def test_a_search_without_data_is_tried_again(client, wire):
    wire.post(SEARCH, json={"definition": []})

    with pytest.raises(TransientError, match="search"):
        find_by_number(client, "A-1")


def test_our_sales_channels_are_those_of_our_backend(client, wire, access):
    wire.post(
        EXECUTE,
        json={
            "definition": _definition("id", "label"),
            "data": [{"id": 42, "label": "Shop"}, {"id": 43, "label": None}],
        },
    )

    assert sales_channels(client) == [ErpChannel("42", "Shop"), ErpChannel("43", "")]
    assert (
        "WHERE channelBackend.type = 'APP' AND channelBackend.appId = "
        f"'{access.app_identifier}'" in _sent(wire)["statement"]
    )


def _channel(wire, erp_id, source=None, status=200):
    reference = None if source is None else {"id": source, "label": "x"}
    wire.get(
        f"https://acme.vario.cloud/api/vario/erp/sales-channels/{erp_id}",
        json={"id": erp_id, "label": "Shop", "priceFromSalesChannel": reference},
        status=status,
    )


def test_a_channel_names_where_its_prices_come_from_however_far(client, wire):
    _channel(wire, "42", 43)
    _channel(wire, "43", "1")
    _channel(wire, "1", "42")

    assert price_sources(client, sales_channel(client, "42")) == ["43", "1"]


def test_a_channel_with_prices_of_its_own_costs_no_request(client, wire):
    assert price_sources(client, ErpChannel("42", "Shop")) == []
    assert price_sources(client, ErpChannel("42", "Shop", prices_from="42")) == []


def test_what_lies_behind_a_channel_that_the_app_may_not_see_is_left_out(client, wire):
    _channel(wire, "43", status=403)

    assert price_sources(client, ErpChannel("42", "Shop", prices_from="43")) == ["43"]
