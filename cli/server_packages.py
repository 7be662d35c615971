"""Where the programs of Postgres and RabbitMQ are, and how a Debian machine without them gets them.

Only looks and installs; `cli.servers` starts. Standard library only, so that both modules run under
any Python before the project itself is installed.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

PACKAGES = {"postgres": "postgresql", "rabbitmq": "rabbitmq-server"}

POLICY_FILE = Path("/usr/sbin/policy-rc.d")
# A drop-in, so that the distribution's own createcluster.conf is never touched.
NO_CLUSTER_FILE = Path("/etc/postgresql-common/createcluster.d/vario-relay.conf")
LOCK_FILE = Path("/run/lock/vario-relay-packages.lock")

# A first install fetches some 60 MB; a mirror slower than this would fail in other ways too.
APT_DEADLINE_S = 600


def postgres_bin() -> Path | None:
    """Folder of the newest Postgres server installed, or None.

    Debian keeps servers out of PATH, one folder per major version.
    """
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if versions:
        return max(versions, key=_major_version)
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def _major_version(bin_dir: Path) -> int:
    name = bin_dir.parent.name
    return int(name) if name.isdecimal() else 0


def rabbitmq_server() -> Path | None:
    """The start script of RabbitMQ, or None.

    Debian's /usr/sbin/rabbitmq-server is a wrapper that insists on being root or rabbitmq, so the
    script behind it comes first.
    """
    script = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if script.exists():
        return script
    found = shutil.which("rabbitmq-server")
    return Path(found) if found else None


def epmd() -> Path | None:
    """Erlang's port mapper, or None."""
    found = shutil.which("epmd", path=os.environ.get("PATH", os.defpath) + ":/usr/bin")
    return Path(found) if found else None


def missing() -> list[str]:
    """Names of the servers whose programs are not installed, out of "postgres" and "rabbitmq"."""
    absent = []
    if postgres_bin() is None:
        absent.append("postgres")
    if rabbitmq_server() is None or epmd() is None:
        absent.append("rabbitmq")
    return absent


def find_or_install(say: Callable[[str], None] = lambda line: None) -> dict[str, str]:
    """One-line reasons by name for each server that cannot be had; empty when all are there.

    Installs what is missing when root on a Debian-like machine; `say` hears about it first.

    Failure policy: never raises for a server that cannot be had, the caller decides what it means.
    """
    absent = missing()
    if not absent:
        return {}
    if shutil.which("apt-get") is None:
        return {name: f"{PACKAGES[name]} is not installed, nor is apt-get" for name in absent}
    if os.geteuid() != 0:
        return {
            name: f"{package} is not installed; as root: apt-get install {package}"
            for name in absent
            if (package := PACKAGES[name])
        }
    with _only_one_run():
        absent = missing()  # the run that held the lock may have installed it
        if not absent:
            return {}
        say("installing " + " and ".join(PACKAGES[name] for name in absent))
        trouble = _install([PACKAGES[name] for name in absent])
    reason = trouble or "installed, but its programs were not found"
    return {name: f"{PACKAGES[name]}: {reason}" for name in missing()}


def _install(packages: list[str]) -> str:
    """Empty after an install that worked, else apt's last words in one line."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "LC_ALL": "C.UTF-8"}
    # A machine that updates itself at boot holds dpkg's lock for a while.
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300"]
    with no_service_starts(), no_cluster():
        for command in ([*apt, "update"], [*apt, "install", "--no-install-recommends", *packages]):
            try:
                done = subprocess.run(
                    command,
                    env=os.environ | quiet,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=APT_DEADLINE_S,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return f"apt-get took longer than {APT_DEADLINE_S} s"
            # A failed update is not final: the lists of last week may still do.
            if done.returncode != 0 and "install" in command:
                return "apt-get install failed: " + " ".join(done.stdout.split("\n")[-4:]).strip()
    return ""


@contextlib.contextmanager
def no_service_starts(policy: Path = POLICY_FILE) -> Iterator[None]:
    """Packages installed inside start no service; a policy that is there already is respected."""
    with _temporary_file(policy, "#!/bin/sh\nexit 101\n", mode=0o755):
        yield


@contextlib.contextmanager
def no_cluster(conf: Path = NO_CLUSTER_FILE) -> Iterator[None]:
    """A Postgres installed inside creates no cluster of its own."""
    created = not conf.parent.exists()
    conf.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _temporary_file(conf, "create_main_cluster = false\n", mode=0o644):
            yield
    finally:
        if created:
            with contextlib.suppress(OSError):  # not empty: somebody else's by now
                conf.parent.rmdir()


@contextlib.contextmanager
def _temporary_file(path: Path, text: str, *, mode: int) -> Iterator[None]:
    if path.exists():
        yield
        return
    path.write_text(text)
    path.chmod(mode)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _only_one_run() -> Iterator[None]:
    with LOCK_FILE.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    for name, reason in find_or_install(print).items():
        print(f"{name}: {reason}")
