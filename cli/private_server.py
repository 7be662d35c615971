"""What a private server is: a directory, ports, processes and a watchdog of its own.

The servers themselves are in `cli.servers`. Standard library only.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from cli.server_processes import WATCHDOG, descendants, free_port, is_alive, until

# Both are up within some 8 s on two idle cores; a busy CI machine may need several times that.
START_DEADLINE_S = 90
# An orderly stop of either takes 1 to 3 s. The data is thrown away, so what is slower is killed.
STOP_DEADLINE_S = 10


class ServerError(RuntimeError):
    """A private server cannot be had: one sentence, and the end of the server's log."""


class PrivateServer:
    """One server with its directory, ports and processes. Create, `start`, and `close` at the end.

    `stop` and `kill` keep data and ports, so that `start` brings the same server back.
    """

    name: ClassVar[str]
    # In this order, whichever exists: the account the package made for it, else one without rights.
    accounts: ClassVar[tuple[str, ...]]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self) -> None:
        self._account = _account(self.accounts) if os.geteuid() == 0 else None
        # Root's TMPDIR may be closed to the account the server runs under.
        parent = "/tmp" if self._account else None  # noqa: S108 - mkdtemp picks a fresh name
        self.directory = Path(tempfile.mkdtemp(prefix=f"vario-relay-{self.name}-", dir=parent))
        self.port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._prepared = False

    @property
    def url(self) -> str:
        raise NotImplementedError

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    def pids(self) -> list[int]:
        """Of all processes of this server that run now, children included."""
        started = [process.pid for process in self._processes if process.poll() is None]
        return started + descendants(started)

    def start(self) -> None:
        """Return when the server accepts connections.

        Raises: ServerError; nothing is left running then.
        """
        self.kill()  # what an accident left: the port mapper of a node that was shot
        try:
            if not self._prepared:
                self._own(self.directory)
                self._prepare()
                self._prepared = True
            self._launch()
            self._watchdog = self._start_watchdog()
            self._await_ready()
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask the server to stop, and kill what is still there after the deadline."""
        below = descendants([process.pid for process in self._processes])
        if self._processes and self._processes[-1].poll() is None:
            self._processes[-1].send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._processes[-1].wait(STOP_DEADLINE_S)
                until(lambda: not any(map(is_alive, below)), STOP_DEADLINE_S)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to every process of the server at once, as a power cut would."""
        for pid in (doomed := self.pids()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self._processes:
            process.wait()
        until(lambda: not any(map(is_alive, doomed)), STOP_DEADLINE_S)
        self._processes = []
        if self._watchdog is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.communicate(b"done\n")
            self._watchdog = None

    def close(self) -> None:
        """Stop the server for good and remove its directory."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _prepare(self) -> None:
        """Write configuration and data, once."""
        raise NotImplementedError

    def _launch(self) -> None:
        """Spawn the processes, the server itself last."""
        raise NotImplementedError

    def _is_ready(self) -> bool:
        raise NotImplementedError

    def _environ(self) -> dict[str, str]:
        """A clean one: settings of another server in ours must not leak into this one."""
        path = os.environ.get("PATH", os.defpath)
        path += ":/usr/sbin:/usr/bin:/bin"
        return {"PATH": path, "HOME": str(self.directory), "LANG": "C.UTF-8"}

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)  # the cookie is refused with more, and the rest is nobody else's business
        self._own(path)
        return path

    def _spawn(self, command: Sequence[str | Path], environ: dict[str, str]) -> None:
        """Run `command` in a session of its own, out of reach of a Ctrl-C on our terminal."""
        if not self.log.exists():
            self._write(self.log.name, "")
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environ,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_account(),
            )
        self._processes.append(process)

    def _start_watchdog(self) -> subprocess.Popen[bytes]:
        groups = [str(process.pid) for process in self._processes]
        return subprocess.Popen(
            ["/bin/sh", "-c", WATCHDOG, "watchdog", str(self.directory), *groups],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **self._as_account(),
        )

    def _await_ready(self) -> None:
        def has_ended() -> bool:
            return any(process.poll() is not None for process in self._processes)

        def settled() -> bool:
            return has_ended() or self._is_ready()

        if not until(settled, START_DEADLINE_S):
            raise ServerError(self._sentence(f"did not answer within {START_DEADLINE_S} s"))
        if has_ended():
            raise ServerError(self._sentence("ended while starting"))

    def _sentence(self, what: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return f"the private {self.name} {what}; its log ends: " + " | ".join(lines[-5:])


def _account(names: Sequence[str]) -> pwd.struct_passwd:
    for name in names:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise ServerError(f"no account to run a private server under: no {' or '.join(names)}")
