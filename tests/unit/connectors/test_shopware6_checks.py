from __future__ import annotations

from typing import Any

import pytest

from integration.connectors.base import Problem
from integration.connectors.shopware6.settings import PARAMETERS as DECLARED
from integration.connectors.shopware6.settings import problems_of, settings_of
from integration.errors import ChannelError
from integration.topology import Topic
from tests.unit.connectors.kit import (
    CHANNEL_ID,
    EURO,
    PARAMETERS,
    TAX_7,
    TAX_19,
    Shop,
    Tokens,
    connector,
    envelope,
    hex_id,
)


def healthy(shop: Shop, *, without: str = "") -> None:
    """Answers of a shop in order, except for one that the test gives itself."""
    answers: dict[str, list[dict[str, Any]]] = {
        "sales-channel": [{"id": CHANNEL_ID, "name": "Storefront", "active": True}],
        "tax": [{"id": TAX_19, "taxRate": 19}, {"id": TAX_7, "taxRate": 7}],
        "currency": [{"id": EURO, "isoCode": "EUR"}],
        "product": [],
        "product-media": [],
        "media-folder": [],
        "language": [],
        "order": [],
        "shipping-method": [{"name": "DHL", "active": True, "trackingUrl": "https://dhl/%s"}],
        "integration": [{"admin": True, "aclRoles": []}],
    }
    for entity, rows in answers.items():
        if entity not in without.split():
            shop.finds(entity, *rows)
    if without != "version":
        shop.answers("/api/_info/version", {"version": "6.6.7.1"})


def faults(**parts: Any) -> list[Problem]:
    return [one for one in connector(**parts).check() if one.is_fault]


def test_a_healthy_shop_has_no_faults_and_tells_its_version(shop: Shop) -> None:
    healthy(shop)

    told = connector().check()

    assert [one.is_fault for one in told] == [False, False]
    assert told[0].detail == "shop.example runs Shopware 6.6.7.1"
    assert told[1].detail == "the shop has taxes of 7 %, 19 %"


@pytest.mark.parametrize(("version", "is_fault"), [("6.4.20.2", True), ("7.0", False)])
def test_a_version_before_the_bulk_write_changed_is_a_fault(
    shop: Shop, version: str, is_fault: bool
) -> None:
    healthy(shop, without="version")
    shop.answers("/api/_info/version", {"version": version})

    assert bool(faults()) is is_fault


def test_refused_credentials_are_the_only_thing_asked(shop: Shop) -> None:
    told = {"code": "4", "status": "401", "title": "Client authentication failed", "detail": None}
    shop.answers("/api/oauth/token", envelope(told), 401)

    (problem,) = faults(tokens=Tokens())

    assert problem.check == "access"
    assert "does not accept client_id SWIAEXAMPLE" in problem.detail
    assert len(shop.mock.calls) == 1


def test_an_unknown_sales_channel_lists_those_there_are(shop: Shop) -> None:
    healthy(shop, without="sales-channel")
    shop.finds("sales-channel", {"id": hex_id("a"), "name": "Storefront"}, {"id": hex_id("b")})

    (problem,) = faults()

    assert problem.check == "sales channel"
    assert CHANNEL_ID in problem.detail
    assert f"Storefront has {hex_id('a')}" in problem.do


def test_a_sales_channel_that_is_off_is_worth_knowing(shop: Shop) -> None:
    healthy(shop, without="sales-channel")
    shop.finds("sales-channel", {"id": CHANNEL_ID, "name": "Storefront", "active": False})

    told = [one for one in connector().check() if one.check == "sales channel"]

    assert [one.is_fault for one in told] == [False]
    assert "Storefront is switched off" in told[0].detail


def test_a_shop_without_taxes_is_a_fault(shop: Shop) -> None:
    healthy(shop, without="tax")
    shop.finds("tax")

    assert [one.check for one in faults()] == ["taxes"]


def test_another_default_currency_is_a_fault(shop: Shop) -> None:
    healthy(shop, without="currency")
    shop.finds("currency", {"id": EURO, "isoCode": "CHF"})

    (problem,) = faults()

    assert problem.detail == "the shop's default currency is CHF, the channel's EUR"
    assert "currency=CHF" in problem.do


