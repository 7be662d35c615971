"""Starts the product's processes out of one that has the libraries loaded already.

To import SQLAlchemy, Celery, Flask and our own modules takes more than a second of CPU, and the
acceptance tests start some two hundred processes. So a template imports the libraries and the
package `integration`, which looks at nothing when it is imported, and forks for each start. What
comes of it is a process as any other: its own session, folder, environment and log, and it runs
``python -m MODULE`` from the first line on. Without an open template a start is that of Python; the
figures and `make chaos` measure those.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import random
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy.orm

import integration

ROOT = Path(__file__).resolve().parent.parent.parent
#: What web, worker, beat and `up` import; to leave one out costs time and nothing else.
LIBRARIES = (
    "alembic.command",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "click",
    "cryptography.fernet",
    "dotenv",
    "flask",
    "gunicorn.app.wsgiapp",
    "gunicorn.workers.gthread",
    "jwt",
    "kombu.transport.memory",
    "kombu.transport.pyamqp",
    "marshmallow",
    "prometheus_client",
    "psycopg2",
    "requests",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.orm",
)
LONGEST_RUN_S = 120
#: What a library reads from the environment when it is imported: each value has its own template.
READ_AT_IMPORT = ("REMAP_SIGTERM",)
#: What reads settings when it is imported, or imports what does.
NOT_LOADED = ("celeryconfig", "cli", "tasks", "webhooks")


class Process(Protocol):
    """What the tests do with a process; `subprocess.Popen` can do it too."""

    pid: int

    def poll(self) -> int | None:
        """None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises: subprocess.TimeoutExpired."""

    def send_signal(self, signum: int) -> None: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


@dataclass(frozen=True)
class Order:
    """A process to start: ``python -m MODULE ARGUMENTS``."""

    module: str
    arguments: tuple[str, ...]
    folder: str
    environ: Mapping[str, str]
    log: str
    #: Where its errors go, if not to its log, and where a fork notes its exit code.
    errors: str | None = None
    code: str | None = None


def run(
    module: str, arguments: Sequence[str], folder: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """``python -m MODULE ARGUMENTS`` to its end. Raises: subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as own:
        out, err, code = (f"{own}/{name}" for name in ("out", "err", "code"))
        order = Order(module, tuple(arguments), str(folder), environ, out, err, code)
        returncode = start(order).wait(LONGEST_RUN_S)
        said, complained = Path(out).read_text(), Path(err).read_text()
    return subprocess.CompletedProcess([module, *arguments], returncode, said, complained)


def start(order: Order) -> Process:
    """Start a process in a session of its own; what it prints is appended to its log."""
    with open(order.log, "ab") as log, open(order.errors or order.log, "ab") as errors:
        if _open is not None:
            read = tuple(order.environ.get(name) for name in READ_AT_IMPORT)
            with _one_at_a_time:
                if read not in _open:
                    _open[read] = Template(read)
                return _open[read].start(order)
        return subprocess.Popen(
            [sys.executable, "-m", order.module, *order.arguments],
            cwd=order.folder,
            env=order.environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=errors,
            start_new_session=True,
        )


@contextlib.contextmanager
def opened() -> Iterator[None]:
    """Within the block, processes come out of a template."""
    mine: Templates = {}
    try:
        with used(mine):
            yield
    finally:
        for one in mine.values():
            one.close()


@contextlib.contextmanager
def used(templates: Templates | None) -> Iterator[None]:
    """Within the block, processes come out of these templates; with None, out of Python."""
    global _open
    before, _open = _open, templates
    try:
        yield
    finally:
        _open = before


class Template:
    """The process with the libraries, from outside."""

    def __init__(self, read_at_import: Sequence[str | None]) -> None:
        given = dict(zip(READ_AT_IMPORT, read_at_import, strict=True))
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.acceptance.template"],
            cwd=ROOT,
            env={name: value for name, value in (os.environ | given).items() if value is not None},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(self, order: Order) -> Process:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)).encode() + b"\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()), order.code)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Forked:
    """A process that is the template's child, not ours; how it ended, only its files say."""

    ENDED = 0

    def __init__(self, pid: int, code: str | None) -> None:
        self.pid, self._code = pid, code
        self._handle: int | None = None
        with contextlib.suppress(ProcessLookupError):
            self._handle = os.pidfd_open(pid)

    def __del__(self) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def poll(self) -> int | None:
        return self.ENDED if self._ends_within(0) else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._ends_within(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return self.ENDED if self._code is None else int(Path(self._code).read_text())

    def _ends_within(self, seconds: float | None) -> bool:
        if self._handle is None:
            return True
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1_000))

    def send_signal(self, signum: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._handle, signum)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


#: By what their libraries have read.
Templates = dict[tuple[str | None, ...], Template]
_open: Templates | None = None
#: An answer is that to the order before it: a supervisor's thread starts processes, too.
_one_at_a_time = threading.Lock()


# --- inside the template -------------------------------------------------------------------------


def main() -> None:
    """Fork for each line of standard input, until it ends."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for one in pkgutil.walk_packages(integration.__path__, "integration."):
        importlib.import_module(one.name)
    sqlalchemy.orm.configure_mappers()
    assert not [name for name in sys.modules if name.partition(".")[0] in NOT_LOADED]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a child has ended
    gc.freeze()  # a collection in a child would copy every page of the libraries
    # Unbuffered: what is read ahead would be lost to the child that it is for.
    while line := sys.stdin.buffer.raw.readline():
        pid = os.fork()
        if pid == 0:
            become(Order(**json.loads(line)))
            return
        print(pid)


def become(order: Order) -> None:
    """Turn a fork of the template into the process that was ordered, and run it to its end."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(order.folder)
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, order.log, os.O_WRONLY | os.O_APPEND),
        (2, order.errors or order.log, os.O_WRONLY | os.O_APPEND),
    ):
        opened_as = os.open(path, flags)
        os.dup2(opened_as, number)
        os.close(opened_as)
    os.environ.clear()
    os.environ.update(order.environ)
    time.tzset()
    random.seed()
    paths = filter(None, order.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [order.folder, *paths]
    sys.argv = [order.module, *order.arguments]
    with noted_code(order.code):
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)


@contextlib.contextmanager
def noted_code(file: str | None) -> Iterator[None]:
    """Write into the file with which code the process ends, as Python will have it."""
    code: object = 1
    try:
        yield
        code = 0
    except SystemExit as ending:
        code = ending.code or 0
        raise
    finally:
        if file is not None:
            Path(file).write_text(str(code if isinstance(code, int) else 1))


if __name__ == "__main__":
    main()
