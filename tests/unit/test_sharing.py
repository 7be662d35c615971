"""Which tests go to one xdist worker, because they share what takes seconds to start."""

import pytest

from tests.conftest import ByService


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (
            "tests/acceptance/test_a.py::test_1[sqlite-x]",
            "tests/acceptance/test_a.py::test_2[sqlite]",
            True,
        ),
        ("tests/acceptance/test_a.py::test_1", "tests/acceptance/test_a.py::test_2", True),
        (
            "tests/acceptance/test_a.py::test_1[sqlite]",
            "tests/acceptance/test_a.py::test_1[postgres]",
            False,
        ),
        (
            "tests/acceptance/test_a.py::test_1[sqlite]",
            "tests/acceptance/test_b.py::test_1[sqlite]",
            False,
        ),
        ("tests/integration/test_a.py::test_1", "tests/integration/test_a.py::test_2", False),
    ],
)
def test_what_shares_a_service_stays_together(one: str, other: str, together: bool):
    assert (ByService.scope_of(one) == ByService.scope_of(other)) is together
