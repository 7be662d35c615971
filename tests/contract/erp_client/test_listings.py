"""Walking over what is listed, counting it, and finding articles by what people call them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.channel_view import ChannelView
from integration.erp import plans
from integration.erp.articles import fetch_articles
from integration.erp.listings import (
    FoundArticle,
    count_listed,
    find_by_number,
    listed_page,
    sales_channels,
)
from integration.topology import Topic

CHANNEL = "42"
VIEW = ChannelView(id=1, tenant_id=1, tenant="acme", erp_id=CHANNEL, platform="memory")


def test_the_walk_meets_every_listing_once_in_numeric_order(erp):
    erp.edit(erp.articles()[0]["id"], listed=False)  # a listing that is switched off is met too
    ids, offset, pages = [], 0, 0
    while True:
        page = listed_page(erp.client, CHANNEL, offset, 50)
        ids += page.ids
        pages += 1
        if not page.more:
            break
        offset = page.next_offset

    assert ids == sorted(set(ids), key=int)
    assert {one["id"] for one in erp.articles() if one["listed"]} <= set(ids)
    assert len(ids) == count_listed(erp.client, CHANNEL)
    assert pages == -(-len(ids) // 50)


@pytest.mark.parametrize("rows_come_as", ["rows", "meta"])
def test_pages_with_rows_bring_what_a_fetch_brings(rows_come_as, start):
    erp = start(profile="columns", articles=80)
    erp.admin("POST", "/options", listing_rows=rows_come_as)
    found, ids, offset, more = {}, [], 0, True
    while more:
        page = plans.read_page(erp.client, erp.facts, VIEW, Topic.ARTICLE, offset, 12)
        ids, more, offset = ids + page.ids, page.more, page.next_offset
        found |= page.rows

    assert ids == sorted(set(ids), key=int)
    assert list(found) == ids
    assert found == fetch_articles(erp.client, erp.facts, CHANNEL, ids)


def test_a_page_with_rows_costs_one_request(start):
    erp = start(profile="columns", articles=80)
    plans.read_page(erp.client, erp.facts, VIEW, Topic.ARTICLE, 0, 10)  # learns columns and taxes
    before = erp.bucket.taken

    page = plans.read_page(erp.client, erp.facts, VIEW, Topic.ARTICLE, 10, 10)

    assert (len(page.rows), erp.bucket.taken - before) == (9, 1)  # the last one may go on


@pytest.mark.parametrize(
    ("options", "view"),
    [
        ({"profile": "rest"}, {}),
        ({"missing_columns": ("listings.stockAvailable", "stockAvailable")}, {}),
        ({}, {"parameters": {"variants": "on"}}),
        ({}, {"parameters": {"price_details": "on"}, "now": datetime(2026, 11, 26, tzinfo=UTC)}),
    ],
    ids=["rest", "a column is missing", "variants", "price details"],
)
def test_what_takes_a_read_per_article_is_not_read_by_pages(options, view, start):
    erp = start(articles=10, **options)

    assert plans.read_page(erp.client, erp.facts, replace(VIEW, **view), Topic.ARTICLE, 0) is None


def test_a_page_is_read_without_a_column_that_has_gone_from_the_next_one_on(start):
    erp = start(profile="columns", articles=30)
    plans.read_page(erp.client, erp.facts, VIEW, Topic.ARTICLE, 0, 10)
    erp.admin("POST", "/options", missing_columns=["manufacturerArticleNumber"])

    assert plans.read_page(erp.client, erp.facts, VIEW, Topic.ARTICLE, 0, 10) is None
    page = plans.read_page(erp.client, erp.facts, VIEW, Topic.ARTICLE, 0, 10)

    assert len(page.rows) == 9


def test_an_unknown_channel_has_nothing_listed(erp):
    assert listed_page(erp.client, "777") == ([], False, 0)
    assert count_listed(erp.client, "777") == 0


def test_an_article_is_found_by_number_and_by_id(erp):
    article = next(one for one in erp.articles() if one["listed"])
    found = FoundArticle(article["id"], article["number"])

    assert find_by_number(erp.client, article["number"]) == [found]
    assert find_by_number(erp.client, article["id"])[0] == found


def test_an_article_is_found_by_its_ean_where_the_erp_offers_it(start):
    erp = start(profile="columns")
    article = next(one for one in erp.articles() if one["listed"] and one["ean"])

    assert find_by_number(erp.client, article["ean"])[0].id == article["id"]


def test_a_number_may_contain_anything(erp):
    article = next(one for one in erp.articles() if one["listed"])
    odd = 'O\'Neil "5%" -- \\ ü'
    erp.edit(article["id"], number=odd)

    assert find_by_number(erp.client, odd) == [FoundArticle(article["id"], odd)]


def test_nothing_is_found_for_an_unknown_name(erp):
    assert find_by_number(erp.client, "no such article") == []


def test_our_sales_channels_are_listed_by_id(erp):
    assert {"42", "43"} <= {channel.id for channel in sales_channels(erp.client)}
    assert "1" not in {channel.id for channel in sales_channels(erp.client)}
