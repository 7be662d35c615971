"""What only some articles have: languages, measures, categories, custom fields, variants."""

import pytest

COLUMNS = ("id, manufacturerArticleNumber, grossMetric.sizeX, grossMetric.sizeUnit.abbreviation, "
           "listings.categoryRefs.id, product.id, product.mainVariantProduct.id, productType")


def row(erp, article: str) -> dict:
    found = erp.rows(f"SELECT {COLUMNS} FROM article.shopListing WHERE "
                     f"listings.salesChannel.id = '42' AND id IN ('{article}')")
    return found[0]


def listing(erp, article: str, query: str = "") -> dict:
    return next(one for one in erp.get(f"/erp/articles/{article}/listings{query}")
                if one["salesChannelRef"]["id"] == "42")


def test_texts_depend_on_the_language_asked_for(erp):
    own = listing(erp, "1001")["name"]["defaultValue"]
    erp.edit("1001", set={"texts": {"en": {"name": "Lamp", "description": "Bright"}}})

    english = listing(erp, "1001", "?languageCode=en")
    assert english["name"] == {"defaultValue": "Lamp", "value": None}
    assert erp.get("/erp/articles/1001?languageCode=en")["description"] == "Bright"
    assert listing(erp, "1001")["name"]["defaultValue"] == own
    assert erp.get("/erp/articles/1001")["languageCode"] == "de"
    assert erp.get("/erp/articles/1001/languages-available-for-article") == ["de", "en"]
    assert listing(erp, "1001", "?languageCode=fr")["name"]["defaultValue"] is None


def test_measures_and_the_makers_number_are_read_both_ways(erp):
    size = {"x": 12.5, "y": 3, "z": 1, "unit": "cm"}
    shown = erp.edit("1002", set={"size": size, "manufacturer_number": "M-1"})["article"]

    metric = erp.get("/erp/articles/1002")["grossMetric"]
    assert (metric["sizeX"], metric["sizeUnit"]["abbreviation"]) == (12.5, "cm")
    found = row(erp, "1002")
    assert (found["grossMetric.sizeX"], found["manufacturerArticleNumber"]) == (12.5, "M-1")
    assert (shown["size_mm"], shown["manufacturer_number"]) == ([125.0, 30.0, 10.0], "M-1")


def test_categories_come_and_go_with_their_events(erp):
    first = erp.edit("1003", set={"categories": ["Lampen", "Neu"]}, channel="42")
    again = erp.edit("1003", set={"categories": ["Lampen"]}, channel="42")

    labels = {one["id"]: one["label"] for one in erp.get("/cmn/category")}
    assert sorted(labels.values()) == ["Lampen", "Neu"]
    assert [labels[one["id"]] for one in listing(erp, "1003")["categoryRefs"]] == ["Lampen"]
    assert [labels[one] for one in row(erp, "1003")["listings.categoryRefs.id"]] == ["Lampen"]
    assert [one["queue"] for one in first["events"]] == [
        "article(sales-channel-id=42).update", "listing.category-added", "listing.category-added"]
    assert again["events"][-1]["queue"] == "listing.category-removed"


def test_a_variant_names_its_main_article_and_its_values(erp):
    main = erp.state()[0]
    erp.edit(main["id"], set={"product_type": "VARIANT_MAIN_ARTICLE"})
    erp.edit("1005", set={"variant_of": main["number"], "variant_values": {"Größe": "M"}})

    product = erp.get("/erp/articles/1005/products")
    found, above = row(erp, "1005"), row(erp, main["id"])
    assert product["mainVariantProductRef"]["id"] == str(above["product.id"])
    assert str(found["product.mainVariantProduct.id"]) == str(above["product.id"])
    assert above["productType"] == "VARIANT_MAIN_ARTICLE"
    (value,) = product["variantValues"]
    assert (value["label"], value["variantAttributeRef"]["label"]) == ("M", "Größe")
    assert erp.get(f"/erp/articles/{main['id']}/products")["variantValues"] == []


def test_custom_values_belong_to_the_article_or_to_one_listing(erp):
    erp.edit("1006", set={"custom": {"shop.material": "Holz"}})
    erp.edit("1006", set={"custom": {"shop.note": "neu"}}, channel="42")

    assert erp.get("/erp/articles/1006")["custom"] == {"shop": {"material": "Holz"}}
    assert listing(erp, "1006")["custom"] == {"shop": {"note": "neu"}}


@pytest.mark.parametrize("wanted", [
    {"texts": {"de": {"name": "x"}}}, {"texts": {"en": "x"}}, {"size": {"x": "wide"}},
    {"categories": "Neu"}, {"custom": {"flat": 1}}, {"product_type": "THING"},
    {"variant_of": "no such number"}, {"variant_values": ["M"]}, {"manufacturer_number": 5}])
def test_an_edit_that_makes_no_sense_is_refused_with_a_sentence(wanted, erp):
    answer = erp.admin("POST", "edit", {"article": "1001", "set": wanted})
    assert answer.status_code == 400
    assert answer.json()["message"]
