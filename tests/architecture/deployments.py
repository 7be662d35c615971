"""What the Procfile and the files in deploy/ say, for the tests: processes, units, the image."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.architecture.source import ROOT

DEPLOY = ROOT / "deploy"
SYSTEMD = DEPLOY / "systemd"
VENV_BIN = "/opt/vario-relay/.venv/bin/"
#: Programs of the servers' own images, in compose.yaml.
SERVERS = ("postgres", "rabbitmq")


@dataclass(frozen=True)
class Process:
    """One process: its command as words, variables replaced by their defaults."""

    name: str
    command: tuple[str, ...]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def queues(self) -> list[str]:
        return self.command[self.command.index("-Q") + 1].split(",") if self.is_worker else []

    @property
    def is_worker(self) -> bool:
        return self.command[:1] == ("celery",) and "worker" in self.command


def procfile() -> list[Process]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    found = []
    for name, command in (line.split(": ", 1) for line in lines if line):
        words = shlex.split(with_defaults(command))
        assert words.pop(0) == "exec", name
        environ = {}
        if words[0] == "env":
            words.pop(0)
            while "=" in words[0]:
                key, _, value = words.pop(0).partition("=")
                environ[key] = value
        found.append(Process(name, tuple(words), environ))
    return found


def with_defaults(text: str) -> str:
    """`${NAME:-default}` replaced by the default, `${NAME:?why}` by something."""
    return re.sub(r"\$\{\w+:(-|\?)([^}]*)\}", lambda m: m[2] if m[1] == "-" else "given", text)


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def compose_processes() -> list[Process]:
    services = compose()["services"]
    return [
        Process(name, words(service["command"]), service.get("environment", {}))
        for name, service in services.items()
        if name not in SERVERS
    ]


def words(command: str | list[str]) -> tuple[str, ...]:
    """A command of compose: a list, or a text that is split as a shell does."""
    return tuple(command if isinstance(command, list) else shlex.split(with_defaults(command)))


class Unit:
    """A systemd unit with all its drop-ins, the way systemd puts them together."""

    def __init__(self, name: str) -> None:
        self.name = name
        stem, at, rest = name.partition("@")
        self.instance = rest.removesuffix(".service")
        template = f"{stem}@.service" if at else name
        folders = ("vario-relay-.service.d", f"{template}.d", f"{name}.d")
        drop_ins = [one for folder in folders for one in sorted((SYSTEMD / folder).glob("*.conf"))]
        self._lines: list[tuple[str, str, str]] = []
        for path in (SYSTEMD / template, *(drop_ins if name.endswith(".service") else ())):
            self._lines += _settings(path)

    def all(self, section: str, key: str) -> list[str]:
        return [self._filled(v) for s, k, v in self._lines if (s, k) == (section, key)]

    def last(self, section: str, key: str) -> str:
        return self.all(section, key)[-1]

    def _filled(self, value: str) -> str:
        return value.replace("%i", self.instance).replace("%%", "%")

    @property
    def environ(self) -> dict[str, str]:
        pairs = [pair for line in self.all("Service", "Environment") for pair in shlex.split(line)]
        return dict(pair.split("=", 1) for pair in pairs)

    @property
    def process(self) -> Process:
        command = self.last("Service", "ExecStart")
        for name, value in self.environ.items():
            command = command.replace(f"${{{name}}}", value)
        return Process(self.name, tuple(command.removeprefix(VENV_BIN).split()), self.environ)


def _settings(path: Path) -> list[tuple[str, str, str]]:
    """(section, key, value) of each line; a key may stand several times."""
    found, section = [], ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.append((section, key, value))
    return found


def units() -> list[Unit]:
    """Every service that the target starts."""
    wanted = Unit("vario-relay.target").all("Unit", "Wants")
    return [Unit(name) for name in wanted if name.endswith(".service")]


DEPLOYMENTS = {
    "Procfile": procfile,
    "compose.yaml": compose_processes,
    "systemd": lambda: [unit.process for unit in units()],
}

#: The image, as pairs of instruction and arguments.
DOCKERFILE = [
    line.split(maxsplit=1)
    for line in (DEPLOY / "Dockerfile").read_text().splitlines()
    if line and not line.startswith("#")
]


def stages() -> list[list[list[str]]]:
    """The instructions of each stage, the base image first."""
    found: list[list[list[str]]] = []
    for name, rest in DOCKERFILE:
        if name == "FROM":
            found.append([])
        found[-1].append([name, rest])
    return found


def copied() -> list[str]:
    """What the image takes from the checkout."""
    arguments = [shlex.split(rest) for name, rest in DOCKERFILE if name == "COPY"]
    return [path for words in arguments if not words[0].startswith("--from") for path in words[:-1]]
