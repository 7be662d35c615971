"""The circuit breaker of a shop, with a clock of our own and no dice."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from integration.breaker import JITTER, OPENS_AFTER, RESTS_S, Breaker

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def exactly(low: float, high: float) -> float:
    """The middle of the jitter: rests as they stand in the table."""
    return (low + high) / 2


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def failed(times: int, at: datetime = NOON) -> Breaker:
    breaker = Breaker()
    for _ in range(times):
        breaker = breaker.failed(at, exactly)
    return breaker


def test_the_third_failure_in_a_row_opens_it():
    assert [failed(times).is_open for times in range(4)] == [False, False, False, True]


def test_a_success_in_between_starts_the_count_again():
    breaker = failed(2).succeeded().failed(NOON, exactly).failed(NOON, exactly)

    assert (breaker.failures, breaker.is_open) == (2, False)


def test_while_it_rests_nothing_goes_and_then_it_is_tried():
    breaker = failed(3)

    assert breaker.retry_at == after(5)
    assert breaker.rests_at(after(4.9))
    assert not breaker.rests_at(after(5))
    assert breaker.is_open


def test_each_rest_is_longer_than_the_one_before_up_to_two_minutes():
    breaker, now, rests = failed(2), NOON, []
    for _ in range(8):
        breaker = breaker.failed(now, exactly)
        rests.append((breaker.retry_at - now).total_seconds())
        now = breaker.retry_at

    assert rests == [5, 10, 20, 40, 80, 120, 120, 120]


def test_a_late_failure_of_an_earlier_call_prolongs_nothing():
    breaker = failed(3)

    late = breaker.failed(after(1), exactly)

    assert (late.retry_at, late.trips, late.failures) == (breaker.retry_at, 1, 4)


def test_a_success_closes_it_whenever_it_comes():
    assert failed(3).succeeded() == Breaker()
    assert failed(9).succeeded() == Breaker()


STEPS = st.lists(
    st.tuples(st.sampled_from(["failed", "succeeded"]), st.floats(0, 300), st.floats(0, 1)),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_it_is_open_exactly_after_three_failures_and_can_always_be_tried(steps):
    breaker, now, in_a_row = Breaker(), NOON, 0
    for kind, pause_s, dice in steps:
        now += timedelta(seconds=pause_s)
        if kind == "succeeded":
            breaker, in_a_row = breaker.succeeded(), 0
        else:
            breaker = breaker.failed(now, lambda low, high, dice=dice: low + dice * (high - low))
            in_a_row += 1
        assert breaker.failures == in_a_row
        assert breaker.is_open == (in_a_row >= OPENS_AFTER)
        assert (breaker.trips > 0) == breaker.is_open
        if breaker.is_open:
            left_s = (breaker.retry_at - now).total_seconds()
            # Not longer than the longest rest: a shop that is back is found in time.
            assert left_s <= RESTS_S[-1] * (1 + JITTER)
