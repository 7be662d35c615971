"""Everything the ERP may answer otherwise than expected: the same rows, or the right error."""

from __future__ import annotations

import json

import pytest

from integration import paging
from integration.channel_view import ChannelView
from integration.erp import catalogue, listings
from integration.erp.articles import fetch_articles, fetch_stocks
from integration.erp.catalogue import OFFERED_FACT
from integration.erp.plans import FETCH_BY_TOPIC
from integration.errors import Held, Rejected, TransientError
from integration.topics.rows import load
from integration.topology import Topic
from tests.contract.erp_client.conftest import starting

CHANNEL = "42"
VIEW = ChannelView(id=1, tenant_id=1, tenant="acme", erp_id=CHANNEL, platform="memory")
EXECUTE = "computed-queries/execute"
FIELDS = "GET /api/vario/cmn/computed-queries/{group}/{template}/fields"


def listed(erp, count=12):
    return [one["id"] for one in erp.articles() if one["listed"]][:count]


def rows(erp, topic=Topic.ARTICLE):
    return FETCH_BY_TOPIC[topic](erp.client, erp.facts, VIEW, listed(erp))


@pytest.fixture(scope="module", params=["columns", "rest"])
def either(request):
    """One sandbox on each profile with the rows that it gives as usual."""
    with starting() as start:
        erp = start(profile=request.param, articles=40)
        yield erp, {topic: rows(erp, topic) for topic in FETCH_BY_TOPIC}


@pytest.fixture(scope="module")
def columns():
    with starting() as start:
        yield start(articles=40)


@pytest.mark.contract("10.15")
@pytest.mark.parametrize(
    "switch",
    [
        {"ids": "number"},
        {"ids": "text"},
        {"nulls": "sent"},
        {"nulls": "omitted"},
        {"listing_rows": "meta"},
        {"no_price": "empty"},
        {"vql_grammar": "attested"},
        {"vql_over_limit": "422"},
        {"vql_window": "body"},
    ],
    ids=lambda switch: "-".join(next(iter(switch.items()))),
)
def test_what_may_be_written_in_two_ways_gives_the_same_rows(switch, either):
    erp, as_usual = either
    ((name, _),) = switch.items()
    before = erp.admin("GET", "/options")[name]
    erp.admin("POST", "/options", **switch)

    found = {topic: rows(erp, topic) for topic in FETCH_BY_TOPIC}

    erp.admin("POST", "/options", **{name: before})
    assert found == as_usual


@pytest.mark.parametrize("pages", ["repeat", "skip"])
def test_a_page_that_repeats_or_skips_rows_invents_none(pages, start):
    erp = start(articles=250)
    expected = rows(erp)
    erp.admin("POST", "/options", vql_pages=pages)

    found = rows(erp)

    assert found.items() <= expected.items()
    assert pages == "skip" or found == expected


@pytest.mark.parametrize("rows_of", [None, Topic.ARTICLE])
@pytest.mark.parametrize("pages", ["exact", "repeat", "skip"])
def test_a_walk_over_pages_that_repeat_or_skip_rows_meets_everybody_once_or_is_short(
    pages, rows_of, start
):
    erp = start(articles=330, vql_pages=pages)
    expected = listings.count_listed(erp.client, CHANNEL)

    source = paging.Source(erp.client, erp.facts, VIEW, rows_of)
    met, position = [], paging.Position()
    while position is not None:
        page, position = paging.read_page(source, position)
        met += page.ids

    assert met == sorted(set(met), key=int)
    # A run that met fewer than the ERP counts ends RED and withdraws nobody.
    assert len(met) == expected or (pages == "skip" and len(met) < expected)


@pytest.mark.parametrize("kind", ["html", "cut-body", "500", "502", "504"])
def test_a_broken_answer_costs_an_attempt_wherever_it_comes(kind, start):
    erp = start(profile="rest")
    (article_id,) = listed(erp, 1)
    routes = [
        "openid-connect/token",
        "shopListing/fields",
        EXECUTE,
        f"/erp/articles/{article_id}",
        f"/erp/articles/{article_id}/stocks",
    ]
    for route in routes:
        erp.tokens.token = None
        erp.facts.clear()
        erp.fault(kind, route, count=1)
        with pytest.raises(TransientError) as caught:
            fetch_stocks(erp.client, erp.facts, CHANNEL, [article_id])
        assert type(caught.value) is TransientError, route
        assert caught.value.outcome_unknown is False

    assert fetch_stocks(erp.client, erp.facts, CHANNEL, [article_id])[article_id]["stock"]


@pytest.mark.contract("10.19")
def test_the_tracking_id_of_a_broken_answer_is_in_the_message(start):
    erp = start()
    erp.fault("500", EXECUTE, count=1)

    with pytest.raises(TransientError, match=r"answered 500.*\(trackingId .+\)"):
        rows(erp)


