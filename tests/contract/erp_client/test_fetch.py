"""The fetch plans on both profiles, with what they cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integration.channel_view import ChannelView
from integration.documents import WithdrawalDocument
from integration.erp.articles import fetch_articles, fetch_prices, fetch_stocks
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import Throttled
from integration.topics import DOCUMENT_BY_TOPIC
from integration.topology import Topic

CHANNEL = "42"
VIEW = ChannelView(id=1, tenant_id=1, tenant="acme", erp_id=CHANNEL, platform="memory")
#: Those about articles.
TOPICS = sorted(set(FETCH_BY_TOPIC) - {Topic.ORDER_STATUS})
EXECUTE = "POST /api/vario/cmn/computed-queries/execute"


def _listed(erp):
    return [one for one in erp.articles() if one["listed"]]


def _spent(erp, before):
    after = erp.counted()
    return {
        route: after[route] - before.get(route, 0)
        for route in after
        if after[route] != before.get(route, 0)
    }


@pytest.mark.parametrize("topic", TOPICS)
def test_a_hundred_articles_are_one_request_with_columns_and_warm_facts(topic, start):
    erp = start(profile="columns", articles=250)
    ids = [one["id"] for one in _listed(erp)]
    assert len(ids) > 101
    FETCH_BY_TOPIC[topic](erp.client, erp.facts, VIEW, ids)  # learns columns and tax rates
    before = erp.counted()

    rows = FETCH_BY_TOPIC[topic](erp.client, erp.facts, VIEW, ids[:100])

    assert list(rows) == ids[:100]
    assert _spent(erp, before) == {EXECUTE: 1}


@pytest.mark.parametrize(
    ("topic", "reads"), [(Topic.STOCK, 3), (Topic.PRICE, 3), (Topic.ARTICLE, 4)]
)
def test_without_columns_an_article_costs_its_reads(topic, reads, start):
    erp = start(profile="rest")
    ids = [one["id"] for one in _listed(erp)][:10]
    FETCH_BY_TOPIC[topic](erp.client, erp.facts, VIEW, ids)
    before = erp.counted()

    assert len(FETCH_BY_TOPIC[topic](erp.client, erp.facts, VIEW, ids)) == 10

    assert sum(_spent(erp, before).values()) == 1 + 10 * reads


@pytest.mark.parametrize("topic", TOPICS)
def test_both_profiles_give_equal_rows(topic, start):
    rows = []
    for profile in ("columns", "rest"):
        erp = start(profile=profile)
        ids = [one["id"] for one in erp.articles()]
        erp.edit(ids[3], net=None, gross=None)
        erp.edit(ids[4], listed=False)
        erp.edit(ids[5], active=False, ean=None, weight_kg=None)
        rows.append(FETCH_BY_TOPIC[topic](erp.client, erp.facts, VIEW, ids))

    with_columns, with_reads = rows
    assert list(with_columns) == list(with_reads)
    for article_id, row in with_columns.items():
        # Only the price record names its currency; a row without one is in the channel's. And only
        # the column says that a shelf is empty, which saves reading it.
        untold = {"price_currency": 0, "media_revision": 0}
        assert row | untold == with_reads[article_id] | untold


def test_rows_say_what_the_erp_shows(erp):
    shown = {one["id"]: one for one in _listed(erp)}

    rows = fetch_articles(erp.client, erp.facts, CHANNEL, list(shown))

    assert set(rows) == set(shown)
    for article_id, row in rows.items():
        document = DOCUMENT_BY_TOPIC[Topic.ARTICLE](row, VIEW)
        one = shown[article_id]
        assert (document.number, document.name) == (one["number"], one["name"].strip())
        assert document.description == one["description"]
        assert document.ean == (one["ean"] if _adds_up(one["ean"]) else None)
        assert document.is_active == one["active"]
        assert document.manufacturer == (one["manufacturer"] or None)
        assert document.tax_rate == one["tax_rate"]
        assert _same(document.weight_kg, one["weight_kg"])
        price = document.price
        assert _same(price and price.net, one["net"])
        assert _same(price and price.gross, one["gross"])
        assert document.stock.quantity == max(0, int(one["stock"] // 1))
        assert document.stock.sells_without_stock == one["sellable_without_stock"]


def _adds_up(ean):
    """GTIN-13: the digits weigh 1, 3, 1, 3, ... from the left and sum up to tens."""
    return ean and sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(ean)) % 10 == 0


def _same(exact, shown):
    return exact == (None if shown is None else Decimal(str(shown)))


def test_prices_and_stocks_are_those_of_the_channel(erp):
    article = _listed(erp)[0]["id"]
    erp.admin(
        "POST", "/edit", article=article, set={"gross": 24.99, "stock": 3}, channel=42, silent=True
    )
    erp.edit(_listed(erp)[1]["id"], gross=9.99)

    price = fetch_prices(erp.client, erp.facts, CHANNEL, [article])[article]
    stock = fetch_stocks(erp.client, erp.facts, CHANNEL, [article])[article]

    assert (price["gross"], price["net"], price["tax_rate"]) == (
        Decimal("24.99"),
        Decimal(str(_listed(erp)[0]["net"])),
        _listed(erp)[0]["tax_rate"],
    )
    assert stock["stock"] == 3


@pytest.mark.parametrize("no_price", ["404", "empty"])
@pytest.mark.parametrize("profile", ["columns", "rest"])
def test_no_price_is_none_however_the_erp_says_it(profile, no_price, start):
    erp = start(profile=profile, no_price=no_price)
    article = _listed(erp)[0]["id"]
    erp.edit(article, net=None, gross=None)

    row = fetch_prices(erp.client, erp.facts, CHANNEL, [article])[article]

    assert (row["net"], row["gross"]) == (None, None)


def test_unlisted_is_a_row_and_gone_or_never_listed_is_none(erp):
    unlisted, deleted, *_ = [one["id"] for one in _listed(erp)]
    erp.edit(unlisted, listed=False)
    erp.edit(deleted, deleted=True)
    listed = {one["id"] for one in erp.articles() if one["listed"]}

    rows = fetch_stocks(erp.client, erp.facts, CHANNEL, [unlisted, deleted, "999999"])

    assert list(rows) == [unlisted]
    assert unlisted not in listed
    document = DOCUMENT_BY_TOPIC[Topic.STOCK](rows[unlisted], VIEW)
    assert document == WithdrawalDocument(unlisted)


def test_a_changed_profile_is_noticed_within_the_fetch(start):
    erp = start(profile="columns")
    article = _listed(erp)[0]["id"]
    before = fetch_stocks(erp.client, erp.facts, CHANNEL, [article])
    erp.admin("POST", "/options", profile="rest")

    assert fetch_stocks(erp.client, erp.facts, CHANNEL, [article]) == before


def test_a_limit_in_the_middle_keeps_what_was_read(start):
    erp = start(profile="rest", rate_limit=20, rate_window_s=3600)
    ids = [one["id"] for one in _listed(erp)][:10]

    rows = fetch_stocks(erp.client, erp.facts, CHANNEL, ids)

    # 20 requests: discovery, query, and three reads for each of six articles
    assert ["stock" in row for row in rows.values()] == [True] * 6 + [False] * 4
    assert {row["postponed"]["retry_after_s"] for row in list(rows.values())[6:]} == {60.0}
    with pytest.raises(Throttled):
        DOCUMENT_BY_TOPIC[Topic.STOCK](rows[ids[9]], VIEW)
    assert len(erp.bucket.pauses) == 1


@pytest.mark.parametrize("topic", TOPICS)
def test_one_article_that_the_erp_refuses_stops_no_other(topic, start):
    erp = start(profile="rest")
    ids = [one["id"] for one in _listed(erp)][:3]
    erp.fault("500", f"/erp/articles/{ids[1]}")

    rows = FETCH_BY_TOPIC[topic](erp.client, erp.facts, VIEW, ids)

    assert ["postponed" in rows[one] for one in ids] == [False, True, False]
