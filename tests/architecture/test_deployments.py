"""Procfile, deploy/compose.yaml and the systemd units agree with the code and with each other."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import entry_points

import pytest
from celery.bin.celery import celery as celery_command
from tornado.options import options as flower_options

from integration.settings import SETTING_NAMES
from integration.topology import QUEUES
from tests.architecture.deployments import (
    DEPLOY,
    DEPLOYMENTS,
    DOCKERFILE,
    Process,
    Unit,
    compose,
    copied,
    stages,
    units,
)
from tests.architecture.source import ROOT
from tests.architecture.test_docs_commands import group, problems

PROCESSES = [
    pytest.param(process, id=f"{deployment}-{process.name}")
    for deployment, read in DEPLOYMENTS.items()
    for process in read()
]
WORKERS = [one for one in PROCESSES if one.values[0].is_worker]
#: Seconds that gunicorn and the workers take to hand over, with room to spare.
GRACE_S = 30


def names(deployment: str) -> list[str]:
    return [one.name for one in DEPLOYMENTS[deployment]()]


def test_all_three_have_the_documented_processes():
    groups = ("live", "backfill", "write-back", "control")
    workers = ["worker", "worker_backfill", "worker_write_back", "worker_control"]
    parts = ["web", *workers, "beat", "flower"]

    assert names("Procfile") == parts
    assert names("compose.yaml") == ["migrate", *parts]
    assert names("systemd") == [
        "vario-relay-migrate.service",
        "vario-relay-web.service",
        *(f"vario-relay-worker@{name}.service" for name in groups),
        "vario-relay-beat.service",
        "vario-relay-flower.service",
    ]


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_every_queue_has_exactly_one_kind_of_worker(deployment):
    served = [queue for process in DEPLOYMENTS[deployment]() for queue in process.queues]

    assert sorted(served) == sorted(str(queue) for queue in QUEUES)


@pytest.mark.parametrize("process", PROCESSES)
def test_every_command_exists(process: Process):
    program, *arguments = process.command

    assert program in {one.name for one in entry_points(group="console_scripts")}
    assert CHECKS[program](arguments) == []


def _celery(arguments: list[str]) -> list[str]:
    application, name = arguments[1], arguments[2]
    found = [] if hasattr(import_module(application), "app") else [f"no application {application}"]
    command = celery_command.commands[name]
    known = {opt for each in command.params for opt in each.opts}
    if name == "flower":
        # It hands its options to tornado, which knows them by their names in Python.
        import_module("flower.options")
        known = {f"--{option.replace('_', '-')}" for option in flower_options}
    used = [word.partition("=")[0] for word in arguments[3:] if word.startswith("-")]
    return found + [f"no option {one} of {name}" for one in used if one not in known]


def _gunicorn(arguments: list[str]) -> list[str]:
    (application,) = arguments
    module, _, factory = application.removesuffix("()").partition(":")
    return [] if callable(getattr(import_module(module), factory, None)) else ["no application"]


CHECKS = {
    "celery": _celery,
    "gunicorn": _gunicorn,
    "vario-relay": lambda arguments: problems(group(), arguments),
}


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("process", WORKERS)
def test_a_worker_told_to_stop_hands_its_work_back(process: Process):
    assert process.environ["REMAP_SIGTERM"] == "SIGQUIT"


@pytest.mark.pitfall(35)
@pytest.mark.parametrize("process", WORKERS)
def test_workers_do_not_chatter(process: Process):
    assert {"--without-gossip", "--without-mingle"} <= set(process.command)


@pytest.mark.parametrize("path", [one for one in sorted(DEPLOY.rglob("*")) if one.is_file()])
def test_every_setting_that_is_named_exists_and_is_documented(path):
    named = set(re.findall(r"\bRELAY_[A-Z_]+\b", path.read_text()))
    page = (ROOT / "docs" / "settings.md").read_text()

    assert named <= set(SETTING_NAMES)
    assert {name for name in named if f"| `{name}` |" not in page} == set()


# --- compose -------------------------------------------------------------------------------------

SERVICES = compose()["services"]
OURS = [name for name, one in SERVICES.items() if one["image"] == "vario-relay"]


def test_compose_brings_both_servers_and_what_they_keep():
    assert [name for name in SERVICES if name not in OURS] == ["postgres", "rabbitmq"]
    for server in ("postgres", "rabbitmq"):
        (volume,) = SERVICES[server]["volumes"]
        assert volume.partition(":")[0] in compose()["volumes"]


@pytest.mark.parametrize("service", OURS)
def test_nothing_of_ours_can_become_root_or_change_its_image(service):
    asked = SERVICES[service]

    assert asked["read_only"] is True
    assert asked["cap_drop"] == ["ALL"]
    assert asked["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("service", OURS)
def test_everything_of_ours_starts_again_and_has_time_to_stop(service):
    assert SERVICES[service]["restart"] == ("no" if service == "migrate" else "unless-stopped")
    assert SERVICES[service]["stop_grace_period"] == f"{GRACE_S}s"


@pytest.mark.parametrize("service", [name for name in OURS if name != "migrate"])
def test_nothing_of_ours_starts_on_an_old_schema(service):
    condition = SERVICES[service]["depends_on"]["migrate"]["condition"]

    assert condition == "service_completed_successfully"


def test_the_web_process_does_not_wait_for_rabbitmq():
    assert "rabbitmq" not in SERVICES["web"]["depends_on"]


@pytest.mark.pitfall(8)
@pytest.mark.parametrize("service", [one for one in OURS if one.startswith("worker")])
def test_a_worker_is_healthy_while_the_service_settles_what_is_due(service):
    kind, program, *arguments = SERVICES[service]["healthcheck"]["test"]

    assert (kind, program, arguments[:2]) == ("CMD", "vario-relay", ["queue", "status"])
    assert "--max-age" in arguments
    assert problems(group(), arguments) == []


@pytest.mark.parametrize("service", ["postgres", "rabbitmq", "web"])
def test_what_others_wait_for_says_when_it_is_ready(service):
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"


@pytest.mark.pitfall(34)
def test_ports_are_open_to_this_machine_only():
    ports = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}

    assert ports == {"web": ["127.0.0.1:8080:8080"], "flower": ["127.0.0.1:5555:5555"]}


def test_every_variable_of_compose_is_in_the_example():
    text = (DEPLOY / "compose.yaml").read_text()
    example = re.findall(r"^(\w+)=", (DEPLOY / "env.example").read_text(), re.M)

    assert set(re.findall(r"\$\{(\w+)", text)) <= set(example)
    assert {SERVICES[name]["env_file"] for name in OURS} == {".env"}


def test_the_files_hold_no_secret():
    for line in (DEPLOY / "env.example").read_text().splitlines():
        name, _, value = line.partition("=")
        assert not (value and re.search(r"KEY|SECRET|AUTH|_PASSWORD$", name)), line
    passwords = re.findall(r"PASS\w*: (\S+)", (DEPLOY / "compose.yaml").read_text())
    assert passwords
    assert [one for one in passwords if not one.startswith("${")] == []


# --- systemd -------------------------------------------------------------------------------------

UNITS = [pytest.param(one, id=one.name) for one in units()]
RUNNING = [one for one in UNITS if "migrate" not in one.id]


@pytest.mark.pitfall(7)
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_stops_its_main_process_and_waits_for_it(unit):
    asked = {key: unit.last("Service", key) for key in ("KillMode", "KillSignal", "TimeoutStopSec")}

    assert asked == {"KillMode": "mixed", "KillSignal": "SIGTERM", "TimeoutStopSec": str(GRACE_S)}


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_runs_under_an_account_of_its_own_that_may_little(unit):
    assert unit.last("Service", "User") == "vario-relay"
    for key, value in (
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
    ):
        assert unit.last("Service", key) == value


@pytest.mark.parametrize("unit", RUNNING)
def test_a_unit_starts_again_for_ever_and_after_the_migration(unit):
    assert unit.last("Service", "Restart") == "always"
    assert unit.last("Unit", "StartLimitIntervalSec") == "0"
    assert "vario-relay-migrate.service" in unit.last("Unit", "After").split()


def test_the_socket_of_the_web_process_stays_open_while_that_is_replaced():
    (web,) = [one.values[0] for one in UNITS if one.id == "vario-relay-web.service"]
    socket = Unit("vario-relay-web.socket")

    assert socket.name in Unit("vario-relay.target").all("Unit", "Wants")
    assert socket.name in web.all("Unit", "Requires")
    assert socket.name in web.last("Unit", "After").split()
    # What the product listens on when nobody says otherwise.
    assert socket.last("Socket", "ListenStream") == "127.0.0.1:8080"


def test_the_migration_runs_once_and_again_until_it_succeeds():
    (unit,) = [one.values[0] for one in UNITS if one not in RUNNING]

    assert unit.last("Service", "Type") == "oneshot"
    assert unit.last("Service", "Restart") == "on-failure"


# --- the image -----------------------------------------------------------------------------------


def test_the_image_is_built_in_two_stages_from_the_same_base():
    build, final = stages()

    assert build[0][1].removesuffix(" AS build") == final[0][1]
    assert ["COPY", "--from=build /opt/vario-relay/.venv .venv"] in final


def test_the_image_runs_without_root():
    *_, final = stages()
    users = [rest for name, rest in final if name == "USER"]

    assert users == ["10001:10001"]
    assert any(name == "RUN" and "--uid 10001" in rest for name, rest in final)


def test_the_image_is_installed_as_the_quickstart_says():
    commands = [rest for name, rest in DOCKERFILE if name == "RUN"]
    page = (ROOT / "docs" / "quickstart.md").read_text()

    for command in ("python3 -m venv .venv", ".venv/bin/pip install ."):
        assert command in commands
        assert f"\n{command}\n" in page


def test_the_image_takes_what_the_package_consists_of():
    packages = re.findall(r"^    (\w+)\*$", (ROOT / "setup.cfg").read_text(), re.M)

    assert len(packages) >= 6
    beside = {"celeryconfig.py", "vario_relay_pytest.py", "setup.cfg", "setup.py"}
    assert {*packages, *beside} <= set(copied())
    assert [path for path in copied() if not (ROOT / path).exists()] == []


def test_the_image_sees_nothing_else_of_the_checkout():
    first, *rest = [
        line
        for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == set(copied())


def test_the_image_holds_no_setting_but_the_address():
    set_names = re.findall(r"RELAY_\w+|\w*(?:KEY|SECRET|PASSWORD|TOKEN)\w*", str(DOCKERFILE))

    assert set_names == ["RELAY_HOST"]
