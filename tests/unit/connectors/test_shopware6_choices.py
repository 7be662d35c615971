"""What a Shopware shop offers for mappings."""

from __future__ import annotations

import pytest

from integration.connectors.base import Choice
from integration.connectors.besides import OffersChoices
from integration.connectors.shopware6 import client
from integration.errors import ChannelError
from integration.mapping_kinds import Kind
from tests.unit.connectors.kit import EURO, Shop, connector, hex_id


def offered(kind: Kind) -> list[Choice] | None:
    return connector().offers(kind)


def test_the_connector_says_that_it_can_list() -> None:
    assert isinstance(connector(), OffersChoices)


@pytest.mark.parametrize(
    ("kind", "entity"),
    [
        (Kind.CUSTOMER_GROUP, "customer-group"),
        (Kind.PRICE_GROUP, "customer-group"),
        (Kind.CARRIER, "shipping-method"),
    ],
)
def test_named_things_are_offered_by_their_translated_name(
    shop: Shop, kind: Kind, entity: str
) -> None:
    shop.finds(
        entity,
        {"id": hex_id("2"), "name": None, "translated": {"name": "Wholesale"}},
        {"id": hex_id("1"), "name": "Standard"},
    )

    assert offered(kind) == [
        Choice(hex_id("1"), "Standard"),
        Choice(hex_id("2"), "Wholesale"),
    ]


def test_a_category_is_offered_with_its_path(shop: Shop) -> None:
    shop.finds(
        "category",
        {"id": hex_id("1"), "name": "Lamps", "breadcrumb": ["Shop", "Home", "Lamps"]},
        {"id": hex_id("2"), "translated": {"breadcrumb": {"a": "Shop", "b": "Garden"}}},
    )

    assert offered(Kind.CATEGORY) == [
        Choice(hex_id("2"), "Shop > Garden"),
        Choice(hex_id("1"), "Shop > Home > Lamps"),
    ]


def test_a_language_is_offered_with_its_code(shop: Shop) -> None:
    shop.finds("language", {"id": EURO, "name": "Deutsch", "locale": {"code": "de-DE"}})

    assert offered(Kind.LANGUAGE) == [Choice(EURO, "Deutsch", "de-DE")]


def test_long_lists_are_read_to_their_end(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [range(500), range(499, 600)]  # a row that moved to the next page is one choice
    for page in pages:
        shop.finds("customer-group", *({"id": hex_id(str(n)), "name": f"{n:03}"} for n in page))

    choices = offered(Kind.CUSTOMER_GROUP)

    assert choices is not None
    assert [one.label for one in choices] == [f"{n:03}" for n in range(600)]
    assert [body["page"] for body in shop.bodies("/api/search/customer-group")] == [1, 2]
    assert client.PAGE_SIZE == 500


@pytest.mark.parametrize("kind", [Kind.UNIT])
def test_what_it_cannot_list_is_not_asked_for(shop: Shop, kind: Kind) -> None:
    assert offered(kind) is None


def test_a_missing_right_is_said(shop: Shop) -> None:
    error = {
        "status": "403",
        "code": "FRAMEWORK__MISSING_PRIVILEGE_ERROR",
        "detail": '{"message":"Missing privilege","missingPrivileges":["customer_group:read"]}',
    }
    shop.answers("/api/search/customer-group", {"errors": [error]}, 403)

    with pytest.raises(ChannelError, match="customer_group:read"):
        offered(Kind.CUSTOMER_GROUP)
