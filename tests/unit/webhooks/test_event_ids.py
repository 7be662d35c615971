"""Which ids of a payload are read, per event."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        events.ids_in(events.served("article-shelf.update"), {"priceId": 90210})

    assert str(refused.value) == (
        "The body carries no id: expected one of articleId, entityId, id, listingId "
        "as up to 18 digits."
    )


#: The fields of the ERP's payloads (vario-erp.md 2.5) and what they were called before.
FIELDS = (
    "articleId",
    "listingId",
    "priceId",
    "categoryId",
    "id",
    "entityId",
    "salesChannelId",
    "documentId",
    "shelfDocumentId",
    "externalRef",
    "shipmentId",
    "parcelId",
    "activityId",
)
IDS = st.integers(0, 10**18 - 1)
VALUES = st.one_of(
    IDS,
    IDS.map(str),
    IDS.map("article:{}".format),
    st.none(),
    st.booleans(),
    st.floats(),
    st.text(max_size=20),
    st.integers(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@pytest.mark.contract("10.15")
@given(
    name=st.sampled_from(sorted(events.EVENT_BY_NAME)),
    payload=st.dictionaries(st.one_of(st.sampled_from(FIELDS), st.text(max_size=8)), VALUES),
)
def test_every_payload_is_understood_or_refused_and_nothing_else(name, payload):
    event = events.served(name)
    try:
        ids = events.ids_in(event, payload)
    except NoKnownId:
        return

    assert set(ids) <= set(payload) & set(event.id_names)
    for value in ids.values():
        assert value == str(int(value))
        assert len(value) <= 18


@pytest.mark.contract("10.4")
@pytest.mark.parametrize("name", sorted(events.EVENT_BY_NAME))
def test_every_subset_of_the_ids_of_an_event_says_what_it_is_about(name):
    """Whatever the ERP leaves out, there is an entity, or a question that a look-up answers."""
    event = events.served(name)
    fields = [one for one in event.id_names if one != "externalRef"]
    for size in range(1, len(fields) + 1):
        for chosen in combinations(fields, size):
            as_numbers = {one: 4711 + place for place, one in enumerate(chosen)}
            as_texts = {one: str(value) for one, value in as_numbers.items()}
            ids = events.ids_in(event, as_numbers)

            assert ids == events.ids_in(event, as_texts) == as_texts
            entity = event.entity(ids)
            assert entity is None or len(entity.id) <= 40


@pytest.mark.parametrize(
    ("name", "payload", "entity"),
    [
        ("article-shelf.update", {"articleId": 5, "listingId": 9}, "5"),
        ("article-shelf.update", {"listingId": 9}, "listing:9"),
        ("shelf-document.update", {"shelfDocumentId": 7}, "shelf-document:7"),
        ("shelf-document.delete", {"shelfDocumentId": "7", "externalRef": "x"}, "shelf-document:7"),
        ("shelf-document.update", {"shelfDocumentId": 7, "externalRef": "article:0042"}, "42"),
        ("shelf-document.update", {"id": 7, "externalRef": 42}, "shelf-document:7"),
        ("document.customer_order.cancel_accepted", {"id": 77}, "77"),
        ("document.customer_order.cancel_accepted", {"documentId": "77"}, "77"),
        ("shipment.parcel.completed", {"shipmentId": 77, "parcelId": 781}, "shipment:77"),
        ("shipment.parcel.completed", {"parcelId": 781}, "parcel:781"),
        ("shipment.parcel.completed", {"entityId": "77"}, "shipment:77"),
    ],
)
def test_an_entity_is_never_taken_for_one_of_another_kind(name, payload, entity):
    event = events.served(name)

    found = event.entity(events.ids_in(event, payload))

    assert found is not None
    assert found.id == entity


@pytest.mark.parametrize("name", ["tenant.offline", "tenant.online"])
def test_whether_an_erp_is_there_needs_no_id(name):
    assert events.ids_in(events.served(name), {}) == {}


@pytest.mark.parametrize(
    "name",
    [
        "document.customer_order.create",
        "document.supplier_order.accept",
        "open_item.update",
        "listing.category-added",
        "category.update",
        "account.create",
    ],
)
def test_an_event_of_the_erp_that_concerns_nothing_here_says_so(name):
    with pytest.raises(NotHere) as refused:
        events.served(name)

    assert (refused.value.code, str(refused.value)) == (
        "EVENT_NOT_HANDLED",
        "This event concerns nothing that is carried here.",
    )


@pytest.mark.parametrize(
    "name",
    ["", "article", "article.delete", "Article.update", "stock.update", "sales_channel.archive"],
)
def test_a_name_that_the_erp_does_not_know_is_unknown(name):
    with pytest.raises(NotHere) as refused:
        events.served(name)

    assert (refused.value.code, str(refused.value)) == (
        "UNKNOWN_EVENT",
        "There is no event of this name.",
    )
