"""To which night a local time belongs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from integration.sync_runs import night_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("utc", "hour", "night"),
    [
        # 02:00 in summer is 00:00 UTC
        (datetime(2026, 7, 1, 0, 0, tzinfo=UTC), 2, date(2026, 7, 1)),
        # one minute earlier it is still evening
        (datetime(2026, 6, 30, 23, 59, tzinfo=UTC), 2, None),
        # 07:59 still makes up for a missed night, 08:00 does not
        (datetime(2026, 7, 1, 5, 59, tzinfo=UTC), 2, date(2026, 7, 1)),
        (datetime(2026, 7, 1, 6, 0, tzinfo=UTC), 2, None),
        # clocks go forward from 02:00 to 03:00: the night begins with the hour that exists
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), 2, date(2026, 3, 29)),
        # clocks go back: 02:30 comes twice, and is one night
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 2, date(2026, 10, 25)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 2, date(2026, 10, 25)),
        # a night that begins at 22:00 is made up for past midnight, for the day it began on
        (datetime(2026, 1, 2, 1, 30, tzinfo=UTC), 22, date(2026, 1, 1)),
    ],
)
def test_the_merchants_clock_decides(utc, hour, night):
    assert night_of(utc.astimezone(BERLIN), hour) == night
