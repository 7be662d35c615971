"""How often a batch asks the database: what a batch costs is mostly that."""

from integration import pushing, stages
from integration.topology import Topic
from tests.engines import executed


def test_a_batch_is_few_statements_however_many_rows_it_has(relay):
    articles = relay.for_sale()[:10]
    relay.hint(Topic.ARTICLE, *articles)
    relay.drain()
    # The first one asks what a tenant's ERP offers.
    _moved(relay, articles[:1], stock=70)

    counts = _moved(relay, articles, stock=71)

    assert [relay.product(one)["stock"] for one in articles] == [71] * 10
    assert counts == {"dispatch": 8, "fetch": 6, "transform": 3, "push": 10}


def _moved(relay, articles, stock):
    """Statements by stage of the chain that brings this stock of these articles into the shop."""
    for article in articles:
        relay.edit(article, stock=stock)
    relay.hint(Topic.STOCK, *articles)
    counts = {}
    with executed(relay.runtime.engine) as seen:
        claim_id = relay.claim()
        counts["dispatch"] = _taken(seen)
        fetched = stages.fetch(relay.runtime, claim_id)
        counts["fetch"] = _taken(seen)
        payloads = stages.transform(relay.runtime, fetched)
        counts["transform"] = _taken(seen)
        pushing.push(relay.runtime, payloads)
        counts["push"] = _taken(seen)
    return counts


def _taken(seen):
    """How many there were since the last time."""
    number = len(seen)
    seen.clear()
    return number
