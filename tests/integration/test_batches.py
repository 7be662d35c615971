"""What travels between the stages of a chain stays small."""

from __future__ import annotations

import gzip
import random
import tracemalloc

import pytest
from kombu.utils import json as broker_json

from integration import stages
from integration.models import WorkItemState
from integration.topology import Topic
from sandbox import serving
from sandbox.erp import create_app
from sandbox.erp.options import Options
from tests.integration.relay import Relay
from tests.integration.shopware import running

#: RabbitMQ closes the channel over a message that is too large, and nobody hears of it.
LIMIT_BYTES = 1_000_000
#: Compresses to a little more than half: two of them fit, three do not.
NAME = "".join(random.Random(5).choices("0123456789abcdef", k=600_000))


@pytest.fixture
def relay(sqlite_url):
    with serving.running(lambda url: create_app(Options(articles=12), url)) as erp_url:
        relay = Relay(sqlite_url, erp_url)
        yield relay
        relay.close()


@pytest.mark.pitfall(5)
@pytest.mark.pitfall(22)
def test_what_does_not_fit_into_a_message_is_given_back_and_comes_next(relay):
    articles = relay.for_sale()[:4]
    for number, article in enumerate(articles):
        relay.edit(article, name=f"{number} {NAME[number:]}")
    relay.hint(Topic.ARTICLE, *articles)

    batch = stages.fetch(relay.runtime, relay.claim())

    kept = set(batch["rows"])
    sent = gzip.compress(broker_json.dumps(batch).encode())
    states = {one["id"]: relay.row(Topic.ARTICLE, one).state for one in articles}
    assert len(kept) == 2
    assert len(sent) < LIMIT_BYTES < len(NAME) * len(kept)
    assert {one for one, state in states.items() if state == WorkItemState.PROCESSING} == kept
    assert sorted(states.values()) == ["PROCESSING"] * 2 + ["QUEUED"] * 2


def test_a_hundred_articles_of_twenty_kilobytes_pass_through_little_memory(sqlite_url):
    with running(sqlite_url, articles=160) as relay:
        articles = relay.for_sale()[:100]
        assert len(articles) == 100
        for number, article in enumerate(articles):
            relay.edit(article, description=f"{number} {NAME[number * 1_000 :][:20_000]}")
        # What the first batch of a process imports and keeps for all others is not the batch's.
        relay.carry(relay.for_sale()[101])

        tracemalloc.start()
        try:
            relay.carry(*articles)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        shown = relay.products()
        for number, article in enumerate(articles):
            assert shown[article["number"]]["description"].startswith(f"{number} ")
        # A worker has 200 MB, half of it before its first batch; both sandboxes are in here, too.
        print(f"100 articles of 20 kB: {peak / 1e6:.1f} MB")
        assert peak < 60_000_000