# --- columns that come and go --------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["stockAvailable", "grossSalesPrice", "name", "listings.listed"])
def test_a_column_that_an_update_took_away_is_read_by_rest(gone, start):
    erp = start()
    before = rows(erp)
    assert not catalogue.plan(Topic.ARTICLE, frozenset(erp.facts[OFFERED_FACT])).reads
    discoveries = erp.counted()[FIELDS]

    erp.admin("POST", "/options", missing_columns=[gone])

    assert comparable(rows(erp)) == comparable(before)
    assert erp.counted()[FIELDS] == discoveries + 1
    assert comparable(rows(erp)) == comparable(before)
    assert erp.counted()[FIELDS] == discoveries + 1  # known from now on


def comparable(found):
    """A REST price names its currency, a column does not."""
    return {key: {**row, "price_currency": None} for key, row in found.items()}


def test_a_column_that_is_still_offered_and_refused_is_read_by_rest(start, monkeypatch):
    erp = start(missing_columns=["stockAvailable"])
    offered = [*catalogue.rediscover(erp.client, erp.facts), "stockAvailable"]
    monkeypatch.setattr(catalogue, "_paths", lambda _: iter(offered))
    erp.facts.put(OFFERED_FACT, offered)

    found = fetch_stocks(erp.client, erp.facts, CHANNEL, listed(erp, 3))

    assert all(row["stock"] is not None for row in found.values())
    assert "stockAvailable" not in erp.facts[OFFERED_FACT]


@pytest.mark.parametrize("path", ["id", "listings.salesChannel.id"])
def test_a_column_that_nothing_replaces_holds_what_needs_it_and_is_named(path, start):
    erp = start()
    rows(erp)
    erp.admin("POST", "/options", missing_columns=[path])

    for fetch in (fetch_stocks, fetch_articles):
        with pytest.raises(Held) as caught:
            fetch(erp.client, erp.facts, CHANNEL, ["1001"])
        assert caught.value.reason == f"erp-column:{path}"
        assert f"the column {path} of article.shopListing" in str(caught.value)
        assert "trackingId" in str(caught.value)

    erp.admin("POST", "/options", missing_columns=[])
    assert fetch_stocks(erp.client, erp.facts, CHANNEL, ["1001"])["1001"]["stock"] is not None


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("stockAvailable", "NaN", "stock is no usable number"),
        ("stockAvailable", "Infinity", "stock is no usable number"),
        ("stockAvailable", "1e400", "stock is no usable number"),
        ("stockAvailable", "9" * 30, "stock is no usable number"),
        ("stockAvailable", '"many"', "stock is no usable number"),
        ("stockAvailable", "[7]", "stock is no usable number"),
        ("stockAvailable", "true", "stock is no usable number"),
        ("active", '"perhaps"', "active is neither true nor false"),
        ("active", "{}", "active is neither true nor false"),
        ("listings.listed", "[]", "listed is neither true nor false"),
        ("listings.listed", "7", "listed is neither true nor false"),
        ("number", '{"value": "A"}', "number is no text"),
        ("number", "true", "number is no text"),
        ("number", "NaN", "number is no text"),
        ("productType", "[[]]", "product_type is no text"),
    ],
)
def test_a_value_of_the_wrong_type_stops_its_article_and_no_other(
    column, value, words, columns, monkeypatch
):
    erp = columns
    good, bad = listed(erp, 2)
    real_json = erp.client._json

    def spoilt(response, method, path, *, writes):
        if path.endswith("/execute"):
            body = json.loads(response.content)
            body["data"][1][column] = "SPOILT"
            response._content = json.dumps(body).replace('"SPOILT"', value).encode()
        return real_json(response, method, path, writes=writes)

    monkeypatch.setattr(erp.client, "_json", spoilt)

    found = fetch_stocks(erp.client, erp.facts, CHANNEL, [good, bad])

    assert found[bad] == {"id": bad, "refusal": f"article id {bad}: the ERP's {words}"}
    assert found[good]["stock"] is not None
    with pytest.raises(Rejected, match=words):
        load(found[bad])


def test_what_is_not_listed_is_withdrawn_however_wrong_the_rest_is(start, monkeypatch):
    erp = start()
    unlisted = next(one["id"] for one in erp.articles() if not one["listed"])
    real = erp.client.vql

    def vql(*args, **kwargs):
        page = real(*args, **kwargs)
        for row in page.rows:
            row["stock"] = "many"
        return page

    monkeypatch.setattr(erp.client, "vql", vql)

    assert fetch_stocks(erp.client, erp.facts, CHANNEL, [unlisted])[unlisted]["listed"] is False
