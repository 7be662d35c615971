"""The Celery application as it ends up: settings, queues and tasks, read back from a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest

from integration import topology
from integration.topology import QUEUES, TASK_NIGHTLY_COMPARISON, Queue
from tests.conftest import ROOT

#: What process managers leave between SIGTERM and SIGKILL.
GRACE_S = 30
TASK_NAMES = {value for name, value in vars(topology).items() if name.startswith("TASK_")}
RABBITMQ = "amqp://guest:guest@127.0.0.1:1//"

READ_BACK = """
import json, re, types
from pathlib import Path
import celeryconfig
from celery.app.defaults import DEFAULTS
from tasks.app import app

app.loader.import_default_modules()
app.finalize()
ours = [
    name for name, value in vars(celeryconfig).items()
    if name.islower() and name[0] != "_" and not isinstance(value, types.ModuleType)
]
tasks = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
print(json.dumps({
    "unknown": [name for name in ours if name not in DEFAULTS],
    "conf": {name: app.conf[name] for name in ours},
    "result_backend": app.conf.result_backend,
    "queues": {name: queue.queue_arguments for name, queue in app.amqp.queues.items()},
    "queue_by_task": {name: app.amqp.router.route({}, name)["queue"].name for name in tasks},
    "limits": {name: [one.soft_time_limit, one.time_limit] for name, one in tasks.items()},
    "retries": {name: one.max_retries for name, one in tasks.items()},
    "control_queue": [app.control.mailbox.queue_exclusive, app.control.mailbox.queue_durable],
    "event_queue": [app.conf.event_queue_exclusive, app.conf.event_queue_durable],
    # not getrusage: its maximum begins with the size of the process that started this one
    "rss_kb": int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]),
}))
"""


def read_back(**environ: str) -> dict[str, Any]:
    """The application of a process with these settings; no server is asked."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    done = subprocess.run(
        [sys.executable, "-c", READ_BACK],
        cwd=ROOT,
        env={**ours, "RELAY_DATABASE_URL": "sqlite://", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    return read_back(RELAY_BROKER_URL=RABBITMQ)


@pytest.fixture(scope="module")
def conf(app) -> dict[str, Any]:
    return app["conf"]


@pytest.mark.pitfall(40)
def test_celery_knows_every_name_that_is_set(app):
    assert app["unknown"] == []


@pytest.mark.pitfall(1)
@pytest.mark.pitfall(4)
def test_a_task_is_acknowledged_when_it_is_over_and_given_back_when_its_worker_is_lost(conf):
    assert conf["task_acks_late"] is True
    assert conf["task_reject_on_worker_lost"] is True


@pytest.mark.pitfall(2)
def test_a_task_that_kills_its_worker_is_tried_a_few_times_and_not_for_ever(app):
    assert app["conf"]["task_retry_on_worker_lost"] is True
    assert set(app["retries"].values()) == {3}


@pytest.mark.pitfall(5)
def test_rabbitmq_confirms_each_message(conf):
    assert conf["broker_transport_options"] == {"confirm_publish": True}


@pytest.mark.pitfall(25)
@pytest.mark.pitfall(27)
def test_every_queue_on_rabbitmq_is_a_quorum_queue(app):
    assert app["queues"] == {str(name): {"x-queue-type": "quorum"} for name in QUEUES}


@pytest.mark.pitfall(27)
def test_queues_of_celerys_own_belong_to_one_connection(app):
    # RabbitMQ 4.3 refuses queues that are neither durable nor exclusive.
    assert app["control_queue"] == [True, False]
    assert app["event_queue"] == [True, False]


@pytest.mark.pitfall(26)
def test_celery_is_of_the_series_that_the_settings_are_made_for():
    assert version("celery").startswith("5.7.")


def test_the_embedded_broker_has_the_same_queues():
    queues = read_back(RELAY_BROKER_URL="memory://")["queues"]

    assert queues == {str(name): {} for name in QUEUES}


def test_every_task_has_one_of_our_queues(app):
    assert set(app["queue_by_task"]) == TASK_NAMES
    assert set(app["queue_by_task"].values()) <= set(QUEUES)


def test_every_queue_has_tasks(app):
    # The dispatcher puts chains of a backfill on the queue of that name.
    assert {*app["queue_by_task"].values(), Queue.BACKFILL} == set(QUEUES)


def test_a_queue_that_nobody_declared_is_not_made_by_a_typing_error(conf):
    assert conf["task_create_missing_queues"] is False


@pytest.mark.pitfall(38)
@pytest.mark.pitfall(39)
def test_stages_run_in_processes_and_end_before_their_lease(app):
    assert app["conf"]["worker_pool"] == "prefork"
    assert (app["conf"]["task_soft_time_limit"], app["conf"]["task_time_limit"]) == (60, 90)
    # A task of its own mind would not be bound by the two. One holds no claim and reads all.
    limits = {name: tuple(one) for name, one in app["limits"].items()}
    assert limits.pop(TASK_NIGHTLY_COMPARISON) == (21_600, 21_660)
    assert set(limits.values()) <= {(None, None), (60, 90)}


def test_the_limits_follow_the_settings():
    times = {"RELAY_STAGE_SOFT_S": "3", "RELAY_STAGE_HARD_S": "4", "RELAY_LEASE_S": "5"}

    conf = read_back(**times)["conf"]

    assert (conf["task_soft_time_limit"], conf["task_time_limit"]) == (3, 4)
    assert conf["worker_soft_shutdown_timeout"] < 3


@pytest.mark.pitfall(7)
def test_a_worker_told_to_stop_is_done_before_it_is_killed(conf):
    assert conf["worker_soft_shutdown_timeout"] == 10 < GRACE_S


@pytest.mark.pitfall(8)
def test_processes_look_for_a_lost_broker_for_ever(conf):
    assert conf["broker_connection_retry_on_startup"] is True
    assert conf["broker_connection_max_retries"] is None


@pytest.mark.pitfall(28)
def test_a_worker_takes_one_message_at_a_time(conf):
    assert conf["worker_prefetch_multiplier"] == 1


@pytest.mark.pitfall(23)
def test_nobody_stores_results(app):
    assert app["conf"]["task_ignore_result"] is True
    assert app["result_backend"] is None


@pytest.mark.pitfall(36)
def test_children_are_replaced_before_they_grow_and_not_at_once(app):
    assert app["conf"]["worker_max_tasks_per_child"] == 2_000
    # A limit near the size of a fresh child would end every child after one task.
    assert app["conf"]["worker_max_memory_per_child"] >= 2 * app["rss_kb"]


@pytest.mark.pitfall(33)
def test_what_beat_sends_is_worth_nothing_when_the_next_one_is_due(conf):
    schedule = conf["beat_schedule"]

    assert set(schedule) == {"sweep", "nightly", "housekeeping", "check-columns", "watch-gaps"}
    for entry in schedule.values():
        assert entry["options"]["expires"] == entry["schedule"]
        assert entry["task"] in TASK_NAMES
