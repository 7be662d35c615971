"""Generated catalogues and those read from a shop's product export."""

from decimal import Decimal
from pathlib import Path

import pytest

from sandbox import catalogue

OURS = Path(__file__).parents[2] / "data" / "catalogue.csv"
SHARED = Path(__file__).parents[4] / "shared" / "reference" / "catalogues"
MANY = 5000


@pytest.fixture(scope="module")
def generated():
    return catalogue.generate(MANY, seed=1)


def share(articles, question):
    return sum(map(bool, map(question, articles))) / len(articles)


def test_the_same_seed_gives_the_same_catalogue_and_a_larger_one_begins_with_it(generated):
    assert catalogue.generate(50, seed=1) == generated[:50]
    assert catalogue.generate(50, seed=2) != generated[:50]


def test_numbers_are_unique_and_never_look_like_an_id(generated):
    numbers = {article.number for article in generated}

    assert len(numbers) == MANY
    assert not any(number.isdigit() and number[0] != "0" for number in numbers)


def test_names_have_umlauts_and_descriptions_are_html(generated):
    assert share(generated, lambda one: set(one.name) & set("äöüßÄÖÜ")) > 0.5
    assert all(one.description.startswith("<p>") for one in generated)


def test_a_tenth_is_inactive_or_not_listed(generated):
    assert share(generated, lambda one: not (one.active and one.listed)) == pytest.approx(
        0.10, abs=0.02)
    assert 0 < share(generated, lambda one: not one.has_listing) < 0.03


@pytest.mark.parametrize(("question", "expected"), [
    (lambda one: one.ean is None, 0.04),
    (lambda one: one.ean is not None and not catalogue.is_valid_ean(one.ean), 0.01),
    (lambda one: one.price is None, 0.01),
    (lambda one: one.price_base == catalogue.NET, 0.10),
    (lambda one: one.stock < 0, 0.02),
    (lambda one: one.stock != one.stock.to_integral_value(), 0.015),  # a quarter of 2 % is whole
    (lambda one: one.weight is None, 0.02),
    (lambda one: one.weight_unit == "g", 0.28),
    (lambda one: one.tax == "reduced", 0.20),
    (lambda one: one.channel_name is not None, 0.03),
])
def test_oddities_are_as_frequent_as_promised(generated, question, expected):
    found = share(generated, question)

    assert found > 0
    assert found == pytest.approx(expected, abs=max(0.01, expected * 0.15))


@pytest.mark.parametrize(("code", "valid"), [
    ("4006381333931", True), ("4006381333932", False), ("96385074", True), ("036000291452", True),
    ("400638133393", False), ("", False), ("４００６３８１３３３９３１", False)])
def test_the_check_digit_decides_whether_a_code_is_an_ean(code, valid):
    assert catalogue.is_valid_ean(code) is valid


def test_a_product_export_is_read_with_all_its_oddities():
    found = {one.number: one for one in catalogue.load_csv(OURS)}

    assert list(found) == [
        "TG-100", "nebelschal-Grau-Lang", "nebelschal-Grau-Kurz", "nebelschal-Blau-Lang",
        "schattenspiel", "birkentasse-Rot-Rot", "birkentasse-Rot-Rot-2", "TG-101"]
    cup, scarf = found["TG-100"], found["nebelschal-Grau-Kurz"]
    assert (cup.name, cup.ean, cup.price, cup.stock) == (
        "Moosbecher", "4006381333931", Decimal("14.90"), Decimal(12))
    assert cup.description.count("\n") == 4
    assert (cup.weight, cup.weight_unit, cup.tax, cup.price_base) == (
        Decimal(310), "g", "standard", "GROSS_PRICE")
    assert (scarf.name, scarf.price) == ("Nebelschal Grau Kurz", Decimal("49.00"))
    assert scarf.description == "Leichter\u00a0Schal aus Wolle."
    assert (scarf.manufacturer, scarf.sellable_without_stock) == ("Webhaus Süd", True)
    assert found["nebelschal-Blau-Lang"].ean is None  # the check digit is wrong
    assert found["nebelschal-Blau-Lang"].stock == -2
    assert (found["schattenspiel"].listed, found["schattenspiel"].price) == (
        False, Decimal("1234.50"))
    assert (found["birkentasse-Rot-Rot"].price, found["birkentasse-Rot-Rot"].ean) == (
        Decimal("10.00"), "96385074")
    assert found["TG-101"].name == "Moosbecher Sonderedition"
    assert sum(one.listed for one in found.values()) == 7


@pytest.mark.parametrize("encode", [
    lambda text: text.encode("utf-8"), lambda text: text.encode("utf-8-sig"),
    lambda text: text.encode("cp1252"), lambda text: text.encode("utf-16"),
    lambda text: text.replace(",", ";").encode("utf-8"),
    lambda text: text.replace("\n", "\r\n").encode("utf-8")])
def test_encodings_and_separators_of_spreadsheets_are_understood(tmp_path, encode):
    path = tmp_path / "export.csv"
    path.write_bytes(encode("Handle,Title,Variant Price\nt,Müslischale,5\n"))

    assert [(one.name, one.price) for one in catalogue.load_csv(path)] == [
        ("Müslischale", Decimal("5.00"))]


@pytest.mark.parametrize(("text", "said"), [
    ("Name;Preis\nx;1\n", "Handle"),
    ("Handle,Variant Price\nx,\n", "no row with a price"),
    ("Handle,Variant Price\nx,teuer\n", "line 2"),
])
def test_a_file_that_is_no_product_export_is_refused_with_its_reason(tmp_path, text, said):
    path = tmp_path / "export.csv"
    path.write_text(text)

    with pytest.raises(ValueError, match=said):
        catalogue.load_csv(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real product exports are not at hand")
@pytest.mark.parametrize(("name", "count"), [
    ("apparel.csv", 22), ("home-and-garden.csv", 21), ("jewelery.csv", 23)])
def test_the_real_exports_give_one_article_per_priced_row(name, count):
    articles = catalogue.load_csv(SHARED / name)

    assert len({one.number for one in articles}) == count
    assert not any(one.name.endswith("Default Title") or one.ean for one in articles)


def test_the_sandbox_serves_the_articles_of_a_product_export(start):
    erp = start(catalogue=OURS)

    shown = erp.state()

    assert [one["number"] for one in shown][:2] == ["TG-100", "nebelschal-Grau-Lang"]
    assert (shown[0]["net"], shown[0]["gross"], shown[0]["weight_kg"]) == (12.52, 14.9, 0.31)
    assert [one["listed"] for one in shown].count(False) == 1
