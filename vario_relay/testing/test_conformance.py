"""`pytest --pyargs vario_relay.testing`: a test for each case, whose verdicts make the report."""

from __future__ import annotations

import pytest

from vario_relay.testing.cases import CASES, Case
from vario_relay.testing.options import ROWS
from vario_relay.testing.running import run
from vario_relay.testing.stand import Stand
from vario_relay.testing.verdicts import Verdict


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_connector_holds(case: Case, relay_stand: Stand, pytestconfig: pytest.Config) -> None:
    row = run(case, relay_stand)
    pytestconfig.stash[ROWS].append(row)
    if row.verdict is Verdict.NOT_SUPPORTED:
        pytest.skip(row.words)
    if row.verdict.is_red:
        pytest.fail(f"{row.verdict}: {row.words}", pytrace=False)
