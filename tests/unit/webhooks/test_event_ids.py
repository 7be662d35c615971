"""Which ids of a payload are read, per event."""

import pytest

from integration import events
from integration.events import NoKnownId, NotHere

ARTICLE, PRICE, STOCK = "article.update", "article-price.update", "sales_channel.stockChange"


@pytest.mark.parametrize("name", ["articleId", "entityId", "id"])
@pytest.mark.parametrize("event", [ARTICLE, PRICE, STOCK])
def test_every_event_takes_the_current_and_the_historic_names(event, name):
    assert events.ids_in(events.served(event), {name: 4711, "seen": "today"}) == {name: "4711"}


@pytest.mark.pitfall(31)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4711, "4711"),
        ("4711", "4711"),
        ("004711", "4711"),  # one article must not become two work items
        (0, "0"),
        (10**18 - 1, "9" * 18),
        ("9" * 18, "9" * 18),
    ],
)
def test_an_id_is_a_json_integer_or_a_string_of_digits(value, expected):
    assert events.ids_in(events.served(ARTICLE), {"articleId": value}) == {"articleId": expected}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        1.0,
        4711.5,
        float("inf"),
        -1,
        10**18,  # 19 digits
        "1" * 19,
        "",
        " 1",
        "1\n",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "٤٧",  # digits for Unicode, not for the ERP
        "1' OR '1'='1",
        [1],
        {"id": 1},
    ],
)
@pytest.mark.parametrize("event", [ARTICLE, PRICE, STOCK])
def test_anything_else_is_no_id(event, value):
    with pytest.raises(NoKnownId) as refused:
        events.ids_in(events.served(event), {"articleId": value})

    assert refused.value.code == "NO_KNOWN_ID"


def test_a_value_that_is_no_id_does_not_hide_one_that_is():
    assert events.ids_in(events.served(ARTICLE), {"articleId": None, "id": 5}) == {"id": "5"}


def test_the_refusal_names_what_was_expected():
    with pytest.raises(NoKnownId) as refused:
        events.ids_in(events.served(ARTICLE), {"listingId": 90210})

    assert str(refused.value) == (
        "The body carries no id: expected one of articleId, entityId, id as up to 18 digits."
    )


@pytest.mark.parametrize(
    "name",
    [
        "article-shelf.update",
        "sales_channel.create",
        "sales_channel.delete",
        "document.customer_delivery_document.order_to_delivery",
        "shipment.parcel.completed",
        "open_item.update",
        "tenant.offline",
        "listing.category-added",
    ],
)
def test_an_event_of_the_erp_without_a_topic_here_says_so(name):
    with pytest.raises(NotHere) as refused:
        events.served(name)

    assert (refused.value.code, str(refused.value)) == (
        "EVENT_NOT_HANDLED",
        "This event is not handled here yet.",
    )


@pytest.mark.parametrize(
    "name", ["", "article", "article.delete", "Article.update", "stock.update"]
)
def test_a_name_that_the_erp_does_not_know_is_unknown(name):
    with pytest.raises(NotHere) as refused:
        events.served(name)

    assert (refused.value.code, str(refused.value)) == (
        "UNKNOWN_EVENT",
        "There is no event of this name.",
    )
