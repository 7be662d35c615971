"""Rows on their way into a topic."""

from __future__ import annotations

from decimal import Decimal

import pytest

from integration.errors import Invalid, Rejected, Throttled, TransientError
from integration.topics import DOCUMENT_BY_TOPIC
from integration.topics.rows import load
from integration.topology import Topic


@pytest.mark.parametrize("topic", sorted(DOCUMENT_BY_TOPIC))
def test_a_refusal_noted_by_the_fetch_is_the_rows_outcome(topic, channel):
    with pytest.raises(Rejected, match="trackingId t-2"):
        DOCUMENT_BY_TOPIC[topic]({"id": "1", "refusal": "no (trackingId t-2)"}, channel)


def test_a_row_that_ran_out_of_budget_waits_without_an_attempt():
    with pytest.raises(Throttled) as caught:
        load({"id": "1", "postponed": {"message": "no budget", "retry_after_s": 4.0}})

    assert caught.value.retry_after_s == 4.0


def test_a_row_over_which_the_erp_stumbled_is_tried_again():
    with pytest.raises(TransientError) as caught:
        load({"id": "1", "postponed": {"message": "answered 500", "retry_after_s": None}})

    assert type(caught.value) is TransientError


@pytest.mark.pitfall(31)
@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"net": "NaN"}, "net"),
        ({"stock": "many"}, "stock"),
        ({"name": 5}, "name"),
        ({"active": "perhaps"}, "active"),
        ({"weight": Decimal("Infinity")}, "weight"),
    ],
)
def test_a_malformed_row_is_refused_by_its_id_and_field(change, word, row):
    with pytest.raises(Invalid, match=f"4711.*{word}"):
        load(row | change)


@pytest.mark.pitfall(31)
def test_unknown_keys_are_left_out(row):
    assert load(row | {"new": 1}) == load(row)


def test_numbers_travel_as_text_or_decimal_alike(row):
    assert load(row | {"net": "16.80", "stock": "7.5"}) == load(row)


def test_the_registry_serves_the_topics_of_articles():
    assert set(DOCUMENT_BY_TOPIC) == {Topic.ARTICLE, Topic.PRICE, Topic.STOCK, Topic.MEDIA}
