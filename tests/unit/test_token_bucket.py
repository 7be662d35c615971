"""The arithmetic of the request budget, with a clock of our own."""

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.token_bucket import LONGEST_WAIT_S, Level, Rate, Share, admit

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
#: RELAY_ERP_BUDGET as shipped, and what the ERP itself allows.
BUDGET = Rate(30, 6.0)
ERP_LIMIT, ERP_WINDOW_S = 40, 6.0
FULL = Level(BUDGET.capacity, NOON)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seconds_of(moment: datetime) -> float:
    return (moment - NOON).total_seconds()


def counts(shares: dict[Share, int], seconds: float) -> dict[Share, int]:
    """How many requests each share gets in `seconds`, with so many takers that never tire."""
    level, got = FULL, dict.fromkeys(shares, 0)
    waiting = [
        (0.0, n, share) for n, share in enumerate(s for s in shares for _ in range(shares[s]))
    ]
    while (turn := min(waiting))[0] < seconds:
        waiting.remove(turn)
        at, number, share = turn
        level = level.filled(after(at), BUDGET)
        found = admit(level, BUDGET, share)
        if found.level is not None:
            level = found.level
            got[share] += 1
        # Whoever was refused asks again when it was told, or a little later.
        waiting.append((at + max(found.wait_s, 0.01), number, share))
    return got


def test_backfill_alone_uses_everything():
    assert counts({Share.BACKFILL: 2}, 60.0)[Share.BACKFILL] == pytest.approx(300, abs=8)
    assert counts({Share.WRITE_BACK: 2}, 60.0)[Share.WRITE_BACK] == pytest.approx(300, abs=8)


def test_under_saturation_each_share_gets_its_part():
    got = counts({Share.LIVE: 10, Share.BACKFILL: 2, Share.WRITE_BACK: 2}, 120.0)

    assert sum(got.values()) == pytest.approx(600, abs=16)
    # of 600: 70 %, 20 % and 10 %
    assert got[Share.LIVE] == pytest.approx(420, abs=20)
    assert got[Share.BACKFILL] == pytest.approx(120, abs=10)
    assert got[Share.WRITE_BACK] == pytest.approx(60, abs=10)


def test_backfill_comes_before_write_back():
    got = counts({Share.BACKFILL: 4, Share.WRITE_BACK: 4}, 120.0)

    assert got[Share.WRITE_BACK] == pytest.approx(60, abs=10)
    assert got[Share.BACKFILL] == pytest.approx(540, abs=20)


def test_ten_thousand_product_ids_are_written_back_in_33_minutes_of_quiet():
    got = counts({Share.WRITE_BACK: 1}, 33 * 60.0 + 20)

    assert got[Share.WRITE_BACK] >= 10_000


@pytest.mark.parametrize("share", [Share.BACKFILL, Share.WRITE_BACK])
def test_who_comes_behind_gives_way_with_the_next_token(share):
    level, now = FULL, 0.0
    for _ in range(200):  # backfill takes whatever it may, for twenty seconds
        level = level.filled(after(now), BUDGET)
        level = admit(level, BUDGET, share).level or level
        now += 0.1
    waits = []
    for _ in range(5):  # then five live requests come at once
        found = admit(level, BUDGET, Share.LIVE)
        level = found.level
        waits.append(found.wait_s)

    assert max(waits) <= 1.0
    assert waits[0] == 0.0


def test_nobody_is_granted_more_than_two_seconds_of_waiting():
    for share in Share:
        level = replace(FULL, backfill=2.0, write_back=2.0)
        while (found := admit(level, BUDGET, share)).level is not None:
            assert found.wait_s <= LONGEST_WAIT_S
            level = found.level


class SlidingWindow:
    """An ERP that counts the requests of the last six seconds."""

    def __init__(self) -> None:
        self.seen: deque[float] = deque()

    def accepts(self, at: float) -> bool:
        while self.seen and self.seen[0] <= at - ERP_WINDOW_S:
            self.seen.popleft()
        self.seen.append(at)
        return len(self.seen) <= ERP_LIMIT


class GreedyRefill:
    """An ERP with a bucket of forty that fills as it empties."""

    def __init__(self) -> None:
        self.tokens, self.filled_at = float(ERP_LIMIT), 0.0

    def accepts(self, at: float) -> bool:
        gained = (at - self.filled_at) * ERP_LIMIT / ERP_WINDOW_S
        self.tokens, self.filled_at = min(ERP_LIMIT, self.tokens + gained) - 1, at
        return self.tokens >= 0


ASKS = st.lists(
    st.tuples(
        st.floats(0, 3),  # seconds since the last one asked
        st.sampled_from(Share),
        st.floats(0, 0.4),  # seconds on the way to the ERP
    ),
    min_size=60,
    max_size=250,
)


@pytest.mark.parametrize("erp", [SlidingWindow, GreedyRefill])
@given(asks=ASKS, is_hasty=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_erp_is_never_asked_too_often_however_it_counts(erp, asks, is_hasty):
    level, now, arrivals = FULL, 0.0, []
    for pause_s, share, way_s in asks:
        now += pause_s / 100 if is_hasty else pause_s
        level = level.filled(after(now), BUDGET)
        found = admit(level, BUDGET, share)
        if found.level is not None:
            level = found.level
            arrivals.append(now + found.wait_s + way_s)

    limiter = erp()
    assert all([limiter.accepts(at) for at in sorted(arrivals)])


def test_a_full_bucket_and_its_refill_stay_below_forty_in_six_seconds():
    level, now, granted = FULL, 0.0, []
    while now < 30.0:
        level = level.filled(after(now), BUDGET)
        found = admit(level, BUDGET, Share.LIVE)
        if found.level is not None:
            level = found.level
            granted.append(now + found.wait_s)
        now += 0.01

    most = max(sum(start <= at <= start + 6.0 for at in granted) for start in granted)
    assert most == 37
