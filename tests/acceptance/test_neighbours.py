"""One slow or dead shop does not slow the others; the full form is in bench/neighbours.py."""

from __future__ import annotations

import pytest

from integration import health_view
from tests.acceptance.fleet import Fleet, Run, compare
from tests.acceptance.service import wait_until

pytestmark = [pytest.mark.long, pytest.mark.slow(300), pytest.mark.timeout(600)]

#: A slow answer is slower than what counts as slow; a dead shop is given up by the soft limit.
OVERRIDES = {
    "RELAY_LEASE_S": "20",
    "RELAY_STAGE_SOFT_S": "12",
    "RELAY_STAGE_HARD_S": "15",
    "RELAY_COALESCE_S": "1",
}
RUN = Run(channels=8, slow_s=8.0, seconds=30.0, changes_per_s=1.5)


def test_a_slow_and_a_dead_shop_leave_the_others_as_fresh_as_before(
    tmp_path, clean_environ, bare_postgres_url, broker_url
):
    fleet = Fleet(
        tmp_path, clean_environ, bare_postgres_url, broker_url, articles=30, overrides=OVERRIDES
    )
    with fleet:
        members = fleet.fill(RUN.channels)

        found = compare(fleet, members, RUN)

        print(f"p95 {found.before_s:.2f} s, beside a slow and a dead shop {found.beside_s:.2f} s")
        assert found.changes >= 30
        assert found.is_good, found

        def is_open() -> bool:
            with fleet.runtime.scope() as session:
                return members[1].channel_id in health_view.open_breakers(session)

        wait_until(is_open, "the dead shop's breaker is open")
        fleet.mend_shops()
        fleet.wait_until_drained()  # by itself: the breaker tries the shop, and the rest follows
        assert not is_open()
        assert [one for one in fleet.items() if one.state == "FAILED"] == []
