"""Offers, categories, brands and custom fields of WooCommerce products."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integration.connectors.base import Choice, Receipt
from integration.documents import Amount, PriceDocument
from integration.errors import Busy, MappingMissing, Rejected, TransientError
from integration.mapping_kinds import Kind
from integration.topology import Topic
from tests.contract.connectors.woocommerce import BATCH, LIST, Shop, unique
from tests.unit.connectors.kit import new, price

SINCE = datetime(2026, 11, 1, 23, tzinfo=UTC)
BRANDS = "POST /wp-json/wc/v3/products/brands/batch"


@pytest.fixture
def shop(woocommerce: Shop) -> Shop:
    return woocommerce


def offered(article_id: str = "1", **changes: Any) -> PriceDocument:
    """A price that is an offer: 9.99 instead of 19.99."""
    values = {
        "list_price": Amount(Decimal("16.7983"), Decimal("19.99")),
        "offer_since": SINCE,
        "offer_until": SINCE + timedelta(days=60),
        "lists": (),
        **changes,
    }
    return replace(price(article_id, gross="9.99", net="8.3950"), **values)


def sale(shop: Shop) -> tuple[Any, ...]:
    shown = shop.products["A-1"]
    return shown["gross"], shown["sale"], shown["sale_from"], shown["sale_to"]


# --- offers ---------------------------------------------------------------------------------------


def test_an_offer_is_the_sale_price_with_its_days(shop: Shop) -> None:
    shop.create("1")

    (receipt,) = shop.change(Topic.PRICE, offered())

    assert receipt == Receipt("1", external_id=shop.ids["1"], recorded=(Topic.PRICE,))
    assert sale(shop) == (
        Decimal("19.99"),
        "9.99",
        "2026-11-01T23:00:00+00:00",
        "2026-12-31T23:00:00+00:00",
    )


@pytest.mark.parametrize(("details", "gross"), [("on", "9.99"), ("off", "19.99")])
def test_what_a_product_costs_is_its_offer_where_offers_are_ours(
    shop: Shop, details: str, gross: str
) -> None:
    shop.create("1", price=offered())

    (found,) = shop.connector(price_details=details).scan(["gross"])

    assert found.gross == Decimal(gross)


def test_a_product_is_created_with_its_offer(shop: Shop) -> None:
    (receipt,) = shop.create("1", price=offered(offer_until=None))

    assert receipt.error is None
    assert sale(shop) == (Decimal("19.99"), "9.99", "2026-11-01T23:00:00+00:00", None)


def test_an_offer_that_is_over_goes_with_its_days(shop: Shop) -> None:
    shop.create("1", price=offered())

    (receipt,) = shop.change(Topic.PRICE, replace(price("1"), lists=()))

    assert receipt.error is None
    assert sale(shop) == (Decimal("19.99"), None, None, None)


def test_a_sale_price_of_an_employee_stays_where_offers_are_not_carried(shop: Shop) -> None:
    shop.create("1")
    shop.admin("edit", article="A-1", set={"sale": "5"})

    shop.change(Topic.PRICE, price("1", gross="18"))

    assert sale(shop)[:2] == (18, "5")


def test_an_offer_that_is_no_lower_on_the_shops_side_is_none(open_woocommerce: Any) -> None:
    shop = open_woocommerce(prices_include_tax=False)
    shop.create("1")

    (receipt,) = shop.change(
        Topic.PRICE, offered(list_price=Amount(Decimal("8.395"), Decimal("19.99")))
    )

    assert receipt.error is None
    assert (shop.products["A-1"]["net"], shop.products["A-1"]["sale"]) == (Decimal("8.395"), None)


# --- categories -----------------------------------------------------------------------------------


def test_categories_come_and_go_and_those_of_employees_stay(shop: Shop) -> None:
    tools, saws, sale_category = shop.terms("categories", "Tools", "Saws", "Sale")
    shop.create("1", categories=(tools,))
    own = [{"id": int(one)} for one in (tools, sale_category)]
    shop.admin("edit", article="A-1", set={"categories": own})

    (receipt,) = shop.change(Topic.ARTICLE, unique("1", categories=(saws,)))

    assert receipt.error is None
    assert shop.products["A-1"]["categories"] == ["Saws", "Sale"]
    assert shop.notes["1"] == {"categories": [saws]}


def test_a_category_that_an_employee_assigned_first_is_not_ours_to_take_away(shop: Shop) -> None:
    (tools,) = shop.terms("categories", "Tools")
    shop.create("1")
    shop.admin("edit", article="A-1", set={"categories": [{"id": int(tools)}]})

    shop.change(Topic.ARTICLE, unique("1", categories=(tools,)))
    shop.change(Topic.ARTICLE, unique("1", categories=()))

    assert shop.products["A-1"]["categories"] == ["Tools"]


def test_an_adopted_product_keeps_its_categories(shop: Shop) -> None:
    tools, saws = shop.terms("categories", "Tools", "Saws")
    shop.admin("products", number="A-1", categories=[{"id": int(tools)}])

    (receipt,) = shop.create("1", categories=(saws,))

    assert receipt.was_adopted
    assert shop.products["A-1"]["categories"] == ["Tools", "Saws"]
    assert shop.notes["1"] == {"categories": [saws]}


def test_without_a_wish_for_categories_none_is_asked_for_or_written(shop: Shop) -> None:
    shop.create("1")
    before = shop.routes[LIST]

    shop.change(Topic.ARTICLE, unique("1", name="Zange"))

    assert shop.routes[LIST] == before


def test_a_category_that_the_shop_does_not_have_is_named(shop: Shop) -> None:
    (receipt,) = shop.create("1", categories=("999",))

    assert isinstance(receipt.error, Rejected)
    assert "categories: sent [{'id': 999}]" in str(receipt.error)


# --- brands ---------------------------------------------------------------------------------------


def test_a_manufacturer_is_a_brand_that_is_made_once(shop: Shop) -> None:
    shop.terms("brands", "Müller & Söhne")

    receipts = shop.create("1", manufacturer="müller & söhne") + shop.create(
        "2", "3", manufacturer="Acme"
    )
    shop.change(Topic.ARTICLE, unique("2", name="Neu", manufacturer="ACME"))

    assert [one.error for one in receipts] == [None] * 3
    assert {number: one["brands"] for number, one in shop.products.items()} == {
        "A-1": ["Müller &amp; Söhne"],
        "A-2": ["Acme"],
        "A-3": ["Acme"],
    }
    assert shop.routes[BRANDS] == 1


def test_a_mapped_manufacturer_is_that_brand_of_the_shop(shop: Shop) -> None:
    (brand,) = shop.terms("brands", "Mueller")

    receipts = shop.create("1", manufacturer="Müller GmbH", shop_manufacturer=brand)
    receipts += shop.create("2", manufacturer="Müller GmbH & Co.", shop_manufacturer=brand)

    assert [one.error for one in receipts] == [None, None]
    assert {tuple(one["brands"]) for one in shop.products.values()} == {("Mueller",)}
    assert BRANDS not in shop.routes


def test_a_mapping_that_is_set_later_changes_the_brand(shop: Shop) -> None:
    (brand,) = shop.terms("brands", "Mueller")
    shop.create("1", manufacturer="Müller GmbH")

    shop.change(Topic.ARTICLE, unique("1", manufacturer="Müller GmbH", shop_manufacturer=brand))

    assert shop.products["A-1"]["brands"] == ["Mueller"]


@pytest.mark.parametrize("brand", ["4711", "Mueller"])
def test_a_mapped_brand_that_the_shop_does_not_have_holds_its_article(
    shop: Shop, brand: str
) -> None:
    gone, good = shop.push(
        Topic.ARTICLE,
        [
            unique("1", manufacturer="Müller GmbH", shop_manufacturer=brand),
            unique("2", manufacturer="Acme"),
        ],
        [new("1"), new("2")],
    )

    assert isinstance(gone.error, MappingMissing)
    assert gone.error.reason == "mapping:manufacturer:Müller GmbH"
    assert good.error is None
    assert list(shop.products) == ["A-2"]


def test_a_mapped_brand_that_goes_away_later_holds_its_article(shop: Shop) -> None:
    (brand,) = shop.terms("brands", "Mueller")
    mapped = unique("1", manufacturer="Müller GmbH", shop_manufacturer=brand)
    shop.push(Topic.ARTICLE, [mapped], [new("1")])
    shop.connector()._client._sent("DELETE", f"/products/brands/{brand}", query={"force": "true"})

    (first,) = shop.change(Topic.ARTICLE, replace(mapped, name="Neu"))
    (again,) = shop.change(Topic.ARTICLE, replace(mapped, name="Neu"))

    assert isinstance(first.error, TransientError)
    assert isinstance(again.error, MappingMissing)


def test_a_shop_without_brands_needs_no_mapped_one(open_woocommerce: Any) -> None:
    shop = open_woocommerce(has_brands=False)

    (receipt,) = shop.create("1", manufacturer="Müller GmbH", shop_manufacturer="7")

    assert receipt.error is None
    assert shop.connector().offers(Kind.MANUFACTURER) is None


def test_brands_can_be_mapped_to(shop: Shop) -> None:
    mueller, acme = shop.terms("brands", "Müller & Söhne", "Acme")

    assert shop.connector().offers(Kind.MANUFACTURER) == [
        Choice(acme, "Acme"),
        Choice(mueller, "Müller & Söhne"),
    ]


def test_no_request_that_makes_brands_takes_a_slow_shop_long(open_woocommerce: Any) -> None:
    """Scaled: 1 s per 100 rows here, and a request is meant to take 0.2 s."""
    shop = open_woocommerce(latency_ms_per_100_rows=1_000)
    shop.push_s = 3.2
    articles = [str(n) for n in range(40)]

    shop.push(
        Topic.ARTICLE,
        [unique(one, manufacturer=f"Marke {one}") for one in articles],
        [new(one) for one in articles],
    )

    # The first 10 rows tell the speed, about 20 take 0.2 s.
    assert 3 <= shop.routes[BRANDS] <= 6
    assert shop.products["A-7"]["brands"] == ["Marke 7"]


def test_brands_that_a_slow_shop_has_no_time_for_are_made_by_the_next_pushes(
    open_woocommerce: Any,
) -> None:
    shop = open_woocommerce(latency_ms_per_100_rows=1_000)
    shop.push_s = 0.4
    documents = [unique(str(n), manufacturer=f"Marke {n}") for n in range(20)]

    with pytest.raises(Busy):
        shop.push(Topic.ARTICLE, documents, [new(one.article_id) for one in documents])
    made = shop.routes[BRANDS]
    shop.push_s = 40.0
    receipts = shop.push(Topic.ARTICLE, documents, [new(one.article_id) for one in documents])

    assert all(one.error is None for one in receipts)
    assert shop.routes[BRANDS] == made + 1
    assert shop.products["A-19"]["brands"] == ["Marke 19"]


def made_by(shop: Shop, manufacturer: str | None, mapped: str | None = None) -> list[str]:
    """Carry the article with this manufacturer; the brands that the shop shows then."""
    name = f"Hammer {shop.routes[BATCH]}"  # so that there is something to send
    maker = {"manufacturer": manufacturer, "shop_manufacturer": mapped}
    (receipt,) = shop.change(Topic.ARTICLE, unique("1", name=name, **maker))
    assert receipt.error is None
    shown: list[str] = shop.products["A-1"]["brands"]
    return shown


def by_hand(shop: Shop, *names: str) -> None:
    """An employee gives the product these brands, and the one that we made if it is named."""
    known = shop.facts.get("brands") or {}
    ids = [known.get(one.casefold()) or shop.terms("brands", one)[0] for one in names]
    row = {"id": int(shop.ids["1"]), "brands": [{"id": int(one)} for one in ids]}
    shop.connector()._client.batch("/products", {"update": [row]})


def test_the_brand_of_an_employee_stays_where_the_erp_has_no_manufacturer(shop: Shop) -> None:
    shop.create("1")
    by_hand(shop, "Gedore")
    listed = shop.routes[LIST]

    assert made_by(shop, None) == ["Gedore"]
    assert shop.routes[LIST] == listed


def test_a_manufacturer_that_the_erp_has_no_more_is_no_brand_of_the_product_any_more(
    shop: Shop,
) -> None:
    shop.create("1")
    assert made_by(shop, "Acme") == ["Acme"]
    before = shop.connector().payload(unique("1"), shop.known("1"))["body"]

    assert made_by(shop, None) == []

    # Nothing is sent once more because of it.
    assert shop.connector().payload(unique("1"), shop.known("1"))["body"] == before
    # What an employee chooses now is not ours.
    by_hand(shop, "Gedore")
    assert made_by(shop, None) == ["Gedore"]


def test_the_brand_of_a_first_write_is_taken_away_too(shop: Shop) -> None:
    shop.create("1", manufacturer="Acme")

    assert made_by(shop, None) == []


def test_a_mapped_brand_is_replaced_and_taken_away_like_one_of_the_same_name(shop: Shop) -> None:
    mueller, knipex = shop.terms("brands", "Mueller", "Knipex")
    shop.create("1")

    assert made_by(shop, "Müller GmbH", knipex) == ["Knipex"]
    assert made_by(shop, "Müller GmbH", mueller) == ["Mueller"]
    assert shop.notes["1"]["brand"] == int(mueller)
    assert made_by(shop, None) == []
    assert shop.notes["1"]["brand"] == 0


def test_a_mapped_brand_of_a_first_write_is_taken_away_too(shop: Shop) -> None:
    (mueller,) = shop.terms("brands", "Mueller")
    shop.create("1", manufacturer="Müller GmbH", shop_manufacturer=mueller)

    assert made_by(shop, None) == []


def test_a_brand_that_an_employee_chose_in_the_place_of_a_mapped_one_stays(shop: Shop) -> None:
    (mueller,) = shop.terms("brands", "Mueller")
    shop.create("1", manufacturer="Müller GmbH", shop_manufacturer=mueller)
    by_hand(shop, "Knipex")

    assert made_by(shop, None) == ["Knipex"]


def test_one_batch_sets_a_brand_by_name_and_by_mapping_and_takes_one_away(shop: Shop) -> None:
    (mueller,) = shop.terms("brands", "Mueller")
    for one in ("1", "2", "3"):
        shop.create(one, manufacturer="Müller GmbH", shop_manufacturer=mueller)

    shop.change(
        Topic.ARTICLE,
        unique("1", name="Neu"),
        unique("2", name="Neu", manufacturer="Acme"),
        unique("3", name="Neu", manufacturer="Müller GmbH", shop_manufacturer=mueller),
    )

    shown = {number: one["brands"] for number, one in shop.products.items()}
    assert shown == {"A-1": [], "A-2": ["Acme"], "A-3": ["Mueller"]}


def test_brands_that_an_employee_chose_stay_without_ours(shop: Shop) -> None:
    shop.create("1", manufacturer="Acme")
    by_hand(shop, "Acme", "Gedore")

    assert made_by(shop, None) == ["Gedore"]


def test_a_brand_that_an_employee_chose_in_the_place_of_ours_stays(shop: Shop) -> None:
    shop.create("1", manufacturer="Acme")
    by_hand(shop, "Knipex")

    assert made_by(shop, None) == ["Knipex"]


def test_a_brand_that_went_away_is_made_anew(shop: Shop) -> None:
    shop.create("1", manufacturer="Acme")
    brand = shop.facts.get("brands")["acme"]
    shop.connector()._client._sent("DELETE", f"/products/brands/{brand}", query={"force": "true"})

    (lost,) = shop.change(Topic.ARTICLE, unique("1", name="Neu", manufacturer="Acme"))
    (again,) = shop.change(Topic.ARTICLE, unique("1", name="Neu", manufacturer="Acme"))

    assert (type(lost.error), again.error) == (TransientError, None)
    assert shop.products["A-1"]["brands"] == ["Acme"]


def test_a_shop_without_brands_gets_none(open_woocommerce: Any) -> None:
    shop = open_woocommerce(has_brands=False)

    receipts = shop.create("1", manufacturer="Acme") + shop.create("2", manufacturer="Acme")

    assert [one.error for one in receipts] == [None, None]
    (told,) = [one for one in shop.connector().check() if one.check == "brands"]
    assert not told.is_fault


# --- custom fields --------------------------------------------------------------------------------


def test_custom_fields_are_metadata_and_others_stay(shop: Shop) -> None:
    shop.create("1", custom_fields={"material": "Stahl & Öl", "power": Decimal("1.50")})
    shop.admin("edit", article="A-1", set={"meta": [{"key": "theirs", "value": "x"}]})

    (receipt,) = shop.change(
        Topic.ARTICLE, unique("1", custom_fields={"material": "Holz", "power": None})
    )

    assert receipt.error is None
    meta = shop.products["A-1"]["meta"]
    assert (meta["material"], "power" in meta, meta["theirs"]) == ("Holz", False, "x")


# --- what costs nothing ---------------------------------------------------------------------------


def test_details_cost_no_write_more(shop: Shop) -> None:
    (tools,) = shop.terms("categories", "Tools")
    shop.create(*(f"x{n}" for n in range(10)))  # tells the shop's speed
    before = shop.routes[BATCH]

    shop.create(*(str(n) for n in range(50)), categories=(tools,), manufacturer="Acme")

    assert (shop.routes[BATCH] - before, shop.routes[BRANDS]) == (1, 1)


def test_doctor_says_once_which_prices_are_not_carried(shop: Shop) -> None:
    shop.parameters["price_details"] = "on"

    (told,) = [one for one in shop.connector().check() if one.check == "price details"]

    assert "no prices by quantity or customer group" in told.detail
    assert not told.is_fault
