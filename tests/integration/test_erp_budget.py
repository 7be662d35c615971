"""Four processes share one tenant's budget at the ERP's limit; ten minutes are in the bench."""

from __future__ import annotations

import pytest

from bench.pacing import saturate

pytestmark = [pytest.mark.slow(22), pytest.mark.timeout(120)]
SECONDS = 18.0


def test_four_processes_use_the_budget_and_the_erp_refuses_nobody(postgres_url):
    found = saturate(postgres_url, SECONDS)

    # 5 a second, and what a full bucket adds
    assert found.refused_share < 0.01
    assert 0.9 <= found.used_share <= 1.2
    live, backfill, write_back = (found.taken[one] for one in ("live", "backfill", "write-back"))
    # Two live takers that wait for each answer do not saturate it alone; order is what counts.
    assert live > backfill > write_back > 0