def test_a_missing_right_is_a_fault_of_its_check_only(shop: Shop) -> None:
    healthy(shop, without="product")
    told = {
        "status": "403",
        "code": "FRAMEWORK__MISSING_PRIVILEGE_ERROR",
        "detail": '{"message": "Missing", "missingPrivileges": ["product:read"]}',
    }
    shop.answers("/api/search/product", envelope(told), 403)

    (problem,) = faults()

    assert problem.check == "products"
    assert "product:read" in problem.detail


def test_a_shop_that_fails_meanwhile_is_asked_nothing_more(shop: Shop) -> None:
    for entity in ("sales-channel", "tax"):
        shop.answers(f"/api/search/{entity}", {"data": []})
    shop.answers("/api/_info/version", {"version": "6.6.7.1"})
    shop.answers("/api/search/currency", {}, 503)

    told = faults()

    assert [one.check for one in told] == ["sales channel", "taxes", "access"]


def test_ways_to_ship_without_a_tracking_address_are_worth_knowing(shop: Shop) -> None:
    healthy(shop, without="shipping-method")
    shop.finds(
        "shipping-method",
        {"name": "DHL", "active": True, "trackingUrl": "https://dhl.example/?id=%s"},
        {"name": "UPS", "active": True, "trackingUrl": None},
        {"name": "Post", "active": True, "translated": {"name": "Brief", "trackingUrl": " "}},
        {"name": "GLS", "active": False},
    )

    (told,) = [one for one in connector().check() if one.check == "tracking links"]

    assert not told.is_fault
    assert "Brief, UPS" in told.detail
    assert "Settings > Shop > Shipping" in told.do


def test_ways_to_ship_are_not_looked_at_without_order_status(shop: Shop) -> None:
    healthy(shop, without="shipping-method order")

    assert connector(topics=frozenset([Topic.STOCK, Topic.MEDIA])).check()


def test_an_integration_that_is_not_shown_leaves_the_rights_to_write_unknown(shop: Shop) -> None:
    healthy(shop, without="integration")
    shop.finds("integration")

    (told,) = [one for one in connector().check() if one.check == "rights to write"]

    assert not told.is_fault
    assert "the shop does not show the integration of client_id" in told.detail


def test_wrong_parameters_are_reported_without_asking_the_shop() -> None:
    problems = connector(parameters={}).check()

    assert [one.check for one in problems] == [
        "parameter shop_url",
        "parameter client_id",
        "parameter client_secret",
        "parameter sales_channel_id",
    ]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://shop.example", None),
        ("https://shop.example/en/", None),
        ("http://127.0.0.1:8000", None),
        ("http://localhost", None),
        ("http://[::1]:80", None),
        ("http://shop.example", "shop_url is not encrypted"),
        ("http://10.0.0.1", "shop_url is not encrypted"),
        ("shop.example", "shop_url is not an http address"),
        ("ftp://shop.example", "shop_url is not an http address"),
        ("https://", "shop_url is not an http address"),
        ("https://user:pass@shop.example", "shop_url has more than scheme, host and path"),
        ("https://shop.example?a=b", "shop_url has more than scheme, host and path"),
        ("https://shop.example:port", "shop_url is not an address"),
        ("https://[shop", "shop_url is not an address"),
    ],
)
def test_the_address_of_the_shop(url: str, words: str | None) -> None:
    details = [one.detail for one in problems_of({**PARAMETERS, "shop_url": url})]

    assert [one[: len(words or "")] for one in details] == ([words] if words else [])


@pytest.mark.parametrize("value", ["x", CHANNEL_ID.upper(), CHANNEL_ID + "0"])
def test_the_sales_channel_is_an_id_of_shopware(value: str) -> None:
    with pytest.raises(ChannelError, match="sales_channel_id is not an id of Shopware"):
        settings_of({**PARAMETERS, "sales_channel_id": value})


@pytest.mark.parametrize("value", ["euro", "€", "eur"])
def test_the_currency_is_an_iso_code(value: str) -> None:
    with pytest.raises(ChannelError, match="currency is not an ISO code"):
        settings_of({**PARAMETERS, "currency": value})


def test_defaults_and_white_space() -> None:
    settings = settings_of({**PARAMETERS, "shop_url": " https://shop.example/ ", "currency": ""})

    assert (settings.url, settings.currency) == ("https://shop.example", "EUR")
    assert "integration-secret" not in repr(settings)
    assert [one.name for one in DECLARED if one.is_secret] == ["client_secret"]
