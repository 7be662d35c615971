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


@pytest.mark.parametrize(
    ("its_own", "at_the_others", "following"),
    [
        ("done", ["service", "done", "done"], "tests/acceptance/test_kills.py sqlite"),
        ("done", ["service", "service", "done"], "tests/integration/test_sync.py::test_one"),
        ("service", ["service", "done", "done"], "tests/integration/test_sync.py::test_one"),
        ("service", ["done", "done", "done"], "tests/acceptance/test_kills.py sqlite"),
    ],
)
def test_some_workers_watch_services_while_others_compute(its_own, at_the_others, following):
    work = {
        "service": {"tests/acceptance/test_faults.py other": {"one": True, "two": False}},
        "done": {"tests/acceptance/test_faults.py other": {"one": True, "two": True}},
    }
    scheduling = object.__new__(ByService)
    scheduling.assigned_work = {f"gw{n}": work[one] for n, one in enumerate(at_the_others, 1)}
    scheduling.assigned_work["gw0"] = work[its_own]
    scheduling.workqueue = {
        "tests/integration/test_sync.py::test_one": {},
        "tests/acceptance/test_kills.py sqlite": {},
    }

    assert scheduling._following("gw0") == following


def test_the_last_tests_are_handed_out_whatever_they_are():
    scheduling = object.__new__(ByService)
    scheduling.assigned_work = {"gw0": {}}
    scheduling.workqueue = {"tests/integration/test_sync.py::test_one": {}}

    assert scheduling._following("gw0") == "tests/integration/test_sync.py::test_one"
