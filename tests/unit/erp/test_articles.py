"""The fetch plans against an ERP in memory."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from integration.channel_view import ChannelView
from integration.erp import reads
from integration.erp.articles import fetch_articles, fetch_prices, fetch_stocks
from integration.erp.catalogue import OFFERED_FACT
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import Gone, Rejected, Throttled, TransientError
from integration.topology import Topic

ALL_COLUMNS = {
    "number": "A-1",
    "name": "Lamp",
    "description": "<p>Bright</p>",
    "active": True,
    "productType": "WITH_STOCK",
    "sellableWithoutStock": False,
    "manufacturer.label": "Lumen",
    "grossMetric.weight": Decimal("1.250"),
    "grossMetric.weightUnit.abbreviation": "kg",
    "identifiers.name": "EAN",
    "identifiers.value": "4006381333931",
    "taxSchema.id": 11,
    "listings.id": 901,
    "listings.listed": True,
    "listings.listingState": "SYNCHRONIZED",
    "listings.name": "Lamp for you",
    "listings.description": None,
    "netSalesPrice": Decimal("16.80"),
    "grossSalesPrice": Decimal("19.99"),
    "stockAvailable": Decimal("7.5"),
}
ATTESTED = ("number", "listings.id", "listings.listed")
ARTICLE = {
    "id": "1",
    "number": "A-1",
    "name": "Lamp",
    "description": "<p>Bright</p>",
    "active": True,
    "productType": "WITH_STOCK",
    "sellableWithoutStock": False,
    "manufacturerRef": {"label": "Lumen"},
    "grossMetric": {"weight": Decimal("1.250"), "weightUnit": {"abbreviation": "kg"}},
    "taxSchemaRef": {"id": "11"},
    "identifiers": [{"name": "EAN", "value": "4006381333931"}],
}
LISTINGS = [
    {"salesChannelRef": {"id": "7"}, "id": "900", "listed": True},
    {
        "salesChannelRef": {"id": 42},
        "id": "901",
        "listed": True,
        "listingState": "SYNCHRONIZED",
        "name": {"defaultValue": "Lamp", "value": "Lamp for you"},
        "description": {"defaultValue": "<p>Bright</p>", "value": None},
    },
]
TAX = {"rate": 19, "countryCode": "DE", "typeRef": {"id": "1", "label": "standard"}}
PRICE = {
    "netPrice": Decimal("16.80"),
    "grossPrice": Decimal("19.99"),
    "usedTaxRate": TAX,
    "currencyRef": {"id": "1", "label": "EUR"},
}
STOCK = {"stockAvailable": Decimal("7.5"), "stockAmount": 9}
FULL_ROW = {
    "id": "1",
    "number": "A-1",
    "name": "Lamp",
    "listing_name": "Lamp for you",
    "description": "<p>Bright</p>",
    "listing_description": None,
    "active": True,
    "listed": True,
    "listing_id": "901",
    "media_revision": None,
    "ean": "4006381333931",
    "weight": Decimal("1.250"),
    "weight_unit": "kg",
    "manufacturer": "Lumen",
    "product_type": "WITH_STOCK",
    "sellable_without_stock": False,
    "net": Decimal("16.80"),
    "gross": Decimal("19.99"),
    "price_currency": None,
    "tax_schema": "11",
    "tax_rate": Decimal(19),
    "tax_type": "1",
    "stock": Decimal("7.5"),
    "manufacturer_number": None,
    "size_x": None,
    "size_y": None,
    "size_z": None,
    "size_unit": None,
}


class Erp:
    """Articles 1 to `count` on channel 42; `answers` may replace what a path answers."""

    def __init__(self, offered, count=1):
        self.offered = {name: ALL_COLUMNS[name] for name in offered}
        self.count = count
        self.answers = {}
        self.asked = []

    def vql_all(self, statement):
        self.asked.append("VQL")
        lines = statement.splitlines()
        for path in (line.rstrip(",") for line in lines[2:] if re.fullmatch(r"[\w.]+,?", line)):
            if path not in self.offered:
                raise Rejected(f"no column {path}")
        ids = re.search(r"id IN \(([^)]*)\)", statement)[1].replace("'", "").split(",")
        names = dict(re.findall(r"displayname='(\w+)'}\n([\w.]+)", statement))
        for one in ids:
            if 1 <= int(one) <= self.count:
                yield {
                    "id": int(one),
                    **{
                        name: self.offered[path]
                        for name, path in names.items()
                        if self.offered[path] is not None
                    },
                }

    def get(self, path, params=None):
        self.asked.append(path)
        answer = self._answer(path)
        if isinstance(answer, list) and answer and isinstance(answer[0], Exception):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self, path):
        if path in self.answers:
            return self.answers[path]
        if path.endswith("/fields"):
            return [{"attribute": name} for name in ("id", *self.offered)]
        if path.endswith("/listings"):
            return LISTINGS
        if path.endswith("/stocks"):
            return STOCK
        if "tax-select" in path:
            return TAX
        return PRICE if "sales-price" in path else ARTICLE


@pytest.fixture
def columns():
    return Erp(ALL_COLUMNS)


@pytest.fixture
def rest():
    return Erp(ATTESTED)


def test_with_columns_a_row_comes_with_one_query_and_one_tax_read(columns, facts):
    assert fetch_articles(columns, facts, "42", ["1"]) == {"1": FULL_ROW}

    assert columns.asked == [
        "/cmn/computed-queries/article/shopListing/fields",
        "VQL",
        "/erp/taxes/tax-select/11",
    ]


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ({"id": "1", "label": "EUR"}, "EUR"),
        ({"id": "1", "label": "Euro"}, "EUR"),
        ({"id": "2", "label": "Schweizer Franken", "isoCode": "CHF"}, "CHF"),
        ({"id": "7", "label": "Krone"}, "Krone"),  # whose, nobody says
        (None, None),
    ],
)
def test_a_currency_is_named_by_its_code_or_as_the_erp_words_it(reference, code):
    class OnePrice:
        def get(self, path, params=None):
            return {**PRICE, "currencyRef": reference}

    assert reads.price(OnePrice(), "1", "42")["price_currency"] == code


def test_without_columns_the_same_row_comes_from_five_reads(rest, facts):
    rows = fetch_articles(rest, facts, "42", ["1"])

    assert rows == {"1": {**FULL_ROW, "price_currency": "EUR"}}
    assert rest.asked[1:] == [
        "VQL",
        "/erp/articles/1",
        "/erp/articles/1/listings",
        "/erp/products/sales-price-by-selection",
        "/erp/articles/1/stocks",
    ]


def test_a_hundred_articles_are_one_request_when_facts_are_known(facts):
    erp = Erp(ALL_COLUMNS, count=100)
    fetch_prices(erp, facts, "42", ["1"])
    erp.asked.clear()

    rows = fetch_prices(erp, facts, "42", [str(one) for one in range(1, 101)])

    assert len(rows) == 100
    assert erp.asked == ["VQL"]


def test_a_query_never_names_more_than_a_hundred_ids(facts):
    erp = Erp(ALL_COLUMNS, count=250)

    assert len(fetch_stocks(erp, facts, "42", [str(one) for one in range(1, 251)])) == 250

    assert erp.asked.count("VQL") == 3


def test_price_and_stock_rows_carry_what_decides_about_offering(columns, facts):
    head = {
        "id": "1",
        "number": "A-1",
        "active": True,
        "product_type": "WITH_STOCK",
        "listing_id": "901",
        "listed": True,
    }

    assert fetch_prices(columns, facts, "42", ["1"])["1"] == {
        **head,
        "net": Decimal("16.80"),
        "gross": Decimal("19.99"),
        "price_currency": None,
        "tax_schema": "11",
        "tax_rate": Decimal(19),
        "tax_type": "1",
    }
    assert fetch_stocks(columns, facts, "42", ["1"])["1"] == {
        **head,
        "sellable_without_stock": False,
        "stock": Decimal("7.5"),
    }


def test_an_id_without_a_listing_has_no_row_and_costs_no_read(rest, facts):
    assert fetch_articles(rest, facts, "42", ["2"]) == {}

    assert rest.asked[1:] == ["VQL"]


def test_what_is_no_id_is_not_asked_for(columns, facts):
    assert fetch_stocks(columns, facts, "42", ["x' OR '1'='1", ""]) == {}

    assert "VQL" not in columns.asked


def test_an_article_that_goes_in_between_has_no_row(rest, facts):
    rest.answers["/erp/articles/1"] = Gone("404")

    assert fetch_articles(rest, facts, "42", ["1"]) == {}


def test_a_listing_that_goes_in_between_has_no_row(rest, facts):
    rest.answers["/erp/articles/1/listings"] = [
        LISTINGS[0],
        {"salesChannelRef": {"id": "42"}, "listed": False},  # stands for "no listing"
    ]

    assert fetch_articles(rest, facts, "42", ["1"]) == {}


@pytest.mark.parametrize("answer", [Gone("404"), None, {}, []])
def test_no_price_in_the_erp_is_none_in_the_row(answer, rest, facts):
    rest.answers["/erp/products/sales-price-by-selection"] = answer

    row = fetch_prices(rest, facts, "42", ["1"])["1"]

    assert (row["net"], row["gross"], row["price_currency"]) == (None, None, None)
    assert row["tax_rate"] == 19  # by the article's tax schema


def test_no_stock_in_the_erp_is_none_in_the_row(rest, facts):
    rest.answers["/erp/articles/1/stocks"] = Gone("404")

    assert fetch_stocks(rest, facts, "42", ["1"])["1"]["stock"] is None


def test_an_unknown_tax_schema_is_no_rate_and_is_not_remembered(columns, facts):
    columns.answers["/erp/taxes/tax-select/11"] = Gone("404")

    row = fetch_prices(columns, facts, "42", ["1"])["1"]

    assert (row["tax_rate"], row["tax_type"]) == (None, None)
    assert "tax-schema:11" not in facts


def test_columns_that_went_since_their_discovery_are_discovered_again(facts):
    facts.put(OFFERED_FACT, [*ALL_COLUMNS, "listings.stockAvailable"])
    erp = Erp(ALL_COLUMNS)

    rows = fetch_stocks(erp, facts, "42", ["1"])

    assert rows["1"]["stock"] == Decimal("7.5")
    assert erp.asked == ["VQL", "/cmn/computed-queries/article/shopListing/fields", "VQL"]
    assert "listings.stockAvailable" not in facts[OFFERED_FACT]


def test_a_refused_query_with_right_columns_is_tried_again_and_fails_no_article(columns, facts):
    def refuse(statement):
        raise Rejected("422")

    columns.vql_all = refuse

    with pytest.raises(TransientError, match="422"):
        fetch_stocks(columns, facts, "42", ["1"])


def test_a_discovery_that_is_refused_too_fails_no_article(columns, facts):
    fetch_stocks(columns, facts, "42", ["1"])

    def refuse(statement):
        raise Rejected("422")

    columns.vql_all = refuse
    columns.answers["/cmn/computed-queries/article/shopListing/fields"] = Rejected("422 too")

    with pytest.raises(TransientError, match="422 too"):
        fetch_stocks(columns, facts, "42", ["1"])


# --- what stops in the middle --------------------------------------------------------------------


def test_an_article_that_the_erp_refuses_stops_no_other(facts):
    erp = Erp(ATTESTED, count=3)
    erp.answers["/erp/articles/2/stocks"] = Rejected("unit is missing (trackingId t-2)")

    rows = fetch_stocks(erp, facts, "42", ["1", "2", "3"])

    assert rows["2"] == {"id": "2", "refusal": "unit is missing (trackingId t-2)"}
    assert rows["1"]["stock"] == rows["3"]["stock"] == Decimal("7.5")


def test_articles_read_before_the_budget_ended_are_kept(facts):
    erp = Erp(ATTESTED, count=3)
    erp.answers["/erp/articles/2/stocks"] = Throttled("no budget", 4.0)

    rows = fetch_stocks(erp, facts, "42", ["1", "2", "3"])

    later = {"message": "no budget", "retry_after_s": 4.0}
    assert rows["1"]["stock"] == Decimal("7.5")
    assert rows["2"] == {"id": "2", "postponed": later}
    assert rows["3"] == {"id": "3", "postponed": later}
    assert "/erp/articles/3" not in erp.asked


def test_an_empty_budget_from_the_start_is_the_whole_fetch(facts):
    erp = Erp(ATTESTED, count=3)
    erp.answers["/erp/articles/1"] = Throttled("no budget", 4.0)

    with pytest.raises(Throttled) as caught:
        fetch_stocks(erp, facts, "42", ["1", "2", "3"])

    assert caught.value.retry_after_s == 4.0


def test_one_article_over_which_the_erp_stumbles_stops_no_other(facts):
    erp = Erp(ATTESTED, count=3)
    erp.answers["/erp/articles/1/stocks"] = TransientError("answered 500")

    rows = fetch_stocks(erp, facts, "42", ["1", "2", "3"])

    assert rows["1"] == {
        "id": "1",
        "postponed": {"message": "answered 500", "retry_after_s": None},
    }
    assert rows["2"]["stock"] == rows["3"]["stock"] == Decimal("7.5")


def test_after_a_second_stumble_the_rest_waits_without_an_attempt(facts):
    erp = Erp(ATTESTED, count=4)
    erp.answers["/erp/articles/2/stocks"] = TransientError("answered 500")
    erp.answers["/erp/articles/3/stocks"] = TransientError("answered 500")

    rows = fetch_stocks(erp, facts, "42", ["1", "2", "3", "4"])

    waits = {one: row["postponed"]["retry_after_s"] for one, row in rows.items() if one != "1"}
    assert waits == {"2": None, "3": None, "4": 5.0}
    assert "/erp/articles/4" not in erp.asked


def test_an_erp_that_is_down_fails_the_whole_fetch(facts):
    erp = Erp(ATTESTED, count=2)
    for one in "12":
        erp.answers[f"/erp/articles/{one}"] = TransientError("answered 503")

    with pytest.raises(TransientError, match="503"):
        fetch_stocks(erp, facts, "42", ["1", "2"])


def test_each_topic_has_its_fetch(columns, facts):
    channel = ChannelView(id=1, tenant_id=1, tenant="acme", erp_id="42", platform="memory")

    about_articles = {Topic.ARTICLE, Topic.PRICE, Topic.STOCK, Topic.MEDIA}
    assert set(FETCH_BY_TOPIC) == {*about_articles, Topic.ORDER_STATUS}
    for topic in about_articles:
        row = FETCH_BY_TOPIC[topic](columns, facts, channel, ["1"])["1"]
        assert ("net" in row, "stock" in row, "name" in row) == {
            Topic.ARTICLE: (True, True, True),
            Topic.PRICE: (True, False, False),
            Topic.STOCK: (False, True, False),
            Topic.MEDIA: (False, False, False),
        }[topic]
