"""What `make test` runs: a private Postgres and RabbitMQ, pytest, and one line with the outcome.

Called with arguments, it hands them to one pytest run. Without, what watches the clock or counts
requests goes first. It mostly waits, so the quickest suites compute behind it, with what it leaves
of the machine. Then come suites that wait for each other's threads, and those that start services;
of these more tests run at a time than there are cores. Tests marked long run only when asked for.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from cli import server_packages
from cli.private_server import PrivateServer, ServerError
from cli.servers import Postgres, RabbitMQ, running

ROOT = Path(__file__).resolve().parent.parent
ALONE = (["-m", "alone and not long"], ("acceptance",))
BEHIND = (["-n", "2"], ("architecture", "unit"))
NEXT = (
    (["-n", "3"], ("contract", "conformance")),
    (
        # In our order, the slowest first: xdist's would be by the number of tests of a service.
        [
            "-n",
            "4",
            "--dist",
            "loadgroup",
            "--no-loadscope-reorder",
            "-m",
            "not alone and not long",
        ],
        ("acceptance", "integration", "migration"),
    ),
)
SUITES = (ALONE, BEHIND, *NEXT)
# One per pytest worker, so that workers do not eat each other's messages. Each costs half a second.
VHOSTS = ("gw0", "gw1", "gw2", "gw3")
SUMS = ("passed", "skipped", "sqlite", "postgres", "rabbitmq")
COUNTS = "counts.json"
NICE = 10  # a tenth of what others get while they want all; with less, much would time out
NO_TESTS = 5  # pytest's exit code for an empty selection
NAMED_FAILURES = 3
SLOWEST = 10


def main(arguments: Sequence[str]) -> int:
    """0 when everything that could run has passed."""
    os.chdir(ROOT)
    reasons = server_packages.find_or_install(lambda line: print(f"test: {line}", flush=True))
    servers: list[PrivateServer] = []
    if "postgres" not in reasons:
        servers.append(Postgres())
    if "rabbitmq" not in reasons:
        servers.append(RabbitMQ(vhosts=("/", *VHOSTS)))
    for name, reason in reasons.items():
        print(f"test: {name} tests are skipped: {reason}", flush=True)
    try:
        began = time.monotonic()
        with running(*servers):
            up = " and ".join(server.name for server in servers) or "no server"
            print(f"test: {up} started in {time.monotonic() - began:.1f} s", flush=True)
            return report(run_suites(arguments, environ(servers, reasons)))
    except ServerError as error:
        print(f"test: FAILED {error}")
        return 1


def environ(servers: Sequence[PrivateServer], reasons: dict[str, str]) -> dict[str, str]:
    """The environment of pytest: where the servers are, or why they are not."""
    result = {name: value for name, value in os.environ.items() if not name.startswith("RELAY_")}
    # Some machines set it. Hundreds of processes are started here, and each would compile the whole
    # project again.
    result.pop("PYTHONDONTWRITEBYTECODE", None)
    for server in servers:
        if isinstance(server, Postgres):
            result["RELAY_TEST_POSTGRES_URL"] = server.url
        else:
            result["RELAY_TEST_BROKER_URL"] = server.url
            result["RELAY_TEST_BROKER_VHOSTS"] = ",".join(VHOSTS)
    for name, reason in reasons.items():
        result[f"RELAY_TEST_NO_{name.upper()}"] = reason
    return result


def run_suites(arguments: Sequence[str], base: dict[str, str]) -> list[dict]:
    """What each pytest run counted; a run that could not count says so in `failed`."""
    if arguments:
        return [run_pytest(arguments, base)]
    with run_behind(*command_of(*BEHIND), environ=base) as behind:
        results = [run_pytest(command_of(*ALONE), base), behind()]
    return results + [run_pytest(command_of(*one), base) for one in NEXT]


def command_of(options: Sequence[str], suites: Sequence[str]) -> list[str]:
    return [*options, *(f"tests/{name}" for name in suites)]


def run_pytest(arguments: Sequence[str], base: dict[str, str]) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        counts_file = Path(folder, COUNTS)
        done = subprocess.run(pytest(arguments), env=base | told(counts_file), check=False)
        return counted(counts_file, done.returncode, arguments)


@contextlib.contextmanager
def run_behind(*arguments: str, environ: dict[str, str]) -> Iterator[Callable[[], dict]]:
    """Run pytest with what others leave of the machine; call what this yields to wait for its end,
    see what it printed, and get what it counted."""
    with tempfile.TemporaryDirectory() as folder, Path(folder, "output").open("w+") as output:
        counts_file = Path(folder, COUNTS)
        process = subprocess.Popen(
            pytest(arguments),
            env=environ | told(counts_file),
            stdout=output,
            stderr=subprocess.STDOUT,
            # Linux shares the machine between sessions first, and only then by who is nice.
            start_new_session=True,
            preexec_fn=leave_the_machine_to_others,
        )

        def end() -> dict:
            returncode = process.wait()
            print(Path(output.name).read_text(), end="", flush=True)
            return counted(counts_file, returncode, arguments)

        try:
            yield end
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


def leave_the_machine_to_others() -> None:
    os.nice(NICE)
    with contextlib.suppress(OSError):  # not where the kernel knows no sessions
        Path("/proc/self/autogroup").write_text(str(NICE))


def pytest(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "pytest", *arguments]


def told(counts_file: Path) -> dict[str, str]:
    return {"RELAY_TEST_COUNTS": str(counts_file)}


def counted(counts_file: Path, returncode: int, arguments: Sequence[str]) -> dict:
    counts = {"failed": [], "slowest": [], **dict.fromkeys(SUMS, 0)}
    if counts_file.exists():
        counts = json.loads(counts_file.read_text())
    if returncode not in (0, NO_TESTS) and not counts["failed"]:
        counts["failed"] = [f"pytest ended with {returncode} in {' '.join(arguments)}"]
    return counts


def report(results: Sequence[dict]) -> int:
    """Print the last line and return the exit code."""
    failed = [name for counts in results for name in counts["failed"]]
    total = {name: sum(counts[name] for counts in results) for name in SUMS}
    if not failed and not total["passed"]:
        failed = ["no test was selected, or all were skipped"]
    print_slowest([one for counts in results for one in counts["slowest"]])
    if failed:
        more = f" and {len(failed) - NAMED_FAILURES} more" if len(failed) > NAMED_FAILURES else ""
        print("test: FAILED " + ", ".join(failed[:NAMED_FAILURES]) + more)
        return 1
    print(
        f"test: OK sqlite={total['sqlite']} postgres={total['postgres']}"
        f" rabbitmq={total['rabbitmq']} skipped={total['skipped']}"
    )
    return 0


def print_slowest(timed: Sequence[tuple[str, float]]) -> None:
    for name, seconds in sorted(timed, key=lambda one: -one[1])[:SLOWEST]:
        print(f"test: {seconds:6.1f} s {name}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
