"""Some time in the life of a tenant: away and back, more and fewer shops, tokens that expire.

The seed is always the same; SOAK_SEED chooses another one. `make soak` does it for half an hour.
"""

from __future__ import annotations

import os

import pytest

from tests.chaos.plan import EMBEDDED
from tests.soak.run import run

SECONDS = 45


@pytest.mark.chaos
@pytest.mark.slow(60)
@pytest.mark.sqlite
@pytest.mark.timeout(300)
def test_an_eventful_time_ends_with_erp_and_shop_the_same():
    report = run(int(os.environ.get("SOAK_SEED", "7")), SECONDS, EMBEDDED)

    assert report.wrong == []
    assert report.edits > SECONDS
    # Every kind of event came at least once, and so did what the ERP does by itself.
    assert {
        "online",
        "channel made",
        "channel deleted",
        "channel off and on",
        "installed again",
    } <= set(report.events)
    assert report.tokens >= SECONDS / 10
    assert report.faults >= 1
