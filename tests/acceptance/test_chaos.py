"""Whatever is killed, frozen, cut, purged or spoilt under a stream of edits: the shop is right.

The seeds are always the same, so that a change that breaks something is told from bad luck;
CHAOS_SEED chooses another one, and `make chaos` draws new ones. That of the embedded run is one
whose few faults have some of each target.
"""

from __future__ import annotations

import os

import pytest

from tests.chaos.plan import DISTRIBUTED, EMBEDDED
from tests.chaos.run import run
from tests.chaos.shops import SHOPWARE6, WOOCOMMERCE

#: A few of a plan may find nothing to spoil, e.g. a queue that no worker has made yet.
SPARE = 2


@pytest.mark.chaos
@pytest.mark.slow(120)
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("mode", "platform", "faults", "seed"),
    [
        pytest.param(
            DISTRIBUTED, SHOPWARE6, 40, 7, marks=[pytest.mark.postgres, pytest.mark.rabbitmq]
        ),
        pytest.param(EMBEDDED, WOOCOMMERCE, 10, 17, marks=pytest.mark.sqlite),
    ],
)
def test_faults_lose_nothing_create_nothing_twice_and_leave_nothing_stale(
    mode, platform, faults, seed
):
    seed = int(os.environ.get("CHAOS_SEED", seed))

    report = run(seed, faults + SPARE, mode, platform)

    assert report.wrong == []
    assert sum(report.by_kind.values()) >= faults
    assert report.edits > faults
