"""Field discovery and what it makes of the fetch plans."""

from __future__ import annotations

import pytest

from integration.erp import catalogue
from integration.erp.catalogue import FIELDS_PATH, OFFERED_FACT, discover, plan
from integration.erp.vql import Column
from integration.errors import Gone, TenantError
from integration.topology import Topic

EVERYTHING = frozenset(
    [
        "id",
        "number",
        "name",
        "description",
        "active",
        "productType",
        "sellableWithoutStock",
        "manufacturer.label",
        "grossMetric.weight",
        "grossMetric.weightUnit.abbreviation",
        "identifiers.name",
        "identifiers.value",
        "taxSchema.id",
        "listings.id",
        "listings.listed",
        "listings.listingState",
        "listings.name",
        "listings.description",
        "netSalesPrice",
        "grossSalesPrice",
        "stockAvailable",
    ]
)


class Discovery:
    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def get(self, path):
        self.asked.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    "answer",
    [
        [{"attribute": "id"}, {"attribute": "number"}],
        [{"path": "id"}, {"path": "number"}],
        {"fields": [{"attribute": "id"}, {"attribute": "number"}]},
        {"data": [{"attribute": "id"}, {"path": "number"}]},
        [
            {"attribute": "id"},
            {"attribute": "hidden", "resultable": False},
            {"attribute": "number"},
        ],
        # a nested collection describes itself and its own columns
        [{"_type": "meta", "definition": {"path": "id"}, "value": [{"attribute": "number"}]}],
    ],
)
def test_the_offered_columns_are_read_from_every_shape_of_the_answer(answer, facts):
    assert discover(Discovery(answer), facts) == {"id", "number"}


def test_columns_are_asked_for_once(facts):
    erp = Discovery([{"attribute": "id"}])

    assert discover(erp, facts) == discover(erp, facts) == {"id"}

    assert erp.asked == [FIELDS_PATH]
    assert facts == {OFFERED_FACT: ["id"]}


def test_an_erp_without_field_discovery_offers_nothing(facts):
    assert discover(Discovery(Gone("404")), facts) == frozenset()
    assert facts == {OFFERED_FACT: []}


def test_a_missing_permission_is_not_taken_for_missing_columns(facts):
    with pytest.raises(TenantError):
        discover(Discovery(TenantError("403")), facts)

    assert facts == {}


@pytest.mark.parametrize("topic", [Topic.ARTICLE, Topic.PRICE, Topic.STOCK])
def test_an_erp_that_offers_all_columns_needs_no_rest_read(topic):
    assert plan(topic, EVERYTHING).reads == frozenset()


@pytest.mark.parametrize(
    ("topic", "reads"),
    [
        (Topic.ARTICLE, {"article", "listing", "price", "stock"}),
        (Topic.PRICE, {"article", "listing", "price"}),
        (Topic.STOCK, {"article", "listing", "stock"}),
    ],
)
def test_an_erp_that_offers_nothing_is_read_article_by_article(topic, reads):
    the_plan = plan(topic, frozenset())

    assert the_plan.reads == reads
    assert the_plan.columns == (Column("id"),)


def test_a_price_is_never_put_together_from_a_column_and_a_record():
    the_plan = plan(Topic.PRICE, EVERYTHING - {"grossSalesPrice"})

    assert the_plan.reads == {"price"}
    assert not {"net", "gross"} & {column.name for column in the_plan.columns}


def test_columns_come_under_our_names():
    columns = plan(Topic.STOCK, EVERYTHING).columns

    assert Column("stockAvailable", "stock") in columns
    assert Column("sellableWithoutStock", "sellable_without_stock") in columns


def test_a_column_of_the_listing_goes_before_one_of_the_article():
    offered = EVERYTHING | {"listings.stockAvailable"}

    assert Column("listings.stockAvailable", "stock") in plan(Topic.STOCK, offered).columns


def test_what_a_topic_does_not_need_is_not_asked_for():
    names = {column.name for column in plan(Topic.STOCK, EVERYTHING).columns}

    assert names == {
        None,  # id
        "number",
        "active",
        "product_type",
        "listing_id",
        "listed",
        "listing_state",
        "sellable_without_stock",
        "stock",
    }


@pytest.mark.parametrize(
    ("path", "refusal", "is_named"),
    [
        ("stockAvailable", "422: stockAvailable is unknown", True),
        ("stockAvailable", "The column listings.stockAvailable does not exist.", False),
        ("stockAvailable", "stockAvailable.value is unknown", False),
        ("listings.id", "unknown: listings.id.", True),
        ("id", "unknown: listings.id", False),
        ("id", "the article id is wrong (trackingId 7)", False),
        ("id", "The column id does not exist", True),
        ("name", "number: is taken, choose another name", False),
        ("name", "Unknown attribute: name", True),
        ("name", "there is no 'name' in this source", True),
        ("name", "there is no field manufacturer.name", False),
    ],
)
def test_a_refusal_names_a_column_and_not_a_word_of_its_sentence(path, refusal, is_named):
    assert catalogue._is_named(path, refusal) is is_named
