"""When a failed work item is due again."""

import random

import pytest

from integration.errors import Busy, Throttled, TransientError
from integration.retry import MAX_ATTEMPTS, RETRY_SCHEDULE_S, delay_s

NETWORK = TransientError("network")


def earliest(low, high):
    return low


def latest(low, high):
    return high


@pytest.mark.parametrize(
    ("attempt", "low", "high"),
    [
        (0, 4, 6),  # 5 s +- 20 %
        (1, 24, 36),
        (2, 96, 144),
        (3, 480, 720),
        (4, 1_440, 2_160),
        (5, 5_760, 8_640),
        (6, 17_280, 25_920),  # 6 h +- 20 %
    ],
)
def test_the_schedule_spreads_by_a_fifth(attempt, low, high):
    assert delay_s(attempt, NETWORK, earliest) == pytest.approx(low)
    assert delay_s(attempt, NETWORK, latest) == pytest.approx(high)


def test_eight_attempts_take_8_7_hours():
    # 5 + 30 + 120 + 600 + 1,800 + 7,200 + 21,600 = 31,355 s
    assert (MAX_ATTEMPTS, sum(RETRY_SCHEDULE_S)) == (8, 31_355)


@pytest.mark.parametrize("attempt", [7, 8, 100])
def test_after_the_last_attempt_there_is_none(attempt):
    assert delay_s(attempt, NETWORK) is None


@pytest.mark.parametrize("attempt", [0, 7, 1_000])
@pytest.mark.parametrize("error_class", [Throttled, Busy])
def test_throttling_waits_as_told_and_never_ends(error_class, attempt):
    error = error_class("slow down", 30.0)

    assert delay_s(attempt, error, earliest) == 30.0  # never earlier than asked
    assert delay_s(attempt, error, latest) == pytest.approx(36.0)


def test_the_delays_of_two_shops_differ():
    dice = random.Random(1)

    assert len({delay_s(0, NETWORK, dice.uniform) for _ in range(100)}) == 100
