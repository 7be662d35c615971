"""A private Postgres and a private RabbitMQ, for `demo --distributed` and for the tests.

Each server lives in a temporary directory of its own, on free ports of the loopback, beside
whatever else runs on the machine: own data, own cookie, own port mapper, nothing shared. As root it
runs under an unprivileged account, because both programs refuse root or should. A server can be
killed and started again on the same port and data, which is what tests of failure need. Not for
production.

`python -m cli.servers` starts both, prints one JSON line with their addresses and stops them when
its standard input ends. Standard library only.
"""

import base64
import contextlib
import hashlib
import json
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from cli import server_packages
from cli.private_server import START_DEADLINE_S, PrivateServer, ServerError
from cli.server_processes import accepts, free_port, until


class Postgres(PrivateServer):
    """A Postgres cluster with one superuser and a random password."""

    name = "postgres"
    accounts = ("postgres", "nobody")
    stop_signal = signal.SIGINT  # "fast": open sessions are ended, not awaited

    # fsync is for power cuts, and this data dies with us. synchronous_commit stays on: without it a
    # killed server loses commits, and the tests would blame the product.
    SETTINGS: ClassVar[dict[str, str]] = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",
        "full_page_writes": "off",
        "max_connections": "200",
    }

    def __init__(self) -> None:
        super().__init__()
        self._password = secrets.token_hex(12)

    @property
    def url(self) -> str:
        return f"postgresql+psycopg2://relay:{self._password}@127.0.0.1:{self.port}/postgres"

    def _prepare(self) -> None:
        password = self._write("password", self._password + "\n")
        # Not SCRAM, which is slow on purpose: a run of the tests connects thousands of times.
        command = [_postgres("initdb"), "-D", "data", "-U", "relay", "--no-sync", "--encoding=UTF8"]
        done = subprocess.run(
            [*command, "--locale=C.UTF-8", "--auth=md5", f"--pwfile={password}"],
            env=self._environ(),
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_DEADLINE_S,
            check=False,
            **self._as_account(),
        )
        if done.returncode != 0:
            self._write(self.log.name, done.stdout)
            raise ServerError(self._sentence("could not create its data"))

    def _launch(self) -> None:
        settings = [f"--{name}={value}" for name, value in self.SETTINGS.items()]
        command = [_postgres("postgres"), "-D", "data", "-p", str(self.port), *settings]
        self._spawn(command, self._environ())

    def _is_ready(self) -> bool:
        command = [_postgres("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, env=self._environ(), check=False).returncode == 0


class RabbitMQ(PrivateServer):
    """A RabbitMQ node with one user, a random password and the given virtual hosts; no plugins."""

    name = "rabbitmq"
    accounts = ("rabbitmq", "nobody")
    stop_signal = signal.SIGTERM

    def __init__(self, vhosts: Sequence[str] = ("/",)) -> None:
        super().__init__()
        self._vhosts = vhosts
        self._password = secrets.token_hex(12)
        self._epmd_port, self._dist_port = free_port(), free_port()
        # "localhost" always resolves; the machine's own name does not on many a container.
        self._node = f"relay-{secrets.token_hex(4)}@localhost"

    @property
    def url(self) -> str:
        return f"amqp://relay:{self._password}@127.0.0.1:{self.port}//"

    def _prepare(self) -> None:
        content = json.dumps(_definitions(self._vhosts, self._password))
        definitions = self._write("definitions.json", content)
        self._write(
            "rabbitmq.conf",
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            f"load_definitions = {definitions}\n"
            "log.file.level = warning\n"
            # The default asks for free disk and memory as a production node would.
            "disk_free_limit.absolute = 10MB\n",
        )
        self._write(".erlang.cookie", secrets.token_hex(16)).chmod(0o400)
        self._write("plugins", "[].\n")
        self._write("env.conf", "")

    def _environ(self) -> dict[str, str]:
        at = self.directory
        return super()._environ() | {
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONF_ENV_FILE": f"{at}/env.conf",
            "RABBITMQ_CONFIG_FILE": f"{at}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{at}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{at}/mnesia",
            "RABBITMQ_LOG_BASE": f"{at}/log",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{at}/config",
            # With input allowed the script becomes the server instead of a shell that waits for it,
            # so our signals reach the server. There is no input: -noinput.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            # Schedulers that spin while idle would take a core from the tests.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1}"
                " +sbwt none +sbwtdcpu none +sbwtdio none"
            ),
        }

    def _launch(self) -> None:
        script, epmd = server_packages.rabbitmq_server(), server_packages.epmd()
        if script is None or epmd is None:
            raise ServerError("the private rabbitmq cannot start: rabbitmq-server is not installed")
        environ = self._environ()
        # Our child in the foreground: one that the node starts by itself would outlive it.
        self._spawn([epmd], environ)
        if not until(lambda: accepts(self._epmd_port), START_DEADLINE_S):
            raise ServerError(self._sentence("has no port mapper"))
        self._spawn([script], environ)

    def _is_ready(self) -> bool:
        """True when the node answers the protocol's first bytes with its own first frame."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False


@contextlib.contextmanager
def running(*servers: PrivateServer) -> Iterator[None]:
    """The given servers, started at the same time, and closed at the end.

    Raises: ServerError when one does not start; none is left running then.
    """
    try:
        with ThreadPoolExecutor(max_workers=len(servers) or 1) as pool:
            list(pool.map(lambda server: server.start(), servers))
        yield
    finally:
        for server in servers:
            server.close()


@contextlib.contextmanager
def private_servers(
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[Postgres, RabbitMQ]]:
    """Both servers, installed first where that is possible.

    Raises: ServerError naming what cannot be had.
    """
    reasons = server_packages.find_or_install(say)
    if reasons:
        raise ServerError("; ".join(reasons.values()))
    postgres, rabbitmq = Postgres(), RabbitMQ()
    with running(postgres, rabbitmq):
        yield postgres, rabbitmq


def _definitions(vhosts: Sequence[str], password: str) -> dict:
    """RabbitMQ's import format, read at boot: spares a run of rabbitmqctl per virtual host."""
    salt = secrets.token_bytes(4)
    digest = hashlib.sha256(salt + password.encode()).digest()
    password_hash = base64.b64encode(salt + digest).decode()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    return {
        "users": [
            {
                "name": "relay",
                "password_hash": password_hash,
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "tags": "administrator",
            }
        ],
        "vhosts": [{"name": vhost} for vhost in vhosts],
        "permissions": [{"user": "relay", "vhost": vhost, **everything} for vhost in vhosts],
    }


def _postgres(program: str) -> str:
    bin_dir = server_packages.postgres_bin()
    if bin_dir is None:
        raise ServerError("the private postgres cannot start: postgresql is not installed")
    return str(bin_dir / program)


def main() -> None:
    """Run both until standard input ends."""
    with private_servers(say=lambda line: print(line, file=sys.stderr)) as (postgres, rabbitmq):
        print(json.dumps({"postgres": postgres.url, "rabbitmq": rabbitmq.url}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
