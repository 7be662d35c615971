"""The Procfile's own lines; what all deployments share is in test_deployments."""

import pytest

from tests.architecture.source import ROOT

COMMAND_BY_PROCESS = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("process", COMMAND_BY_PROCESS)
def test_signals_reach_the_process_and_not_a_shell(process):
    assert COMMAND_BY_PROCESS[process].startswith("exec ")


@pytest.mark.pitfall(34)
def test_flower_listens_on_the_loopback_and_forgets():
    options = set(COMMAND_BY_PROCESS["flower"].split())

    assert {"--address=127.0.0.1", "--max-tasks=5000"} <= options
    # A name that is not Flower's default, which it would pass over in silence where it is missing.
    assert "--conf=flower.conf.py" in options
    assert (ROOT / "flower.conf.py").exists()


@pytest.mark.pitfall(34)
def test_no_password_is_among_the_arguments_of_a_process():
    assert not any("AUTH" in command.upper() for command in COMMAND_BY_PROCESS.values())
