"""Walking over what is listed, counting it, and finding articles by what people call them."""

from __future__ import annotations

from integration.erp.listings import (
    FoundArticle,
    count_listed,
    find_by_number,
    listed_page,
    sales_channels,
)

CHANNEL = "42"


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
