"""Processes of the demo: sandboxes and the service, started with a ready line, stopped by pid."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from integration.errors import IntegrationError

#: The command of this installation, whatever the PATH says.
VARIO_RELAY = (sys.executable, "-m", "cli.main")
START_S = 60
STOP_S = 15


class DemoFailed(IntegrationError):
    """The demo cannot go on; the message says what happened and where the log is."""


class Processes:
    """Child processes with one log file each; all are stopped at the end, by pid."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder, self.environ = folder, dict(environ)
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for _name, process in reversed(self._running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for _name, process in reversed(self._running):
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def start(self, name: str, command: Sequence[str], cwd: Path | None = None) -> Path:
        """Start `command` in its own process group; its log file."""
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                cwd=cwd or self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._running.append((name, process))
        return log

    def sandbox(self, name: str, arguments: Sequence[str]) -> dict[str, Any]:
        """Start a sandbox; what its ready line says."""
        log = self.start(name, [*VARIO_RELAY, "sandbox", *arguments])
        found: dict[str, Any] = {}

        def is_ready() -> bool:
            for line in log.read_text(errors="replace").splitlines():
                if line.startswith("{") and '"ready"' in line:
                    found.update(json.loads(line))
            return bool(found)

        self.wait_for(name, is_ready, log)
        return found

    def wait_for_http(self, name: str, url: str, log: Path) -> None:
        """Wait until `url` answers 200."""

        def answers() -> bool:
            try:
                return requests.get(url, timeout=2).status_code == requests.codes.ok
            except requests.RequestException:
                return False

        self.wait_for(name, answers, log)

    def wait_for(self, name: str, condition: Any, log: Path) -> None:
        """Wait for `condition`. Raises DemoFailed when the process ends or takes too long."""
        pause = threading.Event()
        for _ in range(START_S * 10):
            if condition():
                return
            ended = self._ended(name)
            if ended is not None:
                raise DemoFailed(f"{name} ended with {ended}: {_tail(log)}")
            pause.wait(0.1)
        raise DemoFailed(f"{name} is not ready after {START_S} s: {_tail(log)}")

    def run(self, *arguments: str, given: str | None = None, quiet: bool = False) -> str:
        """Run `vario-relay ARGUMENTS` to its end and show what it says. Raises DemoFailed."""
        print(f"$ vario-relay {shlex.join(arguments)}", flush=True)
        done = subprocess.run(
            [*VARIO_RELAY, *arguments],
            cwd=self.folder,
            env=self.environ,
            input=given,
            stdout=subprocess.PIPE if quiet else None,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise DemoFailed(f"vario-relay {arguments[0]} ended with exit code {done.returncode}")
        return done.stdout or ""

    def _ended(self, name: str) -> int | None:
        for one, process in self._running:
            if one == name and process.poll() is not None:
                return process.returncode
        return None


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()[-5:]
    return " | ".join(lines) or f"nothing in {log}"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def procfile_commands(procfile: Path) -> dict[str, str]:
    """Process name -> command line of a Procfile."""
    lines = [line.split(":", 1) for line in procfile.read_text().splitlines() if ":" in line]
    return {name.strip(): command.strip() for name, command in lines if not name.startswith("#")}
