"""Times as an ERP may write them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from integration.erp.changes import stamp

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-26T12:00:00+00:00", NOON),
        ("2026-11-26T13:00:00+01:00", NOON),  # an hour east of UTC
        ("2026-11-26T12:00:00Z", NOON),
        ("2026-11-26T12:00:00", NOON),  # without a zone
        (1_795_694_400_000, NOON),  # milliseconds
        (Decimal(1_795_694_400_000), NOON),
        (1_795_694_400, None),  # seconds, or a number of anything
        ("yesterday", None),
        (None, None),
        (True, None),
    ],
)
def test_a_time_is_read_whichever_way_it_is_written(written, meant):
    assert stamp(written) == meant
