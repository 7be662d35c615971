"""Articles between the sandboxed ERP and the sandboxed Shopware: languages, measures, categories,
custom fields, manufacturers."""

from __future__ import annotations

import pytest

from integration.mapping_kinds import LEFT_OUT, Kind
from integration.topology import Topic
from sandbox.erp.dto import hashed_id
from sandbox.shops.shopware6.schema import DEFAULT_CURRENCY, SYSTEM_LANGUAGE
from sandbox.shops.shopware6.seed import GERMAN, ROOT_CATEGORY, STANDARD_TAX
from tests.integration.shopware import running

LAMPS, NEW = "1" * 32, "2" * 32
MUELLER, KNIPEX = "3" * 32, "4" * 32


@pytest.fixture
def relay(sqlite_url):
    with running(sqlite_url) as relay:
        yield relay


@pytest.fixture
def article(relay):
    return relay.for_sale()[0]


def category(category_id, name):
    row = {"id": category_id, "name": name, "parentId": ROOT_CATEGORY}
    return {"entity": "category", "action": "upsert", "payload": [row]}


def assigned(product, category_id, action="upsert"):
    row = {"productId": product["id"], "categoryId": category_id}
    return {"entity": "product_category", "action": action, "payload": [row]}


@pytest.fixture
def shelves(relay):
    """Two categories of the shop that those of the ERP are mapped to."""
    relay.in_admin(category(LAMPS, "Lamps"), category(NEW, "New"))
    relay.set(categories="on")
    relay.map(Kind.CATEGORY, hashed_id("Lampen"), LAMPS)
    relay.map(Kind.CATEGORY, hashed_id("Neu"), NEW)


def test_texts_go_into_the_languages_that_are_mapped(relay, article):
    relay.map(Kind.LANGUAGE, "de", GERMAN)
    relay.map(Kind.LANGUAGE, "en", SYSTEM_LANGUAGE)
    relay.change(article, texts={"en": {"name": "Lamp", "description": "Bright"}})

    product = relay.product(article)
    assert (product["name"], product["description"]) == ("Lamp", "Bright")
    german = product["translations"]["de-DE"]
    assert german["name"] == article["name"]
    assert german["description"] == (article["description"] or None)

    relay.change(article, texts={"en": {"name": "Light", "description": "Bright"}})
    assert relay.product(article)["name"] == "Light"


def test_an_article_without_a_text_in_a_language_shows_the_one_of_the_system(relay, article):
    relay.map(Kind.LANGUAGE, "en", GERMAN)
    relay.carry(article)

    product = relay.product(article)
    assert product["translations"]["de-DE"]["name"] == product["name"] == article["name"]


def test_a_channel_without_mapped_languages_asks_the_erp_for_none(relay, article):
    relay.change(article, texts={"en": {"name": "Lamp", "description": None}})
    asked = relay.erp_requests()
    relay.change(article, name="Leuchte")

    assert relay.erp_requests() - asked == 1
    product = relay.product(article)
    assert product["name"] == "Leuchte"
    assert set(product["translations"]) == {"en-GB"}


@pytest.mark.parametrize("profile", ["columns", "rest"])
def test_measures_and_the_makers_number_arrive_and_are_emptied_again(sqlite_url, profile):
    with running(sqlite_url, profile=profile) as relay:
        article = relay.for_sale()[0]
        size = {"x": 12.5, "y": 3, "z": 1, "unit": "cm"}
        relay.change(article, size=size, manufacturer_number="M-1")
        assert relay.product(article)["size_mm"] == [125, 30, 10]
        sent = ["height", "length", "manufacturerNumber", "width"]
        assert relay.notes(article)["fields"] == sent

        relay.change(article, size=None, manufacturer_number=None)
        assert relay.product(article)["size_mm"] == [None, None, None]


def test_what_the_erp_never_stated_stays_as_the_shop_has_it(relay, article):
    relay.carry(article)
    product = {"id": relay.product(article)["id"], "width": 7, "manufacturerNumber": "own"}
    relay.in_admin({"entity": "product", "action": "upsert", "payload": [product]})

    relay.change(article, name="Leuchte")
    assert relay.product(article)["size_mm"] == [None, 7, None]


def test_a_unit_of_length_that_nobody_knows_waits_for_its_mapping(relay, article):
    relay.change(article, size={"x": 2, "y": None, "z": None, "unit": "in"})
    assert relay.reason(article) == "mapping:unit:in"

    relay.map(Kind.UNIT, "in", "25.4")
    relay.drain()
    assert [str(one) for one in relay.product(article)["size_mm"][:1]] == ["50.8"]


def test_categories_come_by_their_mapping_and_a_missing_one_holds(relay, article, shelves):
    relay.change(article, categories=["Lampen", "Selten"])
    assert relay.reason(article) == f"mapping:category:{hashed_id('Selten')}"
    assert relay.product(article) is None

    relay.map(Kind.CATEGORY, hashed_id("Selten"), NEW)
    relay.drain()
    assert relay.product(article)["categories"] == ["Lamps", "New"]


def test_an_assignment_of_ours_ends_and_one_of_an_employee_stays(relay, article, shelves):
    relay.change(article, categories=["Lampen"])
    relay.in_admin(assigned(relay.product(article), ROOT_CATEGORY))

    relay.change(article, categories=["Neu"])
    assert relay.product(article)["categories"] == ["Catalogue #1", "New"]

    relay.change(article, categories=[])
    assert relay.product(article)["categories"] == ["Catalogue #1"]


