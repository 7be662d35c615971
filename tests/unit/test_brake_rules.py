"""What a brake takes for suspicious, and how much of it it stops; without a database."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration import brake_rules
from integration.brake_rules import Decision, Rules, decide, free
from integration.documents import PriceDocument, StockDocument
from integration.topology import Topic

ARTICLE, PRICE, STOCK = Topic.ARTICLE, Topic.PRICE, Topic.STOCK
DEFAULT = Rules.of({})
COUNTS = st.integers(0, 2_000_000)
QUIET = st.floats(0, 10)
TOPICS = st.sampled_from(brake_rules.TOPICS)


def priced(net: str, gross: str) -> str:
    document = PriceDocument("1", Decimal(net), Decimal(gross), "EUR", Decimal(19))
    return brake_rules.values_of(document)[PRICE.value]


@pytest.mark.parametrize(
    ("topic", "old", "new", "is_suspicious"),
    [
        (PRICE, priced("100", "119"), priced("1", "1.19"), True),  # a hundredth
        (PRICE, priced("1", "1.19"), priced("100", "119"), True),  # and back
        (PRICE, priced("100", "119"), priced("50", "59.50"), False),  # half is not more than 50 %
        (PRICE, priced("100", "119"), priced("49.99", "59.49"), True),
        (PRICE, priced("100", "119"), priced("150", "178.50"), False),
        (PRICE, priced("100", "119"), priced("1", "119"), True),  # net alone
        (PRICE, None, priced("1", "1.19"), False),  # the first push
        (STOCK, "1", "0", True),
        (STOCK, "500", "1", False),
        (STOCK, "0", "0", False),
        (STOCK, None, "0", False),
        (STOCK, "untracked", "0", False),
        (STOCK, "5", "untracked", False),
        (ARTICLE, "active", "inactive", True),
        (ARTICLE, "inactive", "active", False),
        (ARTICLE, "inactive", "inactive", False),
    ],
)
def test_a_change_is_compared_with_what_the_shop_has(topic, old, new, is_suspicious):
    assert DEFAULT.is_suspicious(topic, old, new) is is_suspicious


@pytest.mark.parametrize(
    ("topic", "reference", "limit"),
    [
        (PRICE, 1_000, 200),  # 20 %
        (PRICE, 30, 20),  # never under 20 rows
        (STOCK, 1_000, 300),  # 30 %
        (STOCK, 101, 31),  # rounded up
        (ARTICLE, 100_000, 50),  # rows
        (ARTICLE, 60, 30),  # of a small shop half
        (ARTICLE, 30, 20),
    ],
)
def test_the_limit_is_a_share_of_what_the_shop_has(topic, reference, limit):
    assert DEFAULT.limit(topic, reference) == limit


@pytest.mark.parametrize("topic", brake_rules.TOPICS)
def test_a_brake_that_is_off_suspects_nothing(topic):
    rules = Rules.of({name: "off" for name in brake_rules.SWITCHES})

    assert not rules.is_suspicious(PRICE, priced("100", "119"), priced("1", "1.19"))
    assert not rules.is_suspicious(STOCK, "5", "0")
    assert not rules.is_suspicious(ARTICLE, "active", "inactive")
    assert decide(topic, 5_000, 5_000, rules.limit(topic, 5_000)) is not Decision.TRIP


@pytest.mark.parametrize(
    ("seen", "backlog", "quiet", "decision"),
    [
        (1, 0, 0.0, Decision.WAIT),  # a fault begins with one price, too
        (1, 0, 0.05, Decision.GO),  # it stayed alone
        (19, 0, 0.05, Decision.GO),
        (1, 10, 0.05, Decision.WAIT),  # some were not looked at
        (20, 0, 0.05, Decision.WAIT),
        (199, 0, 0.99, Decision.WAIT),
        (199, 0, 1.0, Decision.GO),  # a sale
        (200, 0, 1.0, Decision.TRIP),
        (200, 5_000, 0.0, Decision.TRIP),
    ],
)
def test_prices_wait_until_it_is_known_how_many_there_are(seen, backlog, quiet, decision):
    assert decide(PRICE, seen, backlog, 200, quiet) is decision


def test_stock_waits_only_when_a_tenth_of_its_limit_may_be_reached():
    # A shop of 10,000 articles in stock: 299 may sell out within an hour without a wait.
    limit = DEFAULT.limit(STOCK, 10_000)

    assert decide(STOCK, 1, 298, limit) is Decision.GO
    assert decide(STOCK, 2, 298, limit) is Decision.WAIT


@given(TOPICS, COUNTS, COUNTS, COUNTS, QUIET)
def test_nothing_is_stopped_below_its_limit_and_nothing_passes_from_it_on(
    topic, seen, backlog, reference, quiet
):
    limit = DEFAULT.limit(topic, reference)

    decision = decide(topic, seen, backlog, limit, quiet)

    assert (decision is Decision.TRIP) == (seen >= limit)
    assert limit >= brake_rules.NEVER_UNDER
    if decision is Decision.GO:
        # What passes, with all that may be like it, is a day's business; or all was looked at.
        assert (topic is STOCK and seen + backlog < free(topic, limit)) or (quiet and not backlog)


@given(TOPICS, COUNTS, COUNTS, COUNTS, QUIET)
def test_more_of_the_same_never_loosens_a_brake(topic, seen, backlog, reference, quiet):
    limit = DEFAULT.limit(topic, reference)
    order = [Decision.GO, Decision.WAIT, Decision.TRIP]

    now = order.index(decide(topic, seen, backlog, limit, quiet))

    assert order.index(decide(topic, seen + 1, backlog, limit, quiet)) >= now
    assert order.index(decide(topic, seen, backlog + 1, limit, quiet)) >= now
    assert order.index(decide(topic, seen, backlog, limit, quiet / 2)) >= now


@given(TOPICS, COUNTS, COUNTS)
def test_whatever_is_below_its_limit_passes_in_the_end(topic, seen, reference):
    limit = DEFAULT.limit(topic, reference)

    assert (decide(topic, seen, 0, limit, quiet=1.0) is Decision.GO) == (seen < limit)


@given(TOPICS, st.integers(0, 19), COUNTS)
def test_fewer_than_twenty_never_wait_for_long(topic, seen, reference):
    assert decide(topic, seen, 0, DEFAULT.limit(topic, reference), 0.05) is Decision.GO


@given(
    st.decimals(Decimal("0.01"), Decimal(100_000), places=2),
    st.decimals(Decimal("0.01"), Decimal(100_000), places=2),
)
def test_a_price_is_suspicious_exactly_when_it_moves_by_more_than_the_percentage(old, new):
    moved_percent = abs(new - old) / old * 100

    found = DEFAULT.is_suspicious(PRICE, priced(str(old), str(old)), priced(str(new), str(new)))

    assert found == (moved_percent > 50)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (brake_rules.ZERO_STOCK, ("30", "0.5", "100", "off"), ("0", "101", "-3", "many", "NaN")),
        (brake_rules.PRICE_ROWS, ("20", "2.5", "off"), ("0", "1e9", "inf")),
        (brake_rules.PRICE_MOVE, ("50", "300"), ("0", "off", "-1")),
        (brake_rules.DEACTIVATE, ("20", "500", "off"), ("19", "0", "5.5", "²⁰")),
    ],
)
def test_parameters_that_cannot_be_right_are_refused_and_count_as_their_default(name, good, bad):
    assert [one for one in good if brake_rules.wrong(name, one)] == []
    assert [one for one in bad if not brake_rules.wrong(name, one)] == []
    assert Rules.of({name: bad[0]}) == DEFAULT


def test_a_stock_without_pieces_and_a_change_are_said_in_few_words():
    stock = StockDocument("1", 0, is_tracked=False)

    assert brake_rules.values_of(stock) == {STOCK.value: "untracked"}
    assert brake_rules.shown(STOCK, "5", "0") == "5 -> 0"
    assert brake_rules.shown(ARTICLE, None, "inactive") == "active -> inactive"
    price = brake_rules.shown(PRICE, priced("100", "119"), priced("1", "1.19"))
    assert price == "119.00 -> 1.19"
    net = brake_rules.shown(PRICE, priced("100", "119"), priced("1", "119"))
    assert net == "100.00 -> 1.00 net"
