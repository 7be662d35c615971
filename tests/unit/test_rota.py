"""Whose turn it is, without a database."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from integration.models import Priority
from integration.rota import DueLane, Rota, Served
from integration.topology import TOGGLE_BY_TOPIC, Queue, Topic

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LIVE, BACKFILL = Priority.LIVE, Priority.BACKFILL


def lane(channel: int, topic: Topic = Topic.STOCK, priority: Priority = LIVE, **more) -> DueLane:
    return DueLane(channel, topic, priority, "memory", None, **more)


def turns(lanes: list[DueLane], number: int, served: list[Served] = []) -> list[DueLane]:  # noqa: B006 - only read
    """Who is served in so many turns, while none of the lanes ever runs dry."""
    rota, found = Rota(lanes, served), []
    for _ in range(number):
        one = rota.next()
        rota.served(one)
        found.append(one)
    return found


def test_the_first_turns_follow_the_lanes():
    topics = reversed(TOGGLE_BY_TOPIC)
    lanes = [lane(1, topic, priority) for topic in topics for priority in (BACKFILL, LIVE)]

    order = [(one.priority, one.topic) for one in Rota(lanes)]

    expected = (Topic.STOCK, Topic.PRICE, Topic.ORDER_STATUS, Topic.ARTICLE, Topic.MEDIA)
    assert order == [(priority, topic) for priority in (LIVE, BACKFILL) for topic in expected]


def share_of(lanes: list[DueLane], key: Callable[[DueLane], object]) -> dict[object, int]:
    return Counter(key(one) for one in turns(lanes, 360))


def test_endless_stock_starves_neither_media_nor_backfill():
    lanes = [lane(1), lane(1, Topic.MEDIA), lane(1, Topic.ARTICLE, BACKFILL)]

    shares = share_of(lanes, lambda one: (one.topic, one.priority))

    # 4 ranks behind stock: every 10th turn or so. 8 ranks: every 18th or so.
    assert shares == {
        (Topic.STOCK, LIVE): 306,
        (Topic.MEDIA, LIVE): 35,
        (Topic.ARTICLE, BACKFILL): 19,
    }


def test_a_price_gets_every_fourth_turn_beside_endless_stock():
    shares = share_of([lane(1), lane(1, Topic.PRICE)], lambda one: one.topic)

    assert shares == {Topic.STOCK: 270, Topic.PRICE: 90}


def test_tenants_take_turns_however_many_channels_they_have():
    many = [lane(channel, tenant_id=1) for channel in range(1, 51)]
    one = [lane(99, Topic.MEDIA, tenant_id=2)]

    assert share_of(many + one, lambda found: found.tenant_id) == {1: 180, 2: 180}


def test_the_channels_of_a_tenant_take_turns():
    lanes = [lane(channel, topic) for channel in (1, 2, 3) for topic in (Topic.STOCK, Topic.PRICE)]

    assert share_of(lanes, lambda one: one.channel_id) == {1: 120, 2: 120, 3: 120}


def test_who_was_served_longest_ago_comes_first():
    lanes = [lane(1, tenant_id=1), lane(2, tenant_id=1), lane(3, tenant_id=2), lane(4, tenant_id=3)]
    served = [
        Served(1, 1, NOON),
        Served(1, 2, NOON - timedelta(minutes=5)),
        Served(2, 3, NOON - timedelta(minutes=1)),
    ]

    assert [one.channel_id for one in turns(lanes, 6, served)] == [4, 3, 2, 4, 3, 1]


def test_a_channel_that_has_nothing_due_counts_for_its_tenant():
    lanes = [lane(1, tenant_id=1), lane(3, tenant_id=2)]
    served = [
        Served(1, 1, NOON - timedelta(hours=1)),
        Served(1, 2, NOON),  # nothing due
        Served(2, 3, NOON - timedelta(minutes=1)),
    ]

    assert turns(lanes, 1, served) == [lanes[1]]


def test_a_full_queue_leaves_the_other_one_alone():
    lanes = [lane(1), lane(1, Topic.STOCK, BACKFILL)]
    rota = Rota(lanes)

    rota.drop_queue(Queue.LIVE)

    assert list(rota) == [lanes[1]]


LANES = st.lists(
    st.builds(
        lane,
        st.integers(1, 4),
        st.sampled_from(Topic),
        st.sampled_from(Priority),
        passed=st.integers(0, 40),
    ),
    min_size=1,
    unique_by=lambda one: (one.channel_id, one.topic, one.priority),
)


@given(LANES)
@settings(deadline=None, max_examples=50)
def test_nobody_waits_for_ever(lanes):
    seen = set(turns(lanes, 1_000))

    assert seen == set(lanes)
