"""Who drives a sync run: one at a time, and nobody keeps the wheel whose turn has ended."""

import pytest

from integration import sync, sync_runs
from integration.errors import TenantError
from integration.runtime import Runtime
from integration.settings import from_env


@pytest.fixture
def runtime(database):
    """A worker's view of the database; its tenant has no token, so the ERP cannot be asked."""
    lease = {"RELAY_STAGE_SOFT_S": "3", "RELAY_STAGE_HARD_S": "4", "RELAY_LEASE_S": "5"}
    return Runtime(from_env(lease), database.engine)


@pytest.fixture
def run_id(database):
    with database.scope() as session:
        return sync_runs.start(session, database.channel, sync_runs.INITIAL, ["article"])


def test_a_turn_that_fails_leaves_the_run_to_the_next_driver(database, runtime, run_id):
    with pytest.raises(TenantError):
        sync.advance(runtime, run_id, sync.new_driver(), budget_s=10)

    with database.scope() as session:
        assert sync_runs.take_wheel(session, run_id, sync.new_driver())
