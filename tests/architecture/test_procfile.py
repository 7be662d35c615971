"""The Procfile agrees with the names in the code."""

import re

import pytest

from integration.topology import QUEUES
from tests.architecture.source import ROOT

COMMAND_BY_PROCESS = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)
WORKERS = [name for name in COMMAND_BY_PROCESS if name.startswith("worker")]


def test_the_processes_are_the_documented_ones():
    workers = ["worker", "worker_backfill", "worker_control"]
    assert list(COMMAND_BY_PROCESS) == ["web", *workers, "beat", "flower"]


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("process", COMMAND_BY_PROCESS)
def test_signals_reach_the_process_and_not_a_shell(process):
    assert COMMAND_BY_PROCESS[process].startswith("exec ")


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_told_to_stop_hands_its_work_back(worker):
    assert "REMAP_SIGTERM=SIGQUIT" in COMMAND_BY_PROCESS[worker]


def test_every_queue_has_exactly_one_kind_of_worker():
    served = [
        queue
        for worker in WORKERS
        for queue in re.search(r" -Q (\S+)", COMMAND_BY_PROCESS[worker])[1].split(",")
    ]

    assert sorted(served) == sorted(str(queue) for queue in QUEUES)


@pytest.mark.pitfall(35)
@pytest.mark.parametrize("worker", WORKERS)
def test_workers_do_not_chatter(worker):
    assert {"--without-gossip", "--without-mingle"} <= set(COMMAND_BY_PROCESS[worker].split())


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
