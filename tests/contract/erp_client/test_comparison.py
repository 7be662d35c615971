"""Columns compared with REST, on a sandbox whose columns tell the truth or not."""

from __future__ import annotations

import random

import pytest

from integration.erp import catalogue
from integration.erp.comparison import SAMPLES, Comparison
from integration.errors import Throttled
from integration.topology import Topic
from tests.contract.erp_client.conftest import CHANNEL

PRICE_COLUMNS = ["netSalesPrice", "grossSalesPrice"]


def comparison(erp, **given) -> Comparison:
    offered = catalogue.rediscover(erp.client, erp.facts)
    given = {"currency": "EUR", **given}
    return Comparison(erp.client, CHANNEL, offered, rng=random.Random(7), **given)


def reads_of_articles(erp) -> int:
    """Requests for one article: everything but queries and discovery."""
    counted = erp.counted().items()
    return sum(n for route, n in counted if "/erp/articles" in route or "/erp/products" in route)


def test_columns_that_agree_are_believed_after_twenty_articles_each(start):
    erp = start(articles=300)
    made = comparison(erp)
    before = erp.bucket.taken

    made.run()

    price, stock = made.findings["price"], made.findings["stock"]
    assert (price["columns"], stock["columns"]) == (PRICE_COLUMNS, ["stockAvailable"])
    assert (price["agrees"], price["difference"]) == (True, None)
    assert (stock["agrees"], stock["compared"]) == (True, SAMPLES)
    assert SAMPLES - 3 <= price["compared"] <= SAMPLES  # a few have no price at all
    assert erp.bucket.taken - before <= 2 * SAMPLES + 5
    assert not catalogue.distrusted_reads(made.offered, made.findings)
    assert not catalogue.plan(Topic.ARTICLE, made.offered, made.findings).reads


@pytest.mark.parametrize(("lie", "other"), [("price", "stock"), ("stock", "price")])
def test_the_first_article_that_differs_decides_for_its_read_alone(lie, other, start):
    erp = start(articles=300, column_lies=(lie,))
    made = comparison(erp)

    made.run()

    told = made.findings[lie]
    assert (told["agrees"], made.findings[other]["agrees"]) == (False, True)
    assert told["difference"].startswith("article ")
    column = told["columns"][0]
    assert f"column {column} says " in told["difference"]
    assert ", REST " in told["difference"]
    assert reads_of_articles(erp) <= SAMPLES + 4
    reads = catalogue.plan(Topic.ARTICLE, made.offered, made.findings).reads
    assert reads == {lie}


def test_columns_without_a_currency_are_the_channels_and_differ_where_rest_names_another(start):
    erp = start(articles=300, price_currency="CHF")

    made, swiss = comparison(erp), comparison(erp, currency="chf")
    made.run()
    swiss.run()

    told = made.findings["price"]
    assert told["agrees"] is False
    assert told["difference"].endswith(
        ": no column names the currency, REST says CHF and the channel sells in EUR"
    )
    assert made.findings["stock"]["agrees"]
    assert swiss.findings["price"]["agrees"]


def test_a_column_of_the_currency_is_compared_like_those_of_the_amounts(start):
    erp = start(articles=300, currency_column="EUR", price_currency="CHF")
    lying = comparison(erp)
    lying.run()
    erp.admin("POST", "/options", currency_column="CHF")
    right = comparison(erp)
    right.run()

    told = lying.findings["price"]
    assert told["columns"] == [*PRICE_COLUMNS, "salesPriceCurrency.isoCode"]
    assert told["difference"].endswith("column salesPriceCurrency.isoCode says EUR, REST CHF")
    # The rows name their currency: one that is not the channel's is held by what they say.
    assert right.findings["price"]["agrees"]
    assert not catalogue.distrusted_reads(right.offered, right.findings)


@pytest.mark.parametrize(
    "reference",
    [
        None,
        {"id": "1", "label": "Euro"},
        {"id": "1", "label": "Hauswährung"},  # no code: it may be any
    ],
)
def test_a_price_that_rest_names_no_currency_of_is_in_the_channels(start, reference):
    erp = start(articles=30)
    made, real_get = comparison(erp), erp.client.get

    def get(path, params=None):
        answer = real_get(path, params)
        return {**answer, "currencyRef": reference} if "by-selection" in path else answer

    erp.client.get = get
    made.run()

    assert made.findings["price"]["agrees"]


def test_the_samples_come_from_all_over_the_catalogue_and_are_listed(start):
    erp = start(articles=1_000)
    listed = {one["id"]: one["listed"] for one in erp.articles()}
    made = comparison(erp)

    places = sorted(int(one) for one in made._samples({"stock": "stockAvailable"}))

    ids = sorted(int(one) for one in listed)
    quarter = len(ids) // 4
    assert all(listed[str(one)] for one in places)
    for first in range(0, len(ids) - 3, quarter):
        inside = [one for one in places if ids[first] <= one <= ids[min(first + quarter, 999)]]
        assert inside, f"none between {first} and {first + quarter}"


def test_an_article_that_changes_during_the_comparison_gets_a_second_look(start):
    erp = start(articles=30)
    made, answers = comparison(erp), []
    real_get = erp.client.get

    def get(path, params=None):
        answer = real_get(path, params)
        if path.endswith("/stocks") and not answers:
            # As if the stock had been edited between the query and this answer.
            answers.append(path)
            return {**answer, "stockAvailable": answer["stockAvailable"] + 5}
        return answer

    erp.client.get = get
    made.run()

    assert answers
    assert made.findings["stock"]["agrees"]


def test_a_comparison_that_is_cut_short_goes_on_where_it_was(start):
    erp = start(articles=300)
    made = comparison(erp)
    left = 12

    def take():
        nonlocal left
        left -= 1
        if left < 0:
            raise Throttled("the budget is used up", 4.0)

    erp.bucket.take = take
    with pytest.raises(Throttled):
        made.run()
    assert not made.findings
    begun = dict(made.looked_at)
    assert 0 < begun["price"] <= 7

    left = 1_000
    again = comparison(erp, looked_at=begun)
    before = reads_of_articles(erp)
    again.run()

    assert again.findings["price"]["compared"] >= SAMPLES - 3
    assert reads_of_articles(erp) - before < 2 * SAMPLES


def test_an_empty_catalogue_proves_nothing_and_costs_next_to_nothing(start):
    erp = start(articles=30)
    offered = catalogue.rediscover(erp.client, erp.facts)
    made = Comparison(erp.client, "4711", offered, currency="EUR")

    made.run()

    assert [one["agrees"] for one in made.findings.values()] == [False, False]
    assert reads_of_articles(erp) == 0
    assert catalogue.distrusted_reads(offered, made.findings) == {"price", "stock"}


def test_without_columns_there_is_nothing_to_compare(start):
    erp = start(articles=30, profile="rest")
    made = comparison(erp)

    made.run()

    assert made.findings == {}
    assert erp.bucket.taken == 1  # the discovery


def test_columns_that_came_after_the_check_are_not_believed(start):
    erp = start(articles=30)
    made = comparison(erp)
    made.run()

    later = made.offered | {"listings.stockAvailable"}

    assert catalogue.distrusted_reads(later, made.findings) == {"stock"}
    assert catalogue.distrusted_reads(later, None) == frozenset()