def test_an_employees_assignment_stays_although_the_erp_had_it_too(relay, article, shelves):
    relay.carry(article)
    relay.in_admin(assigned(relay.product(article), LAMPS))

    relay.change(article, categories=["Lampen", "Neu"])
    relay.change(article, categories=[])
    assert relay.product(article)["categories"] == ["Lamps"]


def test_an_adopted_product_keeps_its_categories(relay, article, shelves):
    by_hand = {
        "id": "3" * 32,
        "productNumber": article["number"],
        "name": "By hand",
        "stock": 1,
        "taxId": STANDARD_TAX,
        "price": [{"currencyId": DEFAULT_CURRENCY, "gross": 1, "net": 1, "linked": False}],
        "categories": [{"id": LAMPS}],
    }
    relay.in_admin({"entity": "product", "action": "upsert", "payload": [by_hand]})

    relay.change(article, categories=["Lampen", "Neu"])
    assert relay.product(article)["id"] == by_hand["id"]
    assert relay.product(article)["categories"] == ["Lamps", "New"]
    relay.change(article, categories=[])
    assert relay.product(article)["categories"] == ["Lamps"]


def test_a_channel_that_wants_no_categories_needs_no_mapping(relay, article):
    relay.change(article, categories=["Lampen"])
    assert relay.product(article)["categories"] == []


def test_custom_fields_go_where_the_channel_says(relay, article):
    relay.set(custom_fields="custom.shop.material=material, listings.custom.shop.note=note")
    relay.edit(article, custom={"shop.material": "Holz"})
    relay.erp(
        "edit", article=article["id"], set={"custom": {"shop.note": 7}}, channel="42", silent=True
    )
    relay.carry(article)
    assert relay.product(article)["custom_fields"] == {"material": "Holz", "note": 7}

    relay.change(article, custom={"shop.material": None})
    assert relay.product(article)["custom_fields"] == {"material": None, "note": 7}


def test_a_hundred_articles_with_categories_are_one_write(relay, shelves):
    articles = relay.for_sale()[:20]
    for one in articles:
        relay.edit(one, categories=["Lampen"])
    before = relay.syncs()
    relay.carry(*articles)
    assert relay.syncs() - before == 1

    for one in articles:
        relay.edit(one, categories=["Neu"])
    asked = relay.erp_requests()
    relay.carry(*articles)
    assert (relay.syncs() - before, relay.erp_requests() - asked) == (2, 1)
    assert all(relay.product(one)["categories"] == ["New"] for one in articles)


def test_a_new_number_is_the_same_product(relay, article):
    relay.carry(article)
    product = relay.product(article)
    relay.change(article, number="NEW-1")

    renamed = relay.products()["NEW-1"]
    assert renamed["id"] == product["id"]
    assert article["number"] not in relay.products()


def test_an_article_that_is_not_offered_any_more_is_inactive_and_keeps_its_rest(
    relay, article, shelves
):
    relay.change(article, categories=["Lampen"])
    relay.change(article, active=False)
    product = relay.product(article)
    assert (product["active"], product["categories"]) == (False, ["Lamps"])

    relay.change(article, active=True, listed=False)
    assert relay.product(article)["active"] is False
    relay.change(article, listed=True)
    assert relay.product(article)["active"] is True
    assert relay.row(Topic.ARTICLE, article).state == "COMPLETED"


@pytest.fixture
def makers(relay, article):
    """The article is of Müller GmbH; the shop calls it Mueller, and has another one."""
    rows = [{"id": MUELLER, "name": "Mueller"}, {"id": KNIPEX, "name": "Knipex"}]
    relay.in_admin({"entity": "product_manufacturer", "action": "upsert", "payload": rows})
    relay.edit(article, manufacturer="Müller GmbH")


def choose_manufacturer(relay, article, manufacturer_id):
    """An employee gives the product another manufacturer."""
    row = {"id": relay.product(article)["id"], "manufacturerId": manufacturer_id}
    relay.in_admin({"entity": "product", "action": "upsert", "payload": [row]})


def test_a_mapped_manufacturer_is_taken_away_with_the_one_of_the_erp(relay, article, makers):
    relay.map(Kind.MANUFACTURER, "Müller GmbH", MUELLER)
    relay.carry(article)
    mapped = relay.product(article)["manufacturer"]

    relay.change(article, manufacturer="")

    assert (mapped, relay.product(article)["manufacturer"]) == ("Mueller", None)


def test_a_manufacturer_of_an_employee_in_the_place_of_a_mapped_one_stays(relay, article, makers):
    relay.map(Kind.MANUFACTURER, "Müller GmbH", MUELLER)
    relay.carry(article)
    choose_manufacturer(relay, article, KNIPEX)

    relay.change(article, manufacturer="")

    assert relay.product(article)["manufacturer"] == "Knipex"


def test_a_manufacturer_that_is_left_out_is_none_and_leaves_the_one_of_an_employee(
    relay, article, makers
):
    relay.map(Kind.MANUFACTURER, "Müller GmbH", LEFT_OUT)
    relay.carry(article)
    left_out = relay.product(article)["manufacturer"]

    choose_manufacturer(relay, article, KNIPEX)
    relay.change(article, name="Zange")
    relay.change(article, name="Kneifzange", manufacturer="")

    assert (left_out, relay.product(article)["manufacturer"]) == (None, "Knipex")


def test_a_manufacturer_that_is_left_out_later_takes_ours_away(relay, article, makers):
    relay.map(Kind.MANUFACTURER, "Müller GmbH", MUELLER)
    relay.carry(article)

    relay.map(Kind.MANUFACTURER, "Müller GmbH", LEFT_OUT)
    relay.carry(article)

    assert relay.product(article)["manufacturer"] is None
