"""Whatever is killed, frozen, cut, purged or spoilt under a stream of edits: the shop is right.

The seed is drawn and printed; CHAOS_SEED repeats it, as does `python -m tests.chaos --seed`.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.chaos.plan import DISTRIBUTED, EMBEDDED
from tests.chaos.run import run

FAULTS = {DISTRIBUTED: 40, EMBEDDED: 10}
#: A few of a plan may find nothing to spoil, e.g. a queue that no worker has made yet.
SPARE = 2


@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "mode",
    [
        pytest.param(DISTRIBUTED, marks=[pytest.mark.postgres, pytest.mark.rabbitmq]),
        pytest.param(EMBEDDED, marks=pytest.mark.sqlite),
    ],
)
def test_faults_lose_nothing_create_nothing_twice_and_leave_nothing_stale(mode: str):
    seed = int(os.environ.get("CHAOS_SEED", time.time_ns() % 10**6))

    report = run(seed, FAULTS[mode] + SPARE, mode)

    assert report.wrong == []
    assert sum(report.by_kind.values()) >= FAULTS[mode]
    assert report.edits > FAULTS[mode]
